// SPDX-License-Identifier: Apache-2.0
// What to ask of a device, from what it says of itself. Pure functions of DPDK's device description.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <rte_ethdev.h>

namespace rebuilder::nic {

// How frames are spread over RX queues, the best first.
enum class Rss : std::uint8_t { our_key, device_key, off };

inline constexpr std::size_t longest_rss_key = 64;
using RssKey = std::array<std::uint8_t, longest_rss_key>;

// One 16 bit word repeated makes the Toeplitz hash symmetric (Woo and Park, "Scalable TCP Session Monitoring
// with Symmetric RSS", 2012): on a plain span port both directions of a connection meet on one queue. Their
// word, 0x6d5a, folds the 128 source ports from 65408 that the mirror of one network interface uses onto 64
// of a table's 128 entries; this word keeps them apart, so a number of queues that is no power of two gets
// equal shares too.
constexpr RssKey make_rss_key() noexcept {
    RssKey key{};
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = i % 2 == 0 ? 0xeb : 0xe7;
    return key;
}

// What is worth trying, in this order: a driver says what it refuses only when it is asked.
[[nodiscard]] std::vector<Rss> rss_wishes(const rte_eth_dev_info& info, std::uint16_t queues);
// We send nothing, but few drivers do without a TX queue, and some want as many as there are RX queues.
[[nodiscard]] std::vector<std::uint16_t> tx_queue_wishes(const rte_eth_dev_info& info, std::uint16_t queues);

// The largest MTU, up to the wanted one, of which frames fit the device and one RX buffer, or several where
// the device can scatter.
[[nodiscard]] std::uint16_t usable_mtu(
    const rte_eth_dev_info& info, std::uint16_t wanted, std::uint32_t frame_room) noexcept;

// A sentence for the log when some of the workers that poll a port are on another NUMA node than it; else empty. A node of
// -1 is unknown, or any.
[[nodiscard]] std::string far_workers_note(const std::string& port, int port_node, std::span<const int> worker_nodes);

// `key` is pointed to, not copied.
[[nodiscard]] rte_eth_conf port_configuration(
    const rte_eth_dev_info& info, std::uint16_t mtu, std::uint32_t frame_room, Rss rss, RssKey& key) noexcept;

}  // namespace rebuilder::nic
