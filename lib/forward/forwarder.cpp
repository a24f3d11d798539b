// SPDX-License-Identifier: Apache-2.0
#include "forward/forwarder.h"

#include <utility>

#include "base/clock.h"
#include "base/sleep.h"

namespace rebuilder::forward {
namespace {

// A sleep and its end cost some microseconds: for so long it is cheaper to look again.
constexpr IdleLimits idle_limits{.poll_ns = 5'000, .least_ns = 200'000, .most_ns = 1'000'000};
constexpr std::uint64_t drain_wait_ns = 1'000'000;
// Slots taken in a round: an output that takes everything at once still gets its poll().
constexpr std::size_t take_limit = 512;

}  // namespace

Forwarder::Forwarder(const OutputSpec& spec, const HttpOptions& options, std::vector<Channel*> channels,
    std::shared_ptr<Resolver> resolver)
    : spec_(spec)
    , channels_(std::move(channels))
    , output_(make_output(
          spec, options, counters_,
          [this](const Slot& slot, std::uint32_t channel, Counter outcome) { done(slot, channel, outcome); },
          std::move(resolver)))
    , idle_(idle_limits) {}

Forwarder::~Forwarder() {
    drain(0);
}

bool Forwarder::step(std::uint64_t timeout_ns) {
    step_at(clock_ns(), timeout_ns);
    return anything_left();
}

void Forwarder::round() {
    const std::uint64_t now_ns = clock_ns();
    const bool worked = moves_ != moves_before_;
    moves_before_ = moves_;
    step_at(now_ns, idle_.after(worked, now_ns));
}

void Forwarder::step_at(std::uint64_t now_ns, std::uint64_t timeout_ns) {
    const std::uint64_t moves = moves_;
    take(now_ns);
    output_->poll(now_ns, moves_ == moves ? timeout_ns : 0);
}

void Forwarder::start() {
    thread_ = std::thread([this] { run(); });
}

void Forwarder::run() {
    want_exact_sleeps();
    while (!stop_.load(std::memory_order_acquire)) round();
    drain_now(drain_limit_ns_.load(std::memory_order_relaxed));
}

void Forwarder::drain(std::uint64_t limit_ns) {
    if (!thread_.joinable()) {
        drain_now(limit_ns);
        return;
    }
    begin_drain(limit_ns);
    thread_.join();
}

void Forwarder::begin_drain(std::uint64_t limit_ns) noexcept {
    if (stop_.load(std::memory_order_relaxed)) return;
    drain_limit_ns_.store(limit_ns, std::memory_order_relaxed);
    stop_.store(true, std::memory_order_release);
}

void Forwarder::drain_now(std::uint64_t limit_ns) {
    const std::uint64_t begin_ns = clock_ns();
    output_->begin_drain();
    while (anything_left() && clock_ns() - begin_ns < limit_ns) (void)step(drain_wait_ns);
    output_->abandon();
    for (std::uint32_t channel = 0; channel < channels_.size(); ++channel) {
        for (Slot slot; channels_[channel]->take(slot);) done(slot, channel, Counter::failed_drain);
    }
}

// A slot from each channel in turn, until the output is full or the channels are empty.
void Forwarder::take(std::uint64_t now_ns) {
    std::size_t empty = 0;  // channels in a row that had nothing
    for (std::size_t taken = 0; taken < take_limit && empty < channels_.size() && output_->ready();) {
        const std::size_t channel = next_channel_;
        next_channel_ = (next_channel_ + 1) % channels_.size();
        Slot slot;
        if (!channels_[channel]->take(slot)) {
            ++empty;
            continue;
        }
        empty = 0;
        ++taken;
        ++moves_;
        output_->submit(slot, static_cast<std::uint32_t>(channel), now_ns);
    }
}

bool Forwarder::anything_left() const {
    if (output_->pending() > 0) return true;
    for (const Channel* channel : channels_) {
        if (channel->waiting() > 0) return true;
    }
    return false;
}

void Forwarder::done(const Slot& slot, std::uint32_t channel, Counter outcome) {
    ++moves_;
    counters_.add(outcome);
    channels_[channel]->give_back(slot);
}

}  // namespace rebuilder::forward
