// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "admin.h"
#include "base/error.h"
#include "devices.h"
#include "finding_log.h"
#include "log.h"
#include "loop.h"
#include "memory_lock.h"
#include "monitor.h"
#include "nic/eal.h"
#include "nic/eal_plan.h"
#include "nic/exception_path.h"
#include "nic/host.h"
#include "nic/input.h"
#include "nic/port.h"
#include "nic/port_config.h"
#include "notify.h"
#include "option_values.h"
#include "outputs.h"
#include "port_watch.h"
#include "reload.h"
#include "report.h"
#include "telemetry.h"

namespace rebuilder {
namespace {

std::atomic<bool> leave_requested{false};   // signal handler: w, control: r
std::atomic<bool> stop_requested{false};    // signal handler and control: w, workers: r
std::atomic<bool> reload_requested{false};  // signal handler: w, control: takes it

// Whoever asks twice doesn't want to wait.
void on_stop(int) noexcept {
    if (leave_requested.exchange(true, std::memory_order_relaxed))
        stop_requested.store(true, std::memory_order_relaxed);
}

void on_reload(int) noexcept {
    reload_requested.store(true, std::memory_order_relaxed);
}

std::vector<nic::Device> plan_devices(const Config& config) {
    for (const std::string& spec : config.inputs) nic::check_input(nic::parse_input(spec));
    return devices_of(config);
}

nic::Eal start_eal(
    const Config& config, const std::vector<nic::Device>& devices, unsigned workers, std::vector<std::string>& hints) {
    const nic::EalPlan plan = nic::plan_eal(eal_options(config, devices, workers), nic::read_host());
    if (!plan.hint.empty()) hints.push_back(plan.hint);
    return nic::Eal(plan);
}

// Everything that lives as long as the run, in the order of its making.
class Appliance {
  public:
    Appliance(const Config& config, std::function<Config()> read_again)
        : config_(config)
        , log_(config.log_format, config.log_level)
        , devices_(plan_devices(config))
        , worker_count_(workers_of(config, devices_))
        , outputs_(config, worker_count_, config.queue)
        , eal_(start_eal(config, devices_, worker_count_, hints_)) {
        for (const nic::Device& device : devices_) ports_.emplace_back(device, port_options(config));
        exceptions_.emplace(config.exception_path, ports_);
        watch_.emplace(ports_);
        for (std::size_t i = 0; i < worker_count_; ++i) {
            const pipeline::WorkerConfig worker = worker_config(config, worker_count_);
            workers_.push_back(std::make_unique<pipeline::Worker>(worker, outputs_.links(i)));
            statuses_.push_back(std::make_unique<WorkerStatus>());
        }
        share_queues();
        if (config.lock_memory) hint(lock_memory(worker_count_ * workers_[0]->mapped_bytes()));
        reload_.emplace(config_, std::move(read_again), outputs_, workers_, log_);
        monitor_.emplace(
            config_, ports_, workers_, statuses_, outputs_, [this] { return ill_health(); },
            [this] { return counters_of_others(); });
        telemetry_.emplace(telemetry_commands([this] { return monitor_->take(); }));
        admin_.emplace(config, Admin::Sources{
                                   [this] { return ledger(); },
                                   [this] { return ill_health(); },
                                   [this] { return monitor_->take(); },
                               });
    }

    int run() {
        outputs_.start();
        exceptions_->start();
        const IdleLimits idle = idle_limits(config_.idle_sleep_ns, eal_.workers_share_cpus());
        for (unsigned i = 0; i < worker_count_; ++i) {
            statuses_[i]->heartbeat_ns = nic::HostTime::monotonic_ns();
            eal_.launch(
                i, [this, i, idle] { run_loop(queues_[i], *workers_[i], idle, *statuses_[i], stop_requested); });
        }
        say_ready();
        supervise();
        return finish();
    }

  private:
    // That it is, then what an operator may want to know about it.
    void say_ready() {
        const auto most_mib = workers_[0]->mapped_bytes() >> 20;
        log_.write(LogLevel::info, "ready",
            fmt::format(
                "ready: {} worker{}, each with at most {} MiB", worker_count_, worker_count_ == 1 ? "" : "s", most_mib),
            {{"workers", fmt::format("{}", worker_count_)}, {"worker_mib", fmt::format("{}", most_mib)}});
        for (const nic::Port& port : ports_) {
            log_.detail("port", port.description());
            for (const std::string& note : port.notes()) log_.detail("port", note);
        }
        for (const std::string& line : exceptions_->descriptions()) log_.detail("exception_path", line);
        for (const std::string& line : outputs_.descriptions()) log_.detail("output", line);
        for (const std::string& hint : hints_) log_.detail("hint", hint);
        notify_.ready();
        notify_.status(fmt::format("rebuilds with {} worker{}", worker_count_, worker_count_ == 1 ? "" : "s"));
    }

    // Queue after queue to worker after worker: one each, when there are as many.
    void share_queues() {
        queues_.resize(worker_count_);
        std::size_t next = 0;
        for (nic::Port& port : ports_) {
            std::vector<int> nodes;
            for (std::uint16_t queue = 0; queue < port.queues(); ++queue) {
                const std::size_t worker = next++ % worker_count_;
                queues_[worker].push_back(port.rx_queue(queue));
                nodes.push_back(eal_.numa_node(static_cast<unsigned>(worker)));
            }
            hint(nic::far_workers_note(port.name(), port.numa_node(), nodes));
        }
        if (next < worker_count_) {
            hint(fmt::format("{} of the workers have no queue: the inputs have {}", worker_count_ - next, next));
        }
    }

    void hint(std::string sentence) {
        if (!sentence.empty()) hints_.push_back(std::move(sentence));
    }

    // The control thread's own loop, until the workers are done.
    void supervise() {
        const auto all_finished = [this] {
            return std::all_of(statuses_.begin(), statuses_.end(),
                [](const auto& status) { return status->finished.load(std::memory_order_acquire); });
        };
        auto next_tick = std::chrono::steady_clock::now();
        while (!all_finished()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            reload();
            leave();
            const bool tick = std::chrono::steady_clock::now() >= next_tick;
            if (tick) {
                next_tick += std::chrono::seconds(1);
                // A pause of the whole process has one, however long it was.
                const auto now = std::chrono::steady_clock::now();
                if (next_tick < now) next_tick = now + std::chrono::seconds(1);
                nic::Eal::tick();
                look_after_workers();
                monitor_->tick();
                findings_.look(monitor_->take().findings);
            }
            if (!stop_requested) watch_ports(tick);
        }
        eal_.wait();
        exceptions_->take_over(queues_, config_.decap);
    }

    void watch_ports(bool links_too) {
        watch_->look(links_too);
        for (const PortNews& news : watch_->take_news()) {
            log_.write(news.level, news.event, news.sentence, {{"port", news.port}});
        }
        if (watch_->end().empty()) return;
        problems_.push_back(watch_->end());
        stop_requested = true;
    }

    // What counts beside the workers and the outputs. Any thread.
    [[nodiscard]] CounterValues counters_of_others() const {
        CounterValues values = exceptions_->counters();
        values += watch_->counters().read();
        return values;
    }

    // Any thread.
    [[nodiscard]] Ledger ledger() const {
        Ledger ledger = outputs_.ledger(workers_);
        ledger.workers += counters_of_others();
        return ledger;
    }

    void reload() {
        if (reload_requested.exchange(false, std::memory_order_relaxed) && !stop_requested) {
            notify_.reloading();
            reload_->request();
            reloading_ = true;
        }
        reload_->step();
        if (!reloading_ || reload_->busy()) return;
        notify_.ready();
        reloading_ = false;
    }

    // Lame duck: it works on, but asks by its health check to be left alone, until what sends here has gone elsewhere.
    void leave() {
        if (!leave_requested || stop_requested) return;
        const auto now = std::chrono::steady_clock::now();
        if (!leave_until_) {
            const std::chrono::nanoseconds lame_duck(config_.lame_duck_ns);
            leave_until_ = now + lame_duck;
            notify_.stopping(config_.lame_duck_ns + config_.drain_timeout_ns + slack_ns);
            if (lame_duck.count() != 0) {
                log_.write(LogLevel::info, "leaving",
                    fmt::format("leaving: the health check fails, everything else goes on for {}; a second signal "
                                "stops at once",
                        write_duration(config_.lame_duck_ns)));
            }
        }
        if (now >= *leave_until_) stop_requested = true;
    }

    // The service manager hears nothing while one is stuck, and restarts the appliance then.
    void look_after_workers() {
        const std::string stuck = stuck_worker();
        if (stuck != stuck_) {
            if (!stuck.empty()) log_.write(LogLevel::error, "worker_stuck", stuck);
            if (stuck.empty()) log_.write(LogLevel::info, "worker_back", "every worker works again");
            stuck_ = stuck;
        }
        if (stuck.empty()) notify_.alive();
    }

    int finish() {
        notify_.stopping(config_.drain_timeout_ns + slack_ns);
        monitor_->tick();
        admin_->drain();
        outputs_.begin_drain(config_.drain_timeout_ns);  // beside those that a reload has taken away
        reload_->finish();
        outputs_.drain(config_.drain_timeout_ns);
        exceptions_->stop();
        std::size_t blocks = 0;
        for (auto& worker : workers_) {
            worker->reclaim();
            blocks += worker->blocks_in_use();
        }
        for (std::size_t i = 0; i < ports_.size(); ++i) {
            nic::Port& port = ports_[i];
            const nic::PortStats stats = port.stats();
            if (devices_[i].input.kind == nic::InputKind::pcap && stats.errors != 0) {
                problems_.push_back(fmt::format("{}: the capture ends in the middle of a frame", port.name()));
            }
            log_.detail(
                "port_end", fmt::format("{}: {} frames received, {} missed, {} errors, {} times without a buffer",
                                port.name(), stats.frames, stats.missed, stats.errors, stats.no_buffers));
        }
        for (std::string& trouble : outputs_.troubles()) problems_.push_back(std::move(trouble));
        return report_end(config_, ledger(), blocks, problems_);
    }

    // Why this instance should get no more traffic; empty when it should.
    [[nodiscard]] std::string ill_health() const {
        if (stop_requested || leave_requested) return "draining";
        for (const nic::Port& port : ports_) {
            if (!port.link_up()) return fmt::format("{} is down", port.name());
        }
        return stuck_worker();
    }

    // A sentence about the first of them; empty when there is none.
    [[nodiscard]] std::string stuck_worker() const {
        const std::uint64_t now_ns = nic::HostTime::monotonic_ns();
        for (std::size_t i = 0; i < worker_count_; ++i) {
            const std::uint64_t beat_ns = statuses_[i]->heartbeat_ns.load(std::memory_order_relaxed);
            if (now_ns > beat_ns + heartbeat_limit_ns && !statuses_[i]->finished) {
                return fmt::format("worker {} is stuck", i);
            }
        }
        return {};
    }

    static constexpr std::uint64_t heartbeat_limit_ns = 2'000'000'000;
    static constexpr std::uint64_t slack_ns = 5'000'000'000;  // for an end that takes no time but needs a CPU

    Config config_;  // in force
    Log log_;
    Notify notify_;
    std::vector<nic::Device> devices_;
    unsigned worker_count_;
    std::vector<std::string> hints_;  // what would make it faster
    Outputs outputs_;
    nic::Eal eal_;
    std::vector<nic::Port> ports_;
    std::optional<nic::ExceptionPath> exceptions_;
    std::optional<PortWatch> watch_;
    std::vector<std::unique_ptr<pipeline::Worker>> workers_;
    std::vector<std::unique_ptr<WorkerStatus>> statuses_;
    std::vector<std::vector<nic::RxQueue>> queues_;  // for each worker
    std::optional<Reload> reload_;
    std::optional<Monitor> monitor_;
    FindingLog findings_{log_};
    std::optional<nic::Telemetry> telemetry_;
    std::optional<Admin> admin_;
    std::string stuck_;  // what was said last
    bool reloading_ = false;
    std::optional<std::chrono::steady_clock::time_point> leave_until_;
    std::vector<std::string> problems_;
};

}  // namespace

int run(const Config& config, std::function<Config()> read_again) {
    struct sigaction action {};
    action.sa_handler = on_stop;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    action.sa_handler = on_reload;
    ::sigaction(SIGHUP, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    check_ledger_file(config);
    const auto read_and_check = [read = std::move(read_again)] {
        Config next = read();
        check_ledger_file(next);
        return next;
    };
    return Appliance(config, read_and_check).run();
}

}  // namespace rebuilder
