// SPDX-License-Identifier: Apache-2.0
// DPDK for a program of tests: EAL starts once a process, with all the virtual devices that its tests use. Needs neither root
// nor hugepages. One worker.
#pragma once

#include <string>

#include <rte_ethdev.h>

#include "nic/eal.h"
#include "nic/port.h"

// Of DPDK's drivers' side, of which no header is installed everywhere: a device tells what happened to it.
extern "C" {
rte_eth_dev* rte_eth_dev_allocated(const char* name);
int rte_eth_dev_callback_process(rte_eth_dev* device, rte_eth_event_type event, void* details);
}

namespace rebuilder::test {

inline nic::Device device(const std::string& arguments, std::uint16_t queues = 1) {
    return nic::make_device(nic::parse_input("vdev:" + arguments), 0, queues);
}

inline nic::Eal& eal() {
    static nic::Eal eal = [] {
        nic::EalOptions options;
        for (const char* each :
            {"net_null0,size=64", "net_null1,size=64", "net_null2,size=64", "net_ring0", "net_ring1", "net_ring2"}) {
            options.devices.push_back(device(each));
            options.buffer_bytes += nic::buffer_bytes(options.devices.back(), {});
        }
        options.buffer_bytes += 64 << 20;
        return nic::Eal(nic::plan_eal(options, nic::read_host()));
    }();
    return eal;
}

inline void say(const std::string& port_name, rte_eth_event_type event) {
    rte_eth_dev_callback_process(rte_eth_dev_allocated(port_name.c_str()), event, nullptr);
}

}  // namespace rebuilder::test
