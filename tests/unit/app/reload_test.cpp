// SPDX-License-Identifier: Apache-2.0
// What a reload makes of two configurations. That it loses nothing is tests/system/reload_test.py's.
#include "reload.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "config_print.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

Config with(std::string_view name, const std::string& value) {
    Config config;
    for (const Option& option : option_table()) {
        if (option.name == name) option.set(config, {value});
    }
    return config;
}

}  // namespace

TEST_CASE("what differs is named, and whether connections are made anew") {
    CHECK(compare(Config{}, Config{}).names.empty());
    const ConfigChanges sample = compare(Config{}, with("sample", "10%"));
    CHECK(sample.names == std::vector<std::string>{"sample"});
    CHECK_FALSE(sample.connections);
    CHECK_FALSE(compare(Config{}, with("output", "null")).connections);
    CHECK(compare(Config{}, with("pipeline", "4")).connections);
    CHECK(compare(Config{}, with("tls-ca", "/ca.pem")).connections);
}

TEST_CASE("what was sized or opened at start can't change") {
    for (const auto& [name, value] :
        {std::pair{"workers", "3"}, {"input", "pcap:a"}, {"buffers", "64M"}, {"held", "1M"}, {"max-flows", "5"},
            {"max-head", "4K"}, {"queue", "5"}, {"health-listen", "none"}, {"admin-listen", "none"}, {"lcores", "0@0"},
            {"forwarders", "3"}, {"rx-descriptors", "64"}, {"lock-memory", "never"}, {"idle-sleep", "never"}}) {
        INFO(name);
        CHECK_THROWS_AS(compare(Config{}, with(name, value)), Error);
    }
    CHECK_THROWS_WITH(compare(Config{}, with("workers", "3")),
        "--workers can't change while it runs: it is auto, and would be 3; restart for that");
}

TEST_CASE("outputs come and go while workers and forwarders run") {
    const std::string file =
        (std::filesystem::temp_directory_path() / ("rebuilder-reload-" + std::to_string(::getpid()))).string();
    Config config = with("output", "null");
    config.decap.accept_plain = true;
    config.tcp.max_flows = 1000;
    config.tcp.held_bytes = 1 << 20;
    config.buffer_bytes = 4 << 20;
    config.log_level = LogLevel::error;
    constexpr std::size_t worker_count = 2;
    Outputs outputs(config, worker_count, 256);
    std::vector<std::unique_ptr<pipeline::Worker>> workers;
    for (std::size_t i = 0; i < worker_count; ++i) {
        workers.push_back(std::make_unique<pipeline::Worker>(worker_config(config, worker_count), outputs.links(i)));
    }
    outputs.start();

    // A connection with one request, again and again, as that of another port.
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (const auto& worker : workers) {
        threads.emplace_back([&stop, &worker = *worker] {
            std::uint64_t now_ns = 1'000'000'000;
            for (std::uint16_t port = 1024; !stop.load(std::memory_order_relaxed); ++port) {
                const Octets frame = PacketBuilder()
                                         .eth()
                                         .ipv4()
                                         .tcp({.from = port, .seq = 0, .flags = 0x02})
                                         .payload("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                                         .build();
                now_ns += 1'000'000;
                const std::vector<packet::Frame> burst{{frame, now_ns}};
                worker.on_burst(burst);
                if (port % 8 == 0) worker.on_tick(now_ns);
            }
            worker.drain();
        });
    }

    Config next = config;
    Log log(LogFormat::text, LogLevel::error);
    Reload reload(
        config, [&next] { return next; }, outputs, workers, log);
    constexpr int reloads = 40;
    for (int i = 0; i < reloads; ++i) {
        next.outputs.clear();
        if (i % 2 == 0) next.outputs.push_back(forward::parse_output("jsonl:" + file));
        if (i % 3 != 0) next.outputs.push_back(forward::parse_output("null"));
        if (next.outputs.empty()) next.outputs.push_back(forward::parse_output("jsonl:" + file + "2"));
        next.selection.deny = i % 4 == 0 ? std::vector<std::string>{"method=PUT"} : std::vector<std::string>{};
        next.selection.sample = forward::parse_sample(i % 5 == 0 ? "50%" : "100%");
        reload.request();
        // The last one is left to finish().
        while (i + 1 < reloads && reload.busy()) {
            reload.step();
            CHECK(outputs.ledger(workers).outputs.size() >= next.outputs.size());
            std::this_thread::yield();
        }
    }
    reload.step();
    CHECK(reload.busy());
    stop = true;
    for (std::thread& thread : threads) thread.join();
    reload.finish();
    CHECK_FALSE(reload.busy());
    outputs.drain(5'000'000'000);
    for (const auto& worker : workers) {
        worker->reclaim();
        CHECK(worker->blocks_in_use() == 0);
    }
    const Ledger ledger = outputs.ledger(workers);
    CHECK(ledger.outputs.size() == 3);
    CHECK(ledger.workers[Counter::requests_rebuilt] > 0);
    for (const Law& law : ledger.laws()) {
        INFO(law.name << ": " << law.left << " and " << law.right);
        CHECK(law.holds());
    }
    for (const Ledger::Output& output : ledger.outputs) CHECK(output.values[Counter::requests_absent] > 0);
    std::filesystem::remove(file);
    std::filesystem::remove(file + "2");
}
