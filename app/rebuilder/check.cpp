// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "config_print.h"
#include "devices.h"
#include "memory_lock.h"
#include "nic/exception_plan.h"
#include "nic/host.h"
#include "nic/input.h"
#include "nic/kernel_interface.h"
#include "option_values.h"
#include "outputs.h"
#include "report.h"

namespace rebuilder {

namespace {

std::string first_line(const std::filesystem::path& file) {
    std::string line;
    std::ifstream stream(file);
    std::getline(stream, line);
    return line;
}

// The findings, as they are made.
class Findings {
  public:
    explicit Findings(std::ostream& out) : out_(out) {}

    void fine(std::string_view sentence) { out_ << "# fine: " << sentence << '\n'; }
    // It runs without, but worse.
    void advise(std::string_view sentence) { out_ << "# advice: " << sentence << '\n'; }
    void lacks(std::string_view sentence) {
        out_ << "# lacking: " << sentence << '\n';
        ++lacking_;
    }

    [[nodiscard]] int lacking() const { return lacking_; }

  private:
    std::ostream& out_;
    int lacking_ = 0;
};

// ---- inputs ----

void check_pci_driver(const nic::Input& input, Findings& findings) {
    constexpr std::array<std::string_view, 3> userspace{"vfio-pci", "igb_uio", "uio_pci_generic"};
    // DPDK shares these devices with their kernel driver.
    constexpr std::array<std::string_view, 3> shared{"mlx4_core", "mlx5_core", "mana"};

    const std::string address = nic::make_device(input, 0, 1).port_name;
    const std::filesystem::path device = "/sys/bus/pci/devices/" + address;
    std::error_code error;
    const std::string driver = std::filesystem::read_symlink(device / "driver", error).filename();
    const std::string bind = fmt::format("bind it with `dpdk-devbind.py --bind=vfio-pci {}`", address);
    if (driver.empty()) {
        findings.lacks(fmt::format("{} has no driver; {}", input.name, bind));
    } else if (std::ranges::find(shared, driver) != shared.end()) {
        findings.fine(fmt::format("{} has the driver {}, which DPDK shares", input.name, driver));
    } else if (std::ranges::find(userspace, driver) == userspace.end()) {
        findings.lacks(fmt::format("{} belongs to the kernel's driver {}; {}", input.name, driver, bind));
    } else if (driver == "vfio-pci" && !std::filesystem::exists(device / "iommu_group", error)) {
        findings.lacks(fmt::format("{} is bound to vfio-pci, but in no IOMMU group; where there is no IOMMU, set "
                                   "vfio's enable_unsafe_noiommu_mode and bind it again",
            input.name));
    } else {
        findings.fine(fmt::format("{} is bound to {}", input.name, driver));
    }
}

void check_interface(const nic::Input& input, Findings& findings) {
    if (!nic::kernel_interface_up(input.argument)) {
        findings.lacks(fmt::format("{} is down; `ip link set {} up`", input.name, input.argument));
        return;
    }
    const unsigned mtu = nic::kernel_interface_mtu(input.argument);
    findings.fine(fmt::format("{} is up, its MTU is {}", input.name, mtu));
    constexpr unsigned jumbo = 9001;  // what the interfaces in a VPC have
    if (mtu < jumbo) {
        findings.advise(
            fmt::format("{}: mirrored frames longer than {} bytes don't come through; `ip link set {} mtu {}`",
                input.name, mtu, input.argument, jumbo));
    }
}

void check_inputs(const Config& config, Findings& findings) {
    if (config.inputs.empty()) findings.lacks("no input is given, see --input");
    for (const std::string& spec : config.inputs) {
        const nic::Input input = nic::parse_input(spec);
        try {
            nic::check_input(input);
        } catch (const Error& error) {
            findings.lacks(error.what());
            continue;
        }
        switch (input.kind) {
        case nic::InputKind::dpdk: check_pci_driver(input, findings); break;
        case nic::InputKind::af_xdp:
        case nic::InputKind::af_packet: check_interface(input, findings); break;
        case nic::InputKind::pcap: findings.fine(fmt::format("{} can be read", input.name)); break;
        case nic::InputKind::vdev: findings.fine(fmt::format("{} is left to DPDK", input.name)); break;
        }
    }
}

void check_exception_path(const Config& config, Findings& findings) {
    using nic::ExceptionKind;
    if (config.exception_path == ExceptionKind::none) return;
    for (std::size_t i = 0; i < config.inputs.size(); ++i) {
        const nic::Input input = nic::parse_input(config.inputs[i]);
        const std::string interface = nic::exception_interface(i);
        const std::string shortage = nic::exception_shortage(config.exception_path, interface);
        if (!nic::takes_exceptions(input)) {
            findings.advise(fmt::format("{}: a capture has no exception path", input.name));
        } else if (shortage.empty()) {
            findings.fine(fmt::format("{}: {} can be made for what isn't the mirror's", input.name, interface));
        } else {
            findings.lacks(fmt::format("--exception-path for {}: {}", input.name, shortage));
        }
        if (input.kind == nic::InputKind::af_packet) {
            findings.advise(
                fmt::format("{}: see that the kernel doesn't answer there too, beside {}; drop what it receives "
                            "with nft (drivers-config/README.md)",
                    input.name, interface));
        }
    }
}

bool has_input(const Config& config, nic::InputKind kind) {
    return std::ranges::any_of(
        config.inputs, [&](const std::string& spec) { return nic::parse_input(spec).kind == kind; });
}

// ---- the host ----

void check_hugepages(const nic::EalOptions& options, const nic::Host& host, Findings& findings) {
    std::string pages;
    for (const nic::Hugepages& size : host.hugepages) {
        pages += fmt::format(
            "{}{} of {} free with {}", pages.empty() ? "" : ", ", size.free, size.total, write_size(size.page_bytes));
    }
    try {
        // As a run begins.
        const nic::EalPlan plan = nic::plan_eal(options, host);
        if (plan.hint.empty()) {
            findings.fine(fmt::format("hugepages: {}", pages.empty() ? "this kernel has none" : pages));
        } else {
            findings.advise(plan.hint);
        }
    } catch (const Error& error) {
        findings.lacks(error.what());
    }
    std::ifstream mounts("/proc/mounts");
    bool mounted = false;
    for (std::string device, folder, type, rest; mounts >> device >> folder >> type && std::getline(mounts, rest);) {
        mounted = mounted || type == "hugetlbfs";
    }
    // DPDK is told to take its pages without files.
    findings.fine(mounted ? "hugetlbfs is mounted" : "hugetlbfs is not mounted, and need not be");
}

void check_cpus(std::size_t workers, const nic::Host& host, Findings& findings) {
    if (workers < host.cpus.size()) {
        findings.fine(fmt::format("CPUs: {} for this process, {} for workers", host.cpus.size(), workers));
    } else {
        findings.advise(fmt::format("CPUs: {} for this process; {} busy workers and the forwarders will share them",
            host.cpus.size(), workers));
    }
    const std::string isolated = first_line("/sys/devices/system/cpu/isolated");
    if (isolated.empty()) {
        findings.advise("no CPU is isolated, so others interrupt the workers; see isolcpus= of the kernel");
    } else {
        findings.fine(fmt::format("isolated CPUs: {}", isolated));
    }
}

void check_outputs_and_files(const Config& config, std::size_t workers, Findings& findings) {
    if (config.outputs.empty()) findings.lacks("no output is given, see --output");
    std::uint64_t connections = 0;
    for (const forward::OutputSpec& spec : config.outputs) {
        connections += forwarders_of(config, spec, workers) * forward::most_connections(spec, config.http_output);
    }
    constexpr std::uint64_t own_files = 128;  // devices, capture files, listeners, libraries

    for (const forward::OutputSpec& spec : config.outputs) {
        if (!spec.tls) continue;
        try {
            const forward::TlsContext context(spec.text, spec.host, config.http_output.tls, config.http_output.http2);
        } catch (const Error& error) {
            findings.lacks(error.what());
            continue;
        }
        if (config.http_output.tls.insecure) {
            findings.advise(fmt::format("output {}: --tls-insecure sends requests to whoever answers", spec.text));
        } else {
            findings.fine(fmt::format("output {}: there are certificates to trust it by", spec.text));
        }
    }

    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    if (limit.rlim_cur < connections + own_files) {
        findings.lacks(fmt::format("{} connections need a limit of {} open files, and it is {}; `ulimit -n {}`",
            connections, connections + own_files, limit.rlim_cur, connections + own_files));
    } else {
        findings.fine(fmt::format("open files: {} allowed, {} connections", limit.rlim_cur, connections));
    }
}

void check_locked_memory(const Config& config, Findings& findings) {
    const bool device_buffers = has_input(config, nic::InputKind::af_xdp) || has_input(config, nic::InputKind::dpdk);
    if (!device_buffers && !config.lock_memory) return;
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return;
    if (limit.rlim_cur == RLIM_INFINITY || ::geteuid() == 0) {
        findings.fine("locked memory: not limited");
    } else {
        findings.advise(fmt::format("locked memory: {} KB allowed, which is too little for {}; "
                                    "`ulimit -l unlimited`",
            limit.rlim_cur / 1024, device_buffers ? "a device's buffers" : "having all of it at start"));
    }
}

void check_memory(const Config& config, std::size_t workers, Findings& findings) {
    std::uint64_t needed = 0;
    try {
        // One as a run has it says so itself. What it maps it doesn't touch here.
        const auto worker =
            std::make_unique<pipeline::Worker>(worker_config(config, workers), std::vector<pipeline::OutputLink>{});
        needed = worker->mapped_bytes() * workers;
    } catch (const Error& error) {
        return findings.lacks(fmt::format("memory for a worker: {}", error.what()));
    }
    for (const forward::OutputSpec& spec : config.outputs) {
        needed += forwarders_of(config, spec, workers) * forward::most_bytes(spec, config.http_output);
    }
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t present = page * static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
    const std::string sum = fmt::format("memory: {} worker{} and the outputs can come to use {} MB, beside the receive "
                                        "buffers; this host has {} MB",
        workers, workers == 1 ? "" : "s", needed / megabyte, present / megabyte);
    if (needed > present) {
        findings.lacks(fmt::format("{}; lower --buffers, --held or --max-flows", sum));
    } else if (config.lock_memory && needed > available_memory()) {
        findings.advise(fmt::format(
            "{}, of which {} MB are free: it can't have all of it at start", sum, available_memory() / megabyte));
    } else {
        findings.fine(sum);
    }
}

}  // namespace

int check_host(const Config& config, std::ostream& out) {
    const std::vector<nic::Device> devices = devices_of(config);
    const unsigned workers = workers_of(config, devices);
    const nic::EalOptions eal = eal_options(config, devices, workers);
    // As a run refuses them.
    nic::check_lcores(eal);
    check_ledger_file(config);
    print_config(config, out);
    out << "\n# This host:\n";
    Findings findings(out);
    const nic::Host host = nic::read_host();
    check_inputs(config, findings);
    check_exception_path(config, findings);
    check_outputs_and_files(config, workers, findings);
    check_hugepages(eal, host, findings);
    check_cpus(workers, host, findings);
    check_locked_memory(config, findings);
    check_memory(config, workers, findings);
    if (findings.lacking() == 0) {
        out << "# All that is needed is there.\n";
        return static_cast<int>(ExitStatus::fine);
    }
    out << fmt::format("# {} thing{} lacking.\n", findings.lacking(), findings.lacking() == 1 ? " is" : "s are");
    return static_cast<int>(ExitStatus::runtime);
}

}  // namespace rebuilder
