// SPDX-License-Identifier: Apache-2.0
// Which requests are selected, besides by rules (selection_rules_test.cpp):
//   - the order of the reasons
//   - samples: the share, the same answers in all instances, what happens without the key; one known answer
//   - the rate, over simulated time
#include <cmath>
#include <string>
#include <vector>

#include "support/selected.h"

using namespace rebuilder;
using namespace rebuilder::test;
using forward::Sample;

namespace {

constexpr std::uint64_t second = 1'000'000'000;

SelectionConfig sampling(const std::string& text) {
    SelectionConfig config;
    config.sample = forward::parse_sample(text);
    return config;
}

}  // namespace

TEST_CASE("without configuration every request is selected", "[selection]") {
    CHECK(verdict(SelectionConfig{}, get("/")) == selected);
    CHECK(verdict(sampling("100%:host"), get("/")) == selected);
    CHECK(Selection({}, 0).bytes() == 0);
    CHECK(Selection({.allow = {"host=a,path=b,method=GET"}, .deny = {"header=a:,cidr=::/0"}}, 0).bytes() ==
          3 * Selection::expression_bytes);
}

TEST_CASE("reasons are asked for in their order", "[selection]") {
    SelectionConfig config = sampling("0.000001%");
    config.allow = {"path=^/allowed"};
    config.deny = {"path=denied$"};
    config.max_rate = 1;
    Selection selection(config, 0);
    CHECK(verdict(selection, get("/allowed/denied")) == Counter::requests_denied);
    CHECK(verdict(selection, get("/denied")) == Counter::requests_denied);
    CHECK(verdict(selection, get("/x")) == Counter::requests_not_allowed);
    CHECK(verdict(selection, get("/allowed")) == Counter::requests_not_sampled);

    config.sample = {};
    Selection limited(config, 0);
    for (int i = 0; i < 3; ++i) {
        // What isn't sent for another reason takes nothing of the rate.
        CHECK(verdict(limited, get("/denied")) == Counter::requests_denied);
        CHECK(verdict(limited, get("/x")) == Counter::requests_not_allowed);
    }
    CHECK(verdict(limited, get("/allowed")) == selected);
    CHECK(verdict(limited, get("/allowed")) == Counter::requests_over_rate);
}

TEST_CASE("what is wrong with a sample is said", "[selection]") {
    for (const std::string text :
        {"", "10", "%", "0%", "-1%", "101%", "inf%", "nan%", "1e1%", "ten%", "1 0%", "10%%"}) {
        INFO(text);
        const std::string sentence = refusal([&] { (void)forward::parse_sample(text); });
        const bool key = text == "10%%";
        CHECK(sentence == (key ? "'10%%' has no key behind its share; :client, :host and :header=NAME are"
                               : "'" + text + "' is not a share such as 10% or 0.1%, more than 0% and at most 100%"));
    }
    for (const std::string text : {"10%client", "10%:", "10%:path", "10%:header", "10%:Client"}) {
        CHECK(refusal([&] { (void)forward::parse_sample(text); }) ==
              "'" + text + "' has no key behind its share; :client, :host and :header=NAME are");
    }
    CHECK(refusal([] { (void)forward::parse_sample("1%:header="); }) == "'' is not the name of a header field");
    CHECK(refusal([] { (void)forward::parse_sample("1%:header=a b"); }) == "'a b' is not the name of a header field");
    const Sample sample = forward::parse_sample("0.5%:header=X-Session");
    CHECK(sample.share == 0.005);
    CHECK(sample.header == "X-Session");
}

// ---- samples -------------------------------------------------------------------------------------------------

TEST_CASE("a sample has its share", "[selection]") {
    const std::string share = GENERATE("50%", "10%", "0.1%", "99.9%");
    const std::string key = GENERATE("", ":client", ":host", ":header=X-Session");
    INFO(share << key);
    const double expected = forward::parse_sample(share).share;
    Selection one(sampling(share + key), 1);
    Selection other(sampling(share + key), 2);
    Selection repeated(sampling(share + key), 1);
    constexpr std::uint32_t requests = 40'000;
    std::uint32_t passed = 0;
    std::uint32_t differ = 0;
    for (std::uint32_t i = 0; i < requests; ++i) {
        const std::string value = "value-" + std::to_string(i);
        Made request(key == ":host" ? "Host" : "X-Session", value, IpAddress::v4(0x0a000000 + i));
        const bool first = request.passes(one);
        passed += first;
        differ += first != request.passes(other);
        CHECK(first == request.passes(repeated));
    }
    const double deviation = std::sqrt(requests * expected * (1 - expected));
    CHECK(passed > requests * expected - 5 * deviation);
    CHECK(passed < requests * expected + 5 * deviation);
    // By lot, two workers decide differently; by key, they agree.
    CHECK((differ == 0) == !key.empty());
}

TEST_CASE("a larger sample holds the smaller one", "[selection]") {
    Selection tenth(sampling("10%:client"), 0);
    Selection fifth(sampling("20%:client"), 0);
    std::uint32_t more = 0;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        Made request(IpAddress::v4(i));
        if (request.passes(tenth)) CHECK(request.passes(fifth));
        more += request.passes(fifth) && !request.passes(tenth);
    }
    CHECK(more > 800);
}

TEST_CASE("all of a key goes together, whatever else the request is", "[selection]") {
    Selection by_host(sampling("30%:host"), 0);
    Selection by_session(sampling("30%:header=x-session"), 0);
    Selection by_client(sampling("30%:client"), 0);
    for (std::uint32_t i = 0; i < 300; ++i) {
        const std::string name = "h" + std::to_string(i);
        // Each request is another client's, unless that is the key.
        const auto together = [&](Selection& selection, const std::vector<std::string>& requests) {
            std::vector<Verdict> verdicts;
            for (const std::string& request : requests) {
                const std::uint64_t other = &selection == &by_client ? 0 : verdicts.size() << 32;
                verdicts.push_back(verdict(selection, request, {0x20010db800000000, other | i}));
            }
            CHECK(verdicts == std::vector<Verdict>(requests.size(), verdicts[0]));
        };
        together(by_host, {host(name), host("H" + std::to_string(i) + ".:80"), get("http://" + name + "/x?y")});
        together(by_session, {get("/", "X-Session: " + name + "\r\n"), get("/x", "A: b\r\nx-SESSION:" + name + "\r\n"),
                                 get("/", "X-Session: " + name + "\r\nX-Session: other\r\n")});
        together(by_client, {host(name), host("other"), get("/x", "")});
    }
}

TEST_CASE("a request without the key goes by its client", "[selection]") {
    Selection by_client(sampling("30%:client"), 0);
    Selection by_host(sampling("30%:host"), 0);
    Selection by_session(sampling("30%:header=X-Session"), 0);
    std::uint32_t passed = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const IpAddress client = IpAddress::v4(i);
        const bool expected = Made(client).passes(by_client);
        passed += expected;
        CHECK(Made(client).passes(by_host) == expected);
        CHECK(Made("Host", "", client).passes(by_host) == expected);
        CHECK(Made("X-Session", "", client).passes(by_session) == expected);
        CHECK(Made("Cookie", "a", client).passes(by_session) == expected);
    }
    CHECK(passed > 200);
    CHECK(passed < 400);
}

TEST_CASE("the values of a key that are in the sample don't change from one version to the next", "[selection]") {
    Selection by_client(sampling("10%:client"), 0);
    Selection by_host(sampling("10%:host"), 0);
    std::string clients;
    std::string hosts;
    for (std::uint32_t i = 0; i < 64; ++i) {
        if (Made(IpAddress::v4(0xc0000200 + i)).passes(by_client)) clients += std::to_string(i) + " ";
        if (Made("Host", "host-number-" + std::to_string(i)).passes(by_host)) hosts += std::to_string(i) + " ";
    }
    // As another implementation of SipHash has them.
    CHECK(clients == "5 10 20 22 ");
    CHECK(hosts == "17 28 35 36 38 41 54 60 62 ");
}

// ---- the rate ------------------------------------------------------------------------------------------------

namespace {

// How many of the requests pass that come every `step_ns` from `from_ns` on, for so long.
std::uint64_t passing(Selection& selection, std::uint64_t from_ns, std::uint64_t step_ns, std::uint64_t for_ns) {
    std::uint64_t passed = 0;
    Made request(some_client);
    for (std::uint64_t at = 0; at < for_ns; at += step_ns) passed += request.passes(selection, from_ns + at);
    return passed;
}

}  // namespace

TEST_CASE("no more than the rate passes, beyond a burst of one second", "[selection]") {
    constexpr std::uint64_t start = 1'719'830'000 * second;
    Selection selection({.max_rate = 100}, 0);
    CHECK(passing(selection, start, 1, 1000) == 100);  // at once: the burst
    CHECK(passing(selection, start + 1000, second / 1000, 10 * second) == 999);
    CHECK(passing(selection, start + 60 * second, 1, 1000) == 100);  // a pause saves up no more than the burst
    // Half the rate passes whole, in steps and in lumps.
    CHECK(passing(selection, start + 70 * second, second / 50, 10 * second) == 500);
    // Time that stands or goes back gives nothing and takes nothing.
    CHECK(passing(selection, start + 90 * second, 1, 1000) == 100);
    CHECK(passing(selection, start, second / 10, 5 * second) == 0);
    CHECK(passing(selection, start + 91 * second, 1, 1000) == 100);
}

TEST_CASE("workers share the rate", "[selection]") {
    Selection selection({.max_rate = 100, .workers = 4}, 0);
    CHECK(passing(selection, second, 1, 1000) == 25);
    CHECK(passing(selection, 2 * second, second / 1000, 10 * second) == 25 + 249);
    // Less than one a second, each: one at a time.
    Selection slow({.max_rate = 1, .workers = 4}, 0);
    CHECK(passing(slow, second, 1, 1000) == 1);
    CHECK(passing(slow, 2 * second, second / 10, 40 * second) == 10);
}
