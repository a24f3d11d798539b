// SPDX-License-Identifier: Apache-2.0
// Input: where frames come from. One --input SPEC, checked against this host, and what opens it in DPDK.
//
// In:   "dpdk:0000:00:06.0", "af_xdp:eth1", "af_packet:eth1", "pcap:FILE" or "vdev:net_ring0,...". Behind a comma a PCI
//       device takes all arguments of its driver, an interface those that are its user's to choose.
// Out:  an Input; for a number of queues, a Device: the EAL option that opens it and the name to find it by.
// Errors are thrown as Error (usage) with a sentence that begins with the SPEC. No DPDK here: this runs
// before EAL, and in `rebuilder check` without it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rebuilder::nic {

enum class InputKind : std::uint8_t {
    dpdk,       // a PCI device that a DPDK driver takes over
    af_xdp,     // a kernel interface, through XDP sockets
    af_packet,  // a kernel interface, through packet sockets
    pcap,       // a capture file; the only kind that ends by itself
    vdev,       // any other virtual device of DPDK, its arguments as DPDK takes them
};

struct Input {
    InputKind kind;
    std::string argument;  // the SPEC behind the colon; of an interface only its name
    std::string name;      // the SPEC, for messages
    // Of an interface: what follows its name, KEY=VALUE for its driver.
    std::vector<std::string> driver_arguments = {};
};

struct Device {
    Input input;
    std::uint16_t queues;    // RX queues wanted
    std::string eal_option;  // "-a" or "--vdev"
    std::string eal_value;
    std::string port_name;  // by which ethdev knows the port
};

// What a frame may measure and still lie in one buffer: a 9216 byte MTU with Ethernet and VLAN headers fits.
inline constexpr std::uint32_t default_frame_room = 10'240;

// Reads one SPEC; looks at nothing else.
[[nodiscard]] Input parse_input(std::string_view spec);

// Looks at the host: the interface, the PCI device or the file has to be there, a file has to be a capture of
// Ethernet frames.
void check_input(const Input& input);

// How many RX queues to ask for when `workers` threads will poll: a capture has one, an af_xdp interface as
// many as it has channels (frames of a channel without a socket would go to the kernel), the others one for
// each worker.
[[nodiscard]] std::uint16_t queues_for(const Input& input, std::uint16_t workers);

// `index` is the input's place in the command line; it keeps the device names apart.
[[nodiscard]] Device make_device(const Input& input, std::size_t index, std::uint16_t queues);

}  // namespace rebuilder::nic
