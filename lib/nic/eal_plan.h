// SPDX-License-Identifier: Apache-2.0
// EalPlan: the arguments for DPDK's environment layer (EAL), from our options and the host's facts.
//
// Pure: no DPDK, no system calls. EAL options that the operator gave behind `--` come last and win; where one
// of them decides a matter (lcores, memory, PCI devices), nothing of ours is said about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nic/host.h"
#include "nic/input.h"

namespace rebuilder::nic {

struct EalOptions {
    std::vector<Device> devices;
    unsigned workers = 1;
    std::string lcores;              // --lcores MAP as EAL takes it; empty: plan_lcores()
    std::uint64_t buffer_bytes = 0;  // all RX buffers, see buffer_bytes() in port.h
    int node = -1;                   // NUMA node that the workers are to be on, if it has CPUs for them; -1: any
    std::vector<std::string> extra;  // the operator's EAL options
    bool verbose = false;            // EAL's own messages on stderr
};

struct EalPlan {
    std::vector<std::string> arguments;  // without the program's name
    std::string hint;                    // a sentence for the log when the host could serve us better, else empty
    unsigned workers = 1;
    bool verbose = false;
};

// Lcore 0 is the control thread, lcores 1.. are the workers. With a CPU to spare each worker gets one of its
// own, the last ones, and everything else floats over the rest. With fewer, all float over all CPUs.
[[nodiscard]] std::string plan_lcores(std::span<const unsigned> cpus, unsigned workers);

// Throws Error (usage) when `have` lcores, of which one is the main one, are too few.
void need_lcores(std::size_t have, unsigned workers);
// The same for a MAP of ours. One that can't be read is left to EAL, which says so.
void check_lcores(const EalOptions& options);

// Throws as check_lcores(), and Error (runtime) when a dpdk: input would have to do without hugepages.
[[nodiscard]] EalPlan plan_eal(const EalOptions& options, const Host& host);

}  // namespace rebuilder::nic
