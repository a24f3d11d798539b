// SPDX-License-Identifier: Apache-2.0
#include "memory_lock.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>

namespace rebuilder {
namespace {

constexpr std::uint64_t megabyte = 1 << 20;
constexpr std::uint64_t left_to_others = 256 * megabyte;

std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::uint64_t number = 0;
    if (stream >> number) return number;
    return std::nullopt;  // also "max"
}

// Of the control group (v2) and those above it, the least.
std::optional<std::uint64_t> left_in_control_group() {
    std::ifstream stream("/proc/self/cgroup");
    std::optional<std::uint64_t> least;
    for (std::string line; std::getline(stream, line);) {
        if (!line.starts_with("0::/")) continue;
        const std::filesystem::path root = "/sys/fs/cgroup";
        for (std::filesystem::path group = root / line.substr(4); group != root && group.has_relative_path();
             group = group.parent_path()) {
            const auto most = number_in(group / "memory.max");
            const auto used = number_in(group / "memory.current");
            if (!most || !used) continue;
            const std::uint64_t left = *most - std::min(*most, *used);
            least = std::min(least.value_or(left), left);
        }
    }
    return least;
}

}  // namespace

std::uint64_t available_memory() {
    std::uint64_t available = 0;
    std::ifstream stream("/proc/meminfo");
    for (std::string name, rest; stream >> name && available == 0; std::getline(stream, rest)) {
        if (name != "MemAvailable:") continue;
        stream >> available;
        available *= 1024;
    }
    return std::min(available, left_in_control_group().value_or(available));
}

std::string lock_memory(std::uint64_t untouched_bytes) {
    const std::uint64_t available = available_memory();
    if (available < untouched_bytes + left_to_others) {
        return fmt::format("memory is taken when it is needed: {} MiB of it can be, and only {} MiB are free",
            untouched_bytes / megabyte, available / megabyte);
    }
    if (::mlockall(MCL_CURRENT) == 0) return {};
    const int error = errno;
    (void)::munlockall();
    return fmt::format("memory is taken when it is needed, not at start, for want of the right to lock it: {}; see "
                       "LimitMEMLOCK of systemd, or `ulimit -l`",
        std::strerror(error));
}

}  // namespace rebuilder
