// SPDX-License-Identifier: Apache-2.0
// Segment: one inner TCP segment, all tunnels removed. A view: its payload lives as long as the Frame's bytes.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/seq.h"
#include "packet/flow_key.h"

namespace rebuilder::packet {

// RFC 9293, section 3.1.
struct TcpFlags {
    static constexpr std::uint8_t fin = 0x01;
    static constexpr std::uint8_t syn = 0x02;
    static constexpr std::uint8_t rst = 0x04;
    static constexpr std::uint8_t ack = 0x10;
};

struct Segment {
    FlowKey key;
    Side sender = Side::low;
    std::uint8_t flags = 0;  // TcpFlags
    Seq seq = 0;
    Seq ack = 0;                // meaningful with TcpFlags::ack
    Bytes payload;              // never Ethernet padding: its length comes from the IP header
    std::uint32_t missing = 0;  // payload bytes that the IP header promises and the frame does not have
    std::uint64_t time_ns = 0;

    [[nodiscard]] bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

}  // namespace rebuilder::packet
