// SPDX-License-Identifier: Apache-2.0
// Port: one input, opened: configured, started, receiving.
//
// In:   a Device whose EAL option was among those that Eal started with.
// Out:  RX queues. A device spreads frames over them by the outer headers: the tunnel's source port differs
//       between connections, and both directions of a connection have the same. What the device cannot do is
//       left out and said in notes(): fewer queues, a smaller MTU, no promiscuous mode.
//       Its TX queue is for one thread, the exception path's, where there is one.
// Owns the RX buffers: every RxQueue has to be gone or released when the Port is destroyed, which stops and
// closes the device. Lives shorter than Eal. Used by the control thread, except for the queues and link_up().
// A device that asks for a reset gets it by reset(), while the queues' users stand aside (port_gate.h).
// Errors: the constructor throws Error naming the input; nothing else throws.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nic/buffer_pool.h"
#include "nic/input.h"
#include "nic/rx_queue.h"

namespace rebuilder::nic {

struct PortOptions {
    // Of an RX ring; the device may want more or fewer. 4 ms of a million frames a second: longer than what takes a worker's
    // CPU for a moment, or its longest sleeps; and few enough that a ring of small frames stays in the cache.
    std::uint16_t descriptors = 4096;
    std::uint32_t frame_room = default_frame_room;  // bytes in one buffer; larger frames take several
    std::uint16_t mtu = 9216;                       // asked of a device; it may have less
    bool promiscuous = true;                        // also frames for other addresses (a span port's)
    bool exceptions = false;                        // it will have an exception path
};

// Memory for the RX buffers of a device, for EalOptions.
[[nodiscard]] std::uint64_t buffer_bytes(const Device& device, const PortOptions& options) noexcept;

// Since the start. frames + missed + errors is what reached the port.
struct PortStats {
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
    std::uint64_t missed = 0;      // no room in an RX ring: the worker was too slow
    std::uint64_t errors = 0;      // broken frames; for a capture: it ends in the middle of a record
    std::uint64_t no_buffers = 0;  // times that a driver found no buffer

    PortStats& operator+=(const PortStats& other) noexcept;
    PortStats& operator-=(const PortStats& other) noexcept;  // may wrap around in between
};

// What the exception path needs to know of a port.
struct TransmitSide {
    std::uint16_t port = 0;
    std::uint16_t queue = 0;
    bool usable = false;  // the port can transmit
    MacAddress address{};
    std::uint16_t mtu = 0;  // for packets of the kernel's
};

class Port {
  public:
    explicit Port(const Device& device, const PortOptions& options = {});
    ~Port();
    Port(Port&& other) noexcept;
    Port& operator=(Port&& other) noexcept;

    [[nodiscard]] const std::string& name() const noexcept;         // the input's SPEC
    [[nodiscard]] const std::string& description() const noexcept;  // one line for the start-up log
    // A sentence for each thing missing.
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept;

    [[nodiscard]] int numa_node() const noexcept;         // -1: unknown, or all the same
    [[nodiscard]] std::uint16_t queues() const noexcept;  // may be fewer than wanted
    [[nodiscard]] RxQueue rx_queue(std::uint16_t queue) const;

    [[nodiscard]] TransmitSide transmit_side() const noexcept;
    [[nodiscard]] PortGate::Pass transmit_pass() const noexcept;
    // Takes over the buffers of what will be transmitted: the device may have some until it is closed.
    [[nodiscard]] rte_mempool* keep(BufferPool buffers);
    // From now on rx_queue() gives queues that offer their exceptions here: one for each, which outlive them.
    void offer_exceptions(std::vector<ExceptionQueue*> queues) noexcept;

    // As look_at_link() saw it last. Any thread.
    [[nodiscard]] bool link_up() const noexcept;
    // About once a second, and each time when link_changed(): the device has said so, where it says such things.
    void look_at_link() noexcept;
    [[nodiscard]] bool link_changed() const noexcept;

    // The device is gone. It will not come back by itself: restart the process.
    [[nodiscard]] bool failed() const noexcept;
    [[nodiscard]] bool wants_reset() const noexcept;
    // Resets the device and starts it again as it was; stats() go on. An empty answer, or why it couldn't be done: then the
    // port delivers nothing any more.
    [[nodiscard]] std::string reset();

    [[nodiscard]] PortStats stats() noexcept;
    // The driver's own counters, such as ENA's bw_in_allowance_exceeded.
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> extended_stats() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rebuilder::nic
