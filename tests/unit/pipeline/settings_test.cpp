// SPDX-License-Identifier: Apache-2.0
// A worker whose settings change while it runs: from which request on they count, and that no request, block or counter is
// lost by it.
#include "pipeline/settings.h"

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
using forward::Slot;
using pipeline::Settings;

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

pipeline::WorkerConfig small() {
    pipeline::WorkerConfig config;
    config.decap.accept_plain = true;
    config.tcp.max_flows = 16;
    config.tcp.held_bytes = 1 << 20;
    config.buffer_bytes = 1 << 20;
    return config;
}

// One client's connection, sent to a worker piece by piece.
class Client {
  public:
    explicit Client(pipeline::Worker& worker) : worker_(worker) { send("", 0x02); }

    void send(const std::string& text, std::uint8_t flags = 0x10) {
        const Octets frame =
            PacketBuilder().eth().ipv4().tcp({.from = 1000, .seq = seq_, .flags = flags}).payload(text).build();
        seq_ += static_cast<std::uint32_t>(text.size()) + (flags == 0x02 ? 1 : 0);
        const std::vector<packet::Frame> burst{{frame, ++now_ns_}};
        worker_.on_burst(burst);
    }
    void get(const std::string& path) { send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"); }
    void post(std::size_t body) {
        send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body) + "\r\n\r\n");
        send(std::string(body, 'b'));
    }

  private:
    pipeline::Worker& worker_;
    std::uint32_t seq_ = 100;
    std::uint64_t now_ns_ = second_ns;
};

std::vector<Slot> take_all(Channel& channel) {
    std::vector<Slot> slots;
    for (Slot slot; channel.take(slot);) slots.push_back(slot);
    return slots;
}

void give_back(Channel& channel, const std::vector<Slot>& slots) {
    for (const Slot& slot : slots) channel.give_back(slot);
}

// What an output was told of the requests selected, in all.
std::uint64_t told(const Channel& channel, const pipeline::Worker& worker) {
    const CounterValues handing = channel.handing().read();
    const CounterValues counters = worker.counters().read();
    const std::uint64_t selected =
        counters.sum(CounterRole::request_rebuilt) - counters.sum(CounterRole::request_filtered);
    const std::uint64_t after = channel.left_at() ? selected - *channel.left_at() : 0;
    return handing.sum(CounterRole::request_absent) + handing.sum(CounterRole::request_shed) +
           handing.sum(CounterRole::request_handed) + after;
}

}  // namespace

TEST_CASE("new settings count from the next tick on, and not before", "[worker]") {
    Channel channel(16, 64);
    pipeline::WorkerConfig config = small();
    pipeline::Worker worker(config, {{Form::wire, &channel}});
    Client client(worker);
    client.get("/no");
    CHECK(take_all(channel).size() == 1);

    config.selection.deny = {"path=^/no"};
    config.http.max_body = 10;
    worker.change(std::make_unique<Settings>(config, std::vector<pipeline::OutputLink>{{Form::wire, &channel}}));
    CHECK_FALSE(worker.changed());
    client.get("/no");
    CHECK(take_all(channel).size() == 1);
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n12345678901234567890");  // in assembly
    worker.on_tick(second_ns);
    CHECK(worker.changed());
    CHECK(worker.retire() != nullptr);
    CHECK(worker.retire() == nullptr);

    client.send("1234567890");  // the limit is lower than what it has by now
    client.get("/no");
    client.post(20);
    CHECK(take_all(channel).size() == 2);
    CHECK(worker.counters()[Counter::requests_denied] == 1);
    CHECK(worker.counters()[Counter::requests_truncated] == 2);
    CHECK(worker.counters()[Counter::flows_opened] == 1);
}

// The client's segments have no checksums, as in front of a card that computes them.
TEST_CASE("segments are verified from the settings on that say so", "[worker]") {
    Channel channel(16, 64);
    pipeline::WorkerConfig config = small();
    pipeline::Worker worker(config, {{Form::wire, &channel}});
    Client client(worker);
    client.get("/taken");
    for (const bool verify : {true, false}) {
        config.decap.verify_checksums = verify;
        worker.change(std::make_unique<Settings>(config, std::vector<pipeline::OutputLink>{{Form::wire, &channel}}));
        worker.on_tick(second_ns);
        (void)worker.retire();
        if (verify) Client(worker).get("/dropped");
    }
    client.get("/taken");
    const Counters& counters = worker.counters();
    CHECK(take_all(channel).size() == 2);
    CHECK(counters[Counter::frame_bad_checksum] == 2);
    CHECK(counters[Counter::frames] == counters[Counter::segments] + 2);
    CHECK(counters[Counter::tcp_payload_bytes] == counters[Counter::tcp_delivered_bytes]);
}

TEST_CASE("an output that goes keeps its blocks till they are back, one that comes begins with the next request",
    "[worker]") {
    Channel stays(16, 64), goes(16, 64), comes(16, 64);
    const pipeline::WorkerConfig config = small();
    pipeline::Worker worker(config, {{Form::wire, &stays}, {Form::record, &goes}});
    Client client(worker);
    for (int i = 0; i < 3; ++i) client.get("/" + std::to_string(i));
    std::vector<Slot> held = take_all(goes);
    REQUIRE(held.size() == 3);
    client.get("/3");  // waits in the channel

    worker.change(std::make_unique<Settings>(
        config, std::vector<pipeline::OutputLink>{{Form::wire, &stays}, {Form::wire, &comes}}));
    worker.on_tick(second_ns);
    CHECK(worker.changed());
    CHECK(worker.retire() == nullptr);
    CHECK(goes.left_at() == 4);
    for (int i = 4; i < 6; ++i) client.get("/" + std::to_string(i));
    CHECK(take_all(comes).size() == 2);
    CHECK(goes.handing()[Counter::handed_off] == 4);
    for (Channel* channel : {&stays, &goes, &comes}) CHECK(told(*channel, worker) == 6);
    CHECK(comes.handing()[Counter::requests_absent] == 4);

    // A further change waits until the last one is done with.
    worker.change(std::make_unique<Settings>(config, std::vector<pipeline::OutputLink>{{Form::wire, &stays}}));
    worker.on_tick(second_ns);
    CHECK_FALSE(worker.changed());
    give_back(goes, held);
    worker.on_tick(second_ns);
    CHECK(worker.retire() == nullptr);
    give_back(goes, take_all(goes));
    worker.on_tick(second_ns);
    CHECK(worker.retire() != nullptr);
    CHECK(goes.blocks_out() == 0);
    worker.on_tick(second_ns);
    CHECK(worker.changed());
    client.get("/6");
    for (Channel* channel : {&stays, &goes, &comes}) CHECK(told(*channel, worker) == 7);
}

TEST_CASE("a channel's quota can be changed, to what it has room for", "[worker]") {
    Channel channel(16, 4, 8);
    pipeline::WorkerConfig config = small();
    pipeline::Worker worker(config, {{Form::wire, &channel}});
    Client client(worker);
    const auto change_quota = [&](std::size_t blocks) {
        worker.change(std::make_unique<Settings>(
            config, std::vector<pipeline::OutputLink>{{Form::wire, &channel, nullptr, blocks}}));
        worker.on_tick(second_ns);
        CHECK(worker.retire() != nullptr);
    };
    for (int i = 0; i < 6; ++i) client.get("/");
    CHECK(channel.waiting() == 4);
    change_quota(5);
    for (int i = 0; i < 6; ++i) client.get("/");
    CHECK(channel.waiting() == 5);
    change_quota(100);
    for (int i = 0; i < 6; ++i) client.get("/");
    CHECK(channel.waiting() == 8);
    change_quota(1);
    give_back(channel, take_all(channel));
    worker.reclaim();
    CHECK(worker.blocks_in_use() == 0);
}

TEST_CASE("a worker that is gone before a change counts leaves nothing behind", "[worker]") {
    Channel channel(16, 64);
    pipeline::Worker worker(small(), {{Form::wire, &channel}});
    worker.change(std::make_unique<Settings>(small(), std::vector<pipeline::OutputLink>{}));
    worker.drain();
    CHECK_FALSE(worker.changed());
}
