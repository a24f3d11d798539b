// SPDX-License-Identifier: Apache-2.0
// Every limit of the TCP stage, for one worker. Behind each: what happens there, and the counter that says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rebuilder::tcp {

inline constexpr std::uint64_t second_ns = 1'000'000'000;

struct Limits {
    std::size_t max_flows = 262'144;  // then the longest idle flow is evicted: flows_evicted
    // Waiting behind a hole; then the hole is given up: tcp_gaps. A segment that its sender lost and repeats comes with up to
    // a window behind it, and Linux opens windows of some megabytes.
    std::size_t held_bytes_per_flow = 4 << 20;
    std::size_t held_blocks_per_flow = 8192;  // the same for a flow that sends tiny segments
    // And no more than this part of what is free, so that some greedy flows leave room for all others (0: no such limit). A
    // dynamic threshold: A. Choudhury, E. Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998.
    std::size_t held_free_part = 4;
    // Waiting blocks that a segment may have to be led past to its place, from the first or the last of them, whichever is
    // nearer; further than that, the hole is given up. So a sender that scatters its segments costs no more than one that
    // doesn't.
    std::size_t held_search = 512;
    std::size_t held_bytes = 64 << 20;             // of all flows; then the flow that needs more gives up its hole,
                                                   // and what still finds no room is dropped: tcp_held_full_bytes
    std::uint32_t max_distance = 16 << 20;         // bytes from the stream's position; beyond: tcp_out_of_window_bytes
    std::uint64_t gap_timeout_ns = 1 * second_ns;  // a hole older than this is given up: tcp_gaps
    std::uint64_t acked_gap_timeout_ns = second_ns / 4;  // the same once the peer has acknowledged what is missing
    // A direction seen without its SYN begins this much later: bytes from so far in front, and the SYN, may be on their way.
    // What came waits like bytes behind a hole, while half of held_bytes is free, and not more than join_bytes of it.
    std::uint64_t join_wait_ns = second_ns / 20;
    std::size_t join_bytes = 4 << 10;
    std::uint32_t join_reach = 64 << 10;
    // Longer than the longest idle timeout of a load balancer in front (an NLB's: 350 s): then flows_idle, and a later
    // segment is picked up in mid-stream.
    std::uint64_t idle_timeout_ns = 360 * second_ns;
    std::uint64_t opening_timeout_ns = 10 * second_ns;  // the same for a flow that has shown only its SYN
    std::uint64_t linger_ns = 10 * second_ns;  // an ended flow stays this long: late copies are known, and data that
                                               // shows the end to be false is not lost
};

}  // namespace rebuilder::tcp
