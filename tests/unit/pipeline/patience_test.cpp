// SPDX-License-Identifier: Apache-2.0
// A worker with patience: more requests than a channel has room for, in slots or in blocks, come out of one burst, of one tick
// and of drain(), and none is shed; an output that never makes room is waited for once for each request.
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

namespace {

constexpr std::uint8_t syn = 0x02, ack = 0x10;
constexpr std::uint64_t second = 1'000'000'000;
constexpr std::size_t requests = 50;

std::string many_requests() {
    std::string text;
    for (std::size_t i = 0; i < requests; ++i) text += "GET / HTTP/1.0\n\n";
    return text;
}

// A worker with one output, which works only while it is waited for.
class Line final : private pipeline::Patience {
  public:
    Line(std::size_t slots, std::size_t quota, bool dead = false) : channel_(slots, quota), dead_(dead) {
        pipeline::WorkerConfig config;
        config.decap.accept_plain = true;
        config.tcp.max_flows = 16;
        config.tcp.held_bytes = 1 << 20;
        config.buffer_bytes = 4 << 20;
        worker_ =
            std::make_unique<pipeline::Worker>(config, std::vector<pipeline::OutputLink>{{Form::wire, &channel_}});
        worker_->wait_with(*this);
        send(0, "", syn);
    }

    void send(std::size_t offset, std::string_view text, std::uint8_t flags = ack) {
        const std::uint32_t seq = (flags & syn) != 0 ? 999 : 1000 + static_cast<std::uint32_t>(offset);
        const Octets bytes = PacketBuilder().eth().ipv4().tcp({.seq = seq, .flags = flags}).payload(text).build();
        const std::vector<packet::Frame> burst{{bytes, second}};
        worker_->on_burst(burst);
    }
    void tick(std::uint64_t now_ns) { worker_->on_tick(now_ns); }
    void drain() { worker_->drain(); }

    [[nodiscard]] std::size_t waits() const { return waits_; }
    [[nodiscard]] std::uint64_t handing(Counter which) const { return channel_.handing()[which]; }

    // The ledger closes, and every block is back.
    void finish() {
        worker_->drain();
        work();
        worker_->reclaim();
        CHECK(worker_->blocks_in_use() == 0);
        Ledger ledger;
        ledger.workers = worker_->counters().read();
        CounterValues values = channel_.handing().read();
        values += sending_.read();
        ledger.outputs.push_back({"output", values});
        CHECK(ledger.holds());
    }

  private:
    void wait(const Channel& channel, const forward::Slot& slot) noexcept override {
        ++waits_;
        CHECK(&channel == &channel_);
        CHECK_FALSE(channel.has_room(slot));
        if (dead_) return;
        work();
        worker_->reclaim();
    }
    void work() {
        for (forward::Slot slot; channel_.take(slot);) {
            channel_.give_back(slot);
            sending_.add(Counter::written);
        }
    }

    Channel channel_;
    bool dead_;
    std::size_t waits_ = 0;
    Counters sending_;
    std::unique_ptr<pipeline::Worker> worker_;
};

}  // namespace

TEST_CASE("what one burst, one tick or the end brings may be more than a channel holds", "[worker]") {
    struct Room {
        std::size_t slots;
        std::size_t quota;
    };
    for (const Room& room : {Room{4, 1024}, Room{1024, 4}, Room{1, 1}}) {
        INFO(room.slots << " slots, " << room.quota << " blocks");
        Line burst(room.slots, room.quota);
        burst.send(0, many_requests());
        CHECK(burst.handing(Counter::handed_off) == requests);
        CHECK(burst.waits() >= requests / 4 - 1);
        burst.finish();

        Line ticking(room.slots, room.quota);
        ticking.send(10, many_requests());
        CHECK(ticking.handing(Counter::handed_off) == 0);
        ticking.tick(10 * second);
        CHECK(ticking.handing(Counter::handed_off) >= requests - 1);
        ticking.finish();

        Line ending(room.slots, room.quota);
        ending.send(10, many_requests());
        ending.drain();
        CHECK(ending.handing(Counter::handed_off) >= requests - 1);
        CHECK(ending.handing(Counter::shed_queue_full) + ending.handing(Counter::shed_quota) == 0);
        ending.finish();
    }
}

TEST_CASE("an output that makes no room sheds all the same", "[worker]") {
    Line line(4, 1024, true);
    line.send(0, many_requests());
    CHECK(line.handing(Counter::handed_off) == 4);
    CHECK(line.handing(Counter::shed_queue_full) == requests - 4);
    CHECK(line.waits() == requests - 4);
    line.finish();
}
