// SPDX-License-Identifier: Apache-2.0
// The Internet checksum: known packets, the naive sum, odd lengths and addresses, both forms of zero, each single bit.
#include "packet/checksum.h"

#include <algorithm>
#include <vector>

#include "support/catch.h"
#include "support/checksums.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::packet;
using rebuilder::test::naive_sum;
using rebuilder::test::Octets;

namespace {

// Made by scapy: a request with "GET / HTTP/1.1\r\nHost: a\r\n\r\n!", and a segment with options and "hello".
const Octets packet4{0x45, 0x00, 0x00, 0x44, 0x40, 0x01, 0x40, 0x00, 0x39, 0x06, 0xba, 0x97, 0xcb, 0x00, 0x71, 0x07,
    0x0a, 0x00, 0x01, 0x14, 0xc8, 0x22, 0x00, 0x50, 0x10, 0x20, 0x30, 0x41, 0x50, 0x60, 0x70, 0x81, 0x50, 0x18, 0x01,
    0xf6, 0x60, 0x13, 0x00, 0x00, 0x47, 0x45, 0x54, 0x20, 0x2f, 0x20, 0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e, 0x31,
    0x0d, 0x0a, 0x48, 0x6f, 0x73, 0x74, 0x3a, 0x20, 0x61, 0x0d, 0x0a, 0x0d, 0x0a, 0x21};
const Octets packet6{0x60, 0x00, 0x00, 0x00, 0x00, 0x25, 0x06, 0x39, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x20, 0xc8, 0x22, 0x00, 0x50, 0x10, 0x20, 0x30, 0x41, 0x50, 0x60, 0x70, 0x81, 0x80, 0x10,
    0x01, 0xf6, 0xff, 0xe7, 0x00, 0x00, 0x01, 0x01, 0x08, 0x0a, 0x00, 0x00, 0x03, 0xe9, 0x00, 0x00, 0x07, 0xd0, 0x68,
    0x65, 0x6c, 0x6c, 0x6f};

bool header4_intact(const Octets& packet) {
    return ipv4_header_intact(Bytes(packet).first(20));
}
bool tcp4_intact(const Octets& packet) {
    return tcp_intact(
        IpAddress::v4(load_be32(&packet[12])), IpAddress::v4(load_be32(&packet[16])), Bytes(packet).subspan(20));
}
bool tcp6_intact(const Octets& packet) {
    return tcp_intact(IpAddress::v6(&packet[8]), IpAddress::v6(&packet[24]), Bytes(packet).subspan(40));
}

// Whether each bit from `begin` to `end` matters.
bool each_bit_matters(const Octets& packet, std::size_t begin, std::size_t end, bool (*intact)(const Octets&)) {
    Octets changed = packet;
    for (std::size_t bit = begin * 8; bit < end * 8; ++bit) {
        changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        if (intact(changed)) return false;
        changed[bit / 8] = packet[bit / 8];
    }
    return intact(changed);
}

}  // namespace

TEST_CASE("checksum: the examples of RFC 1071 and of the books", "[checksum]") {
    const Octets rfc1071{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    CHECK(internet_sum(rfc1071) == 0xddf2);
    const Octets header_of_a_book{0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8,
        0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    CHECK(ipv4_header_intact(header_of_a_book));
    CHECK(internet_sum({}) == 0);
    CHECK(internet_sum(Octets{0xab}) == 0xab00);
    CHECK(internet_sum(Octets{0xab, 0xcd, 0x12}) == 0xabcd + 0x1200);
}

TEST_CASE("checksum: packets of another program are intact, and no bit of them may be another", "[checksum]") {
    CHECK(each_bit_matters(packet4, 0, 20, header4_intact));
    CHECK(each_bit_matters(packet4, 12, packet4.size(), tcp4_intact));
    CHECK(each_bit_matters(packet6, 8, packet6.size(), tcp6_intact));
    CHECK_FALSE(tcp_intact(IpAddress::v4(load_be32(&packet4[12])), IpAddress::v4(load_be32(&packet4[16])),
        Bytes(packet4).subspan(20, packet4.size() - 21)));
}

TEST_CASE("checksum: a part less, a part more, and it isn't intact", "[checksum]") {
    Octets longer = packet4;
    longer.push_back(0);  // no other word, but another length
    CHECK_FALSE(tcp4_intact(longer));
    longer = packet6;
    longer.push_back(0);
    CHECK_FALSE(tcp6_intact(longer));
}

TEST_CASE("checksum: zero and minus zero are the same", "[checksum]") {
    CHECK(internet_sum(Octets(64)) == 0);
    CHECK(internet_sum(Octets(64, 0xff)) == 0xffff);
    Octets packet = packet4;
    // Moved into the last word of the payload, the checksum leaves zero.
    const std::uint32_t last = load_be16(&packet[66]) + load_be16(&packet[36]);
    const std::uint32_t word = (last & 0xffff) + (last >> 16);
    packet[66] = static_cast<std::uint8_t>(word >> 8);
    packet[67] = static_cast<std::uint8_t>(word);
    packet[36] = packet[37] = 0;
    CHECK(tcp4_intact(packet));
    packet[36] = packet[37] = 0xff;
    CHECK(tcp4_intact(packet));
    packet[37] = 0xfe;
    CHECK_FALSE(tcp4_intact(packet));
}

TEST_CASE("checksum: the sum is the naive one, at any address and length", "[checksum][property]") {
    test::Random random(8);
    INFO(random.seed());
    Octets bytes(66'000);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    for (std::size_t at = 0; at < 9; ++at) {
        for (std::size_t size = 0; size < 140; ++size) {
            const Bytes part = Bytes(bytes).subspan(at, size);
            REQUIRE(internet_sum(part) == naive_sum(part));
        }
    }
    for (int i = 0; i < 3000; ++i) {
        const std::size_t at = random.below(64);
        const Bytes part = Bytes(bytes).subspan(at, random.below(i % 100 == 0 ? 65'536 : 2000));
        REQUIRE(internet_sum(part) == naive_sum(part));
        if (!part.empty()) bytes[at + random.below(part.size())] = random.one_in(2) ? 0xff : 0;
    }
    std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xff});
    CHECK(internet_sum(bytes) == 0xffff);
    bytes.back() = 0xfe;
    CHECK(internet_sum(bytes) == 0xfffe);
}

TEST_CASE("checksum: whatever is changed by other than swapping words is seen", "[checksum][property]") {
    test::Random random(9);
    INFO(random.seed());
    for (int i = 0; i < 20'000; ++i) {
        Octets packet = i % 2 == 0 ? packet4 : packet6;
        const std::size_t begin = i % 2 == 0 ? 20 : 40;
        const std::size_t at = begin + random.below(packet.size() - begin);
        const auto byte = static_cast<std::uint8_t>(random.below(256));
        const bool same = packet[at] == byte;
        packet[at] = byte;
        REQUIRE((i % 2 == 0 ? tcp4_intact(packet) : tcp6_intact(packet)) == same);
    }
}
