// SPDX-License-Identifier: Apache-2.0
// The benchmark's HTTP/1.1 clients, rebuilt by the product's worker; and that a wrong request is seen to be one.
#include "traffic.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "http/stream.h"
#include "packet/decap.h"
#include "support/catch.h"
#include "traffic_check.h"
#include "worker_line.h"

using namespace rebuilder;
using namespace rebuilder::bench;

namespace {

TrafficSettings settings_of(TrafficMix mix) {
    TrafficSettings settings;
    settings.mix = mix;
    settings.connections = 40;
    settings.requests = mix == TrafficMix::upload ? 100 : 1'000;
    return settings;
}

void check_line(Traffic& traffic, bool intact) {
    WorkerLine line(traffic.mirror, {traffic.whole_requests(), intact});
    TrafficCheck check(traffic);
    line.verify(std::ref(check));
    const Measurement measurement = line.run();
    CHECK(measurement.frames == traffic.mirror.frames().size());
    CHECK(measurement.bytes == traffic.mirror.bytes());
}

// What the clients of all connections write, in the order of the frames.
std::map<std::uint32_t, std::string> written(const Traffic& traffic) {
    std::map<std::uint32_t, std::string> texts;
    for (const packet::Frame& frame : traffic.mirror.frames()) {
        if (Mirror::is_clients(frame)) texts[Mirror::connection_of(frame)] += as_text(Mirror::payload_of(frame));
    }
    return texts;
}

}  // namespace

TEST_CASE("traffic: each mix is rebuilt as it was made", "[bench]") {
    TrafficSettings settings =
        settings_of(GENERATE(TrafficMix::browser, TrafficMix::api, TrafficMix::upload, TrafficMix::design));
    settings.both = GENERATE(false, true);
    if (settings.mix == TrafficMix::browser && settings.both) settings.most_payload = Mirror::jumbo_payload;
    settings.acknowledgements = settings.mix == TrafficMix::design ? 3 : 0;
    Traffic traffic = make_traffic(settings);
    REQUIRE(traffic.requests.size() == settings.requests);
    CHECK(traffic.whole_requests() == settings.requests);
    check_line(traffic, true);
}

TEST_CASE("traffic: few connections don't write two requests at once", "[bench]") {
    TrafficSettings settings = settings_of(TrafficMix::upload);
    settings.connections = GENERATE(1U, 3U);
    Traffic traffic = make_traffic(settings);
    check_line(traffic, true);
}

TEST_CASE("traffic: late frames and copies cost nothing, lost ones their requests", "[bench]") {
    TrafficSettings settings = settings_of(TrafficMix::browser);
    settings.impairment =
        GENERATE(Impairment{0, 0.05, 0}, Impairment{0, 0, 0.05}, Impairment{0, 0.05, 0.05}, Impairment{0.02, 0, 0});
    Traffic traffic = make_traffic(settings);
    CHECK((traffic.whole_requests() < settings.requests) == (settings.impairment.loss > 0));
    CHECK(traffic.whole_requests() > settings.requests * 9 / 10);
    check_line(traffic, false);
}

TEST_CASE("traffic: noise has TLS in it, and no request", "[bench]") {
    Traffic traffic = make_traffic(settings_of(TrafficMix::noise));
    CHECK(traffic.requests.empty());
    std::size_t tls = 0;
    for (const auto& [connection, text] : written(traffic)) tls += http::detect(as_bytes(text)) == http::Protocol::tls;
    CHECK(tls == 36);
    check_line(traffic, true);
}

TEST_CASE("traffic: the mixes have the sizes they are said to have", "[bench]") {
    const auto [mix, least, most] =
        GENERATE(std::tuple{TrafficMix::browser, 580.0, 680.0}, std::tuple{TrafficMix::design, 680.0, 780.0});
    TrafficSettings settings = settings_of(mix);
    settings.requests = 4'000;
    const Traffic traffic = make_traffic(settings);
    std::size_t bytes = 0;
    std::uint64_t body_bytes = 0;
    double posts = 0;
    for (const auto& [connection, text] : written(traffic)) bytes += text.size();
    for (const Traffic::Made& made : traffic.requests) {
        body_bytes += made.body_bytes;
        if (made.method == "POST") ++posts;
    }
    const double head_bytes = static_cast<double>(bytes - body_bytes) / settings.requests;
    CHECK(head_bytes > least);
    CHECK(head_bytes < most);
    CHECK(std::abs(posts / settings.requests - (mix == TrafficMix::browser ? 0.25 : 0.26)) < 0.03);
    CHECK(std::abs(static_cast<double>(body_bytes) / posts - 4'608) < 200);
}

TEST_CASE("traffic: the same seed makes the same frames", "[bench]") {
    const Traffic one = make_traffic(settings_of(TrafficMix::browser));
    const Traffic other = make_traffic(settings_of(TrafficMix::browser));
    TrafficSettings settings = settings_of(TrafficMix::browser);
    settings.seed = 2;
    CHECK(written(one) == written(other));
    CHECK(written(one) != written(make_traffic(settings)));
}

TEST_CASE("traffic check: what wasn't made, or was made otherwise, is told", "[bench]") {
    const Traffic traffic = make_traffic(settings_of(TrafficMix::browser));
    TrafficCheck check(traffic);
    BlockPool pool(4096, 64);
    const auto look = [&](const std::string& text) {
        Chain chain;
        REQUIRE(chain.append(pool, as_bytes(text)));
        return check({chain.head, chain.bytes, chain.blocks});
    };
    const auto get = std::find_if(
        traffic.requests.begin(), traffic.requests.end(), [](const auto& made) { return made.method == "GET"; });
    const auto request = [&](const std::string& method, const std::string& target, const std::string& body) {
        return method + " " + target + " HTTP/1.1\r\nHost: " + get->host + "\r\n\r\n" + body;
    };
    CHECK(look(request("GET", get->target, "")).empty());
    CHECK_FALSE(look(request("GET", get->target, "")).empty());  // twice
    CHECK_FALSE(look(request("GET", "/?r=1000", "")).empty());
    CHECK_FALSE(look(request("GET", "/", "")).empty());
    CHECK_FALSE(look("what?").empty());
    check = TrafficCheck(traffic);
    CHECK_FALSE(look(request("PUT", get->target, "")).empty());
    check = TrafficCheck(traffic);
    CHECK_FALSE(look(request("GET", get->target, "more")).empty());
}
