// SPDX-License-Identifier: Apache-2.0
#include "nic/ethdev_side.h"

#include <cstring>

#include <fmt/format.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/error.h"
#include "nic/eal_log.h"

namespace rebuilder::nic {

EthdevSide::EthdevSide(const std::string& name, const std::string& arguments, rte_mempool* buffers)
    : name_(name)
    , buffers_(buffers) {
    EalLog::forget();
    int error = rte_eal_hotplug_add("vdev", name.c_str(), arguments.c_str());
    if (error == 0) {
        error = rte_eth_dev_get_port_by_name(name.c_str(), &port_);
        if (error == 0) error = start();
        if (error == 0) return;
        rte_eal_hotplug_remove("vdev", name.c_str());
    }
    std::string reason = EalLog::first_error();
    if (reason.empty()) reason = rte_strerror(-error);
    throw Error(ExitStatus::runtime, fmt::format("{}: can't be made: {}", name, reason));
}

int EthdevSide::start() noexcept {
    const rte_eth_conf plain{};
    const auto node = static_cast<unsigned>(rte_eth_dev_socket_id(port_));
    std::uint16_t rx = descriptors;
    std::uint16_t tx = descriptors;
    int error = rte_eth_dev_configure(port_, 1, 1, &plain);
    if (error == 0) error = rte_eth_dev_adjust_nb_rx_tx_desc(port_, &rx, &tx);
    if (error == 0) error = rte_eth_rx_queue_setup(port_, 0, rx, node, nullptr, buffers_);
    if (error == 0) error = rte_eth_tx_queue_setup(port_, 0, tx, node, nullptr);
    return error != 0 ? error : rte_eth_dev_start(port_);
}

EthdevSide::~EthdevSide() {
    rte_eth_dev_stop(port_);
    rte_eal_hotplug_remove("vdev", name_.c_str());
}

bool EthdevSide::give(Bytes frame) noexcept {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(buffers_);
    if (mbuf == nullptr) return false;
    char* const room =
        frame.size() <= UINT16_MAX ? rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size())) : nullptr;
    if (room != nullptr) {
        std::memcpy(room, frame.data(), frame.size());
        if (rte_eth_tx_burst(port_, 0, &mbuf, 1) == 1) return true;
    }
    rte_pktmbuf_free(mbuf);
    return false;
}

std::uint16_t EthdevSide::take(std::span<rte_mbuf*> frames) noexcept {
    return rte_eth_rx_burst(port_, 0, frames.data(), static_cast<std::uint16_t>(frames.size()));
}

}  // namespace rebuilder::nic
