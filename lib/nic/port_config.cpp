// SPDX-License-Identifier: Apache-2.0
#include "nic/port_config.h"

#include <algorithm>

#include <fmt/format.h>
#include <rte_ether.h>

namespace rebuilder::nic {

namespace {

constexpr std::uint32_t vlan_tags = 2 * RTE_VLAN_HLEN;

}  // namespace

std::vector<Rss> rss_wishes(const rte_eth_dev_info& info, std::uint16_t queues) {
    if (queues < 2 || info.flow_type_rss_offloads == 0) return {Rss::off};
    if (info.hash_key_size == 0 || info.hash_key_size > longest_rss_key) return {Rss::device_key, Rss::off};
    return {Rss::our_key, Rss::device_key, Rss::off};
}

std::vector<std::uint16_t> tx_queue_wishes(const rte_eth_dev_info& info, std::uint16_t queues) {
    if (info.max_tx_queues == 0) return {0};
    if (queues == 1 || info.max_tx_queues < queues) return {1};
    return {1, queues};
}

std::uint16_t usable_mtu(const rte_eth_dev_info& info, std::uint16_t wanted, std::uint32_t frame_room) noexcept {
    const bool knows_overhead = info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu;
    const std::uint32_t overhead =
        knows_overhead ? info.max_rx_pktlen - info.max_mtu : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
    std::uint32_t mtu = std::min<std::uint32_t>({wanted, info.max_mtu, info.max_rx_pktlen - overhead});
    const bool scatters = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
    if (!scatters) mtu = std::min(mtu, frame_room - RTE_ETHER_HDR_LEN - vlan_tags);
    return static_cast<std::uint16_t>(std::max<std::uint32_t>(mtu, info.min_mtu));
}

std::string far_workers_note(const std::string& port, int port_node, std::span<const int> worker_nodes) {
    if (port_node < 0) return {};
    const auto far = std::ranges::count_if(worker_nodes, [=](int node) { return node >= 0 && node != port_node; });
    if (far == 0) return {};
    return fmt::format("{}: {} of its {} workers are not on its NUMA node, {}; choose their CPUs with --lcores", port,
        far, worker_nodes.size(), port_node);
}

rte_eth_conf port_configuration(
    const rte_eth_dev_info& info, std::uint16_t mtu, std::uint32_t frame_room, Rss rss, RssKey& key) noexcept {
    rte_eth_conf conf{};
    conf.rxmode.mtu = mtu;
    if (mtu + RTE_ETHER_HDR_LEN + vlan_tags > frame_room) {
        conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
    }
    if (rss == Rss::off) return conf;
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    rte_eth_rss_conf& rss_conf = conf.rx_adv_conf.rss_conf;
    rss_conf.rss_hf = (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP) & info.flow_type_rss_offloads;
    if (rss == Rss::our_key) {
        rss_conf.rss_key = key.data();
        rss_conf.rss_key_len = info.hash_key_size;
    }
    return conf;
}

}  // namespace rebuilder::nic
