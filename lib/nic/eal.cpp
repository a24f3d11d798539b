// SPDX-License-Identifier: Apache-2.0
#include "nic/eal.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_timer.h>
#include <rte_version.h>

#include "base/error.h"
#include "nic/eal_log.h"
#include "nic/output_aside.h"

namespace rebuilder::nic {

namespace {

void start(const EalPlan& plan) {
    std::vector<std::string> arguments = plan.arguments;
    arguments.insert(arguments.begin(), "rebuilder");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);

    std::string said;
    {
        const OutputAside aside(!plan.verbose);
        if (rte_eal_init(static_cast<int>(arguments.size()), argv.data()) >= 0) return;
        said = aside.text();
    }
    const int error = rte_errno;
    std::string reason = EalLog::first_error();
    if (said.starts_with("rebuilder: ")) reason = said.substr(0, said.find('\n'));  // getopt on an EAL option
    if (reason.empty()) reason = rte_strerror(error);
    const bool bad_arguments = error == EINVAL || error == ENODEV;
    throw Error(bad_arguments ? ExitStatus::usage : ExitStatus::runtime, fmt::format("DPDK cannot start: {}", reason));
}

int run_body(void* body) {
    (*static_cast<std::function<void()>*>(body))();
    return 0;
}

}  // namespace

struct Eal::State {
    explicit State(bool verbose) : log(verbose) {}

    EalLog log;
    std::vector<unsigned> lcores;  // of the workers
    std::vector<std::function<void()>> bodies;
    bool share_cpus = false;
};

Eal::Eal(const EalPlan& plan) : state_(std::make_unique<State>(plan.verbose)) {
    if (plan.workers >= RTE_MAX_LCORE) {
        throw Error(
            ExitStatus::usage, fmt::format("--workers {}: DPDK has room for {}", plan.workers, RTE_MAX_LCORE - 1));
    }
    start(plan);

    rte_cpuset_t taken = rte_lcore_cpuset(rte_get_main_lcore());
    constexpr unsigned before_first = ~0u;
    unsigned lcore = rte_get_next_lcore(before_first, 1, 0);
    for (; lcore < RTE_MAX_LCORE && state_->lcores.size() < plan.workers; lcore = rte_get_next_lcore(lcore, 1, 0)) {
        rte_cpuset_t own = rte_lcore_cpuset(lcore);
        rte_cpuset_t both;
        CPU_AND(&both, &own, &taken);
        if (CPU_COUNT(&both) != 0) state_->share_cpus = true;
        CPU_OR(&taken, &taken, &own);
        state_->lcores.push_back(lcore);
    }
    try {
        need_lcores(state_->lcores.size() + 1, plan.workers);
    } catch (...) {
        rte_eal_cleanup();
        throw;
    }
    state_->bodies.resize(plan.workers);
}

Eal::~Eal() {
    if (!state_) return;
    wait();
    rte_eal_cleanup();
}

Eal::Eal(Eal&& other) noexcept = default;

Eal& Eal::operator=(Eal&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

int Eal::numa_node(unsigned worker) const noexcept {
    return static_cast<int>(rte_lcore_to_socket_id(state_->lcores.at(worker)));
}

unsigned Eal::workers() const noexcept {
    return static_cast<unsigned>(state_->lcores.size());
}

bool Eal::workers_share_cpus() const noexcept {
    return state_->share_cpus;
}

void Eal::launch(unsigned worker, std::function<void()> body) {
    state_->bodies.at(worker) = std::move(body);
    if (rte_eal_remote_launch(run_body, &state_->bodies[worker], state_->lcores[worker]) != 0) {
        throw Error(ExitStatus::runtime, fmt::format("worker {} is still running", worker));
    }
}

void Eal::wait() noexcept {
    rte_eal_mp_wait_lcore();
}

void Eal::tick() noexcept {
    rte_timer_manage();
}

void Eal::show_log() noexcept {
    EalLog::show();
}

std::string Eal::version() {
    return rte_version();
}

}  // namespace rebuilder::nic
