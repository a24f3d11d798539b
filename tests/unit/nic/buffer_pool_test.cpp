// SPDX-License-Identifier: Apache-2.0
// How many RX buffers a queue gets, and of what size.
#include "nic/buffer_pool.h"

#include "nic/rx_queue.h"
#include "support/catch.h"

using namespace rebuilder::nic;

TEST_CASE("a jumbo frame fits one buffer") {
    for (const InputKind kind : {InputKind::dpdk, InputKind::af_packet, InputKind::pcap, InputKind::vdev}) {
        CHECK(plan_buffers(kind, 2048, default_frame_room).room >= 9216 + 22);
    }
}

TEST_CASE("a full ring, a burst in hand and the caches leave a buffer over") {
    for (const std::uint32_t room : {2048u, 10'240u, 65'000u}) {
        const BufferPlan plan = plan_buffers(InputKind::dpdk, 4096, room);
        const std::uint32_t pieces = (65'536 + room - 1) / room;  // of the largest frame
        CHECK(plan.buffers >= 4096 + RxQueue::burst_size * pieces + 2 * plan.cache);
    }
}

TEST_CASE("drivers that copy need buffers only for what is in hand") {
    CHECK(plan_buffers(InputKind::pcap, 4096, default_frame_room).buffers < 2048);
    CHECK(plan_buffers(InputKind::af_packet, 4096, default_frame_room).buffers < 2048);
}

TEST_CASE("a buffer for XDP is a page") {
    const BufferPlan plan = plan_buffers(InputKind::af_xdp, 2048, default_frame_room);
    CHECK(plan.bytes() == plan.buffers * 4096ull);
    CHECK(plan.room < 4096 - 256);
}

TEST_CASE("a packet ring's frame fits its buffer, whatever was asked for") {
    CHECK(plan_buffers(InputKind::af_packet, 2048, 2048).room >= default_frame_room);
}

TEST_CASE("a buffer's size stays within what DPDK can count") {
    CHECK(plan_buffers(InputKind::pcap, 2048, 1'000'000).data_room == 65'535);
}
