// SPDX-License-Identifier: Apache-2.0
// The exception path over a port whose cable ends in itself: what the kernel sends on rb0 leaves the port, comes in again, is
// seen by a worker and goes back to the kernel. Skipped where no network namespace and no tap device can be made.
#include "nic/exception_path.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/error.h"
#include "live/eal.h"
#include "loop.h"
#include "port_watch.h"
#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr std::uint16_t ethertype = 0x88b5;  // for experiments

// A packet socket on rb0, which hears what the kernel gets there.
class Listener {
  public:
    Listener() {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ethertype);
        address.sll_ifindex = static_cast<int>(::if_nametoindex("rb0"));
        const timeval limit{.tv_sec = 10, .tv_usec = 0};
        socket_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~Listener() { ::close(socket_); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    void send(const std::vector<std::uint8_t>& frame) const {
        REQUIRE(::send(socket_, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()));
    }
    [[nodiscard]] nic::MacAddress address() const {
        ifreq request{};
        std::strcpy(request.ifr_name, "rb0");
        REQUIRE(::ioctl(socket_, SIOCGIFHWADDR, &request) == 0);
        nic::MacAddress address{};
        std::memcpy(address.data(), request.ifr_hwaddr.sa_data, address.size());
        return address;
    }
    [[nodiscard]] std::vector<std::uint8_t> receive() const {
        std::vector<std::uint8_t> frame(10'000);
        const ssize_t size = ::recv(socket_, frame.data(), frame.size(), 0);
        frame.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return frame;
    }

  private:
    int socket_;
};

std::vector<std::uint8_t> frame_to(const nic::MacAddress& to, std::size_t size, std::uint8_t fill) {
    std::vector<std::uint8_t> frame(size, fill);
    const nic::MacAddress stranger{0x02, 0, 0, 0, 0, 0x77};
    std::copy(to.begin(), to.end(), frame.begin());
    std::copy(stranger.begin(), stranger.end(), frame.begin() + 6);
    frame[12] = ethertype >> 8;
    frame[13] = ethertype & 0xff;
    return frame;
}

}  // namespace

TEST_CASE("frames go from the kernel out of the port, and from the port to the kernel, and go on behind resets") {
    eal();
    if (::unshare(CLONE_NEWNET) != 0 || !nic::exception_shortage(nic::ExceptionKind::tap, "rb0").empty()) {
        WARN("skipped: needs root and /dev/net/tun");
        return;
    }
    std::vector<nic::Port> ports;
    ports.emplace_back(device("net_ring2"));
    nic::ExceptionPath path(nic::ExceptionKind::tap, ports);
    REQUIRE(path.descriptions().size() == 1);
    PortWatch watch(ports);

    pipeline::WorkerConfig config;
    config.tcp.max_flows = 64;
    config.tcp.held_bytes = 1 << 20;
    config.http.max_requests = 64;
    config.buffer_bytes = 4 << 20;
    pipeline::Worker worker(config, {});
    std::vector<std::vector<nic::RxQueue>> queues(1);
    queues[0].push_back(ports[0].rx_queue(0));
    WorkerStatus status;
    std::atomic<bool> stop{false};
    path.start();
    eal().launch(0, [&] { run_loop(queues[0], worker, idle_limits(50'000, true), status, stop); });

    const Listener listener;
    constexpr nic::MacAddress all{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    constexpr std::uint64_t resets = 20;
    for (std::uint64_t i = 1; i <= resets; ++i) {
        for (const std::size_t size : {60u, 1514u}) {
            const auto frame = frame_to(size == 60 ? all : listener.address(), size, static_cast<std::uint8_t>(i));
            listener.send(frame);
            CHECK(listener.receive() == frame);
        }
        say("net_ring2", RTE_ETH_EVENT_INTR_RESET);
        watch.look(false);
        REQUIRE(watch.end().empty());
    }
    CHECK(watch.counters()[Counter::port_resets] == resets);

    stop = true;
    eal().wait();
    const auto late = frame_to(all, 60, 0xee);
    path.take_over(queues, {});
    listener.send(late);
    CHECK(listener.receive() == late);
    path.stop();

    const CounterValues values = path.counters();
    CHECK(values[Counter::exception_to_kernel] >= 2 * resets + 1);
    CHECK(values[Counter::exception_from_kernel] >= 2 * resets + 1);
    CHECK(values[Counter::exception_dropped_unsent] == 0);
    CHECK(worker.counters()[Counter::segments] == 0);
    // All of them, and what the kernel says by itself on a new interface, which comes back to where it came from.
    CHECK(worker.counters()[Counter::frame_not_tunnel] + values[Counter::frame_not_tunnel] ==
          values[Counter::exception_to_kernel] + values[Counter::exception_not_ours] +
              values[Counter::exception_dropped_full] + values[Counter::exception_dropped_refused]);
}
