// SPDX-License-Identifier: Apache-2.0
// Decapsulator: whatever a frame holds, the answer is a segment inside it, or one reason to refuse it.
//
// Input: frames, each behind its length, read under each link type and each of some configurations.
//   - the payload lies in the frame, and what is missing of it is within what an IP header can promise
//   - the key is normalised, and the VNI and ports are those that the configuration lets pass
//   - what the default configuration shows, another shows too, unless it refuses its VNI or ports
//   - cut inside its payload, the frame gives the same segment with less payload
//   - where the short way for usual frames answers, the long one gives the same
//   - where checksums are verified, the answer is the same, or that one is wrong, or that there is no length; what was
//     accepted whole isn't with another bit in its payload
//   - with a table for fragments, frames that hold none give the same, and the table is empty at the end
#include <algorithm>
#include <array>
#include <vector>

#include "fuzz/fuzz.h"
#include "packet/decap.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
using packet::DecapConfig;
using packet::Decapsulator;
using packet::FragmentTable;
using packet::Frame;
using packet::LinkType;
using packet::Segment;
using packet::Side;

namespace {

constexpr std::uint32_t allowed_vni = 1377;
constexpr std::uint16_t allowed_port = 80;
constexpr std::uint64_t time_ns = 1'700'000'000'000'000'000;
constexpr std::size_t most_promised = 65535;
constexpr auto all_links = std::to_array<LinkType>({LinkType::ethernet, LinkType::raw_ip, LinkType::linux_sll,
    LinkType::linux_sll2, LinkType::null_loopback, LinkType::cisco_hdlc, LinkType::ppp, LinkType::pppoe});

struct Reader {
    DecapConfig config;
    bool same_tunnels;  // as the default configuration has
    Decapsulator decapsulator;
    Decapsulator verifying;  // the same, but for that

    Reader(const DecapConfig& with, bool same)
        : config(with)
        , same_tunnels(same)
        , decapsulator(with)
        , verifying(with_checksums(with)) {}

    static DecapConfig with_checksums(DecapConfig config) {
        config.verify_checksums = true;
        return config;
    }
};

// The first one is the default.
std::vector<Reader> make_readers() {
    DecapConfig plain;
    plain.accept_plain = true;
    DecapConfig allowing;
    allowing.vni_allow = {allowed_vni};
    allowing.tcp_ports = {allowed_port};
    DecapConfig denying;
    denying.accept_plain = true;
    denying.vni_deny = {allowed_vni};
    denying.vxlan_ports = {8472, 4789};
    denying.geneve_ports = {};
    return {{{}, true}, {plain, true}, {allowing, true}, {denying, false}};
}

bool same_segment(const Segment& a, const Segment& b) {
    return a.key == b.key && a.sender == b.sender && a.flags == b.flags && a.seq == b.seq && a.ack == b.ack;
}

Counter read(
    const Decapsulator& decapsulator, const Frame& frame, Segment& segment, FragmentTable* fragments = nullptr) {
    packet::Origin origin;
    const Counter verdict = decapsulator.decap_any(frame, segment, fragments, origin);
    if (Segment other; decapsulator.decap_usual(frame, other)) {
        check(verdict == Counter::segments && same_segment(segment, other) &&
                  segment.payload.data() == other.payload.data() && segment.payload.size() == other.payload.size() &&
                  segment.missing == other.missing && segment.time_ns == other.time_ns,
            "the short way sees another segment");
    }
    const CounterRole role = counter_table[static_cast<std::size_t>(verdict)].role;
    check(verdict == Counter::segments || role == CounterRole::frame_drop, "a verdict that is none");
    return verdict;
}

Counter read(const Reader& reader, const Frame& frame, Segment& segment, FragmentTable* fragments = nullptr) {
    return read(reader.decapsulator, frame, segment, fragments);
}

bool passes(const DecapConfig& config, const Segment& segment) {
    const auto has = [](const auto& list, auto value) {
        return std::find(list.begin(), list.end(), value) != list.end();
    };
    if (segment.key.vni == packet::no_vni) {
        if (!config.accept_plain) return false;
    } else {
        if (!config.vni_allow.empty() && !has(config.vni_allow, segment.key.vni)) return false;
        if (has(config.vni_deny, segment.key.vni)) return false;
    }
    return config.tcp_ports.empty() || has(config.tcp_ports, segment.key.low_port) ||
           has(config.tcp_ports, segment.key.high_port);
}

void check_segment(const Segment& segment, const DecapConfig& config) {
    check(segment.missing == 0 || segment.payload.size() + segment.missing <= most_promised, "too much is missing");
    check(segment.time_ns == time_ns, "another time");
    check(segment.key.endpoint(Side::low) <= segment.key.endpoint(Side::high), "the key is not normalised");
    check(segment.key.vni == packet::no_vni || segment.key.vni <= 0xffffff, "no VNI is so large");
    check(passes(config, segment), "a VNI or a port that is refused, or no tunnel");
}

void check_in_frame(const Segment& segment, const Frame& frame) {
    const std::uint8_t* begin = frame.bytes.data();
    const std::uint8_t* end = begin + frame.bytes.size();
    const std::uint8_t* payload = segment.payload.data();
    check(payload >= begin && payload + segment.payload.size() <= end, "the payload is not in the frame");
}

// An IP header whose length is 0 promises nothing, so nothing is missing of it. Some bytes that may be one.
bool may_promise_nothing(Bytes headers) {
    for (std::size_t at = 0; at + 6 <= headers.size(); ++at) {
        const std::uint8_t* header = headers.data() + at;
        const int version = header[0] >> 4;
        if (version == 4 && load_be16(header + 2) == 0) return true;
        if (version == 6 && load_be16(header + 4) == 0) return true;
    }
    return false;
}

// A mirror cuts frames: half of the payload goes, and what is behind it.
void check_cut(const Reader& reader, const Frame& frame, const Segment& whole) {
    const std::size_t kept = whole.payload.size() / 2;
    const auto header_size = static_cast<std::size_t>(whole.payload.data() - frame.bytes.data());
    const Copy copy(frame.bytes.first(header_size + kept));
    Segment cut;
    check(read(reader, {copy.bytes(), frame.time_ns, frame.link}, cut) == Counter::segments, "cut, it is no segment");
    check(same_segment(cut, whole), "cut, it is another segment");
    check(cut.payload.size() == kept, "cut, its payload is not what is left");
    const std::size_t missing = whole.payload.size() - kept + whole.missing;
    const bool nothing_promised = cut.missing == 0 && may_promise_nothing(frame.bytes.first(header_size));
    check(cut.missing == missing || nothing_promised, "cut, another amount is missing");
}

// A packet that has to go on elsewhere isn't verified. Whether some bytes may be the header that says so: this names it.
bool may_be_on_its_way(Bytes headers) {
    constexpr std::uint8_t routing = 43;
    return std::find(headers.begin(), headers.end(), routing) != headers.end();
}

void check_verified(const Reader& reader, const Frame& frame, Counter trusted, const Segment& whole) {
    Segment segment;
    const Counter verdict = read(reader.verifying, frame, segment);
    if (trusted != Counter::segments) return check(verdict == trusted, "verified, another reason");
    if (verdict != Counter::segments) {
        check(verdict == Counter::frame_bad_checksum || verdict == Counter::frame_inner_bad_length,
            "verified, a reason that isn't the checksum's");
        return;
    }
    check(same_segment(segment, whole) && segment.payload.data() == whole.payload.data() &&
              segment.payload.size() == whole.payload.size() && segment.missing == whole.missing,
        "verified, it is another segment");
    const auto header_size = static_cast<std::size_t>(segment.payload.data() - frame.bytes.data());
    if (segment.missing != 0 || segment.payload.empty() || may_be_on_its_way(frame.bytes.first(header_size))) return;
    std::vector<std::uint8_t> changed(frame.bytes.begin(), frame.bytes.end());
    changed[header_size + segment.payload.size() / 2] ^= 0x10;
    check(read(reader.verifying, {changed, frame.time_ns, frame.link}, segment) == Counter::frame_bad_checksum,
        "verified, it may have another payload");
}

// Under each configuration. What the default one shows, others show too.
void check_alone(const std::vector<Reader>& readers, const Frame& frame) {
    Segment by_default;
    const bool shown = read(readers.front(), frame, by_default) == Counter::segments;
    for (const Reader& reader : readers) {
        Segment segment;
        const Counter verdict = read(reader, frame, segment);
        const bool is_segment = verdict == Counter::segments;
        check_verified(reader, frame, verdict, segment);
        if (is_segment) {
            check_segment(segment, reader.config);
            check_in_frame(segment, frame);
            check_cut(reader, frame, segment);
        }
        if (shown && reader.same_tunnels && passes(reader.config, by_default)) {
            check(is_segment && same_segment(segment, by_default), "what is to pass is refused");
        }
    }
}

// Fragments of earlier frames may complete what this one holds.
void check_with_table(const std::vector<Reader>& readers, const Frame& frame, FragmentTable& fragments) {
    for (const Reader& reader : readers) {
        Segment alone;
        const Counter verdict_alone = read(reader, frame, alone);
        Segment segment;
        const Counter verdict = read(reader, frame, segment, &fragments);
        if (verdict == Counter::segments) check_segment(segment, reader.config);
        Segment verified;
        const Counter verdict_verified = read(reader.verifying, frame, verified, &fragments);
        if (verdict_verified == Counter::segments) check_segment(verified, reader.config);
        const bool fragment =
            verdict_alone == Counter::frame_outer_fragment || verdict_alone == Counter::frame_inner_fragment;
        if (fragment) continue;
        check(verdict == verdict_alone, "with a table it is something else");
        check(verdict != Counter::segments || same_segment(segment, alone), "with a table it is another segment");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<Reader> readers = make_readers();
    Input input(data, size);
    Counters counters;
    FragmentTable fragments({.max_datagrams = 2}, {11, 22}, counters);
    while (!input.empty()) {
        const Copy copy(input.take(input.word()));
        for (const LinkType link : all_links) {
            const Frame frame{copy.bytes(), time_ns, link};
            check_alone(readers, frame);
            check_with_table(readers, frame, fragments);
        }
        fragments.release();
    }
    fragments.drain();
    check(fragments.in_use() == 0, "a datagram is left");
    return 0;
}
