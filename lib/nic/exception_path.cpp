// SPDX-License-Identifier: Apache-2.0
#include "nic/exception_path.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/error.h"
#include "base/idle.h"
#include "base/sleep.h"
#include "nic/buffer_pool.h"
#include "nic/clock.h"
#include "nic/ethdev_side.h"
#include "nic/exception_queue.h"
#include "nic/kernel_interface.h"
#include "nic/kernel_side.h"
#include "nic/tap.h"
#include "packet/segment.h"

namespace rebuilder::nic {

namespace {

constexpr std::uint16_t burst = 64;

// For what the kernel sends: a full TX ring of the port, and bursts in hand.
BufferPlan plan(ExceptionKind kind) noexcept {
    BufferPlan plan;
    plan.buffers = kind == ExceptionKind::virtio_user ? 1023 + 2 * EthdevSide::descriptors : 1023;
    plan.room = ExceptionQueue::frame_room;
    plan.data_room = ExceptionQueue::frame_room + RTE_PKTMBUF_HEADROOM;
    plan.device_memory = true;
    plan.shared = true;  // a port's buffers come back from wherever it is reset or closed
    return plan;
}

// How many frames may go to the kernel now.
class Allowance {
  public:
    void refill(std::uint64_t now_ns) noexcept {
        constexpr std::uint64_t each_ns = 1'000'000'000 / ExceptionPath::most_frames_a_second;
        const std::uint64_t more = (now_ns - since_ns_) / each_ns;
        frames_ = std::min(frames_ + more, most);
        since_ns_ += more * each_ns;
    }
    [[nodiscard]] bool take_one() noexcept {
        if (frames_ == 0) return false;
        --frames_;
        return true;
    }

  private:
    static constexpr std::uint64_t most = ExceptionPath::most_frames_a_second / 1000;

    std::uint64_t frames_ = most;
    std::uint64_t since_ns_ = HostTime::monotonic_ns();
};

// One port and its interface of the kernel's.
struct Lane {
    Lane(ExceptionKind kind, std::size_t input, Port& of, const TransmitSide& transmit_side);

    [[nodiscard]] bool to_kernel(Allowance& allowance, Counters& counters) noexcept;
    [[nodiscard]] bool from_kernel(Counters& counters) noexcept;
    void empty(Counters& counters) noexcept;
    void give(ExceptionQueue& queue, Bytes frame, Counters& counters) const noexcept;

    TransmitSide out;
    PortGate::Pass pass;
    std::vector<std::unique_ptr<ExceptionQueue>> queues;  // one an RX queue
    std::unique_ptr<KernelSide> kernel;
    bool open = true;  // the port's queue may be used
};

Lane::Lane(ExceptionKind kind, std::size_t input, Port& of, const TransmitSide& transmit_side)
    : out(transmit_side)
    , pass(of.transmit_pass()) {
    const std::string interface = exception_interface(input);
    rte_mempool* const buffers =
        of.keep(make_buffer_pool(plan(kind), fmt::format("exception_{}", input), of.numa_node(), interface));
    if (kind == ExceptionKind::tap) {
        kernel = std::make_unique<Tap>(interface, out.address, out.mtu, buffers);
    } else {
        kernel = std::make_unique<EthdevSide>(
            fmt::format("net_virtio_user{}", input), virtio_user_arguments(interface, out.address), buffers);
    }
    std::vector<ExceptionQueue*> ends;
    for (std::uint16_t queue = 0; queue < of.queues(); ++queue) {
        ends.push_back(queues.emplace_back(std::make_unique<ExceptionQueue>(out.address)).get());
    }
    of.offer_exceptions(std::move(ends));
}

void Lane::give(ExceptionQueue& queue, Bytes frame, Counters& counters) const noexcept {
    const bool taken = kernel->give(frame);
    counters.add(taken ? Counter::exception_to_kernel : Counter::exception_dropped_refused);
    queue.pop();
}

bool Lane::to_kernel(Allowance& allowance, Counters& counters) noexcept {
    bool worked = false;
    for (const auto& queue : queues) {
        for (std::uint16_t i = 0; i < burst; ++i) {
            const Bytes frame = queue->front();
            if (frame.empty() || !allowance.take_one()) break;
            give(*queue, frame, counters);
            worked = true;
        }
    }
    return worked;
}

void Lane::empty(Counters& counters) noexcept {
    for (const auto& queue : queues) {
        for (Bytes frame = queue->front(); !frame.empty(); frame = queue->front()) give(*queue, frame, counters);
    }
}

bool Lane::from_kernel(Counters& counters) noexcept {
    open = pass.open();
    if (!open) return false;
    std::array<rte_mbuf*, burst> frames;
    const std::uint16_t count = kernel->take(frames);
    if (count == 0) return false;
    const std::uint16_t sent = rte_eth_tx_burst(out.port, out.queue, frames.data(), count);
    counters.add(Counter::exception_from_kernel, sent);
    if (sent < count) {
        rte_pktmbuf_free_bulk(frames.data() + sent, count - sent);
        counters.add(Counter::exception_dropped_unsent, count - sent);
    }
    return true;
}

}  // namespace

struct ExceptionPath::State {
    void run() noexcept;
    [[nodiscard]] bool receive(RxQueue& queue) noexcept;
    void wait(std::uint64_t ns) noexcept;

    std::optional<packet::Decapsulator> decapsulator;  // once the workers have ended
    std::vector<std::unique_ptr<Lane>> lanes;
    std::vector<std::string> descriptions;
    Counters counters;  // exception thread: w, control: r
    std::vector<pollfd> waiting_for;
    std::atomic<std::vector<std::vector<RxQueue>>*> left{nullptr};  // by the workers. Control: w, exception thread: r
    std::atomic<bool> stop{false};                                  // control: w, exception thread: r
    std::thread thread;
};

void ExceptionPath::State::run() noexcept {
    constexpr IdleLimits limits{.poll_ns = 0, .least_ns = 50'000, .most_ns = 1'000'000};
    want_exact_sleeps();
    Idle idle(limits);
    Allowance allowance;
    while (!stop.load(std::memory_order_acquire)) {
        const std::uint64_t now_ns = HostTime::monotonic_ns();
        bool worked = false;
        if (auto* const workers = left.load(std::memory_order_acquire); workers != nullptr) {
            for (std::vector<RxQueue>& queues : *workers) {
                for (RxQueue& queue : queues) worked |= receive(queue);
            }
        }
        allowance.refill(now_ns);
        for (const auto& lane : lanes) {
            worked |= lane->to_kernel(allowance, counters);
            worked |= lane->from_kernel(counters);
        }
        if (const std::uint64_t ns = idle.after(worked, now_ns); ns != 0) wait(ns);
    }
    for (const auto& lane : lanes) lane->empty(counters);
}

// In a worker's place.
bool ExceptionPath::State::receive(RxQueue& queue) noexcept {
    if (!queue.has_exceptions()) return false;
    const auto frames = queue.receive(0);
    std::uint64_t which = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        packet::Segment unused;
        const Counter verdict = decapsulator->decap(frames[i], unused, nullptr);
        const bool not_mirrored = verdict == Counter::frame_not_tunnel;
        which |= std::uint64_t{not_mirrored} << i;
        counters.add(Counter::frames);
        counters.add(Counter::frame_bytes, frames[i].bytes.size());
        counters.add(not_mirrored ? verdict : Counter::frame_while_draining);
    }
    queue.except(which);
    queue.release();
    return !frames.empty();
}

// The kernel's frames end it; those of the workers don't, who wake nobody.
void ExceptionPath::State::wait(std::uint64_t ns) noexcept {
    waiting_for.clear();
    for (const auto& lane : lanes) {
        waiting_for.push_back({.fd = lane->open ? lane->kernel->descriptor() : -1, .events = POLLIN, .revents = 0});
    }
    const timespec time{.tv_sec = 0, .tv_nsec = static_cast<long>(ns)};
    (void)::ppoll(waiting_for.data(), waiting_for.size(), &time, nullptr);
}

std::uint64_t exception_bytes(ExceptionKind kind) noexcept {
    return kind == ExceptionKind::none ? 0 : plan(kind).bytes();
}

ExceptionPath::ExceptionPath(ExceptionKind kind, std::vector<Port>& ports) : state_(std::make_unique<State>()) {
    if (kind == ExceptionKind::none) return;
    for (std::size_t input = 0; input < ports.size(); ++input) {
        Port& port = ports[input];
        const TransmitSide out = port.transmit_side();
        if (!out.usable) {
            state_->descriptions.push_back(fmt::format("{}: has no exception path, it can't transmit", port.name()));
            continue;
        }
        const std::string interface = exception_interface(input);
        if (const std::string shortage = exception_shortage(kind, interface); !shortage.empty()) {
            throw Error(ExitStatus::runtime, fmt::format("--exception-path for {}: {}", port.name(), shortage));
        }
        state_->lanes.push_back(std::make_unique<Lane>(kind, input, port, out));
        state_->descriptions.push_back(
            fmt::format("{}: what isn't the mirror's goes to {}, with its address {}, MTU {}", port.name(), interface,
                write_address(out.address), kernel_interface_mtu(interface)));
    }
    state_->waiting_for.reserve(state_->lanes.size());
}

ExceptionPath::~ExceptionPath() {
    stop();
}

void ExceptionPath::start() {
    if (!state_->lanes.empty()) state_->thread = std::thread([this] { state_->run(); });
}

void ExceptionPath::take_over(std::vector<std::vector<RxQueue>>& queues, const packet::DecapConfig& decap) {
    state_->decapsulator.emplace(decap);
    state_->left.store(&queues, std::memory_order_release);
}

void ExceptionPath::stop() noexcept {
    state_->stop.store(true, std::memory_order_release);
    if (state_->thread.joinable()) state_->thread.join();
}

CounterValues ExceptionPath::counters() const noexcept {
    CounterValues sum = state_->counters.read();
    for (const auto& lane : state_->lanes) {
        for (const auto& queue : lane->queues) sum += queue->counters().read();
    }
    return sum;
}

const std::vector<std::string>& ExceptionPath::descriptions() const noexcept {
    return state_->descriptions;
}

}  // namespace rebuilder::nic
