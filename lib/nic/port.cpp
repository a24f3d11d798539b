// SPDX-License-Identifier: Apache-2.0
#include "nic/port.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "base/error.h"
#include "nic/buffer_pool.h"
#include "nic/eal_log.h"
#include "nic/kernel_interface.h"
#include "nic/output_aside.h"
#include "nic/port_config.h"

namespace rebuilder::nic {

namespace {

constexpr unsigned packet_socket_overhead = 96;  // of a ring's frame
constexpr std::uint16_t no_port = RTE_MAX_ETHPORTS;
constexpr std::array events{RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RESET, RTE_ETH_EVENT_INTR_RMV};

bool behind_kernel(InputKind kind) {
    return kind == InputKind::af_packet || kind == InputKind::af_xdp;
}

// The driver's own words are the best reason, the error number the next best.
[[noreturn]] void fail(const std::string& name, std::string_view what, int error) {
    std::string reason = EalLog::first_error();
    if (reason.empty()) reason = rte_strerror(error < 0 ? -error : error);
    throw Error(ExitStatus::runtime, fmt::format("{}: {}: {}", name, what, reason));
}

// Why DPDK has no port for a PCI device is nearly always that the kernel still has it.
std::string missing_port_reason(const Device& device) {
    if (device.input.kind != InputKind::dpdk) {
        std::string reason = EalLog::first_error();
        if (reason.empty()) reason = "DPDK has no driver for it; is the driver's package installed?";
        const bool unprivileged = device.input.kind == InputKind::af_packet && ::geteuid() != 0;
        return unprivileged ? reason + "; this needs root, or CAP_NET_RAW and CAP_IPC_LOCK" : reason;
    }
    std::error_code error;
    const auto driver = std::filesystem::read_symlink("/sys/bus/pci/devices/" + device.port_name + "/driver", error);
    if (error) {
        return fmt::format("no kernel driver holds the device for DPDK; bind it with `dpdk-devbind.py -b vfio-pci {}`",
            device.port_name);
    }
    return fmt::format("DPDK did not take it, the kernel's driver is {}; unless that is vfio-pci or igb_uio, bind it "
                       "with `dpdk-devbind.py -b vfio-pci {}`",
        driver.filename().string(), device.port_name);
}

// libbpf passes the kernel's explanation on among much else.
std::string kernel_reason(const std::string& text) {
    constexpr std::string_view mark = "Kernel error message: ";
    const std::size_t found = text.find(mark);
    if (found == std::string::npos) return {};
    const std::size_t begin = found + mark.size();
    return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

struct Port::State {
    State(const Device& wanted_device, const PortOptions& port_options)
        : device(wanted_device)
        , options(port_options) {}
    ~State();

    void find();
    void start();
    [[nodiscard]] int restart();
    [[nodiscard]] PortStats device_stats() const noexcept;
    [[nodiscard]] int try_start(Rss wanted_rss, std::uint16_t wanted_tx_queues);
    void make_pools(const rte_eth_dev_info& info);
    void enable_promiscuous();
    void describe();
    [[nodiscard]] bool took_our_key(const rte_eth_dev_info& info) const noexcept;
    static int on_event(std::uint16_t port, rte_eth_event_type event, void* state, void* details) noexcept;

    Device device;
    PortOptions options;
    std::uint16_t port = no_port;
    unsigned interface_index = 0;  // of the kernel's interface that the device is behind
    std::uint16_t queues = 0;
    std::uint16_t descriptors = 0;
    std::uint16_t mtu = 0;
    BufferPlan buffers;
    bool started = false;
    RssKey key = make_rss_key();
    std::vector<BufferPool> pools;  // one a queue, then what it is to keep
    PromiscuousMembership promiscuous;
    PacketSocketDrops drops;
    Rss rss = Rss::off;
    std::uint16_t tx_queues = 0;
    std::unique_ptr<PortGate> gate;
    std::vector<ExceptionQueue*> exceptions;  // one a queue, or none
    PortStats before_resets;
    std::atomic<bool> failed = false;  // these three: DPDK's interrupt thread or control: w, control: r
    std::atomic<bool> wants_reset = false;
    std::atomic<bool> link_changed = false;
    std::atomic<bool> link = false;  // control: w, any: r
    std::string description;
    std::vector<std::string> notes;
};

int Port::State::on_event(std::uint16_t, rte_eth_event_type type, void* state, void*) noexcept {
    auto& port = *static_cast<State*>(state);
    switch (type) {
    case RTE_ETH_EVENT_INTR_LSC: port.link_changed = true; break;
    case RTE_ETH_EVENT_INTR_RESET: port.wants_reset = true; break;
    default: port.failed = true;
    }
    return 0;
}

Port::State::~State() {
    if (port == no_port) return;
    for (const auto event : events) rte_eth_dev_callback_unregister(port, event, on_event, this);
    if (started) rte_eth_dev_stop(port);
    rte_eth_dev_close(port);
}

void Port::State::find() {
    if (rte_eth_dev_get_port_by_name(device.port_name.c_str(), &port) == 0) return;
    port = no_port;
    throw Error(ExitStatus::runtime, fmt::format("{}: {}", device.input.name, missing_port_reason(device)));
}

void Port::State::make_pools(const rte_eth_dev_info& info) {
    const int numa_node = rte_eth_dev_socket_id(port);
    for (std::uint16_t queue = 0; queue < queues; ++queue) {
        pools.push_back(make_buffer_pool(buffers, fmt::format("rx_{}_{}", port, queue), numa_node, device.input.name));
    }
    const auto elsewhere =
        std::ranges::count_if(pools, [=](const BufferPool& pool) { return pool->socket_id != numa_node; });
    if (elsewhere != 0) {
        notes.push_back(fmt::format("{}: NUMA node {} has no hugepages left for the buffers of {} queues",
            device.input.name, numa_node, elsewhere));
    }
    if (info.min_rx_bufsize > buffers.room) {
        throw Error(ExitStatus::usage,
            fmt::format("{}: the device wants RX buffers of {} bytes or more", device.input.name, info.min_rx_bufsize));
    }
}

// Answers 0 or a negative error. May be called again with less after a failure.
int Port::State::try_start(Rss wanted_rss, std::uint16_t wanted_tx_queues) {
    rss = wanted_rss;
    tx_queues = wanted_tx_queues;
    rte_eth_dev_info info{};
    if (const int error = rte_eth_dev_info_get(port, &info); error != 0) return error;
    const rte_eth_conf conf = port_configuration(info, mtu, buffers.room, rss, key);
    if (const int error = rte_eth_dev_configure(port, queues, tx_queues, &conf); error != 0) return error;

    // Some drivers (ENA) take the MTU only by this call. A kernel interface's MTU is its administrator's.
    if (device.input.kind == InputKind::dpdk) {
        const int error = rte_eth_dev_set_mtu(port, mtu);
        if (error != 0 && error != -ENOTSUP) {
            notes.push_back(fmt::format("{}: the device keeps its MTU, {} was refused", device.input.name, mtu));
        }
    }

    std::uint16_t tx_descriptors = 512;
    if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(port, &descriptors, &tx_descriptors); error != 0) {
        return error;
    }
    const auto numa_node = static_cast<unsigned>(rte_eth_dev_socket_id(port));
    rte_eth_rxconf rx_conf = info.default_rxconf;
    rx_conf.offloads = conf.rxmode.offloads;
    for (std::uint16_t queue = 0; queue < queues; ++queue) {
        const int error = rte_eth_rx_queue_setup(port, queue, descriptors, numa_node, &rx_conf, pools[queue].get());
        if (error != 0) return error;
    }
    for (std::uint16_t queue = 0; queue < tx_queues; ++queue) {
        const int error = rte_eth_tx_queue_setup(port, queue, tx_descriptors, numa_node, nullptr);
        if (error != 0) return error;
    }
    const int error = rte_eth_dev_start(port);
    started = error == 0;
    return error;
}

void Port::State::start() {
    rte_eth_dev_info info{};
    if (const int error = rte_eth_dev_info_get(port, &info); error != 0) {
        fail(device.input.name, "the device does not answer", error);
    }
    queues = std::min(device.queues, info.max_rx_queues);
    if (queues == 0) throw Error(ExitStatus::usage, fmt::format("{}: has no RX queue", device.input.name));
    if (queues < device.queues) {
        notes.push_back(fmt::format(
            "{}: {} RX queues instead of {}, the device has no more", device.input.name, queues, device.queues));
    }
    descriptors = options.descriptors;
    std::uint16_t unused = 0;
    rte_eth_dev_adjust_nb_rx_tx_desc(port, &descriptors, &unused);
    buffers = plan_buffers(device.input.kind, descriptors, options.frame_room, options.exceptions);
    mtu = usable_mtu(info, options.mtu, buffers.room);
    make_pools(info);
    gate = std::make_unique<PortGate>(queues + 1u);  // the last place is the transmitting thread's

    const OutputAside aside(device.input.kind == InputKind::af_xdp && !EalLog::shown());  // libxdp is talkative
    const std::size_t notes_before = notes.size();
    int error = 0;
    for (const Rss wanted_rss : rss_wishes(info, queues)) {
        for (const std::uint16_t wanted_tx_queues : tx_queue_wishes(info, queues)) {
            EalLog::forget();
            notes.resize(notes_before);
            error = try_start(wanted_rss, wanted_tx_queues);
            if (error == 0) return describe();
        }
    }
    if (const std::string reason = kernel_reason(aside.text()); !reason.empty()) {
        throw Error(ExitStatus::runtime, fmt::format("{}: the kernel refuses XDP: {}", device.input.name, reason));
    }
    fail(device.input.name, "the device cannot be started", error);
}

void Port::State::enable_promiscuous() {
    if (!options.promiscuous || device.input.kind == InputKind::pcap) return;
    bool enabled = false;
    if (behind_kernel(device.input.kind)) {
        promiscuous = PromiscuousMembership(device.input.argument);
        enabled = promiscuous.active();
    } else {
        enabled = rte_eth_promiscuous_enable(port) == 0;
    }
    if (!enabled) {
        notes.push_back(
            fmt::format("{}: no promiscuous mode, only frames for the device's own address arrive", device.input.name));
    }
}

// Some drivers (ENA) start all the same when the device keeps its own key.
bool Port::State::took_our_key(const rte_eth_dev_info& info) const noexcept {
    const std::uint8_t size = info.hash_key_size;  // not all drivers say how much they wrote
    RssKey found{};
    rte_eth_rss_conf conf{};
    conf.rss_key = found.data();
    conf.rss_key_len = size;
    return size <= found.size() && rte_eth_dev_rss_hash_conf_get(port, &conf) == 0 &&
           std::equal(found.begin(), found.begin() + size, key.begin());
}

void Port::State::describe() {
    rte_eth_dev_info info{};
    const bool known = rte_eth_dev_info_get(port, &info) == 0;
    std::string_view spread = "one queue";
    if (queues > 1) {
        switch (rss) {
        case Rss::our_key:
            spread = took_our_key(info) ? "spread by RSS" : "spread by RSS, perhaps with the device's own key";
            break;
        case Rss::device_key: spread = "spread by RSS with the device's own key"; break;
        case Rss::off: spread = "spread by the driver"; break;
        }
    }
    std::string frames = fmt::format("MTU {}", mtu);
    if (device.input.kind == InputKind::af_packet)
        frames = fmt::format("frames up to {} bytes", default_frame_room - packet_socket_overhead);
    if (device.input.kind == InputKind::pcap) frames = "frames of any size";
    description = fmt::format("{}: {}, {} RX {} ({}), {}", device.input.name,
        known ? info.driver_name : "driver unknown", queues, queues == 1 ? "queue" : "queues", spread, frames);

    if (!behind_kernel(device.input.kind)) return;
    const std::string& interface = device.input.argument;
    const unsigned interface_mtu = kernel_interface_mtu(interface);
    if (device.input.kind == InputKind::af_xdp && interface_mtu > mtu) {
        notes.push_back(fmt::format("{}: the interface's MTU is {}, but af_xdp loses packets beyond {} bytes",
            device.input.name, interface_mtu, mtu));
    }
    if (!kernel_interface_up(interface)) {
        notes.push_back(fmt::format("{}: the interface is down; `ip link set {} up`", device.input.name, interface));
    }
}

PortStats& PortStats::operator+=(const PortStats& other) noexcept {
    frames += other.frames;
    bytes += other.bytes;
    missed += other.missed;
    errors += other.errors;
    no_buffers += other.no_buffers;
    return *this;
}

PortStats& PortStats::operator-=(const PortStats& other) noexcept {
    frames -= other.frames;
    bytes -= other.bytes;
    missed -= other.missed;
    errors -= other.errors;
    no_buffers -= other.no_buffers;
    return *this;
}

std::uint64_t buffer_bytes(const Device& device, const PortOptions& options) noexcept {
    const BufferPlan plan =
        plan_buffers(device.input.kind, options.descriptors, options.frame_room, options.exceptions);
    return device.queues * plan.bytes();
}

Port::Port(const Device& device, const PortOptions& options) : state_(std::make_unique<State>(device, options)) {
    state_->find();
    if (behind_kernel(device.input.kind)) state_->interface_index = kernel_interface_index(device.input.argument);
    for (const auto event : events) {
        rte_eth_dev_callback_register(state_->port, event, State::on_event, state_.get());
    }
    state_->start();
    state_->enable_promiscuous();
    look_at_link();
    if (device.input.kind == InputKind::af_packet) state_->drops = PacketSocketDrops(device.input.argument);
}

Port::~Port() = default;
Port::Port(Port&& other) noexcept = default;

Port& Port::operator=(Port&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

const std::string& Port::name() const noexcept {
    return state_->device.input.name;
}
const std::string& Port::description() const noexcept {
    return state_->description;
}
const std::vector<std::string>& Port::notes() const noexcept {
    return state_->notes;
}
int Port::numa_node() const noexcept {
    return rte_eth_dev_socket_id(state_->port);
}
std::uint16_t Port::queues() const noexcept {
    return state_->queues;
}

RxQueue Port::rx_queue(std::uint16_t queue) const {
    const bool ends = state_->device.input.kind == InputKind::pcap;
    ExceptionQueue* exceptions = state_->exceptions.empty() ? nullptr : state_->exceptions.at(queue);
    return {state_->port, queue, ends, state_->gate->pass(queue), exceptions};
}

TransmitSide Port::transmit_side() const noexcept {
    TransmitSide side;
    const Input& input = state_->device.input;
    side.port = state_->port;
    rte_ether_addr address{};
    side.usable =
        input.kind != InputKind::pcap && state_->tx_queues != 0 && rte_eth_macaddr_get(state_->port, &address) == 0;
    if (rte_is_zero_ether_addr(&address)) rte_eth_random_addr(address.addr_bytes);  // some virtual devices have none
    std::copy_n(address.addr_bytes, side.address.size(), side.address.begin());
    // Packets of the kernel's: a device was asked for more, to receive; a packet socket's driver doesn't know its interface's.
    constexpr unsigned vpc_mtu = 9001;
    unsigned mtu = std::min<unsigned>(state_->mtu, vpc_mtu);
    if (input.kind == InputKind::af_packet) mtu = default_frame_room - packet_socket_overhead - RTE_ETHER_HDR_LEN;
    if (behind_kernel(input.kind)) {
        const unsigned interface_mtu = kernel_interface_mtu(input.argument);
        if (interface_mtu != 0) mtu = std::min(mtu, interface_mtu);
    }
    side.mtu = static_cast<std::uint16_t>(mtu);
    return side;
}

PortGate::Pass Port::transmit_pass() const noexcept {
    return state_->gate->pass(state_->queues);
}

rte_mempool* Port::keep(BufferPool buffers) {
    return state_->pools.emplace_back(std::move(buffers)).get();
}

void Port::offer_exceptions(std::vector<ExceptionQueue*> queues) noexcept {
    state_->exceptions = std::move(queues);
}

bool Port::link_up() const noexcept {
    return state_->link.load(std::memory_order_relaxed);
}

void Port::look_at_link() noexcept {
    state_->link_changed = false;
    if (behind_kernel(state_->device.input.kind)) {
        const std::string& interface = state_->device.input.argument;
        const unsigned index = kernel_interface_index(interface);
        // Another one has the name now: what was opened on the old one receives nothing any more.
        if (index != 0 && index != state_->interface_index) state_->failed = true;
        state_->link = index == state_->interface_index && kernel_interface_running(interface);
        return;
    }
    rte_eth_link link{};
    state_->link = rte_eth_link_get_nowait(state_->port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

bool Port::link_changed() const noexcept {
    return state_->link_changed.load(std::memory_order_relaxed);
}

bool Port::failed() const noexcept {
    return state_->failed.load(std::memory_order_relaxed);
}

bool Port::wants_reset() const noexcept {
    return state_->wants_reset.load(std::memory_order_relaxed);
}

// Behind a closed gate. Answers 0 or a negative error.
int Port::State::restart() {
    started = false;
    int error = rte_eth_dev_reset(port);
    if (error == -ENOTSUP) error = rte_eth_dev_stop(port);  // a driver without a reset of its own is started anew
    if (error != 0) return error;
    const std::size_t notes_before = notes.size();
    error = try_start(rss, tx_queues);
    notes.resize(notes_before);
    if (error == 0 && !behind_kernel(device.input.kind) && options.promiscuous) rte_eth_promiscuous_enable(port);
    return error;
}

std::string Port::reset() {
    State& state = *state_;
    constexpr std::chrono::milliseconds limit(1000);
    if (!state.gate->close(limit)) return "a thread did not leave the queues in time";
    state.wants_reset = false;  // one that is asked for from here on is another
    const PortStats before = state.device_stats();
    EalLog::forget();
    if (const int error = state.restart(); error != 0) {
        const std::string reason = EalLog::first_error();
        return reason.empty() ? rte_strerror(-error) : reason;
    }
    // Whether the device has begun to count anew shows now, as nobody receives.
    state.before_resets += before;
    state.before_resets -= state.device_stats();
    state.gate->open();
    look_at_link();
    return {};
}

PortStats Port::State::device_stats() const noexcept {
    rte_eth_stats from{};
    rte_eth_stats_get(port, &from);
    return {from.ipackets, from.ibytes, from.imissed, from.ierrors, from.rx_nombuf};
}

PortStats Port::stats() noexcept {
    PortStats stats = state_->device_stats();
    stats += state_->before_resets;
    stats.missed += state_->drops.count();
    return stats;
}

std::vector<std::pair<std::string, std::uint64_t>> Port::extended_stats() const {
    std::vector<std::pair<std::string, std::uint64_t>> stats;
    const int count = rte_eth_xstats_get(state_->port, nullptr, 0);
    if (count <= 0) return stats;
    const auto size = static_cast<unsigned>(count);
    std::vector<rte_eth_xstat_name> names(size);
    std::vector<rte_eth_xstat> values(size);
    if (rte_eth_xstats_get_names(state_->port, names.data(), size) != count ||
        rte_eth_xstats_get(state_->port, values.data(), size) != count) {
        return stats;
    }
    for (const rte_eth_xstat& value : values) {
        if (value.id < size) stats.emplace_back(names[value.id].name, value.value);
    }
    return stats;
}

}  // namespace rebuilder::nic
