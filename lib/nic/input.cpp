// SPDX-License-Identifier: Apache-2.0
#include "nic/input.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "base/error.h"
#include "nic/kernel_interface.h"

namespace rebuilder::nic {

namespace {

struct Scheme {
    std::string_view name;
    InputKind kind;
    std::string_view form;
    std::array<std::string_view, 3> keys = {};  // of driver arguments that may follow an interface
};

constexpr auto schemes = std::to_array<Scheme>({
    {"dpdk", InputKind::dpdk, "dpdk:PCI_ADDRESS"},
    {"af_xdp", InputKind::af_xdp, "af_xdp:INTERFACE", {"busy_budget", "force_copy", "xdp_prog"}},
    {"af_packet", InputKind::af_packet, "af_packet:INTERFACE", {"framecnt"}},
    {"pcap", InputKind::pcap, "pcap:FILE"},
    {"vdev", InputKind::vdev, "vdev:DPDK_DEVICE"},
});

[[noreturn]] void refuse(std::string_view name, std::string_view why) {
    throw Error(ExitStatus::usage, fmt::format("{}: {}", name, why));
}

// What isn't there now may come: who is started again then finds it.
[[noreturn]] void miss(std::string_view name, std::string_view what) {
    throw Error(ExitStatus::runtime, fmt::format("{}: {}", name, what));
}

// "0000:00:06.0" or "00:06.0", then perhaps ",driver=arguments". Answers the long form, or nothing.
std::string full_pci_address(std::string_view argument) {
    std::string address(argument.substr(0, argument.find(',')));
    if (address.size() == 7) address.insert(0, "0000:");
    constexpr std::string_view shape = "xxxx:xx:xx.x";
    if (address.size() != shape.size()) return {};
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const auto c = static_cast<unsigned char>(address[i]);
        if (shape[i] == 'x' ? std::isxdigit(c) == 0 : c != static_cast<unsigned char>(shape[i])) return {};
        address[i] = static_cast<char>(std::tolower(c));
    }
    return address;
}

// DPDK splits device arguments at commas and knows no way to quote one.
void refuse_comma(const Input& input) {
    if (input.argument.find(',') != std::string::npos) refuse(input.name, "DPDK cannot take a name with a comma in it");
}

// The rest of what a driver can be told is decided here, or makes no sense with the rest of us.
void take_driver_arguments(Input& input, const Scheme& scheme) {
    std::string_view rest = input.argument;
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string interface(rest.substr(0, end));
    for (rest.remove_prefix(end); !rest.empty();) {
        rest.remove_prefix(1);
        const std::string_view part = rest.substr(0, rest.find(','));
        rest.remove_prefix(part.size());
        const std::size_t equals = part.find('=');
        const std::string_view key = part.substr(0, equals);
        if (key.empty() || std::ranges::find(scheme.keys, key) == scheme.keys.end()) {
            std::string known;
            for (const std::string_view each : scheme.keys)
                known += fmt::format("{}{}", known.empty() || each.empty() ? "" : ", ", each);
            refuse(input.name, fmt::format("'{}' can't follow the interface; {} can", part, known));
        }
        if (equals == std::string_view::npos || equals + 1 == part.size()) {
            refuse(input.name, fmt::format("'{}' has no value; write {}=VALUE", part, key));
        }
        input.driver_arguments.emplace_back(part);
    }
    input.argument = interface;
    if (interface.empty()) refuse(input.name, fmt::format("the interface is missing; write {}", scheme.form));
}

void check_interface(const Input& input) {
    if (!kernel_interface_exists(input.argument)) {
        miss(input.name, fmt::format("there is no network interface {}", input.argument));
    }
    if (input.kind != InputKind::af_xdp) return;
    // DPDK's XDP sockets reach the combined channels, or else the first RX one.
    const Channels channels = kernel_interface_channels(input.argument);
    const std::uint16_t reachable = channels.combined != 0 ? 0 : 1;
    if (channels.rx_only > reachable) {
        refuse(input.name, fmt::format("frames of some RX channels would be missed; `ethtool -L {} rx {}`",
                               input.argument, reachable));
    }
}

void check_pci_device(const Input& input) {
    const std::string address = full_pci_address(input.argument);
    std::error_code ignored;
    if (!std::filesystem::exists("/sys/bus/pci/devices/" + address, ignored)) {
        miss(input.name, fmt::format("there is no PCI device {}", address));
    }
}

void check_capture(const Input& input) {
    struct stat facts {};
    if (::stat(input.argument.c_str(), &facts) != 0) refuse(input.name, std::strerror(errno));
    if (!S_ISREG(facts.st_mode)) refuse(input.name, "not a regular file");
    if (::access(input.argument.c_str(), R_OK) != 0) refuse(input.name, std::strerror(errno));

    std::array<char, PCAP_ERRBUF_SIZE> why{};
    const std::unique_ptr<pcap_t, void (*)(pcap_t*)> capture(
        ::pcap_open_offline(input.argument.c_str(), why.data()), [](pcap_t* open) {
            if (open != nullptr) ::pcap_close(open);
        });
    if (!capture) refuse(input.name, fmt::format("not a capture file ({})", why.data()));
    const int link = ::pcap_datalink(capture.get());
    if (link != DLT_EN10MB) {
        const char* link_name = ::pcap_datalink_val_to_name(link);
        refuse(input.name, fmt::format("holds frames of link type {}, a port takes only Ethernet (`rebuilder replay` "
                                       "takes more)",
                               link_name != nullptr ? link_name : std::to_string(link)));
    }
}

// Packet sockets keep frames in a ring of blocks. The driver steps through the ring frame by frame, so frames
// must fill a block exactly; the kernel wants whole pages and allocates powers of two, so a block just below
// one wastes least.
struct PacketRing {
    std::uint64_t frame_bytes = default_frame_room;
    std::uint64_t block_bytes = 0;
    std::uint64_t frames = 0;
};

// So many frames are 84 MB, and the time in which a worker may lose its CPU: 8 ms at a million frames a second, 20 ms at
// what the kernel brings to one queue.
constexpr std::uint64_t usual_frames = 8192;
constexpr std::uint64_t most_frames = 131'072;  // the driver counts the ring's bytes, and the TX ring's, in 32 bits

std::uint64_t frames_wanted(const Input& input) {
    std::uint64_t frames = usual_frames;
    for (const std::string& argument : input.driver_arguments) {
        const std::string_view digits = std::string_view(argument).substr(argument.find('=') + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), frames);
        const bool number = error == std::errc{} && end == digits.data() + digits.size();
        if (!number || frames == 0 || frames > most_frames) {
            refuse(input.name, fmt::format("'{}': framecnt is a number from 1 to {}", argument, most_frames));
        }
    }
    return frames;
}

PacketRing packet_ring(std::uint64_t frames_wanted) {
    constexpr std::uint64_t good_block = 65'536;
    PacketRing ring;
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t smallest = std::lcm(ring.frame_bytes, page);
    ring.block_bytes = smallest * std::max<std::uint64_t>(good_block / smallest, 1);
    const std::uint64_t frames_in_block = ring.block_bytes / ring.frame_bytes;
    ring.frames = (frames_wanted + frames_in_block - 1) / frames_in_block * frames_in_block;
    return ring;
}

}  // namespace

Input parse_input(std::string_view spec) {
    const std::size_t colon = spec.find(':');
    const std::string_view scheme_name = spec.substr(0, colon);
    const auto* scheme =
        std::find_if(schemes.begin(), schemes.end(), [&](const Scheme& each) { return each.name == scheme_name; });
    if (colon == std::string_view::npos || scheme == schemes.end()) {
        std::string forms;
        for (const Scheme& each : schemes) forms += fmt::format("{}{}", forms.empty() ? "" : ", ", each.form);
        refuse(spec, fmt::format("not an input; an input is one of {}", forms));
    }
    Input input{scheme->kind, std::string(spec.substr(colon + 1)), std::string(spec)};
    if (input.argument.empty()) refuse(spec, fmt::format("nothing behind the colon; write {}", scheme->form));
    switch (input.kind) {
    case InputKind::dpdk:
        if (full_pci_address(input.argument).empty()) refuse(spec, "not a PCI address such as 0000:00:06.0");
        break;
    case InputKind::af_xdp: take_driver_arguments(input, *scheme); break;
    case InputKind::af_packet:
        take_driver_arguments(input, *scheme);
        (void)frames_wanted(input);
        break;
    case InputKind::pcap: refuse_comma(input); break;
    case InputKind::vdev: break;
    }
    return input;
}

void check_input(const Input& input) {
    switch (input.kind) {
    case InputKind::dpdk: check_pci_device(input); break;
    case InputKind::af_xdp:
    case InputKind::af_packet: check_interface(input); break;
    case InputKind::pcap: check_capture(input); break;
    case InputKind::vdev: break;
    }
}

std::uint16_t queues_for(const Input& input, std::uint16_t workers) {
    if (input.kind == InputKind::pcap) return 1;
    if (input.kind == InputKind::af_xdp) {
        return std::max<std::uint16_t>(kernel_interface_channels(input.argument).combined, 1);
    }
    return workers;
}

Device make_device(const Input& input, std::size_t index, std::uint16_t queues) {
    Device device{input, queues, "--vdev", {}, {}};
    switch (input.kind) {
    case InputKind::dpdk:
        device.eal_option = "-a";
        device.eal_value = input.argument;
        device.port_name = full_pci_address(input.argument);
        break;
    case InputKind::af_xdp:
        device.port_name = fmt::format("net_af_xdp{}", index);
        device.eal_value =
            fmt::format("{},iface={},start_queue=0,queue_count={}", device.port_name, input.argument, queues);
        for (const std::string& argument : input.driver_arguments) device.eal_value += "," + argument;
        break;
    case InputKind::af_packet: {
        const PacketRing ring = packet_ring(frames_wanted(input));
        device.port_name = fmt::format("net_af_packet{}", index);
        device.eal_value = fmt::format("{},iface={},qpairs={},blocksz={},framesz={},framecnt={}", device.port_name,
            input.argument, queues, ring.block_bytes, ring.frame_bytes, ring.frames);
        break;
    }
    case InputKind::pcap:
        device.port_name = fmt::format("net_pcap{}", index);
        device.eal_value = fmt::format("{},rx_pcap={}", device.port_name, input.argument);
        break;
    case InputKind::vdev:
        device.eal_value = input.argument;
        device.port_name = input.argument.substr(0, input.argument.find(','));
        break;
    }
    return device;
}

}  // namespace rebuilder::nic
