// SPDX-License-Identifier: Apache-2.0
// The screens of `rebuilder top`: what is on them, and that they fit any terminal and let nothing through to it.
#include "top_view.h"

#include <algorithm>
#include <string>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;

namespace {

std::uint64_t& at(CounterValues& values, Counter which) {
    return values.values[static_cast<std::size_t>(which)];
}

// Three seconds of an appliance with two outputs, one of them down.
std::vector<Snapshot> seconds() {
    std::vector<Snapshot> past;
    Snapshot snapshot;
    snapshot.version = "0.1.0";
    snapshot.host = "ip-10-0-1-5";
    snapshot.uptime_s = 7200;
    snapshot.ports.push_back({.name = "dpdk:0000:00:06.0", .link = true, .missed = 12, .xstats = {}});
    snapshot.workers.resize(2);
    for (Snapshot::Worker& worker : snapshot.workers)
        worker = {.busy = 0.43, .flows = {50, 100}, .buffers = {95, 100}, .held = {}, .counters = {}};
    snapshot.outputs.resize(2);
    snapshot.outputs[0].name = "http://10.0.3.7:80";
    snapshot.outputs[1].name = "http://10.0.3.8:80";
    snapshot.outputs[1].trouble = "connection refused";
    snapshot.outputs[0].latency = {.bounds_s = {0.001, 0.01}, .counts = {0, 0, 0}, .sum_s = 0};
    snapshot.sources.push_back({.vni = 1377, .address = "10.0.1.5"});
    snapshot.findings = {{Finding::Severity::error, "The output http://10.0.3.8:80 is down: connection refused.",
                             "Check that a server listens there."},
        {Finding::Severity::fine, "The rest is well.", ""}};
    for (int i = 0; i < 4; ++i) {
        past.push_back(snapshot);
        snapshot.uptime_s += 1;
        at(snapshot.counters, Counter::frames) += 5000;
        at(snapshot.counters, Counter::segments) += 4900;
        at(snapshot.counters, Counter::frame_inner_not_tcp) += 80;
        at(snapshot.counters, Counter::frame_inner_truncated) += 20;
        at(snapshot.counters, Counter::frame_bytes) += 5'000'000;
        at(snapshot.counters, Counter::tcp_payload_bytes) += 4'000'000;
        at(snapshot.counters, Counter::tcp_delivered_bytes) += 4'000'000;
        at(snapshot.counters, Counter::streams_http1) += 75;
        at(snapshot.counters, Counter::streams_tls) += 25;
        at(snapshot.counters, Counter::requests_started) += 1000;
        at(snapshot.counters, Counter::requests_rebuilt) += 1000;
        at(snapshot.outputs[0].counters, Counter::handed_off) += 1000;
        at(snapshot.outputs[0].counters, Counter::answered_2xx) += 1000;
        at(snapshot.outputs[1].counters, Counter::shed_queue_full) += 1000;
        snapshot.outputs[0].latency.counts[1] += 1000;
        snapshot.ports[0].frames += 5000;
        snapshot.sources[0].frames += 5000;
    }
    return past;
}

std::size_t columns(const std::string& line) {
    return static_cast<std::size_t>(std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        REQUIRE(end != std::string::npos);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

bool has(const std::string& text, const std::string& part) {
    INFO(text << "\nlacks\n" << part);
    CHECK(text.find(part) != std::string::npos);
    return true;
}

}  // namespace

TEST_CASE("top: findings, rates, outputs, losses", "[app]") {
    const std::vector<Snapshot> past = seconds();
    TopScreen screen;
    screen.width = 110;
    screen.title = "http://127.0.0.1:9446";
    const std::string text = top_view(past, screen);
    has(text, "rebuilder ip-10-0-1-5  0.1.0, up 2 hours  http://127.0.0.1:9446\n");
    has(text, "!! The output http://10.0.3.8:80 is down: connection refused.\n   Check that a server listens there.\n");
    has(text, "ok The rest is well.\n");
    has(text, "arriving   5,000 frames/s      40 Mbit/s, 1 source ");
    has(text, "HTTP       1,000 requests/s    HTTP/1 75 %, TLS 25 %");
    has(text, "complete   100 % whole");
    has(text, "delivered  1,000 answers/s     50 % shed, 0 % failed");
    has(text, "cores      43 % busy           the busiest of 2 workers\n");
    has(text, "                    answers/s    2xx  3xx  4xx  5xx  failed/s  shed/s     p50     p99  queue\n");
    has(text, "http://10.0.3.7:80      1,000  1,000    0    0    0         0       0  5.5 ms  9.9 ms    0 %\n");
    has(text, "http://10.0.3.8:80          0      0    0    0    0         0   1,000       -       -    0 %\n");
    has(text, "0  #########...........  43 %     50  50 %     95 %   0 %\n");
    has(text, "  inner packet is not TCP                 240     80   1.6 %\n");
    has(text, "  missed by the port                       12      0  0.08 %\n");
    has(text, "VNI 1377, 10.0.1.5");
    has(text, "dpdk:0000:00:06.0  up       5,000      12       0\n");
    CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("top: one snapshot has no rates", "[app]") {
    const std::vector<Snapshot> past = seconds();
    const std::string text = top_view(std::span(past).first(1), {});
    has(text, "arriving   - frames/s");
}

TEST_CASE("top: nothing at all", "[app]") {
    CHECK(top_view({}, {}).empty());
    has(top_view(std::vector<Snapshot>(1), {}), "Nothing to say yet.");
}

TEST_CASE("top: fits any width, and any height", "[app]") {
    const std::vector<Snapshot> past = seconds();
    for (std::size_t width = 20; width <= 160; ++width) {
        for (const bool utf8 : {false, true}) {
            TopScreen screen;
            screen.width = width;
            screen.utf8 = utf8;
            screen.problem = "http://127.0.0.1:9446: nobody answers";
            for (const std::string& line : lines_of(top_view(past, screen))) {
                INFO(width << ": " << line);
                REQUIRE(columns(line) <= width);
            }
        }
    }
    TopScreen screen;
    screen.height = 12;
    const std::vector<std::string> lines = lines_of(top_view(past, screen));
    CHECK(lines.size() == 12);
    has(lines.back(), "more lines");
}

TEST_CASE("top: a narrow screen keeps what matters most", "[app]") {
    const std::vector<Snapshot> past = seconds();
    TopScreen screen;
    screen.width = 60;
    const std::string text = top_view(past, screen);
    has(text, "answers/s");
    has(text, "failed/s");
    CHECK(text.find("3xx") == std::string::npos);
}

TEST_CASE("top: colours only when asked for, and each is ended in its line", "[app]") {
    const std::vector<Snapshot> past = seconds();
    TopScreen screen;
    screen.colour = true;
    const std::string text = top_view(past, screen);
    has(text, "\x1b[1;31mThe output http://10.0.3.8:80 is down");
    for (const std::string& line : lines_of(text)) {
        std::size_t on = 0;
        std::size_t off = 0;
        for (std::size_t i = 0; (i = line.find("\x1b[", i)) != std::string::npos; ++i) {
            (line.compare(i, 4, "\x1b[0m") == 0 ? off : on) += 1;
        }
        CHECK(on == off);
    }
}

TEST_CASE("top: nothing of a name reaches the terminal but printable ASCII", "[app]") {
    std::vector<Snapshot> past = seconds();
    Snapshot& now = past.back();
    const std::string hostile = "\x1b]0;pwned\x07\x9b"
                                "31m\r\n\xc3\xa9\t";
    now.host = now.version = hostile;
    now.outputs[0].name = now.ports[0].name = now.sources[0].address = hostile;
    now.findings = {{Finding::Severity::error, hostile, hostile}};
    TopScreen screen;
    screen.title = screen.problem = hostile;
    for (const char c : top_view(past, screen)) {
        REQUIRE(((c >= 0x20 && c <= 0x7e) || c == '\n'));
    }
}

TEST_CASE("top: why there is nothing newer", "[app]") {
    const std::vector<Snapshot> past = seconds();
    TopScreen screen;
    screen.problem = "nobody answers";
    has(top_view(past, screen), "!! nobody answers\n");
}
