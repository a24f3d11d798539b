// SPDX-License-Identifier: Apache-2.0
#include "forward/upstream_address.h"

#include <algorithm>

namespace rebuilder::forward {
namespace {

constexpr std::uint64_t first_delay_ns = 50'000'000;
constexpr std::uint64_t longest_delay_ns = 1'500'000'000;

// The delay after so many failures in a row, give or take a quarter.
std::uint64_t delay_ns(std::uint32_t failures, std::minstd_rand& random) noexcept {
    const std::uint32_t doublings = std::min(failures - 1, 10u);
    const std::uint64_t delay = std::min(first_delay_ns << doublings, longest_delay_ns);
    return delay - delay / 4 + random() % (delay / 2);
}

}  // namespace

void UpstreamAddress::reached() noexcept {
    failures_ = 0;
    probing_ = false;
    reachable_ = true;
    refused_in_drain_ = false;
}

void UpstreamAddress::refused(std::uint64_t started_ns, std::uint64_t now_ns, std::minstd_rand& random) noexcept {
    probing_ = false;
    reachable_ = false;
    refused_in_drain_ = true;
    // Attempts that ran side by side fail side by side, and are one failure.
    if (failures_ > 0 && started_ns < failed_at_ns_) return;
    ++failures_;
    failed_at_ns_ = now_ns;
    retry_at_ns_ = started_ns + delay_ns(failures_, random);
}

void UpstreamAddress::useless(std::uint64_t now_ns, std::minstd_rand& random) noexcept {
    if (failures_ > 0) return;
    failures_ = 1;
    failed_at_ns_ = now_ns;
    retry_at_ns_ = now_ns + delay_ns(1, random);
}

void UpstreamAddress::begin_drain() noexcept {
    retry_at_ns_ = 0;
    refused_in_drain_ = false;
}

}  // namespace rebuilder::forward
