// SPDX-License-Identifier: Apache-2.0
// OwnOutputs, in a worker: what is sent to an output isn't rebuilt from the mirror again.
#include "pipeline/own_outputs.h"

#include <string>
#include <vector>

#include "pipeline/worker.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::test;
using forward::EndpointBoard;
using packet::Endpoint;
using packet::IpAddress;
using pipeline::Worker;

namespace {

constexpr std::uint8_t syn = 0x02, ack = 0x10;
constexpr std::uint64_t start = 1'719'830'000'000'000'000;

Endpoint endpoint(std::uint8_t last, std::uint16_t port) {
    return {IpAddress::v4(0x0a000200u | last), port};
}

// A worker with two outputs that have addresses, and one that has none.
class Line {
  public:
    // A connection to 10.0.2.10 with one request: how many are rebuilt.
    std::uint64_t connection(std::uint16_t server_port) {
        const std::uint64_t before = worker.counters()[Counter::requests_rebuilt];
        ++client_port_;
        frame(client_port_, server_port, syn, "");
        frame(client_port_, server_port, ack, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        return worker.counters()[Counter::requests_rebuilt] - before;
    }
    void frame(std::uint16_t from, std::uint16_t to, std::uint8_t flags, std::string_view text, bool answer = false) {
        std::uint32_t client = address4(203, 0, 113, 7);
        std::uint32_t server = address4(10, 0, 2, 10);
        if (answer) std::swap(client, server);
        const std::uint32_t seq = (flags & syn) != 0 ? 0 : 1;
        const Octets bytes = PacketBuilder()
                                 .eth()
                                 .ipv4()
                                 .udp({.to = 4789})
                                 .vxlan({.vni = 7})
                                 .eth()
                                 .ipv4({.from = client, .to = server})
                                 .tcp({.from = from, .to = to, .seq = seq, .flags = flags})
                                 .payload(text)
                                 .build();
        const packet::Frame frame{bytes, start};
        worker.on_burst({&frame, 1});
    }
    void finish() {
        worker.drain();
        for (forward::Channel* each : {&channels[0], &channels[1], &channels[2]}) {
            for (forward::Slot slot; each->take(slot);) each->give_back(slot);
        }
        worker.reclaim();
        CHECK(worker.blocks_in_use() == 0);
        const CounterValues values = worker.counters().read();
        CHECK(values.sum(CounterRole::frame_in) ==
              values.sum(CounterRole::frame_out) + values.sum(CounterRole::frame_drop));
    }
    [[nodiscard]] std::uint64_t dropped() const { return worker.counters()[Counter::frame_to_output]; }

    static pipeline::WorkerConfig config() {
        pipeline::WorkerConfig config;
        config.tcp.max_flows = 64;
        config.http.max_requests = 64;
        config.buffer_bytes = 4 << 20;
        return config;
    }

    EndpointBoard one, other;
    forward::Channel channels[3]{{64, 1024}, {64, 1024}, {64, 1024}};
    Worker worker{config(), {{forward::Form::wire, &channels[0], &one}, {forward::Form::record, &channels[1]},
                                {forward::Form::wire, &channels[2], &other}}};

  private:
    std::uint16_t client_port_ = 40000;
};

}  // namespace

TEST_CASE("own outputs: frames to the address and port of one are dropped", "[worker]") {
    Line line;
    CHECK(line.connection(80) == 1);
    line.one.publish(std::vector{endpoint(9, 80), endpoint(10, 8080), endpoint(10, 80 + 64)});
    line.other.publish(std::vector{endpoint(11, 80)});
    line.worker.on_tick(start + 1);
    CHECK(line.connection(80) == 1);  // the same port elsewhere, and other ports there
    CHECK(line.dropped() == 0);
    CHECK(line.connection(8080) == 0);
    CHECK(line.connection(80 + 64) == 0);
    CHECK(line.dropped() == 4);
    line.finish();
}

TEST_CASE("own outputs: their addresses may change at any time", "[worker]") {
    Line line;
    line.other.publish(std::vector{endpoint(10, 80)});
    CHECK(line.connection(80) == 1);  // it is looked at with the next tick
    line.worker.on_tick(start + 1);
    CHECK(line.connection(80) == 0);
    line.other.publish(std::vector{endpoint(9, 80)});
    line.one.publish(std::vector{endpoint(10, 8080)});
    line.worker.on_tick(start + 2);
    CHECK(line.connection(80) == 1);
    CHECK(line.connection(8080) == 0);
    line.one.publish({});
    line.worker.on_tick(start + 3);
    CHECK(line.connection(8080) == 1);
    CHECK(line.dropped() == 4);
    line.finish();
}

TEST_CASE("own outputs: what one answers is no request, and counts as what it is", "[worker]") {
    Line line;
    line.one.publish(std::vector{endpoint(10, 80)});
    line.worker.on_tick(start + 1);
    line.frame(80, 40000, syn | ack, "", true);
    line.frame(80, 40000, ack, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true);
    CHECK(line.dropped() == 0);
    CHECK(line.worker.counters()[Counter::streams_http1_responses] == 1);
    line.finish();
}
