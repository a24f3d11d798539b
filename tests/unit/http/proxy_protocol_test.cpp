// SPDX-License-Identifier: Apache-2.0
// The PROXY protocol's header:
//   - version 1: each family, every prefix, the longest line; what its grammar forbids
//   - version 2: every command, family and transport; lengths at each limit, TLVs, every prefix
//   - what is no header is told at the first byte that shows it
//   - of random bytes, however they are split: one verdict, which stays
// Each piece is given in memory of its own size: a read behind it is an address error.
#include "http/proxy_protocol.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "packet/address_text.h"
#include "support/catch.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::http;
using namespace std::string_literals;
using namespace std::string_view_literals;
using Verdict = ProxyHeader::Verdict;

namespace {

ProxyHeader parse(std::string_view text) {
    const auto copy = std::make_unique<std::uint8_t[]>(text.size());
    std::copy(text.begin(), text.end(), copy.get());
    return parse_proxy_header({copy.get(), text.size()});
}

// "yes 28", "yes 44 192.0.2.1:51234 > 10.0.0.1:80"
std::string show(const ProxyHeader& header) {
    switch (header.verdict) {
    case Verdict::no: return "no";
    case Verdict::need_more: return "need more";
    case Verdict::malformed: return "malformed";
    case Verdict::yes: break;
    }
    std::string text = "yes " + std::to_string(header.size);
    if (!header.has_client) return text;
    text.append(" ").append(packet::AddressText(header.client).view());
    return text.append(" > ").append(packet::AddressText(header.server).view());
}

std::string shown(std::string_view text) {
    return show(parse(text));
}

constexpr std::string_view signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::string_view request = "GET / HTTP/1.1\r\n\r\n"sv;

// A header of version 2 with a block of `length` bytes, of which `block` are the first ones. The rest is 0xee.
std::string version2(unsigned command, unsigned family, std::size_t length, const std::string& block = "") {
    std::string text(signature);
    for (const auto byte : {std::size_t{command}, std::size_t{family}, length >> 8, length & 0xff}) {
        text += static_cast<char>(byte);
    }
    text += block;
    return text.append(length - block.size(), '\xee');
}

const std::string block4 = "\xc0\x00\x02\x01\x0a\x00\x00\x07\xc8\x22\x00\x50"s;
const std::string block6 =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\xff\xfe\xff\xff\0\0"s;
const std::string ends4 = " 192.0.2.1:51234 > 10.0.0.7:80";
const std::string ends6 = " [2001:db8::1]:65535 > [fe80::fffe]:0";

}  // namespace

// ---- version 1 ---------------------------------------------------------------------------------------------------

TEST_CASE("proxy protocol 1: a line, and every part of it", "[proxy_protocol]") {
    const std::string longest_ip6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    struct Case {
        std::string line;
        std::string ends;
    };
    const std::vector<Case> cases{
        {"PROXY TCP4 192.0.2.1 10.0.0.7 51234 80", ends4},
        {"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535", " 0.0.0.0:0 > 255.255.255.255:65535"},
        {"PROXY TCP6 2001:db8::1 FE80::FFFE 65535 0", ends6},
        {"PROXY TCP6 :: ::1 1 2", " [::]:1 > [::1]:2"},
        {"PROXY TCP6 2001:0db8:0000:0000:0000:0000:0000:0001 1:2:3:4:5:6:7:8 1 2",
            " [2001:db8::1]:1 > [1:2:3:4:5:6:7:8]:2"},
        {"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.7 51234 80", ends4},
        {"PROXY TCP6 " + longest_ip6 + " " + longest_ip6 + " 65535 65535",
            " [" + longest_ip6 + "]:65535 > [" + longest_ip6 + "]:65535"},
        {"PROXY UNKNOWN", ""},
        {"PROXY UNKNOWN ", ""},
        {"PROXY UNKNOWN 192.0.2.1 10.0.0.7 51234 80", ""},
        {"PROXY UNKNOWN \x80 anything\0at all"s, ""},
        {"PROXY UNKNOWN " + longest_ip6 + " " + longest_ip6 + " 65535 65535", ""},
    };
    for (const Case& test : cases) {
        INFO(test.line);
        const std::string header = test.line + "\r\n";
        for (std::size_t size = 0; size < header.size(); ++size) {
            INFO(size << " bytes");
            CHECK(shown(header.substr(0, size)) == "need more");
        }
        const std::string whole = "yes " + std::to_string(header.size()) + test.ends;
        CHECK(shown(header) == whole);
        CHECK(shown(header + "G") == whole);
        CHECK(shown(header + std::string(request)) == whole);
        CHECK(shown(header + header) == whole);
    }
}

TEST_CASE("proxy protocol 1: the longest line, and one byte more", "[proxy_protocol]") {
    const auto line = [](std::size_t size) { return "PROXY UNKNOWN " + std::string(size - 16, 'x') + "\r\n"; };
    REQUIRE(line(107).size() == longest_proxy_line);
    CHECK(shown(line(107)) == "yes 107");
    CHECK(shown(line(108)) == "malformed");
    CHECK(shown(line(108).substr(0, 106)) == "need more");
    CHECK(shown(line(108).substr(0, 107)) == "malformed");  // its CR is the last byte that counts
    CHECK(shown(line(5000)) == "malformed");
    CHECK(shown("PROXY TCP4 " + std::string(95, '1')) == "need more");
    CHECK(shown("PROXY TCP4 " + std::string(96, '1')) == "malformed");
}

TEST_CASE("proxy protocol 1: what the grammar forbids", "[proxy_protocol]") {
    for (const std::string& line : {
             "PROXY TCP4 "s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 "s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 80 "s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 80 1"s,
             "PROXY TCP4  192.0.2.1 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.1  10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7  51234 80"s,
             "PROXY TCP4 192.0.2.1\t10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.1.5 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.256 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.01 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.x 10.0.0.7 51234 80"s,
             "PROXY TCP4 x192.0.2.1 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.1x 10.0.0.7 51234 80"s,
             "PROXY TCP4 0xc0000201 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.1\0x 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7\0 51234 80"s,
             "PROXY TCP4 2001:db8::1 10.0.0.7 51234 80"s,
             "PROXY TCP4 192.0.2.1 ::1 51234 80"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 65536 80"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 65536"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 99999999999999999999"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 051234 80"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 00"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 +1 80"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 -1 80"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 80x"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 0x50"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 80\r"s,
             "PROXY TCP4 192.0.2.1 10.0.0.7 51234 80\n"s,
             "PROXY TCP6 192.0.2.1 10.0.0.7 51234 80"s,
             "PROXY TCP6 1:2:3:4:5:6:7 ::1 51234 80"s,
             "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 51234 80"s,
             "PROXY TCP6 1::2::3 ::1 51234 80"s,
             "PROXY TCP6 12345::1 ::1 51234 80"s,
             "PROXY TCP6 ::g ::1 51234 80"s,
             "PROXY TCP6 [::1] ::1 51234 80"s,
             "PROXY TCP6 fe80::1%eth0 ::1 51234 80"s,
             "PROXY TCP6 " + std::string(50, '0') + "::1 ::1 1 2",
             "PROXY UNKNOWN x\ny"s,
             "PROXY UNKNOWN x\ry"s,
             "PROXY UNKNOWN\ry"s,
         }) {
        const std::string text = line + "\r\n";
        INFO(text);
        CHECK(shown(text) == "malformed");
        CHECK(shown(text + std::string(request)) == "malformed");
        for (std::size_t size = 0; size < text.size(); ++size) {
            const Verdict part = parse(text.substr(0, size)).verdict;
            CHECK((part == Verdict::need_more || part == Verdict::malformed));
        }
    }
}

// ---- version 2 ---------------------------------------------------------------------------------------------------

TEST_CASE("proxy protocol 2: every part of a header", "[proxy_protocol]") {
    struct Case {
        std::string header;
        std::size_t needed;  // bytes; what follows them is passed over
        std::string ends;
    };
    const std::vector<Case> cases{
        {version2(0x21, 0x11, 12, block4), 28, ends4},
        {version2(0x21, 0x12, 12, block4), 28, ends4},
        {version2(0x21, 0x11, 12 + 7, block4 + "\x01\x00\x04http"s), 28, ends4},
        {version2(0x21, 0x11, 0xffff, block4), 28, ends4},
        {version2(0x21, 0x21, 36, block6), 52, ends6},
        {version2(0x21, 0x22, 36, block6), 52, ends6},
        {version2(0x21, 0x21, 300, block6), 52, ends6},
        {version2(0x21, 0x31, 216), 16, ""},
        {version2(0x21, 0x32, 300), 16, ""},
        {version2(0x21, 0x00, 0), 16, ""},
        {version2(0x21, 0x00, 12), 16, ""},
        {version2(0x20, 0x00, 0), 16, ""},
        {version2(0x20, 0x11, 12, block4), 16, ""},
        {version2(0x20, 0xff, 3), 16, ""},
    };
    for (const Case& test : cases) {
        const std::string whole = "yes " + std::to_string(test.header.size()) + test.ends;
        INFO(whole);
        const std::string text = test.header + std::string(request);
        const std::size_t most = std::min<std::size_t>(text.size(), 600);
        for (std::size_t size = 0; size <= most; ++size) {
            INFO(size << " bytes");
            CHECK(shown(text.substr(0, size)) == (size < test.needed ? "need more" : whole));
        }
        CHECK(shown(text) == whole);
    }
}

TEST_CASE("proxy protocol 2: every command, family and transport", "[proxy_protocol]") {
    for (unsigned command = 0; command < 256; ++command) {
        for (unsigned family = 0; family < 256; ++family) {
            std::string expected = "malformed";
            if (command == 0x20) {
                expected = "yes 232";
            } else if (command == 0x21) {
                switch (family) {
                case 0x00:
                case 0x01:
                case 0x02:
                case 0x10:
                case 0x20:
                case 0x30:
                case 0x31:
                case 0x32: expected = "yes 232"; break;
                case 0x11:
                case 0x12: expected = "yes 232" + ends4; break;
                case 0x21:
                case 0x22: expected = "yes 232" + ends6; break;
                }
            }
            const bool ip4 = family >> 4 == 1;
            const std::string got = shown(version2(command, family, 216, ip4 ? block4 : block6));
            if (got != expected) FAIL_CHECK(command << ' ' << family << ": " << got << ", not " << expected);
        }
    }
}

TEST_CASE("proxy protocol 2: a length below the family's addresses", "[proxy_protocol]") {
    struct Case {
        unsigned family;
        std::size_t length;
    };
    for (const auto& [family, length] :
        {Case{0x11, 12}, Case{0x12, 12}, Case{0x21, 36}, Case{0x22, 36}, Case{0x31, 216}, Case{0x32, 216}}) {
        INFO(family);
        CHECK(parse(version2(0x21, family, length)).verdict == Verdict::yes);
        CHECK(shown(version2(0x21, family, length - 1)) == "malformed");
        CHECK(shown(version2(0x21, family, 0)) == "malformed");
        // The bytes are there, but they aren't the header's.
        CHECK(shown(version2(0x21, family, length - 1) + std::string(500, 'x')) == "malformed");
        CHECK(shown(version2(0x20, family, 0)) == "yes 16");
    }
}

// ---- no header ---------------------------------------------------------------------------------------------------

TEST_CASE("proxy protocol: what is no header", "[proxy_protocol]") {
    struct Case {
        std::string_view text;
        std::size_t decided_at;  // with fewer bytes it may become one
    };
    for (const Case& test : {
             Case{request, 1},
             Case{"\x16\x03\x01"sv, 1},
             Case{"PUT / HTTP/1.1\r\n"sv, 2},
             Case{"PROPFIND / HTTP/1.1\r\n"sv, 4},
             Case{"PROXYX / HTTP/1.1\r\n"sv, 6},
             Case{"PROXY / HTTP/1.1\r\n"sv, 7},
             Case{"PROXY * HTTP/1.1\r\n"sv, 7},
             Case{"PROXY http://a/ HTTP/1.1\r\n"sv, 7},
             Case{"PROXY TCP4:80 HTTP/1.1\r\n"sv, 11},
             Case{"PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n"sv, 10},
             Case{"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n"sv, 8},
             Case{"PROXY UNKNOWN\n"sv, 14},
             Case{"PROXY UNKNOWNS a\r\n"sv, 14},
             Case{"PROXY\tTCP4 1.1.1.1 1.1.1.1 1 1\r\n"sv, 6},
             Case{"PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n"sv, 7},
             Case{"PROXY\r\n"sv, 6},
             Case{"proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n"sv, 1},
             Case{" PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n"sv, 1},
             Case{"\nGET / HTTP/1.1\r\n"sv, 1},
             Case{"\r\nGET / HTTP/1.1\r\n"sv, 3},
             Case{"\r\n\r\nGET / HTTP/1.1\r\n"sv, 5},
             Case{"\r\n\r\n\r\n"sv, 5},
             Case{"\r\nPROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n"sv, 3},
         }) {
        for (std::size_t size = 0; size <= test.text.size(); ++size) {
            INFO(test.text << ", " << size << " bytes");
            CHECK(shown(test.text.substr(0, size)) == (size < test.decided_at ? "need more" : "no"));
        }
    }
}

TEST_CASE("proxy protocol 2: every byte of the signature counts", "[proxy_protocol]") {
    const std::string header = version2(0x21, 0x11, 12, block4);
    for (std::size_t at = 0; at < signature.size(); ++at) {
        std::string other = header;
        other[at] = '\x0b';
        INFO("byte " << at);
        CHECK(shown(other.substr(0, at)) == "need more");
        CHECK(shown(other.substr(0, at + 1)) == "no");
        CHECK(shown(other) == "no");
    }
}

// ---- any bytes ---------------------------------------------------------------------------------------------------

TEST_CASE("proxy protocol: one verdict, however the bytes are split", "[proxy_protocol]") {
    test::Random random(20240701);
    INFO(random.seed());
    const std::vector<std::string> seeds{
        "PROXY TCP4 192.0.2.1 10.0.0.7 51234 80\r\n",
        "PROXY TCP6 2001:db8::1 fe80::fffe 65535 0\r\n",
        "PROXY UNKNOWN 192.0.2.1 10.0.0.7 51234 80\r\n",
        version2(0x21, 0x11, 12, block4),
        version2(0x21, 0x21, 50, block6),
        version2(0x21, 0x31, 216),
        version2(0x20, 0x00, 0),
    };
    constexpr std::string_view alphabet = " \r\n\0.:09aFTCP46UNKOW/\x20\x21\x11\xff"sv;
    std::vector<int> seen(4);
    for (int round = 0; round < 4000; ++round) {
        std::string text = random.of(seeds) + std::string(request) + std::string(100, 'x');
        for (std::size_t changes = random.below(3); changes != 0; --changes) {
            const std::size_t at = random.below(60);
            if (random.one_in(2))
                text[at] = random.of(alphabet);
            else if (random.one_in(2))
                text.insert(at, 1, random.of(alphabet));
            else
                text.erase(at, 1);
        }
        REQUIRE(text.size() > longest_proxy_line);
        const std::string whole = shown(text);
        ++seen[static_cast<std::size_t>(parse(text).verdict)];
        bool decided = false;
        for (std::size_t size = 0; size <= text.size(); ++size) {
            const std::string part = shown(text.substr(0, size));
            if (part == "need more" && !decided && size < longest_proxy_line) continue;
            decided = true;
            if (part != whole) FAIL_CHECK(size << " bytes: " << part << ", not " << whole << ": " << text);
        }
    }
    CHECK(seen[static_cast<std::size_t>(Verdict::no)] > 100);
    CHECK(seen[static_cast<std::size_t>(Verdict::need_more)] == 0);
    CHECK(seen[static_cast<std::size_t>(Verdict::yes)] > 100);
    CHECK(seen[static_cast<std::size_t>(Verdict::malformed)] > 100);
}
