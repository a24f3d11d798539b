// SPDX-License-Identifier: Apache-2.0
// More connections than the table holds.
// - the longest idle goes first; of flows of one tick, the first; what waits in it is not lost
// - a flood of SYNs: established connections are untouched, also those that are silent meanwhile
// - a flood of data on connections never seen before: those that send often enough are untouched
// - floods cost nobody the time for what comes out of order; ended connections go first
#include "support/recorder.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr std::uint32_t living = 1000;
constexpr std::uint32_t flood = 1'000'000;

tcp::Limits flood_limits() {
    tcp::Limits limits;
    limits.max_flows = 20'000;
    return limits;
}

// Connections in the middle of their data, and one-segment connections that come and stay.
struct Flood {
    Lab lab{flood_limits()};
    std::vector<std::uint64_t> sent = std::vector<std::uint64_t>(living, 0);
    std::size_t most_flows = 0;

    Flood() {
        lab.recorder.forget_closed = true;
        for (std::uint32_t i = 0; i < living; ++i) {
            lab.client(i, isn(i)).syn();
            send(i);
        }
    }
    static Seq isn(std::uint32_t i) { return i * 4'000'037; }
    void send(std::uint32_t i) {
        lab.client(i, isn(i)).data(sent[i], sent[i] + 10);
        sent[i] += 10;
    }
    // Of addresses, ports and networks never seen before.
    Peer stranger(std::uint32_t i) { return lab.client(1'000'000 + i, i * 7919, 1 + i % 3); }
    void looked_at(std::uint32_t i) {
        if (i % 256 == 0) lab.tick();
        most_flows = std::max(most_flows, lab.reassembler.flows());
    }
    // The flows of which the sink was told all that was sent, and nothing else.
    [[nodiscard]] std::uint32_t unbroken() const {
        std::uint32_t count = 0;
        for (std::uint32_t i = 0; i < living; ++i) {
            if (lab.recorder.streams[i].transcript == "open|" + text(0, sent[i])) ++count;
        }
        return count;
    }
};

}  // namespace

TEST_CASE("eviction: the longest idle flow is evicted", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_flows = 6;
    Lab lab(limits);
    for (std::uint32_t i = 0; i < 6; ++i) {
        Peer client = lab.client(i);
        client.syn();
        client.data(0, 10);
        lab.wait_ticking(second_ns);
    }
    // Oldest first: 4, 1, 5, 0, 3, 2.
    for (const std::uint32_t i : {4u, 1u, 5u, 0u, 3u, 2u}) {
        lab.client(i).data(10, 20);
        lab.wait_ticking(second_ns);
    }
    std::uint32_t newcomer = 100;
    for (const std::uint32_t i : {4u, 1u, 5u, 0u, 3u, 2u}) {
        INFO("flow " << i);
        CHECK(lab.transcript(i) == "open|" + text(0, 20));
        Peer client = lab.client(newcomer++);
        client.syn();
        client.data(0, 10);
        CHECK(lab.transcript(i) == "open|" + text(0, 20) + "|close evicted|");
        lab.wait_ticking(second_ns);
    }
    CHECK(lab.count(Counter::flows_evicted) == 6);
    CHECK(lab.reassembler.flows() == 6);
}

TEST_CASE("eviction: idle timeouts longer than the wheel reaches", "[reassembler]") {
    const std::uint64_t before = GENERATE(0u, 500u, 2000u) * second_ns;
    INFO("silent for " << before / second_ns << " s");
    tcp::Limits limits = small_limits();
    limits.max_flows = 6;
    limits.idle_timeout_ns = 3600 * second_ns;
    Lab lab(limits);
    for (std::uint32_t i = 0; i < 6; ++i) {
        Peer client = lab.client(i);
        client.syn();
        client.data(0, 10);
        lab.wait_ticking(second_ns);
    }
    lab.wait_ticking(before);
    const auto touch = [&](std::initializer_list<std::uint32_t> flows, std::uint64_t at) {
        for (const std::uint32_t i : flows) {
            lab.client(i).data(at, at + 10);
            lab.wait_ticking(70 * second_ns);
        }
    };
    std::uint32_t newcomer = 100;
    const auto evicted = [&] {
        lab.client(newcomer++).data(0, 10);
        lab.wait_ticking(second_ns);
        std::string gone;
        for (std::uint32_t i = 0; i < 6; ++i) {
            if (lab.transcript(i).find("|close evicted|") != std::string::npos) gone += std::to_string(i);
        }
        return gone;
    };
    touch({4, 1, 5, 0, 3, 2}, 10);
    SECTION("the longest idle goes first") {
        for (const char* gone : {"4", "14", "145", "0145", "01345", "012345"}) CHECK(evicted() == gone);
    }
    SECTION("of those idle for longer than it reaches any, but no other") {
        lab.wait_ticking(1000 * second_ns);
        touch({1, 3, 2}, 20);
        for (int i = 0; i < 2; ++i) evicted();
        CHECK(evicted() == "045");
        CHECK(evicted() == "0145");
    }
    CHECK(lab.count(Counter::flows_idle) == 0);
}

TEST_CASE("eviction: of flows that came within one tick, the first is evicted first", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_flows = 6;
    Lab lab(limits);
    lab.now_ns = lab.now_ns / wheel_tick * wheel_tick;
    for (std::uint32_t i = 0; i < 9; ++i) {
        lab.client(i).syn();
        lab.wait(1000);
    }
    for (std::uint32_t i = 0; i < 9; ++i) {
        INFO("flow " << i);
        CHECK(lab.transcript(i) == (i < 3 ? "open|close evicted|" : "open|"));
    }
}

TEST_CASE("eviction: what waits in an evicted flow is delivered", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_flows = 1;
    Lab lab(limits);
    Peer client = lab.client(1);
    client.syn();
    client.data(0, 10);
    client.data(20, 30);
    lab.client(2).syn();
    CHECK(lab.transcript(1) == "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|close evicted|");
    CHECK(lab.reassembler.held_blocks() == 0);
    CHECK(lab.reassembler.flows() == 1);
}

TEST_CASE("eviction: who waits for a hole is no candidate while another is idle", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_flows = 2;
    Lab lab(limits);
    lab.client(1).syn();
    lab.wait_ticking(second_ns / 2);
    Peer client = lab.client(2);
    client.syn();
    client.data(0, 10);
    client.data(20, 30);
    lab.client(3).syn();  // 2 has the nearest deadline, and 1 is older
    CHECK(lab.transcript(1) == "open|close evicted|");
    CHECK(lab.transcript(2) == "open|" + text(0, 10));
    client.data(10, 20);
    CHECK(lab.transcript(2) == "open|" + text(0, 30));
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("eviction: when all wait for holes, the oldest goes", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_flows = 4;
    Lab lab(limits);
    for (std::uint32_t i = 0; i < 4; ++i) {
        Peer client = lab.client(i);
        client.syn();
        client.data(5, 10);
        lab.wait_ticking(2 * wheel_tick);
    }
    lab.client(4).syn();
    CHECK(lab.transcript(0) == "open|gap 5|" + text(5, 10) + "|close evicted|");
    for (std::uint32_t i = 1; i < 4; ++i) CHECK(lab.transcript(i) == "open|");
}

// ---- floods

TEST_CASE("eviction: established connections survive a flood of SYNs", "[reassembler]") {
    // Those of the second half are silent while it lasts.
    const std::uint64_t lasts = GENERATE(1u, 60u) * second_ns;
    INFO("a flood of " << lasts / second_ns << " s");
    Flood all;
    for (std::uint32_t i = 0; i < flood; ++i) {
        all.stranger(i).syn();
        if (i % 100 == 0) all.send(i / 100 % (living / 2));
        all.lab.wait(lasts / flood);
        all.looked_at(i);
    }
    for (std::uint32_t i = 0; i < living; ++i) all.send(i);
    CHECK(all.unbroken() == living);
    CHECK(all.most_flows == all.lab.limits.max_flows);
    CHECK(all.lab.count(Counter::flows_opened) == living + flood);
    CHECK(all.lab.count(Counter::flows_evicted) + all.lab.count(Counter::flows_idle) + all.lab.reassembler.flows() ==
          living + flood);
    CHECK(all.lab.count(Counter::flows_evicted) > 0);
    CHECK(all.lab.count(Counter::flows_midstream) == 0);
    CHECK(all.lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("eviction: connections of any age survive a flood of SYNs", "[reassembler]") {
    tcp::Limits limits;
    limits.max_flows = 4096;
    const std::uint64_t age = GENERATE(0u, 5u, 60u, 355u) * second_ns;
    INFO("connections of " << age / second_ns << " s");
    Lab lab(limits);
    lab.recorder.keep_text = false;
    std::vector<std::uint64_t> sent(living, 10);
    for (std::uint32_t i = 0; i < living; ++i) {
        lab.client(i).syn();
        lab.client(i).data(0, 10);
        lab.wait(second_ns / living);
    }
    for (std::uint64_t waited = 0; waited < age; waited += 5 * second_ns) {
        lab.wait_ticking(5 * second_ns);
        for (std::uint32_t i = 0; i < living; ++i) lab.client(i).data(0, 10);  // they live
    }
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        lab.wait(10'000);
        lab.client(1'000'000 + i).syn();
        if (i % 1000 == 0) lab.tick();
        if (i % 20 == 0) {
            const std::uint32_t one = i / 20 % living;
            lab.client(one).data(sent[one], sent[one] + 10);
            sent[one] += 10;
        }
    }
    std::size_t survived = 0;
    for (std::uint32_t i = 0; i < living; ++i) {
        if (!lab.recorder.streams[i].closed && lab.recorder.streams[i].offset == sent[i]) ++survived;
    }
    CHECK(survived == living);
    CHECK(lab.reassembler.flows() == 4096);
    CHECK(lab.count(Counter::flows_evicted) == living + 100'000 - 4096);
}

TEST_CASE("eviction: in a flood of data the longest idle goes first, whoever it is", "[reassembler]") {
    // Nothing tells a stranger in mid-stream from a connection worth keeping, so what counts is when each last sent. The
    // table turns over within 19,500 strangers: who sends more often stays, who is silent for longer goes.
    Flood all;
    for (std::uint32_t i = 0; i < flood; ++i) {
        all.stranger(i).data(0, 1);
        if (i % 20 == 0) all.send(i / 20 % (living / 2));  // each after 10,000 strangers
        all.lab.wait(20'000);
        all.looked_at(i);
    }
    CHECK(all.unbroken() == living / 2);
    for (std::uint32_t i = 0; i < living; ++i) {
        const bool kept = all.lab.recorder.streams[i].transcript == "open|" + text(0, all.sent[i]);
        if (kept != (i < living / 2)) FAIL_CHECK("connection " << i);
    }
    CHECK(all.most_flows == all.lab.limits.max_flows);
    CHECK(all.lab.count(Counter::flows_midstream) == flood);
    CHECK(all.lab.count(Counter::flows_evicted) + all.lab.reassembler.flows() == living + flood);
}

TEST_CASE("eviction: a flood doesn't cost a connection the time for what comes out of order", "[reassembler]") {
    Flood all;
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        all.stranger(i).syn();
        const std::uint32_t one = i / 10 % living;
        const bool ahead = i % 10 == 0;  // its other segment comes ten strangers later
        const std::uint64_t at = all.sent[one] + (ahead ? 10 : 0);
        if (i % 10 == 0 || i % 10 == 9) all.lab.client(one, Flood::isn(one)).data(at, at + 10);
        if (i % 10 == 9) all.sent[one] += 20;
        all.lab.wait(10'000);
        all.looked_at(i);
    }
    CHECK(all.unbroken() == living);
    CHECK(all.lab.count(Counter::tcp_gaps) == 0);
    CHECK(all.lab.count(Counter::flows_evicted) > 0);
}

TEST_CASE("eviction: connections that are opened, answered and reset at once make no place scarce", "[reassembler]") {
    Flood all;
    for (std::uint32_t i = 0; i < 200'000; ++i) {
        Peer client = all.stranger(i);
        Peer server = all.lab.server(1'000'000 + i, i, 1 + i % 3);
        client.syn();
        server.syn_ack(client);
        client.rst(0);
        all.lab.wait(10'000);
        all.looked_at(i);
    }
    CHECK(all.unbroken() == living);
    CHECK(all.lab.count(Counter::flows_evicted) == 0);  // those that ended went, and that is no eviction
    CHECK(all.lab.count(Counter::flows_closed) > 150'000);
}
