// SPDX-License-Identifier: Apache-2.0
// Cable: what prepared frames travel on to the port that is measured. It stands for the network.
//
//   ring        a DPDK ring that is a port (net_ring): what one thread puts in is what the other receives. Nothing is
//               copied: the frames are the buffers (mbufs). It has the room of a NIC's RX ring, and what finds none is lost.
//   af_packet   a veth pair in a network namespace of its own: the feeder writes to a packet socket on one end, DPDK's
//               af_packet driver reads from the other. The namespace is this process's: it goes with it, however it ends.
//
// In:    frames, in order, from one thread, again and again, each time as those of other clients. They don't move, and the
//        cable alone writes to them from then on. There have to be more than a port can hold.
// Out:   how many the port took; what it has no room for, or still has from the last time, is lost.
// Errors: Error (runtime) that says what the host lacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "nic/input.h"
#include "packet/frame.h"

namespace rebuilder::bench {

class Cable {
  public:
    virtual ~Cable() = default;

    // More frames than the port and who polls it can hold.
    [[nodiscard]] virtual std::size_t most_in_port() const noexcept = 0;

    // The port at its end. EAL has to open it, unless connect() makes it.
    [[nodiscard]] virtual const nic::Device& device() const noexcept = 0;
    [[nodiscard]] virtual bool opened_by_eal() const noexcept = 0;
    // Once EAL has started, before the port is opened.
    virtual void connect(std::span<const packet::Frame> frames) = 0;
    // From frame number `first`, `count` of them.
    [[nodiscard]] virtual std::size_t send(std::size_t first, std::size_t count, std::uint32_t client) = 0;
};

[[nodiscard]] std::unique_ptr<Cable> make_ring_cable(std::uint16_t descriptors);
// Moves the calling thread, and what it starts later, to the namespace: before EAL, and before the sink.
[[nodiscard]] std::unique_ptr<Cable> make_veth_cable();

}  // namespace rebuilder::bench
