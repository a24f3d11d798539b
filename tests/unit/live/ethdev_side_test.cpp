// SPDX-License-Identifier: Apache-2.0
// A virtual device of DPDK's as the way to the kernel. What is tried here is one whose other end is itself: what is given comes
// back.
#include "nic/ethdev_side.h"

#include <array>

#include <rte_mbuf.h>

#include "base/error.h"
#include "live/eal.h"
#include "nic/buffer_pool.h"
#include "nic/exception_plan.h"
#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::nic;
using namespace rebuilder::test;

namespace {

BufferPool make_buffers() {
    BufferPlan plan;
    plan.buffers = 511;
    plan.room = 2048;
    plan.data_room = 2048 + RTE_PKTMBUF_HEADROOM;
    plan.shared = true;
    return make_buffer_pool(plan, "side", SOCKET_ID_ANY, "side");
}

}  // namespace

TEST_CASE("frames go through a device that is plugged in, and it goes with its owner") {
    eal();
    const BufferPool buffers = make_buffers();
    std::uint16_t port = 0;
    {
        EthdevSide side("net_ring_side", "", buffers.get());
        CHECK(rte_eth_dev_get_port_by_name("net_ring_side", &port) == 0);
        std::array<rte_mbuf*, 8> frames{};
        CHECK(side.take(frames) == 0);
        std::vector<std::uint8_t> frame(1000);
        for (std::uint8_t round = 1; round <= 200; ++round) {
            frame.assign(frame.size(), round);
            REQUIRE(side.give(frame));
            REQUIRE(side.give({frame.data(), 14}));
            REQUIRE(side.take(frames) == 2);
            const auto* got = rte_pktmbuf_mtod(frames[0], const std::uint8_t*);
            CHECK(std::vector<std::uint8_t>(got, got + frames[0]->pkt_len) == frame);
            CHECK(frames[1]->pkt_len == 14);
            rte_pktmbuf_free_bulk(frames.data(), 2);
        }
        frame.resize(2049);
        CHECK_FALSE(side.give(frame));  // doesn't fit a buffer
    }
    CHECK(rte_eth_dev_get_port_by_name("net_ring_side", &port) != 0);
    CHECK(rte_mempool_in_use_count(buffers.get()) == 0);
}

TEST_CASE("a device that can't be made says why") {
    eal();
    const BufferPool buffers = make_buffers();
    CHECK_THROWS_AS(EthdevSide("no_such_driver0", "", buffers.get()), Error);
}
