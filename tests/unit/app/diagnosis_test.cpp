// SPDX-License-Identifier: Apache-2.0
// What an operator is told: one case for each sentence, that a healthy appliance gets none but the fine one, and what is no
// finding. Each trouble is made from the healthy snapshots, so that it is the only one there.
#include "diagnosis.h"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using Severity = Finding::Severity;

namespace {

std::uint64_t& at(CounterValues& values, Counter which) {
    return values.values[static_cast<std::size_t>(which)];
}

// A process that had run for an hour, and ten seconds later.
struct Case {
    Snapshot before;
    Snapshot now;

    Case() {
        before.uptime_s = 3600;
        before.ports.push_back(
            {.name = "dpdk:0000:00:06.0", .link = true, .xstats = {{"bw_in_allowance_exceeded", 7}}});
        before.workers.push_back({.heartbeat_age_s = 0.01,
            .busy = 0.4,
            .flows = {100, 1000},
            .buffers = {100, 1000},
            .held = {0, 1000},
            .counters = {}});
        Snapshot::Output output;
        output.name = "http://10.0.3.7:80";
        output.waiting = {3, 1000};
        before.outputs.push_back(output);
        before.sources.push_back({.vni = 1377, .address = "10.0.1.5"});
        count(before, 100'000);
        now = before;
        now.uptime_s += 10;
        count(now, 10'000);
        now.ports[0].frames = 10'000;
    }

    // As many more requests of one frame each, answered.
    static void count(Snapshot& snapshot, std::uint64_t amount) {
        for (const Counter counter : {Counter::frames, Counter::segments, Counter::tcp_payload_bytes,
                 Counter::tcp_delivered_bytes, Counter::requests_started, Counter::requests_rebuilt}) {
            at(snapshot.counters, counter) += amount;
        }
        at(snapshot.counters, Counter::flows_opened) += amount / 10;
        at(snapshot.counters, Counter::streams_http1) += amount / 10;
        at(snapshot.outputs[0].counters, Counter::handed_off) += amount;
        at(snapshot.outputs[0].counters, Counter::answered_2xx) += amount;
    }

    std::uint64_t& counter(Counter which) { return at(now.counters, which); }
    std::uint64_t& sent(Counter which) { return at(now.outputs[0].counters, which); }

    // What moved is undone: nothing came in these ten seconds.
    void pause() {
        now.counters = before.counters;
        now.outputs[0].counters = before.outputs[0].counters;
    }
    // Frames come, and all of them are dropped for that reason.
    void drop_all(Counter why) {
        pause();
        counter(Counter::frames) += 5000;
        counter(why) += 5000;
    }
    // Segments come, in streams of that kind, and never was there a request.
    void only(Counter kind) {
        pause();
        for (const Counter each : {Counter::requests_started, Counter::requests_rebuilt, Counter::streams_http1}) {
            at(before.counters, each) = counter(each) = 0;
        }
        counter(Counter::frames) += 5000;
        counter(Counter::segments) += 5000;
        counter(Counter::tcp_payload_bytes) += 5000;
        counter(kind) += 100;
    }

    [[nodiscard]] std::vector<Finding> findings() const { return diagnose(before, now); }
};

std::string told(const std::vector<Finding>& findings) {
    std::string all;
    for (const Finding& each : findings)
        all += std::string(name_of(each.severity)) + ": " + each.text + " | " + each.remedy + "\n";
    return all;
}

// One finding, whose sentence and remedy begin with or contain these words.
void is_told(const Case& given, Severity severity, const std::string& text, const std::string& remedy) {
    const std::vector<Finding> findings = given.findings();
    INFO(told(findings));
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].severity == severity);
    CHECK(findings[0].text.find(text) != std::string::npos);
    CHECK(findings[0].text.back() == '.');
    CHECK(findings[0].remedy.find(remedy) != std::string::npos);
}

void is_fine(const Case& given) {
    is_told(given, Severity::fine, "All is well", "");
}

}  // namespace

TEST_CASE("diagnosis: all is well, with rates", "[app]") {
    Case given;
    is_told(given, Severity::fine,
        "All is well: 1,000 frames a second arrive, 1,000 requests a second are rebuilt and 1,000 delivered.", "");
    given.now.outputs.push_back(given.now.outputs[0]);
    given.now.outputs[1].name = "null";
    is_told(given, Severity::fine, "to 2 outputs", "");
}

TEST_CASE("diagnosis: nothing is said when no time has passed", "[app]") {
    const Case given;
    CHECK(diagnose(given.now, given.now).empty());
}

TEST_CASE("diagnosis: nothing arrives", "[app]") {
    Case given;
    given.pause();
    is_told(given, Severity::warning, "No frame has arrived for 10 seconds, after 100,000 before.", "UDP 4789");
    given.now.counters = given.before.counters = {};
    is_told(given, Severity::error, "No frame has arrived since the start, 60 minutes ago.", "mirror session");
    given.before.uptime_s = 1;
    given.now.uptime_s = 2;
    is_told(given, Severity::warning, "since the start, 2 seconds ago.", "NLB");
}

TEST_CASE("diagnosis: frames arrive, but nothing in them can be examined", "[app]") {
    const std::vector<std::pair<Counter, std::pair<std::string, std::string>>> reasons{
        {Counter::frame_not_tunnel, {"500 a second, but none is tunnel traffic", "--tunnel"}},
        {Counter::frame_vni_refused, {"--vni refuses their VNI, 1377.", "Add their VNI"}},
        {Counter::frame_port_refused, {"--http-ports names none", "--http-ports"}},
        {Counter::frame_bad_checksum, {"the checksums of all are wrong", "leave out --verify-checksums"}},
        {Counter::frame_inner_not_tcp, {"none has TCP in it", "mirror filter"}},
        {Counter::frame_inner_not_ip, {"none has TCP in it", "mirror filter"}},
        {Counter::frame_to_output, {"own requests", "not the analysers"}},
        {Counter::frame_outer_truncated, {"none can be read. Most: outer headers cut short", "packet length"}},
    };
    for (const auto& [counter, words] : reasons) {
        Case given;
        given.drop_all(counter);
        // Health checks come although a mirror pauses; only a mirror that never was is an error.
        const bool pause = counter == Counter::frame_not_tunnel;
        is_told(given, pause ? Severity::warning : Severity::error, words.first, words.second);
        if (!pause) continue;
        given.counter(counter) = given.counter(Counter::frames);
        is_told(given, Severity::error, words.first, words.second);
    }
    // Beside mirrored traffic it is the port's own.
    Case given;
    given.counter(Counter::frames) += 5000;
    given.counter(Counter::frame_not_tunnel) += 5000;
    is_fine(given);
}

TEST_CASE("diagnosis: a share of the segments has wrong checksums", "[app]") {
    Case given;
    given.counter(Counter::frames) += 5000;
    given.counter(Counter::frame_bad_checksum) += 5000;
    is_told(given, Severity::warning, "33 % of the TCP segments have a wrong checksum", "leave out --verify-checksums");
    given.counter(Counter::frame_bad_checksum) = 100;  // a damaged one now and then
    is_fine(given);
}

TEST_CASE("diagnosis: TCP arrives, but it is not HTTP", "[app]") {
    const std::vector<std::pair<Counter, std::pair<std::string, std::string>>> kinds{
        {Counter::streams_tls, {"it is TLS: 100 % of its streams", "behind the TLS end"}},
        {Counter::streams_http1_responses, {"Only responses arrive", "inbound"}},
        {Counter::streams_http2_responses, {"Only responses arrive", "inbound"}},
        {Counter::streams_redis, {"most of it is Redis", "mirror filter"}},
        {Counter::streams_ssh, {"most of it is SSH", "mirror filter"}},
        {Counter::streams_unknown, {"none of it is HTTP.", "mirror filter"}},
    };
    for (const auto& [kind, words] : kinds) {
        Case given;
        given.only(kind);
        is_told(given, Severity::error, words.first, words.second);
    }
    Case late;
    late.only(Counter::streams_http2_midstream);
    is_told(late, Severity::warning, "Only HTTP/2 connections arrive that began before", "new ones");

    Case empty;
    empty.only(Counter::streams_tls);
    at(empty.before.counters, Counter::tcp_payload_bytes) = empty.counter(Counter::tcp_payload_bytes) = 0;
    empty.counter(Counter::streams_tls) = 0;
    is_told(empty, Severity::warning, "all of them are empty", "direction");
}

TEST_CASE("diagnosis: long connections of another protocol are known by how they began", "[app]") {
    Case given;
    given.only(Counter::streams_tls);
    at(given.before.counters, Counter::streams_tls) = given.counter(Counter::streams_tls);
    is_told(given, Severity::error, "it is TLS", "");
}

TEST_CASE("diagnosis: a pause of requests is none, but an end of HTTP is", "[app]") {
    Case given;
    given.pause();
    given.counter(Counter::frames) += 30;
    given.counter(Counter::segments) += 30;
    given.counter(Counter::streams_tls) += 3;
    is_told(given, Severity::fine, "3.0 frames a second arrive, with no request in the last 10 seconds", "");
    given.counter(Counter::streams_tls) += 300;
    is_told(given, Severity::error, "it is TLS", "");
}

TEST_CASE("diagnosis: one direction, or other protocols beside HTTP, are no finding", "[app]") {
    Case given;
    is_fine(given);
    given.counter(Counter::streams_tls) += 5000;
    given.counter(Counter::streams_http1_responses) += 5000;
    given.counter(Counter::tcp_ignored_bytes) += 5000;
    given.counter(Counter::requests_not_sampled) += 5000;
    is_fine(given);
}

TEST_CASE("diagnosis: the mirror loses packets", "[app]") {
    Case given;
    given.counter(Counter::tcp_gap_bytes) += 5;  // 0.05 %
    is_fine(given);
    given.counter(Counter::tcp_gap_bytes) += 95;
    is_told(
        given, Severity::warning, "0.99 % of the payload is missing, and none of the requests", "NetworkSkipMirrorIn");
    given.counter(Counter::requests_lost_to_gap) += 500;
    is_told(given, Severity::error, "5.0 % of the requests were lost to it", "packet length");
}

TEST_CASE("diagnosis: the mirror cuts frames", "[app]") {
    Case given;
    given.counter(Counter::tcp_truncated_segments) += 1000;
    is_told(given, Severity::warning, "10 % of the segments lack their end", "8486");
}

TEST_CASE("diagnosis: connections are joined in mid-stream", "[app]") {
    Case given;
    given.counter(Counter::flows_midstream) += 900;
    is_told(given, Severity::warning, "90 % of the new connections are seen first in mid-stream", "target group");
    given.before.uptime_s = 60;
    given.now.uptime_s = 70;  // at the start that is how it is
    is_fine(given);
}

TEST_CASE("diagnosis: connections have no room", "[app]") {
    Case given;
    given.counter(Counter::flows_evicted) += 12;
    is_told(given, Severity::warning, "12 connections were given up", "--max-flows");
}

TEST_CASE("diagnosis: requests are lost for a reason that an option has", "[app]") {
    const std::vector<std::pair<Counter, std::string>> reasons{{Counter::requests_lost_head_too_large, "--max-head"},
        {Counter::requests_lost_body_too_large, "--max-body"}, {Counter::requests_lost_no_memory, "--buffers"},
        {Counter::requests_lost_to_eviction, "--max-flows"}, {Counter::requests_lost_to_idle, "--idle-timeout"},
        {Counter::requests_lost_framing_ambiguous, "A server would refuse"}};
    for (const auto& [counter, remedy] : reasons) {
        Case given;
        given.counter(counter) += 200;
        is_told(given, Severity::warning, "2.0 % of the requests are lost", remedy);
    }
}

TEST_CASE("diagnosis: a worker is stuck, or always busy", "[app]") {
    Case given;
    given.now.workers[0].heartbeat_age_s = 5;
    given.now.ill_health = "worker 0 is stuck";  // the same reason isn't told twice
    is_told(given, Severity::error, "Worker 0 has been stuck for 5 seconds.", "keep its log for a report.");
    Case busy;
    busy.now.workers[0].busy = 0.99;
    is_told(busy, Severity::warning, "Worker 0 is busy all of the time.", "--workers");
}

TEST_CASE("diagnosis: the health check fails", "[app]") {
    Case given;
    given.now.ill_health = "draining";
    is_told(given, Severity::warning, "The health check fails: draining.", "");
    given.now.ill_health = "something else";
    is_told(given, Severity::error, "The health check fails: something else.", "");
}

TEST_CASE("diagnosis: a port is down, misses frames, has no buffers, gets damaged frames", "[app]") {
    Case down;
    down.now.ports[0].link = false;
    is_told(down, Severity::error, "The link of dpdk:0000:00:06.0 is down.", "attached");
    Case missed;
    missed.now.ports[0].missed = 3;
    is_told(missed, Severity::warning, "missed 3 frames, 0.03 % of its traffic", "--rx-descriptors");
    missed.now.ports[0].missed = 300;
    is_told(missed, Severity::error, "missed 300 frames, 2.9 % of its traffic", "--workers");
    missed.before.ports[0].missed = 300;  // long ago
    is_fine(missed);
    Case starved;
    starved.now.ports[0].no_buffers = 4;
    is_told(starved, Severity::error, "had no buffer for a frame 4 times", "hugepages");
    Case damaged;
    damaged.now.ports[0].errors = 2;
    is_told(damaged, Severity::warning, "2 damaged frames", "MTU");
}

TEST_CASE("diagnosis: an allowance of the instance type is exceeded", "[app]") {
    Case given;
    given.now.ports[0].xstats = {{"bw_in_allowance_exceeded", 1007}, {"rx_q0_cnt", 5}, {"pps_allowance_available", 9}};
    is_told(given, Severity::error,
        "1,000 packets of dpdk:0000:00:06.0: this instance type allows no more inbound bandwidth", "larger instance");
    given.now.ports[0].xstats = {{"bw_in_allowance_exceeded", 7}, {"conntrack_allowance_exceeded", 1}};
    is_told(given, Severity::error, "tracked connections", "security group");
}

TEST_CASE("diagnosis: memory is nearly full", "[app]") {
    Case given;
    given.now.workers[0].buffers.now = 950;
    is_told(given, Severity::warning, "The buffers for requests of worker 0 are 95 % full.", "--buffers");
    Case held;
    held.now.workers[0].held.now = 950;
    is_told(held, Severity::warning, "behind holes", "--held");
    Case flows;
    flows.now.workers[0].flows.now = 950;
    is_told(flows, Severity::warning, "connections", "--max-flows");
}

TEST_CASE("diagnosis: an output is down", "[app]") {
    Case given;
    at(given.now.outputs[0].counters, Counter::answered_2xx) -= 10'000;
    at(given.now.outputs[0].counters, Counter::connect_failures) += 5;
    is_told(
        given, Severity::error, "The output http://10.0.3.7:80 is down: it accepts no connection.", "security group");
    const std::vector<std::pair<std::string, std::string>> troubles{{"connection refused", "a server listens there"},
        {"output http://10.0.3.7:80: connection refused", "a server listens there"},
        {"Connection timed out", "security group"}, {"certificate has expired", "--tls-ca"},
        {"no address for the name", "--dns-server"}};
    for (const auto& [trouble, remedy] : troubles) {
        given.now.outputs[0].trouble = trouble;
        is_told(given, Severity::error,
            "The output http://10.0.3.7:80 is down: " +
                trouble.substr(trouble.find_last_of(':') + (trouble.starts_with("output") ? 2 : 1)),
            remedy);
    }
    at(given.now.outputs[0].counters, Counter::answered_2xx) += 10'000;
    is_told(given, Severity::warning, "Some connections to the output http://10.0.3.7:80 fail", "--dns-server");
}

TEST_CASE("diagnosis: a file can't be written", "[app]") {
    Case given;
    given.before.outputs[0].name = given.now.outputs[0].name = "jsonl:/var/log/requests.jsonl";
    given.now.outputs[0].trouble = "cannot write: No space left on device";
    is_told(given, Severity::error, "can't be written: cannot write: No space left", "room");
}

TEST_CASE("diagnosis: an output that is up fails requests", "[app]") {
    const std::vector<std::pair<Counter, std::pair<std::string, std::string>>> reasons{
        {Counter::failed_timeout, {"no answer within --timeout", "raise --timeout"}},
        {Counter::failed_reset, {"the connection broke", "own log"}},
        {Counter::failed_response, {"the answer was not HTTP", "port"}},
        {Counter::failed_unsayable, {"HTTP/2 has no form", "--http2"}}};
    for (const auto& [counter, words] : reasons) {
        Case given;
        given.sent(counter) += 100;
        is_told(given, Severity::warning, "0.99 % of the requests to http://10.0.3.7:80 fail: " + words.first,
            words.second);
        given.sent(counter) += 900;
        is_told(given, Severity::error, "9.1 % of the requests", words.second);
    }
}

TEST_CASE("diagnosis: an output answers with errors", "[app]") {
    Case given;
    given.sent(Counter::answered_2xx) -= 1000;
    given.sent(Counter::answered_5xx) += 1000;
    is_told(given, Severity::warning, "http://10.0.3.7:80 answers 10 % of the requests with 5xx", "healthy target");
    given.sent(Counter::answered_2xx) -= 9000;
    given.sent(Counter::answered_5xx) += 9000;
    is_told(given, Severity::error, "100 % of the requests with 5xx", "log");
    Case refused;
    refused.sent(Counter::answered_2xx) -= 8000;
    refused.sent(Counter::answered_4xx) += 8000;
    is_told(refused, Severity::warning, "80 % of the requests with 4xx", "--set-header");
    refused.sent(Counter::answered_4xx) -= 4000;  // clients are like that
    refused.sent(Counter::answered_2xx) += 4000;
    is_fine(refused);
}

TEST_CASE("diagnosis: requests are shed, and why", "[app]") {
    const std::vector<std::pair<Counter, std::pair<std::string, std::string>>> reasons{
        {Counter::shed_queue_full, {"its queue is full", "--forwarders"}},
        {Counter::shed_quota, {"it holds its share of the buffers", "--buffers"}},
        {Counter::shed_no_memory, {"no buffer is free", "--buffers"}}};
    for (const auto& [counter, words] : reasons) {
        Case given;
        given.sent(counter) += 50;
        is_told(given, Severity::warning,
            "5.0 requests a second, 0.50 %, are not sent to http://10.0.3.7:80: " + words.first, words.second);
        given.sent(counter) += 5000;
        is_told(given, Severity::error, "34 %, are not sent", words.second);
    }
    Case full;
    full.now.outputs[0].waiting.now = 950;
    is_told(full, Severity::warning, "The queue of http://10.0.3.7:80 is 95 % full.", "--pipeline");
}

TEST_CASE("diagnosis: errors come first", "[app]") {
    Case given;
    given.now.workers[0].busy = 1;
    given.now.outputs[0].trouble = "connection refused";
    given.sent(Counter::answered_2xx) -= 10'000;
    given.sent(Counter::shed_queue_full) += 10'000;
    const std::vector<Finding> findings = given.findings();
    INFO(told(findings));
    REQUIRE(findings.size() == 3);
    CHECK(findings[0].text.find("is down") != std::string::npos);
    CHECK(findings[1].text.find("are not sent") != std::string::npos);
    CHECK(findings[1].remedy == "They are lost to it until it answers again.");
    CHECK(findings[2].severity == Severity::warning);
}
