// SPDX-License-Identifier: Apache-2.0
#include "nic/eal_plan.h"

#include <algorithm>
#include <bitset>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"

namespace rebuilder::nic {

namespace {

// EAL's own needs beside the RX buffers: ports, rings, the PMDs' tables.
constexpr std::uint64_t eal_bytes = 64u << 20;
constexpr std::uint64_t megabyte = 1u << 20;

std::uint64_t round_up(std::uint64_t number, std::uint64_t unit) {
    return (number + unit - 1) / unit;
}

// "--name", "--name=value"; "-n", "-n value" and "-nvalue" for names of one letter.
bool names_option(std::string_view argument, std::string_view name) {
    if (!argument.starts_with(name)) return false;
    return !name.starts_with("--") || argument.size() == name.size() || argument[name.size()] == '=';
}

template <std::size_t count>
bool decides(const std::vector<std::string>& extra, const std::string_view (&names)[count]) {
    return std::ranges::any_of(extra, [&](const std::string& argument) {
        return std::ranges::any_of(names, [&](std::string_view name) { return names_option(argument, name); });
    });
}

void plan_memory(const EalOptions& options, const Host& host, EalPlan& plan) {
    const std::uint64_t needed = options.buffer_bytes + eal_bytes;
    if (free_hugepage_bytes(host) >= needed) {
        plan.arguments.emplace_back("--in-memory");
        return;
    }
    std::string remedy = "this kernel has none to reserve";
    if (!host.hugepages.empty()) {
        const Hugepages& size = host.hugepages.front();
        const std::uint64_t missing = needed - free_hugepage_bytes(host);
        remedy = fmt::format("reserve them with `echo {} > /sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages`",
            size.total + round_up(missing, size.page_bytes), size.page_bytes / 1024);
    }
    const std::string shortage = fmt::format("{} MB of hugepages needed, {} MB free; {}", round_up(needed, megabyte),
        free_hugepage_bytes(host) / megabyte, remedy);
    for (const Device& device : options.devices) {
        if (device.input.kind == InputKind::dpdk) {
            throw Error(ExitStatus::runtime, fmt::format("{}: {}", device.input.name, shortage));
        }
    }
    plan.hint = fmt::format("running without hugepages, which costs speed: {}", shortage);
    plan.arguments.insert(
        plan.arguments.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(round_up(needed, megabyte))});
}

// The CPUs of a node last, where the workers are put.
std::vector<unsigned> with_node_last(const Host& host, int node) {
    std::vector<unsigned> cpus;
    for (const bool wanted : {false, true}) {
        for (std::size_t i = 0; i < host.cpus.size(); ++i) {
            const bool on_node = node >= 0 && i < host.nodes.size() && host.nodes[i] == node;
            if (on_node == wanted) cpus.push_back(host.cpus[i]);
        }
    }
    return cpus;
}

// How many a MAP names, however often; nothing when it can't be read.
std::optional<std::size_t> lcores_in(std::string_view map) {
    std::bitset<4096> lcores;
    bool in_group = false;
    bool is_cpu = false;  // behind @, until the comma between two parts
    const auto number = [&map]() -> std::optional<std::size_t> {
        std::size_t value = 0;
        const auto [end, error] = std::from_chars(map.data(), map.data() + map.size(), value);
        if (error != std::errc{}) return std::nullopt;
        map.remove_prefix(static_cast<std::size_t>(end - map.data()));
        return value;
    };
    while (!map.empty()) {
        const char sign = map.front();
        if (sign >= '0' && sign <= '9') {
            const auto first = number();
            auto last = first;
            if (map.starts_with('-')) {
                map.remove_prefix(1);
                last = number();
            }
            if (!first || !last || std::max(*first, *last) >= lcores.size()) return std::nullopt;
            if (is_cpu) continue;
            for (std::size_t i = std::min(*first, *last); i <= std::max(*first, *last); ++i) lcores.set(i);
            continue;
        }
        if (sign == '(' || sign == ')') in_group = sign == '(';
        if (sign == '@') is_cpu = true;
        if (sign == ',' && !in_group) is_cpu = false;
        map.remove_prefix(1);
    }
    return lcores.count();
}

}  // namespace

void need_lcores(std::size_t have, unsigned workers) {
    const std::size_t own = std::max<std::size_t>(have, 1) - 1;
    if (own >= workers) return;
    throw Error(ExitStatus::usage,
        fmt::format("--lcores gives {} worker lcores beside the main one, {} are needed", own, workers));
}

void check_lcores(const EalOptions& options) {
    if (options.lcores.empty()) return;
    if (const auto have = lcores_in(options.lcores)) need_lcores(*have, options.workers);
}

std::string plan_lcores(std::span<const unsigned> cpus, unsigned workers) {
    const std::size_t own = cpus.size() > workers ? workers : 0;
    const auto shared = cpus.first(cpus.size() - own);
    std::string floating;
    for (const unsigned cpu : shared) floating += fmt::format("{}{}", floating.empty() ? '(' : ',', cpu);
    floating += ')';
    std::string map = fmt::format("0@{}", floating);
    for (unsigned worker = 0; worker < workers; ++worker) {
        const std::string where = own != 0 ? std::to_string(cpus[shared.size() + worker]) : floating;
        map += fmt::format(",{}@{}", worker + 1, where);
    }
    return map;
}

EalPlan plan_eal(const EalOptions& options, const Host& host) {
    check_lcores(options);
    EalPlan plan;
    plan.workers = options.workers;
    plan.verbose = options.verbose || decides(options.extra, {"-h", "--help"});  // EAL prints its help and exits
    auto& arguments = plan.arguments;

    if (!options.lcores.empty()) {
        arguments.insert(arguments.end(), {"--lcores", options.lcores});
    } else if (!decides(options.extra, {"--lcores", "-l", "-c", "-s", "-S"})) {
        arguments.insert(
            arguments.end(), {"--lcores", plan_lcores(with_node_last(host, options.node), options.workers)});
    }

    if (!decides(options.extra, {"--no-huge", "--in-memory", "--huge-dir", "--legacy-mem", "--huge-unlink",
                                    "--single-file-segments", "--proc-type", "-m", "--socket-mem"})) {
        plan_memory(options, host, plan);
    }

    const bool pci =
        std::ranges::any_of(options.devices, [](const Device& device) { return device.input.kind == InputKind::dpdk; });
    if (!pci && !decides(options.extra, {"-a", "--allow", "-b", "--block"})) arguments.emplace_back("--no-pci");
    for (const Device& device : options.devices) {
        arguments.insert(arguments.end(), {device.eal_option, device.eal_value});
    }

    arguments.emplace_back("--file-prefix=rebuilder");
    if (!options.verbose) arguments.emplace_back("--log-level=warning");
    arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
    return plan;
}

}  // namespace rebuilder::nic
