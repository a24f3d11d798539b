// SPDX-License-Identifier: Apache-2.0
// Datagrams put together from fragments, by the table alone and through the decapsulator.
//   - any order, copies, cuts at every place, outside and inside, IPv4 and IPv6, each network for itself
//   - overlaps, lengths that contradict each other, more than 64 KiB: the datagram is given up
//   - bounds: time, buffers, runs; every datagram begun is completed or counted
#include "packet/fragments.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "packet/decap.h"
#include "support/catch.h"
#include "support/fragmenter.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::packet;
using namespace rebuilder::test;
using Verdict = FragmentTable::Verdict;

namespace {

constexpr std::uint64_t start_ns = 1'700'000'000'000'000'000;
constexpr std::size_t eth_size = 14;
constexpr std::size_t tunnel_size = 14 + 20 + 8 + 8;  // Ethernet, IPv4, UDP, VXLAN

std::string letters(std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
    return text;
}

struct Line {
    explicit Line(const FragmentLimits& limits = {}) : table(limits, {1, 2}, counters) {}

    std::string push(const Octets& frame, std::uint64_t time_ns = start_ns) {
        const Counter verdict = decapsulator.decap({frame, time_ns}, segment, &table);
        return std::string(counter_table[static_cast<std::size_t>(verdict)].name);
    }

    Counters counters;
    FragmentTable table;
    Decapsulator decapsulator{DecapConfig{}};
    Segment segment;
};

// A part of a datagram's payload, as parse_ip() would say it.
struct Part {
    IpPacket packet;
    std::string bytes;

    Part(std::uint32_t begin, std::string text, bool more, std::uint32_t id = 1) : bytes(std::move(text)) {
        packet.source = IpAddress::v4(1);
        packet.destination = IpAddress::v4(2);
        packet.protocol = protocol_tcp;
        packet.fragment_id = id;
        packet.fragment_offset = begin;
        packet.more_fragments = more;
    }
    // The packet, for as long as this part stays where it is.
    IpPacket& view() {
        packet.payload = as_bytes(bytes);
        return packet;
    }
    Part& from(std::uint32_t address) {
        packet.source = IpAddress::v4(address);
        return *this;
    }
    Part& protocol(std::uint8_t number) {
        packet.protocol = number;
        return *this;
    }
    Part& missing(std::uint32_t size) {
        packet.missing = size;
        return *this;
    }
};

struct Table {
    explicit Table(const FragmentLimits& limits = {}) : table(limits, {1, 2}, counters) {}
    ~Table() {
        table.drain();
        CHECK(table.in_use() == 0);
    }

    Verdict add(Part part, std::uint32_t vni = 1, std::uint64_t time_ns = start_ns) {
        const Verdict verdict = table.add(part.view(), vni, time_ns);
        if (verdict == Verdict::complete) whole = as_text(part.packet.payload);
        return verdict;
    }
    [[nodiscard]] std::uint64_t expired() const { return counters[Counter::fragments_expired]; }

    Counters counters;
    FragmentTable table;
    std::string whole;
};

}  // namespace

TEST_CASE("fragments: every order of four, and each sent twice", "[fragments]") {
    const std::string text = letters(29);
    std::vector<int> order{0, 1, 2, 3};
    do {
        for (const bool twice : {false, true}) {
            Table table;
            for (std::size_t i = 0; i < order.size(); ++i) {
                const auto begin = static_cast<std::uint32_t>(order[i]) * 8;
                const Part part(begin, text.substr(begin, 8), order[i] != 3);
                const bool last = i + 1 == order.size();
                if (twice && !last) CHECK(table.add(part) == Verdict::waits);
                CHECK(table.add(part) == (last ? Verdict::complete : Verdict::waits));
            }
            CHECK(table.whole == text);
            table.table.release();
            CHECK(table.table.in_use() == 0);
            CHECK(table.expired() == 0);
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("fragments: datagrams are told apart by addresses, identification, protocol and network", "[fragments]") {
    Table table;
    CHECK(table.add({0, "aaaaaaaa", true}) == Verdict::waits);
    CHECK(table.add({8, "b", false, 2}) == Verdict::waits);
    CHECK(table.add(Part(8, "c", false).from(7)) == Verdict::waits);
    CHECK(table.add(Part(8, "d", false).protocol(protocol_udp)) == Verdict::waits);
    CHECK(table.add({8, "e", false}, 2) == Verdict::waits);
    CHECK(table.table.in_use() == 5);
    CHECK(table.add({8, "f", false}) == Verdict::complete);
    CHECK(table.whole == "aaaaaaaaf");
    table.table.drain();
    CHECK(table.expired() == 4);
}

TEST_CASE("fragments: the protocol is the first fragment's, for IPv6", "[fragments]") {
    Table table;
    const auto six = [](Part part) {
        part.packet.source = part.packet.destination = IpAddress{1, 2};
        return part;
    };
    Part last = six(Part(8, "b", false).protocol(60));
    CHECK(table.add(last) == Verdict::waits);
    Part first = six(Part(0, "aaaaaaaa", true).protocol(protocol_tcp));
    CHECK(table.table.add(first.view(), 1, start_ns) == Verdict::complete);
    CHECK(first.packet.protocol == protocol_tcp);
}

TEST_CASE("fragments that contradict each other give the datagram up, whatever comes after", "[fragments]") {
    struct Case {
        const char* name;
        std::vector<Part> parts;  // the last one is the contradiction
    };
    const std::string a8(8, 'a'), a16(16, 'a'), b8(8, 'b');
    for (const auto& [name, parts] : std::vector<Case>{
             {"other bytes at the same place", {{0, a8, true}, {0, b8, true}}},
             {"overlap at the end", {{8, a8, true}, {0, a16, true}}},
             {"overlap at the front", {{0, a16, true}, {8, a16, true}}},
             {"a larger one around it", {{8, a8, true}, {0, std::string(24, 'a'), true}}},
             {"behind the end", {{8, a8, false}, {16, a8, true}}},
             {"an end in front of what is there", {{16, a8, true}, {8, a8, false}}},
             {"two ends", {{8, a8, false}, {8, "a", false}}},
             {"not a multiple of 8", {{0, "aaaaaaa", true}}},
             {"beyond 64 KiB", {{65'528, a8, false}}},
             {"of nothing", {{8, "", false}}},
         }) {
        INFO(name);
        Table table;
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) CHECK(table.add(parts[i]) == Verdict::waits);
        CHECK(table.add(parts.back()) == Verdict::refused);
        CHECK(table.add({0, a8, true}) == Verdict::refused);
        CHECK(table.add({8, a8, false}) == Verdict::refused);
        // Once it has expired the identification may be used again.
        const std::uint64_t later = start_ns + FragmentLimits{}.timeout_ns;
        CHECK(table.add({0, a8, true}, 1, later) == Verdict::waits);
        CHECK(table.expired() == 1);
        CHECK(table.add({8, b8, false}, 1, later) == Verdict::complete);
        CHECK(table.whole == a8 + b8);
    }
}

TEST_CASE("fragments: the largest datagram", "[fragments]") {
    Table table;
    const std::string text = letters(65'535);
    for (std::uint32_t at = 0; at < text.size(); at += 1480) {
        const bool last = at + 1480 >= text.size();
        CHECK(table.add({at, text.substr(at, 1480), !last}) == (last ? Verdict::complete : Verdict::waits));
    }
    CHECK(table.whole == text);
}

TEST_CASE("a fragment that was cut leaves a hole", "[fragments]") {
    Table table;
    CHECK(table.add(Part(0, "aaaa", true).missing(4)) == Verdict::waits);
    CHECK(table.add({8, "b", false}) == Verdict::waits);
    CHECK(table.add({0, "aaaacccc", true}) == Verdict::refused);  // more than was there: as any overlap
    table.table.drain();
    CHECK(table.expired() == 1);
}

TEST_CASE("fragments: what a cut fragment lacks is no other's to fill", "[fragments]") {
    // To the host they overlap, and it gives the datagram up.
    Table table;
    const bool cut_first = GENERATE(true, false);
    const bool contradicts = GENERATE(true, false);  // the length, too
    const std::uint32_t missing = contradicts ? 80 : 8;
    if (cut_first) CHECK(table.add(Part(0, "aaaaaaaa", true).missing(missing)) == Verdict::waits);
    CHECK(table.add({8, "bbbbbbbb", true}) == Verdict::waits);
    CHECK(table.add({16, "c", false}) != Verdict::complete);
    if (!cut_first) CHECK(table.add(Part(0, "aaaaaaaa", true).missing(missing)) != Verdict::complete);
    table.table.drain();
    CHECK(table.expired() == 1);
}

TEST_CASE("fragments: a copy that was cut takes nothing from what is there", "[fragments]") {
    Table table;
    CHECK(table.add({0, "aaaaaaaabbbbbbbb", true}) == Verdict::waits);
    CHECK(table.add(Part(0, "aaaaaaaa", true).missing(8)) == Verdict::waits);
    SECTION("of all") {
        CHECK(table.add({16, "c", false}) == Verdict::complete);
        CHECK(table.whole == "aaaaaaaabbbbbbbbc");
    }
    SECTION("of more than that") {
        CHECK(table.add(Part(8, "bbbbbbbb", true).missing(8)) == Verdict::waits);
        CHECK(table.add({16, "cccccccc", true}) == Verdict::waits);
        CHECK(table.add({24, "d", false}) == Verdict::waits);
    }
}

TEST_CASE("fragments: time and buffers are bounded, the oldest goes first", "[fragments]") {
    const FragmentLimits limits{.max_datagrams = 3, .timeout_ns = 1000};
    Table table(limits);
    for (std::uint32_t id = 1; id <= 3; ++id)
        CHECK(table.add({0, "aaaaaaaa", true, id}, 1, start_ns + id) == Verdict::waits);
    CHECK(table.add({0, "aaaaaaaa", true, 4}, 1, start_ns + 4) == Verdict::waits);
    CHECK(table.expired() == 1);
    CHECK(table.table.in_use() == 3);
    CHECK(table.add({8, "b", false, 2}, 1, start_ns + 5) == Verdict::complete);  // 2 was not the one
    CHECK(table.add({8, "b", false, 1}, 1, start_ns + 6) == Verdict::waits);     // 1 was; it begins anew, 3 goes
    CHECK(table.expired() == 2);
    table.table.release();
    table.table.expire(start_ns + 1003);
    CHECK(table.table.in_use() == 2);
    table.table.expire(start_ns + 1004);
    CHECK(table.table.in_use() == 1);
    table.table.expire(start_ns + 1006);
    CHECK(table.table.in_use() == 0);
}

TEST_CASE("fragments: whole datagrams stay until they are released", "[fragments]") {
    Table table({.max_datagrams = 2});
    Part first(8, "b", false, 1), second(8, "d", false, 2);
    CHECK(table.add({0, "aaaaaaaa", true, 1}) == Verdict::waits);
    CHECK(table.table.add(first.view(), 1, start_ns) == Verdict::complete);
    CHECK(table.add({0, "cccccccc", true, 2}) == Verdict::waits);
    CHECK(table.table.add(second.view(), 1, start_ns) == Verdict::complete);
    CHECK(table.add({0, "eeeeeeee", true, 3}) == Verdict::refused);  // no room, until
    CHECK(as_text(first.packet.payload) == "aaaaaaaab");
    CHECK(as_text(second.packet.payload) == "ccccccccd");
    table.table.release();
    CHECK(table.add({0, "eeeeeeee", true, 3}) == Verdict::waits);
}

TEST_CASE("fragments: more holes than are followed give the datagram up", "[fragments]") {
    Table table;
    bool refused = false;
    for (std::uint32_t i = 0; i < 100 && !refused; ++i)
        refused = table.add({i * 16, "aaaaaaaa", true}) == Verdict::refused;
    CHECK(refused);
}

TEST_CASE("fragments: random cuts, orders and copies of many datagrams at once", "[fragments][property]") {
    Random random(99);
    INFO(random.seed());
    for (int round = 0; round < 200; ++round) {
        Table table({.max_datagrams = 64});
        std::vector<Part> parts;
        std::vector<std::string> texts;
        for (std::uint32_t id = 0; id < 8; ++id) {
            texts.push_back(letters(random.between(9, 3000)).replace(0, 1, std::to_string(id)));
            const std::string& text = texts.back();
            for (std::size_t at = 0; at < text.size();) {
                const std::size_t size = std::min((1 + random.below(60)) * 8, text.size() - at);
                if (at == 0 && size == text.size()) {  // a datagram in one piece is no fragment
                    parts.emplace_back(0, text.substr(0, 8), true, id);
                    at = 8;
                    continue;
                }
                const Part part(static_cast<std::uint32_t>(at), text.substr(at, size), at + size < text.size(), id);
                parts.push_back(part);
                if (random.one_in(6)) parts.push_back(part);
                at += size;
            }
        }
        for (std::size_t i = parts.size(); i > 1; --i) std::swap(parts[i - 1], parts[random.below(i)]);
        std::vector<std::string> whole;
        for (Part& part : parts) {
            const Verdict verdict = table.add(part);
            CHECK(verdict != Verdict::refused);
            if (verdict == Verdict::complete) whole.push_back(table.whole);
        }
        std::sort(whole.begin(), whole.end());
        std::sort(texts.begin(), texts.end());
        // Copies behind the completion begin the datagram anew, and may complete it once more: TCP knows them for copies.
        whole.erase(std::unique(whole.begin(), whole.end()), whole.end());
        CHECK(whole == texts);
    }
}

TEST_CASE("decap: a mirrored frame in fragments outside", "[fragments]") {
    const std::string request = "GET /" + letters(4000);
    const Octets frame =
        PacketBuilder().eth().ipv4({.fragment = 0}).udp().vxlan({.vni = 7}).eth().ipv4().tcp().payload(request).build();
    for (const std::size_t part : {8u, 16u, 1480u, 4000u}) {
        INFO(part);
        if (part < 100) continue;
        std::vector<Octets> pieces = fragments4(frame, eth_size, part);
        std::reverse(pieces.begin(), pieces.end());
        Line line;
        for (std::size_t i = 0; i + 1 < pieces.size(); ++i) CHECK(line.push(pieces[i]) == "frame_outer_fragment");
        CHECK(line.push(pieces.back()) == "segments");
        CHECK(as_text(line.segment.payload) == request);
        CHECK(line.segment.missing == 0);
        CHECK(line.segment.key.vni == 7);
    }
}

TEST_CASE("decap: fragments over IPv6 outside", "[fragments]") {
    const std::string request = letters(3000);
    const Octets frame = PacketBuilder().eth().ipv6().udp().vxlan().eth().ipv4().tcp().payload(request).build();
    Line line;
    const std::vector<Octets> pieces = fragments6(frame, eth_size, 1232);
    REQUIRE(pieces.size() == 3);
    CHECK(line.push(pieces[1]) == "frame_outer_fragment");
    CHECK(line.push(pieces[0]) == "frame_outer_fragment");
    CHECK(line.push(pieces[2]) == "segments");
    CHECK(as_text(line.segment.payload) == request);
}

TEST_CASE("decap: fragments inside, cut at every place", "[fragments]") {
    const std::string request = "POST /" + letters(60);
    const auto inner = [&](bool six) {
        PacketBuilder builder = PacketBuilder().eth().ipv4().udp().vxlan().eth();
        return (six ? builder.ipv6() : builder.ipv4({.fragment = 0})).tcp().payload(request).build();
    };
    // The outer lengths are those of the whole frame: what a mirror sends says the fragment's own.
    const auto mend = [](Octets frame) {
        const auto put16 = [&frame](std::size_t at, std::size_t value) {
            frame[at] = static_cast<std::uint8_t>(value >> 8);
            frame[at + 1] = static_cast<std::uint8_t>(value);
        };
        put16(eth_size + 2, frame.size() - eth_size);
        put16(eth_size + 20 + 4, frame.size() - eth_size - 20);
        return frame;
    };
    for (const bool six : {false, true}) {
        const Octets frame = inner(six);
        const std::size_t size = frame.size() - tunnel_size - 14 - (six ? 40 : 20);
        for (std::size_t cut = 8; cut < size; cut += 8) {
            INFO((six ? "IPv6, cut at " : "IPv4, cut at ") << cut);
            Line line;
            const auto piece = [&](std::size_t begin, std::size_t end) {
                return mend(six ? fragment6(frame, tunnel_size + 14, begin, end)
                                : fragment4(frame, tunnel_size + 14, begin, end));
            };
            CHECK(line.push(piece(cut, size)) == "frame_inner_fragment");
            CHECK(line.push(piece(0, cut)) == "segments");
            CHECK(as_text(line.segment.payload) == request);
            CHECK(line.segment.seq == 1000);
        }
    }
}

TEST_CASE("decap: fragments outside of a frame that is a fragment inside", "[fragments]") {
    const std::string request = letters(2000);
    const Octets inner = PacketBuilder().eth().ipv4({.fragment = 0}).tcp().payload(request).build();
    Line line;
    std::vector<std::string> verdicts;
    for (const Octets& mirrored : fragments4(inner, eth_size, 1000)) {
        const std::string body(mirrored.begin(), mirrored.end());
        const Octets frame = PacketBuilder().eth().ipv4({.fragment = 0}).udp().vxlan().payload(body).build();
        for (const Octets& piece : fragments4(frame, eth_size, 600, static_cast<std::uint16_t>(verdicts.size()))) {
            verdicts.push_back(line.push(piece));
        }
    }
    CHECK(verdicts == std::vector<std::string>{"frame_outer_fragment", "frame_inner_fragment", "frame_outer_fragment",
                          "frame_inner_fragment", "segments"});
    CHECK(as_text(line.segment.payload) == request);
}

TEST_CASE("decap: fragments that are not for us are not kept", "[fragments]") {
    Line line;
    const Octets tcp = PacketBuilder().eth().ipv4({.fragment = 0}).tcp().payload(letters(100)).build();
    CHECK(line.push(fragments4(tcp, eth_size, 64)[0]) == "frame_not_tunnel");
    CHECK(line.table.in_use() == 0);

    DecapConfig only_nine;
    only_nine.vni_allow = {9};
    const Decapsulator decapsulator(only_nine);
    const Octets inner =
        PacketBuilder().eth().ipv4().udp().vxlan({.vni = 8}).eth().ipv4({.fragment = 0x2000}).tcp().build();
    Segment segment;
    CHECK(decapsulator.decap({inner, start_ns}, segment, &line.table) == Counter::frame_vni_refused);
    CHECK(line.table.in_use() == 0);
}

TEST_CASE("decap: a datagram may hold extension headers, but not a fragment again", "[fragments]") {
    const auto whole_of = [](PacketBuilder builder) { return builder.tcp().payload(letters(40)).build(); };
    const Octets options = whole_of(PacketBuilder().eth().ipv6().extension());
    DecapConfig plain;
    plain.accept_plain = true;
    const Decapsulator decapsulator(plain);
    Counters counters;
    FragmentTable table({}, {1, 2}, counters);
    Segment segment;
    const auto push = [&](const Octets& frame) { return decapsulator.decap({frame, start_ns}, segment, &table); };
    const std::vector<Octets> pieces = fragments6(options, eth_size, 32);
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) CHECK(push(pieces[i]) == Counter::frame_inner_fragment);
    CHECK(push(pieces.back()) == Counter::segments);
    CHECK(as_text(segment.payload) == letters(40));

    const Octets nested = whole_of(PacketBuilder().eth().ipv6().extension({.type = 44, .body = {0, 1, 0, 0, 0, 9}}));
    const std::vector<Octets> again = fragments6(nested, eth_size, 32, 77);
    for (std::size_t i = 0; i + 1 < again.size(); ++i) CHECK(push(again[i]) == Counter::frame_inner_fragment);
    CHECK(push(again.back()) == Counter::frame_inner_bad_length);
}
