// SPDX-License-Identifier: Apache-2.0
// What the line leaves out on purpose: no loss, unlike the other drops. It is what has no request in it, was delivered before,
// or is not to be sent; views show it apart from losses. status/page.py reads the list, too.
#pragma once

#include <algorithm>
#include <array>

#include "base/counters.h"

namespace rebuilder {

inline constexpr std::array set_aside{
    Counter::frame_not_tunnel,
    Counter::frame_outer_fragment,
    Counter::frame_vni_refused,
    Counter::frame_inner_not_ip,
    Counter::frame_inner_fragment,
    Counter::frame_inner_not_tcp,
    Counter::frame_to_output,
    Counter::frame_port_refused,
    Counter::tcp_duplicate_bytes,
    Counter::tcp_ignored_bytes,
    Counter::tcp_after_close_bytes,
    Counter::requests_lost_cancelled,
    Counter::requests_denied,
    Counter::requests_not_allowed,
    Counter::requests_not_sampled,
    Counter::requests_over_rate,
};

constexpr bool is_set_aside(Counter which) noexcept {
    return std::ranges::find(set_aside, which) != set_aside.end();
}

}  // namespace rebuilder
