// SPDX-License-Identifier: Apache-2.0
// Snapshot: its JSON, and the ledger in it.
#include "snapshot.h"

#include <string>

#include "support/catch.h"

using namespace rebuilder;

namespace {

bool contains(const std::string& text, const std::string& part) {
    INFO(text << "\nlacks\n" << part);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

Snapshot small() {
    Snapshot snapshot;
    snapshot.version = "1.2.3";
    snapshot.host = "a \"host\"";
    snapshot.now_s = 1719830000.5;
    snapshot.uptime_s = 12.25;
    snapshot.ports.push_back({.name = "af_packet:eth1", .link = true, .frames = 7, .xstats = {{"rx_q0_packets", 7}}});
    snapshot.workers.push_back(
        {.heartbeat_age_s = 0.01, .busy = 0.5, .flows = {3, 100}, .buffers = {}, .held = {}, .counters = {}});
    Snapshot::Output output;
    output.name = "http://192.0.2.1:80";
    output.forwarders.resize(2);
    output.waiting = {5, 16384};
    output.trouble = "connection refused";
    output.counters.values[static_cast<std::size_t>(Counter::answered_2xx)] = 9;
    output.latency = {.bounds_s = {0.001, 0.5}, .counts = {1, 2, 3}, .sum_s = 1.5};
    snapshot.outputs.push_back(output);
    snapshot.sources.push_back({.vni = 1377, .address = "10.0.1.5", .frames = 7, .bytes = 700});
    snapshot.counters.values[static_cast<std::size_t>(Counter::frames)] = 7;
    snapshot.findings.push_back({Finding::Severity::warning, "Nobody answers.", ""});
    return snapshot;
}

}  // namespace

TEST_CASE("snapshot: as JSON", "[app]") {
    const std::string json = small().json();
    contains(json, R"({"version":"1.2.3","host":"a \"host\"","now":1719830000.500,"uptime_s":12.250,)");
    contains(json, R"("health":{"ok":true,"reason":""})");
    contains(json, R"("ports":[{"name":"af_packet:eth1","link":true,"frames":7,"bytes":0,"missed":0,"errors":0,)"
                   R"("no_buffers":0,"xstats":{"rx_q0_packets":7}}])");
    contains(json, R"("workers":[{"heartbeat_age_s":0.010,"busy":0.500,"flows":3,"flows_most":100,)");
    contains(json, R"("outputs":[{"name":"http://192.0.2.1:80","forwarders":2,"waiting":5,"waiting_most":16384,)"
                   R"("connections":0,"trouble":"connection refused","counters":{)");
    contains(json, R"("latency":{"le_s":[0.001,0.5],"counts":[1,2,3],"sum_s":1.500000})");
    contains(json, R"("sources":[{"vni":1377,"source":"10.0.1.5","frames":7,"bytes":700}])");
    contains(json, R"("findings":[{"severity":"warning","text":"Nobody answers.","do":""}])");
}

TEST_CASE("snapshot: each counter stands where its scope says", "[app]") {
    const std::string json = small().json();
    const std::size_t workers = json.rfind("\"counters\":");
    for (const CounterInfo& counter : counter_table) {
        const std::size_t at = json.find("\"" + std::string(counter.name) + "\":", json.find("\"outputs\":"));
        INFO(counter.name);
        REQUIRE(at != std::string::npos);
        if (counter.name != "frames") CHECK((at > workers) == (counter.scope == CounterScope::worker));
    }
    contains(json, R"("answered_2xx":9)");
}

TEST_CASE("snapshot: without anything it is JSON, too", "[app]") {
    Snapshot snapshot;
    snapshot.ill_health = "draining";
    const std::string json = snapshot.json();
    contains(json, R"("health":{"ok":false,"reason":"draining"})");
    contains(json, "\"ports\":[],\n\"workers\":[],\n\"outputs\":[],\n\"sources\":[],");
}

TEST_CASE("snapshot: its ledger is that of its counters", "[app]") {
    const Ledger ledger = small().ledger();
    CHECK(ledger.workers[Counter::frames] == 7);
    REQUIRE(ledger.outputs.size() == 1);
    CHECK(ledger.outputs[0].name == "http://192.0.2.1:80");
    CHECK(ledger.outputs[0].values[Counter::answered_2xx] == 9);
    CHECK_FALSE(ledger.holds());
}
