// SPDX-License-Identifier: Apache-2.0
// What any thread may ask of an output while it works: how long answers take, connections, and why nothing can be sent.
#include "forward/latency.h"

#include <chrono>
#include <numeric>
#include <string>
#include <thread>

#include "support/catch.h"
#include "support/loopback_server.h"
#include "support/sending_side.h"

using namespace rebuilder;
using forward::Latency;
using test::LoopbackServer;
using test::Peer;
using test::SendingSide;

namespace {

constexpr std::uint64_t ms = 1'000'000;

std::uint64_t total(const Latency::Values& values) {
    return std::accumulate(values.counts.begin(), values.counts.end(), std::uint64_t{0});
}

forward::HttpOptions one_connection(std::uint32_t pipeline = 1) {
    forward::HttpOptions options;
    options.connections = 1;
    options.pipeline = pipeline;
    return options;
}

}  // namespace

TEST_CASE("latency: each time is counted within its bound, and in the sum", "[forward]") {
    Latency latency;
    for (const std::uint64_t bound : Latency::bounds_ns) {
        latency.add(bound);
        latency.add(bound + 1);
    }
    latency.add(0);
    const Latency::Values values = latency.read();
    CHECK(values.counts.front() == 2);  // nothing, and the first bound
    for (std::size_t i = 1; i < Latency::bounds_ns.size(); ++i) CHECK(values.counts[i] == 2);
    CHECK(values.counts.back() == 1);
    const std::uint64_t sum = std::accumulate(Latency::bounds_ns.begin(), Latency::bounds_ns.end(), std::uint64_t{0});
    CHECK(values.sum_ns == 2 * sum + Latency::bounds_ns.size());
}

TEST_CASE("latency: of an HTTP output it is the server's, whatever the request waited for before", "[forward]") {
    constexpr int requests = 5;
    constexpr auto think = std::chrono::milliseconds(30);
    LoopbackServer server([&](Peer& peer, int) {
        while (peer.read_request()) {
            std::this_thread::sleep_for(think);
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    SendingSide side(server.url(), one_connection());
    // All at once: the last one waits for four answers before it is sent.
    for (int i = 0; i < requests; ++i) side.get("/");
    REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == requests; }));
    const forward::Output& output = side.forwarder.output();
    CHECK(output.connections() == 1);
    REQUIRE(output.latency() != nullptr);
    const Latency::Values values = output.latency()->read();
    CHECK(total(values) == requests);
    CHECK(values.sum_ns >= requests * 30 * ms);
    CHECK(values.sum_ns < 2 * requests * 30 * ms);  // with the waits it would be 3 times that
    CHECK(values.counts[0] + values.counts[1] == 0);
    side.settle();
    CHECK(output.connections() == 0);
    CHECK(output.trouble_now().empty());
}

TEST_CASE("latency: requests without an answer have none", "[forward]") {
    LoopbackServer server([](Peer& peer, int) { (void)peer.read_request(); });
    forward::HttpOptions options = one_connection();
    options.retries = 0;
    SendingSide side(server.url(), options);
    side.get("/");
    side.settle();
    CHECK(side[Counter::failed_reset] == 1);
    CHECK(total(side.forwarder.output().latency()->read()) == 0);
}

TEST_CASE("trouble now: said while nobody listens, gone when somebody does", "[forward]") {
    std::string url;
    {
        const LoopbackServer gone(test::always(""));
        url = gone.url();
    }
    SendingSide side(url, one_connection());
    const forward::Output& output = side.forwarder.output();
    CHECK(output.trouble_now().empty());
    side.get("/");
    REQUIRE(side.run_until([&] { return side[Counter::connect_failures] > 0; }));
    CHECK(output.trouble_now() == "connection refused");
    side.settle(0);
}

TEST_CASE("trouble now: of a file that can't be written", "[forward]") {
    SendingSide side("jsonl:/dev/full");
    const forward::Output& output = side.forwarder.output();
    CHECK(output.trouble_now().empty());
    CHECK(output.latency() == nullptr);
    CHECK(side.offer("line\n") == Counter::handed_off);
    REQUIRE(side.run_until([&] { return side[Counter::failed_write] == 1; }));
    CHECK(output.trouble_now() == "cannot write: No space left on device");
    side.settle();
}
