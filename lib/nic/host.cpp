// SPDX-License-Identifier: Apache-2.0
#include "nic/host.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace rebuilder::nic {

namespace {

std::uint64_t read_number(const std::filesystem::path& file) {
    std::uint64_t number = 0;
    std::ifstream(file) >> number;
    return number;
}

std::vector<unsigned> read_cpus() {
    std::vector<unsigned> cpus;
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return {0};
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
    }
    return cpus;
}

// A CPU's folder has a link to that of its node.
int node_of_cpu(unsigned cpu) {
    constexpr std::string_view prefix = "node";
    std::error_code error;
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename();
        int node = -1;
        if (!name.starts_with(prefix)) continue;
        const auto [end, failed] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), node);
        if (failed == std::errc{} && end == name.data() + name.size()) return node;
    }
    return -1;
}

std::vector<Hugepages> read_hugepages() {
    std::vector<Hugepages> sizes;
    constexpr std::string_view prefix = "hugepages-";  // then "2048kB"
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(prefix)) continue;
        std::uint64_t kilobytes = 0;
        std::from_chars(name.data() + prefix.size(), name.data() + name.size(), kilobytes);
        const std::uint64_t free = read_number(entry.path() / "free_hugepages");
        const std::uint64_t promised = read_number(entry.path() / "resv_hugepages");
        sizes.push_back(
            {kilobytes * 1024, read_number(entry.path() / "nr_hugepages"), free - std::min(free, promised)});
    }
    std::ranges::sort(sizes, {}, &Hugepages::page_bytes);
    return sizes;
}

}  // namespace

Host read_host() {
    Host host{read_cpus(), read_hugepages()};
    for (const unsigned cpu : host.cpus) host.nodes.push_back(node_of_cpu(cpu));
    return host;
}

int pci_numa_node(const std::string& address) {
    int node = -1;
    std::ifstream("/sys/bus/pci/devices/" + address + "/numa_node") >> node;
    return node;
}

std::uint64_t free_hugepage_bytes(const Host& host) noexcept {
    std::uint64_t bytes = 0;
    for (const Hugepages& size : host.hugepages) bytes += size.page_bytes * size.free;
    return bytes;
}

}  // namespace rebuilder::nic
