// SPDX-License-Identifier: Apache-2.0
// A worker that selects: what isn't selected reaches no output and holds nothing, each request is in one counter, the
// client is the one that a PROXY header names, and the rate goes by the frames' time.
#include <memory>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "pipeline/worker.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::test;
using forward::Channel;
using forward::Form;
using forward::SelectionConfig;

namespace {

constexpr std::uint8_t syn = 0x02, ack = 0x10;
constexpr std::uint64_t start = 1'719'830'000'000'000'000;
constexpr std::uint64_t second = 1'000'000'000;

// A worker with a wire and a record output that have room for so many requests.
class Line {
  public:
    explicit Line(const SelectionConfig& selection, std::size_t slots = 64) {
        for (auto& channel : channels_) channel = std::make_unique<Channel>(slots, 1024);
        pipeline::WorkerConfig config;
        config.decap.accept_plain = true;
        config.tcp.max_flows = 16;
        config.tcp.held_bytes = 1 << 20;
        config.buffer_bytes = 4 << 20;
        config.selection = selection;
        worker_ = std::make_unique<pipeline::Worker>(config,
            std::vector<pipeline::OutputLink>{{Form::wire, channels_[0].get()}, {Form::record, channels_[1].get()}});
        send("", syn);
    }

    void send(std::string_view text, std::uint8_t flags = ack) {
        const Octets bytes = PacketBuilder().eth().ipv4().tcp({.seq = seq_, .flags = flags}).payload(text).build();
        const std::vector<packet::Frame> burst{{bytes, now_}};
        worker_->on_burst(burst);
        seq_ += static_cast<std::uint32_t>(text.size()) + ((flags & syn) != 0 ? 1 : 0);
    }
    void wait(std::uint64_t ns) { now_ += ns; }

    [[nodiscard]] std::uint64_t count(Counter which) const { return worker_->counters()[which]; }
    [[nodiscard]] std::uint64_t handed(std::size_t output) const {
        return channels_[output]->handing()[Counter::handed_off];
    }
    [[nodiscard]] std::size_t blocks_in_use() const { return worker_->blocks_in_use(); }

    // The ledger closes, and every block is back.
    void finish() {
        worker_->drain();
        Ledger ledger;
        ledger.workers = worker_->counters().read();
        for (auto& channel : channels_) {
            Counters sending;
            for (forward::Slot slot; channel->take(slot);) {
                channel->give_back(slot);
                sending.add(Counter::written);
            }
            CounterValues values = channel->handing().read();
            values += sending.read();
            ledger.outputs.push_back({"output", values});
        }
        worker_->reclaim();
        CHECK(worker_->blocks_in_use() == 0);
        for (const Law& law : ledger.laws()) {
            INFO(law.name << ": " << law.left << " and " << law.right);
            CHECK(law.holds());
        }
    }

  private:
    std::unique_ptr<Channel> channels_[2];
    std::unique_ptr<pipeline::Worker> worker_;
    std::uint32_t seq_ = 1000;
    std::uint64_t now_ = start;
};

std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string post(const std::string& path) {
    return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n";
}

}  // namespace

TEST_CASE("what isn't selected reaches no output and holds nothing", "[worker]") {
    Line line({.allow = {"path=^/a"}, .deny = {"method=POST"}});
    const std::string body(1000, 'b');
    line.send(post("/a"));
    for (int i = 0; i < 9; ++i) line.send(body);
    CHECK(line.count(Counter::requests_denied) == 1);
    CHECK(line.blocks_in_use() == 0);
    line.send(get("/b") + get("/c"));
    CHECK(line.count(Counter::requests_not_allowed) == 2);
    CHECK(line.blocks_in_use() == 0);
    CHECK(line.handed(0) == 0);
    CHECK(line.handed(1) == 0);
    line.send(get("/a"));
    CHECK(line.handed(0) == 1);
    CHECK(line.handed(1) == 1);
    line.finish();
    CHECK(line.count(Counter::requests_rebuilt) == 4);
}

TEST_CASE("what is selected may still be shed", "[worker]") {
    Line line({.deny = {"path=3$"}}, 2);
    for (int i = 0; i < 8; ++i) line.send(get("/" + std::to_string(i)));
    CHECK(line.count(Counter::requests_denied) == 1);
    CHECK(line.handed(0) == 2);
    line.finish();
}

TEST_CASE("the client that rules and samples go by is the one that a PROXY header names", "[worker]") {
    Line line({.deny = {"cidr=192.0.2.7"}});
    line.send("PROXY TCP4 192.0.2.7 10.0.0.1 4000 80\r\n" + get("/"));
    CHECK(line.count(Counter::requests_rebuilt) == 1);
    CHECK(line.count(Counter::requests_denied) == 1);
    line.finish();
}

TEST_CASE("the rate goes by the time of the frames", "[worker]") {
    Line line({.max_rate = 2});
    for (int i = 0; i < 3; ++i) line.send(get("/"));
    CHECK(line.count(Counter::requests_over_rate) == 1);
    line.wait(second / 2);
    line.send(get("/") + get("/"));
    CHECK(line.count(Counter::requests_over_rate) == 2);
    CHECK(line.handed(0) == 3);
    line.finish();
}
