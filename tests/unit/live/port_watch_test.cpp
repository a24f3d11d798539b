// SPDX-License-Identifier: Apache-2.0
// Ports whose devices say things, with a worker on them: resets, links that come and go, a device that is gone.
#include "port_watch.h"

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "base/ledger.h"
#include "live/eal.h"
#include "loop.h"
#include "outputs.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::chrono_literals;

namespace {

using News = std::vector<std::string>;

News told(PortWatch& watch) {
    News sentences;
    for (const PortNews& news : watch.take_news()) sentences.push_back(news.sentence);
    return sentences;
}

template <class Condition>
bool within_seconds(const Condition& condition) {
    for (int i = 0; i < 1000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

// A port, and a worker that polls it as in the appliance.
class Line {
  public:
    explicit Line(const std::string& arguments) {
        eal();
        ports_.emplace_back(device(arguments));
        pipeline::WorkerConfig config;
        config.tcp.max_flows = 1024;
        config.tcp.held_bytes = 1 << 20;
        config.http.max_requests = 1024;
        config.buffer_bytes = 4 << 20;
        worker_.emplace(config, std::vector<pipeline::OutputLink>{});
        queues_.push_back(ports_[0].rx_queue(0));
        eal().launch(0, [this] { run_loop(queues_, *worker_, idle_limits(50'000, true), status_, stop_); });
    }
    ~Line() { stop(); }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    void stop() {
        stop_ = true;
        eal().wait();
    }

    [[nodiscard]] std::vector<nic::Port>& ports() { return ports_; }
    [[nodiscard]] std::uint64_t count(Counter which) const { return worker_->counters()[which]; }

  private:
    std::vector<nic::Port> ports_;
    std::optional<pipeline::Worker> worker_;
    std::vector<nic::RxQueue> queues_;
    WorkerStatus status_;
    std::atomic<bool> stop_{false};
};

// What is sent to a net_ring port comes out of it again.
void send(const std::string& port_name, const Octets& frame) {
    static rte_mempool* const pool =
        rte_pktmbuf_pool_create("sent", 255, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    std::uint16_t port = 0;
    REQUIRE(rte_eth_dev_get_port_by_name(port_name.c_str(), &port) == 0);
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
    REQUIRE(mbuf != nullptr);
    std::copy(frame.begin(), frame.end(),
        reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size()))));
    REQUIRE(rte_eth_tx_burst(port, 0, &mbuf, 1) == 1);
}

Octets segment(std::uint32_t seq, std::string_view text) {
    return PacketBuilder()
        .eth()
        .ipv4()
        .udp({.to = 4789})
        .vxlan({.vni = 7})
        .eth()
        .ipv4({.from = address4(203, 0, 113, 7), .to = address4(10, 0, 2, 10)})
        .tcp({.seq = seq, .flags = static_cast<std::uint8_t>(text.empty() ? 0x02 : 0x10)})
        .payload(text)
        .build();
}

}  // namespace

TEST_CASE("a device is reset as often as it asks, under frames that never pause, and no frame is counted twice or not "
          "at all") {
    Line line("net_null0,size=64");
    PortWatch watch(line.ports());
    constexpr std::uint64_t resets = 50;
    for (std::uint64_t i = 1; i <= resets; ++i) {
        const std::uint64_t before = line.count(Counter::frames);
        say("net_null0", RTE_ETH_EVENT_INTR_RESET);
        CHECK(line.ports()[0].wants_reset());
        watch.look(false);
        REQUIRE(watch.end().empty());
        CHECK_FALSE(line.ports()[0].wants_reset());
        CHECK(watch.counters()[Counter::port_resets] == i);
        REQUIRE(within_seconds([&] { return line.count(Counter::frames) > before; }));
    }
    CHECK(told(watch) == News(resets, "vdev:net_null0,size=64: the device wanted a reset and was started again"));
    line.stop();
    CHECK(line.ports()[0].stats().frames == line.count(Counter::frames));
    CHECK(line.count(Counter::frame_outer_truncated) + line.count(Counter::frame_not_tunnel) ==
          line.count(Counter::frames));
}

TEST_CASE("flows outlast a reset") {
    Line line("net_ring0");
    PortWatch watch(line.ports());
    send("net_ring0", segment(1000, ""));
    send("net_ring0", segment(1001, "GET /be"));
    REQUIRE(within_seconds([&] { return line.count(Counter::segments) == 2; }));
    say("net_ring0", RTE_ETH_EVENT_INTR_RESET);
    watch.look(false);
    CHECK(watch.counters()[Counter::port_resets] == 1);
    send("net_ring0", segment(1008, "fore HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(within_seconds([&] { return line.count(Counter::requests_rebuilt) == 1; }));
    CHECK(line.count(Counter::flows_opened) == 1);
}

TEST_CASE("a link that goes and comes is told once each, and the health check knows") {
    Line line("net_ring1");
    PortWatch watch(line.ports());
    nic::Port& port = line.ports()[0];
    std::uint16_t number = 0;
    REQUIRE(rte_eth_dev_get_port_by_name("net_ring1", &number) == 0);
    watch.look(true);
    CHECK(watch.take_news().empty());
    CHECK(port.link_up());

    REQUIRE(rte_eth_dev_set_link_down(number) == 0);
    watch.look(false);
    CHECK(port.link_up());  // not asked again so soon
    watch.look(true);
    watch.look(true);
    CHECK_FALSE(port.link_up());
    CHECK(told(watch) == News{"vdev:net_ring1: the link is down"});

    REQUIRE(rte_eth_dev_set_link_up(number) == 0);
    say("net_ring1", RTE_ETH_EVENT_INTR_LSC);
    watch.look(false);  // asked, as the device said so
    CHECK(port.link_up());
    CHECK(told(watch) == News{"vdev:net_ring1: the link is up"});
    CHECK(watch.end().empty());
}

TEST_CASE("a run ends with a reset that fails, as somebody doesn't leave the queues") {
    eal();
    std::vector<nic::Port> ports;
    ports.emplace_back(device("net_null1,size=64"));
    const nic::RxQueue never_polled = ports[0].rx_queue(0);
    PortWatch watch(ports);
    say("net_null1", RTE_ETH_EVENT_INTR_RESET);
    watch.look(true);
    CHECK(watch.end() ==
          "vdev:net_null1,size=64: the device wants a reset, which failed: a thread did not leave the queues in time");
    CHECK(watch.counters()[Counter::port_resets] == 0);
}

TEST_CASE("a run ends with a device that is gone") {
    eal();
    std::vector<nic::Port> ports;
    ports.emplace_back(device("net_null2,size=64"));
    PortWatch watch(ports);
    say("net_null2", RTE_ETH_EVENT_INTR_RMV);
    watch.look(false);
    CHECK(watch.end() == "vdev:net_null2,size=64: the device is gone");
}
