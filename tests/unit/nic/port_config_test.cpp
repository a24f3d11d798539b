// SPDX-License-Identifier: Apache-2.0
// What is asked of a device: MTU, scatter, RSS; and how well the RSS key spreads a mirror's few source ports.
#include "nic/port_config.h"

#include <algorithm>
#include <array>
#include <set>

#include <rte_thash.h>

#include "support/catch.h"

using namespace rebuilder::nic;

namespace {

// As DPDK fills it before the driver does.
rte_eth_dev_info plain_device() {
    rte_eth_dev_info info{};
    info.max_mtu = UINT16_MAX;
    info.min_mtu = 68;
    info.max_rx_pktlen = UINT32_MAX;
    info.max_rx_queues = 8;
    info.max_tx_queues = 8;
    return info;
}

rte_eth_dev_info ena() {
    rte_eth_dev_info info = plain_device();
    info.max_mtu = 9216;
    info.max_rx_pktlen = 9216 + 18;
    info.rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    info.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
    info.hash_key_size = 40;
    return info;
}

std::uint32_t hash(const RssKey& key, rte_be32_t from, rte_be32_t to, std::uint16_t from_port, std::uint16_t to_port) {
    std::array<std::uint32_t, 3> tuple{from, to, (static_cast<std::uint32_t>(from_port) << 16) | to_port};
    return rte_softrss(tuple.data(), tuple.size(), key.data());
}

}  // namespace

TEST_CASE("the MTU is the wanted one, or what device and buffer take") {
    CHECK(usable_mtu(ena(), 9216, 10'240) == 9216);
    CHECK(usable_mtu(ena(), 9001, 10'240) == 9001);
    CHECK(usable_mtu(plain_device(), 9216, 10'240) == 9216);
    CHECK(usable_mtu(plain_device(), 9216, 3520) == 3520 - 14 - 8);
    CHECK(usable_mtu(ena(), 9216, 2048) == 9216);  // it scatters
    rte_eth_dev_info af_packet = plain_device();
    af_packet.max_rx_pktlen = 1518;
    CHECK(usable_mtu(af_packet, 9216, 10'240) == 1500);
}

TEST_CASE("frames are scattered only when one buffer is too small") {
    RssKey key = make_rss_key();
    CHECK(port_configuration(ena(), 9216, 10'240, Rss::off, key).rxmode.offloads == 0);
    CHECK(port_configuration(ena(), 9216, 2048, Rss::off, key).rxmode.offloads == RTE_ETH_RX_OFFLOAD_SCATTER);
}

TEST_CASE("RSS is asked for in falling order of hope") {
    CHECK(rss_wishes(ena(), 4) == std::vector{Rss::our_key, Rss::device_key, Rss::off});
    CHECK(rss_wishes(ena(), 1) == std::vector{Rss::off});
    CHECK(rss_wishes(plain_device(), 4) == std::vector{Rss::off});
    rte_eth_dev_info keyless = ena();
    keyless.hash_key_size = 0;
    CHECK(rss_wishes(keyless, 4) == std::vector{Rss::device_key, Rss::off});
}

TEST_CASE("RSS asks for no more than the device has") {
    RssKey key = make_rss_key();
    const rte_eth_conf conf = port_configuration(ena(), 9216, 10'240, Rss::our_key, key);
    CHECK(conf.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS);
    CHECK(conf.rx_adv_conf.rss_conf.rss_hf == ena().flow_type_rss_offloads);
    CHECK(conf.rx_adv_conf.rss_conf.rss_key == key.data());
    CHECK(conf.rx_adv_conf.rss_conf.rss_key_len == 40);
    CHECK(port_configuration(ena(), 9216, 10'240, Rss::device_key, key).rx_adv_conf.rss_conf.rss_key == nullptr);
}

TEST_CASE("workers far from their device are told of") {
    const std::vector nodes{0, 1, -1, 1};
    CHECK(far_workers_note("dpdk:0000:00:06.0", 0, nodes) ==
          "dpdk:0000:00:06.0: 2 of its 4 workers are not on its NUMA node, 0; choose their CPUs with --lcores");
    CHECK(far_workers_note("p", -1, nodes).empty());
    CHECK(far_workers_note("p", 1, std::vector{1, -1}).empty());
    CHECK(far_workers_note("p", 0, {}).empty());
}

TEST_CASE("no offload is asked for that isn't needed") {
    rte_eth_dev_info rich = ena();
    rich.rx_offload_capa = ~std::uint64_t{0};
    RssKey key = make_rss_key();
    const rte_eth_conf conf = port_configuration(rich, 9216, 10'240, Rss::our_key, key);
    CHECK(conf.rxmode.offloads == 0);
    CHECK(conf.txmode.offloads == 0);
}

TEST_CASE("one TX queue, or as many as RX queues") {
    CHECK(tx_queue_wishes(plain_device(), 4) == std::vector<std::uint16_t>{1, 4});
    CHECK(tx_queue_wishes(plain_device(), 1) == std::vector<std::uint16_t>{1});
    rte_eth_dev_info receiver = plain_device();
    receiver.max_tx_queues = 0;
    CHECK(tx_queue_wishes(receiver, 4) == std::vector<std::uint16_t>{0});
}

TEST_CASE("the RSS key is symmetric") {
    const RssKey key = make_rss_key();
    CHECK(hash(key, 0x0a000105, 0x0a000209, 51234, 80) == hash(key, 0x0a000209, 0x0a000105, 80, 51234));
}

TEST_CASE("the 128 source ports of a mirrored interface fall on 128 entries of a RETA") {
    const RssKey key = make_rss_key();
    std::set<std::uint32_t> entries;
    for (unsigned port = 65'408; port <= 65'535; ++port) {
        entries.insert(hash(key, 0x0a000105, 0x0a000209, static_cast<std::uint16_t>(port), 4789) % 128);
    }
    CHECK(entries.size() == 128);
}
