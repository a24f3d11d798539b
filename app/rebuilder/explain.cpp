// SPDX-License-Identifier: Apache-2.0
#include "explain.h"

#include "packet/address_text.h"
#include "packet/decap.h"

namespace rebuilder {
namespace {

std::string flag_names(const packet::Segment& segment) {
    std::string names;
    const auto add = [&](std::uint8_t flag, const char* name) {
        if (!segment.has(flag)) return;
        if (!names.empty()) names += ',';
        names += name;
    };
    add(packet::TcpFlags::syn, "SYN");
    add(packet::TcpFlags::ack, "ACK");
    add(packet::TcpFlags::fin, "FIN");
    add(packet::TcpFlags::rst, "RST");
    return names;
}

}  // namespace

void Explain::describe(const packet::Frame& frame, std::uint64_t number) {
    heading_ = fmt::format("frame {} at {}.{:06}, {} bytes", number, frame.time_ns / 1'000'000'000,
        frame.time_ns / 1000 % 1'000'000, frame.bytes.size());
    // Whatever the worker's own rules refuse, here we want to see what was in it.
    packet::DecapConfig everything;
    everything.accept_plain = true;
    static const packet::Decapsulator decapsulator(everything);
    packet::Segment segment;
    if (decapsulator.decap(frame, segment) != Counter::segments) return;
    heading_ += fmt::format(": {} > {} {} seq {} ack {} payload {}",
        packet::AddressText(segment.key.endpoint(segment.sender)).view(),
        packet::AddressText(segment.key.endpoint(packet::opposite(segment.sender))).view(), flag_names(segment),
        segment.seq, segment.ack, segment.payload.size());
    if (segment.key.vni != packet::no_vni) heading_ += fmt::format(" vni {}", segment.key.vni);
    if (segment.missing != 0) heading_ += fmt::format(", {} bytes cut off", segment.missing);
}

void Explain::print_changes(const CounterValues& before, const CounterValues& after) {
    std::string changes;
    for (std::size_t i = 0; i < counter_count; ++i) {
        const std::uint64_t amount = after.values[i] - before.values[i];
        const auto which = static_cast<Counter>(i);
        if (amount == 0 || which == Counter::frames || which == Counter::frame_bytes) continue;
        changes += fmt::format("    {:<28} {:>8}  {}\n", counter_table[i].name, amount, counter_table[i].help);
    }
    if (changes.empty()) return;
    fmt::print("{}\n{}", heading_, changes);
    std::fflush(stdout);  // records may share the stream
}

}  // namespace rebuilder
