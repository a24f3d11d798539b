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
    return {read_cpus(), read_hugepages()};
}

std::uint64_t free_hugepage_bytes(const Host& host) noexcept {
    std::uint64_t bytes = 0;
    for (const Hugepages& size : host.hugepages) bytes += size.page_bytes * size.free;
    return bytes;
}

}  // namespace rebuilder::nic
