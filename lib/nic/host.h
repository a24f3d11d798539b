// SPDX-License-Identifier: Apache-2.0
// Host: what this machine has for DPDK, read once at start. Plain data, so that plans made from it can be tested.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rebuilder::nic {

struct Hugepages {
    std::uint64_t page_bytes = 0;
    std::uint64_t total = 0;
    std::uint64_t free = 0;  // and not promised to anyone
};

struct Host {
    std::vector<unsigned> cpus;        // that this process may run on, ascending
    std::vector<Hugepages> hugepages;  // by size, smallest first
    std::vector<int> nodes = {};       // NUMA node of each of the CPUs
};

// What cannot be read counts as not there.
[[nodiscard]] Host read_host();

// -1: unknown, or there is only one.
[[nodiscard]] int pci_numa_node(const std::string& address);

[[nodiscard]] std::uint64_t free_hugepage_bytes(const Host& host) noexcept;

}  // namespace rebuilder::nic
