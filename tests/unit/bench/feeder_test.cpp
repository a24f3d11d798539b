// SPDX-License-Identifier: Apache-2.0
// The feeder, with a cable that only listens.
#include "feeder.h"

#include <map>
#include <string>
#include <thread>

#include "base/error.h"
#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::bench;

namespace {

TrafficSettings some_traffic() {
    TrafficSettings settings;
    settings.mix = TrafficMix::browser;
    settings.connections = 500;
    settings.requests = 5'000;
    settings.acknowledgements = 1;
    settings.both = true;
    return settings;
}

class Listener final : public Cable {
  public:
    [[nodiscard]] std::size_t most_in_port() const noexcept override { return 8192; }
    [[nodiscard]] const nic::Device& device() const noexcept override { return device_; }
    [[nodiscard]] bool opened_by_eal() const noexcept override { return false; }
    void connect(std::span<const packet::Frame>) override {}
    [[nodiscard]] std::size_t send(std::size_t first, std::size_t count, std::uint32_t client) override {
        if (first != next && first != 0) in_order = false;
        if (count > 0) next = first + count;
        clients[client] += count;
        return count - std::min<std::size_t>(count, refuses);
    }

    std::size_t next = 0;
    bool in_order = true;
    std::size_t refuses = 0;
    std::map<std::uint32_t, std::size_t> clients;

  private:
    nic::Device device_{};
};

// On a thread of its own, since it changes what the thread is to the system.
Feeder::Fed feed(Feeder& feeder, double rate, std::uint64_t duration_ns, bool stopped = false) {
    const std::atomic<bool> stop{stopped};
    Feeder::Fed fed;
    std::thread([&] { fed = feeder.feed(rate, duration_ns, stop); }).join();
    return fed;
}

}  // namespace

TEST_CASE("feeder: knows the last frame of each request", "[bench]") {
    const Traffic traffic = make_traffic(some_traffic());
    const std::vector<std::uint32_t> ends = request_ends(traffic);
    REQUIRE(ends.size() == traffic.mirror.frames().size());

    // Read the long way: what each connection has brought by each frame.
    std::map<std::uint32_t, std::string> streams;
    std::vector<bool> ended(traffic.requests.size());
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const packet::Frame& frame = traffic.mirror.frames()[i];
        if (!Mirror::is_clients(frame)) {
            REQUIRE(ends[i] == no_request);
            continue;
        }
        std::string& stream = streams[Mirror::connection_of(frame)];
        const std::size_t before = stream.size();
        stream += as_text(Mirror::payload_of(frame));
        const std::size_t head_end = stream.find("\r\n\r\n");
        const bool has_head = head_end != stream.npos;
        const std::uint32_t number = has_head ? request_number(stream.substr(0, stream.find("\r\n"))) : no_request;
        const bool whole = has_head && stream.size() == head_end + 4 + traffic.requests[number].body_bytes;
        REQUIRE(ends[i] == (whole && stream.size() > before ? number : no_request));
        if (!whole) continue;
        REQUIRE_FALSE(ended[number]);
        ended[number] = true;
        stream.clear();
    }
    CHECK(std::count(ended.begin(), ended.end(), true) == 5'000);
}

TEST_CASE("feeder: hands over all frames again and again, each time as other clients", "[bench]") {
    const Traffic traffic = make_traffic(some_traffic());
    const std::size_t frames = traffic.mirror.frames().size();
    Listener cable;
    Arrivals arrivals(traffic.requests.size());
    Feeder feeder(traffic, cable, arrivals);
    const Feeder::Fed fed = feed(feeder, 50'000, 300'000'000);

    CHECK(cable.in_order);
    CHECK(fed.frames > 0);
    std::uint64_t handed_over = 0;
    for (const auto& [client, count] : cable.clients) {
        CHECK(client > 0);
        CHECK((count == frames || client == cable.clients.rbegin()->first));
        handed_over += count;
    }
    CHECK(fed.frames == handed_over);
    CHECK(feeder.refused() == 0);
    // Each request that left a second time was still under way.
    const std::uint64_t again = fed.requests > 5'000 ? fed.requests - 5'000 : 0;
    CHECK(arrivals.overtaken() == again);

    cable.clients.clear();
    cable.refuses = 1;
    (void)feed(feeder, 50'000, 10'000'000);
    CHECK(feeder.refused() > 0);
    CHECK(cable.clients.begin()->first > fed.frames / frames);
}

TEST_CASE("feeder: stops when it is told to", "[bench]") {
    const Traffic traffic = make_traffic(some_traffic());
    Listener cable;
    Arrivals arrivals(traffic.requests.size());
    Feeder feeder(traffic, cable, arrivals);
    CHECK(feed(feeder, 1'000, 3'600'000'000'000, true).frames == 0);
}

TEST_CASE("feeder: refuses what a port could hold all of", "[bench]") {
    TrafficSettings settings = some_traffic();
    settings.requests = 600;
    const Traffic traffic = make_traffic(settings);
    Listener cable;
    Arrivals arrivals(traffic.requests.size());
    CHECK_THROWS_AS(Feeder(traffic, cable, arrivals), Error);
}
