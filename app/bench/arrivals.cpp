// SPDX-License-Identifier: Apache-2.0
#include "arrivals.h"

#include <sys/mman.h>

#include <new>

#include "base/error.h"

namespace rebuilder::bench {
namespace {

// One writer each, so no locked addition is needed.
void increment(std::atomic<std::uint64_t>& count) noexcept {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

Arrivals::Arrivals(std::size_t numbers) : numbers_(numbers) {
    const std::size_t bytes = sizeof(Shared) + numbers * sizeof(Time);
    void* shared = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (shared == MAP_FAILED) throw Error(ExitStatus::runtime, "no memory for the times of all requests");
    shared_ = {::new (shared) Shared{}, Unmap{bytes}};
    left_ns_ = ::new (shared_.get() + 1) Time[numbers]{};
}

void Arrivals::left(std::size_t number, std::uint64_t now_ns) noexcept {
    Time& left_ns = left_ns_[number];
    if (left_ns.load(std::memory_order_relaxed) != 0) increment(shared_->overtaken);
    left_ns.store(now_ns, std::memory_order_relaxed);
}

void Arrivals::arrived(std::size_t number, std::uint64_t now_ns) noexcept {
    const std::uint64_t left_ns = number < numbers_ ? left_ns_[number].load(std::memory_order_relaxed) : 0;
    if (left_ns == 0) return increment(shared_->strays);
    left_ns_[number].store(0, std::memory_order_relaxed);
    shared_->latencies.add(now_ns - left_ns);
}

void Arrivals::clear() noexcept {
    shared_->latencies.clear();
    shared_->strays = 0;
    shared_->overtaken = 0;
    for (std::size_t i = 0; i < numbers_; ++i) left_ns_[i].store(0, std::memory_order_relaxed);
}

void Arrivals::Unmap::operator()(Shared* shared) const noexcept {
    ::munmap(shared, bytes);
}

}  // namespace rebuilder::bench
