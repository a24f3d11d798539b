// SPDX-License-Identifier: Apache-2.0
// Which frames of a burst a worker says aren't the mirror's: those and no others may go to the kernel.
#include <array>
#include <vector>

#include "pipeline/worker.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::test;
using pipeline::Worker;

namespace {

constexpr std::uint16_t more_fragments = 0x2000;

Octets udp_to(std::uint16_t port, std::string_view payload = "?") {
    return PacketBuilder().eth().ipv4().udp({.to = port}).payload(payload).build();
}

Octets mirrored() {
    return PacketBuilder().eth().ipv4().udp({.to = 4789}).vxlan({}).eth().ipv4().tcp().payload("GET ").build();
}

pipeline::WorkerConfig small_config() {
    pipeline::WorkerConfig config;
    config.tcp.max_flows = 64;
    config.tcp.held_bytes = 1 << 20;
    config.http.max_requests = 64;
    config.buffer_bytes = 4 << 20;
    return config;
}

std::uint64_t burst(Worker& worker, const std::vector<Octets>& frames) {
    std::vector<packet::Frame> views;
    for (const Octets& each : frames) views.push_back({each, 1});
    return worker.on_burst(views);
}

}  // namespace

TEST_CASE("a burst's frames that aren't the mirror's are pointed out, the first and the last as well") {
    Worker worker(small_config(), {});
    std::vector<Octets> frames(Worker::max_burst, mirrored());
    frames[0] = PacketBuilder().eth({.type = 0x0806}).payload("who has").build();
    frames[5] = PacketBuilder().eth().ipv4().tcp({.to = 22}).payload("SSH-2.0").build();
    frames[7] = udp_to(4788);
    frames[8] = PacketBuilder().eth().ipv6().protocol(58, "neighbour").build();
    frames[63] = PacketBuilder().eth().vlan().ipv4().protocol(1, "echo").build();
    const std::uint64_t expected = 1ull << 0 | 1ull << 5 | 1ull << 7 | 1ull << 8 | 1ull << 63;
    CHECK(burst(worker, frames) == expected);
    CHECK(worker.counters()[Counter::frame_not_tunnel] == 5);
    CHECK(worker.counters()[Counter::segments] == Worker::max_burst - 5);
}

TEST_CASE("whatever is addressed to a tunnel is the mirror's, broken or whole") {
    Worker worker(small_config(), {});
    std::vector<Octets> frames{mirrored(), udp_to(4789), udp_to(6081), udp_to(4789, "")};
    frames.push_back(
        PacketBuilder().eth().ipv4({.fragment = more_fragments}).udp({.to = 4789}).payload("12345678").build());
    frames.push_back(PacketBuilder().eth().ipv4({.total_length = 9000}).udp({.to = 4789}).payload("cut").build());
    Octets no_vni = mirrored();
    no_vni[42] = 0;  // VXLAN's flags
    frames.push_back(no_vni);
    CHECK(burst(worker, frames) == 0);
    CHECK(worker.counters()[Counter::frame_not_tunnel] == 0);
    CHECK(worker.counters()[Counter::frames] == frames.size());
}

TEST_CASE("without tunnels every frame is the mirror's") {
    pipeline::WorkerConfig config = small_config();
    config.decap.accept_plain = true;
    Worker worker(config, {});
    CHECK(burst(worker, {PacketBuilder().eth({.type = 0x0806}).payload("who has").build(), udp_to(53)}) == 0);
}
