// SPDX-License-Identifier: Apache-2.0
// A direction seen without its SYN. It begins a little later, so that the bytes in front, and the SYN, may still come.
// - the wait: how long, what it brings in order, how far in front; data before its SYN
// - what ends it sooner: no room, a SYN of another connection, the end of the flow; FIN and RST within it
// - only while there is room, and not at all when it is turned off
// - at every place of a wrap
#include "support/recorder.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr tcp::Limits defaults{};

}  // namespace

TEST_CASE("join: in mid-stream, after a short wait", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.data(100, 110);
    lab.wait_ticking(defaults.join_wait_ns - 1);
    CHECK(lab.transcript().empty());
    lab.wait_ticking(2 * wheel_tick);
    CHECK(lab.transcript() == "open midstream|" + text(100, 110));
    CHECK(lab.recorder.streams[0].times_ns == std::vector<std::uint64_t>{1'700'000'000 * second_ns});
    client.data(110, 120);  // from here on it is a stream like another
    CHECK(lab.transcript() == "open midstream|" + text(100, 120));
    client.data(90, 105);  // in front of where it was picked up
    CHECK(lab.count(Counter::tcp_late_bytes) == 10);
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 5);
    CHECK(lab.count(Counter::tcp_delivered_bytes) == 20);
    CHECK(lab.count(Counter::tcp_out_of_order_segments) == 0);
    CHECK(lab.count(Counter::flows_midstream) == 1);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("join: segments that come in another order begin in their own", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.data(100, 110);
    client.data(120, 130);
    client.data(80, 105);
    SECTION("with a hole") {
        lab.join();
        CHECK(lab.transcript() == "open midstream|" + text(80, 110));
        client.data(110, 120);
        CHECK(lab.recorder.streams[0].segment_starts == std::vector<std::uint64_t>{0, 20, 30, 40});
        client.fin(130);
    }
    SECTION("without") {
        client.data(110, 120, TcpFlags::fin);  // not believed: data waits behind it
        lab.join();
        CHECK(lab.recorder.streams[0].segment_starts == std::vector<std::uint64_t>{0, 20, 30, 40});
        client.fin(130);
    }
    lab.linger();
    CHECK(lab.transcript() == "open midstream|" + text(80, 130) + "|close ended|");
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 5);
    CHECK(lab.count(Counter::tcp_late_bytes) == 0);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("join: how far in front a byte may be", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    const std::uint64_t at = 200'000;
    const std::uint64_t first = at - defaults.join_reach;
    client.data(at, at + 10);
    client.data(first - 5, first + 5);
    CHECK(lab.count(Counter::tcp_late_bytes) == 5);
    lab.join();
    lab.wait_ticking(defaults.gap_timeout_ns);
    const std::string gap = "|gap " + std::to_string(defaults.join_reach - 5) + "|";
    CHECK(lab.transcript() == "open midstream|" + text(first, first + 5) + gap + text(at, at + 10));
}

// ---- its SYN

TEST_CASE("join: data before its SYN", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    SECTION("the first") {
        client.data(0, 10);
        client.syn();
        CHECK(lab.transcript() == "open|" + text(0, 10));
    }
    SECTION("the second, and then the first") {
        client.data(5, 10);
        client.syn();
        CHECK(lab.transcript() == "open|");
        client.data(0, 5);
    }
    SECTION("both") {
        client.data(5, 10);
        client.data(0, 5);
        client.syn();
    }
    SECTION("all three, with data in the SYN") {
        client.data(7, 10);
        client.data(3, 7);
        client.syn(text(0, 3));
    }
    SECTION("the SYN twice") {
        client.data(5, 10);
        client.syn();
        client.syn();
        client.data(0, 5);
    }
    client.data(10, 20);
    CHECK(lab.transcript() == "open|" + text(0, 20));
    CHECK(lab.count(Counter::flows_opened) == 1);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 0);
    CHECK(lab.count(Counter::tcp_late_bytes) == 0);
}

TEST_CASE("join: a SYN that comes later than that changes nothing", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.data(0, 10);
    lab.join();
    client.syn();
    client.data(10, 20);
    CHECK(lab.transcript() == "open midstream|" + text(0, 20));
    CHECK(lab.count(Counter::flows_opened) == 1);
    CHECK(lab.count(Counter::flows_reused) == 0);
}

TEST_CASE("join: a SYN of another connection", "[reassembler]") {
    // Behind the data, within it, too far in front of it, and somewhere else: none of them begins that stream.
    const Seq isn = 1'000'000;
    const Seq other = GENERATE_COPY(isn + 70, isn + 51, isn - 70'000, isn + 2'000'000'000);
    Lab lab;
    Peer client = lab.client(0, isn);
    client.data(50, 60);
    client.again(other).syn();
    CHECK(lab.transcript() == "open midstream|" + text(50, 60));
    SECTION("that goes on") {
        client.again(other).data(0, 20);
        CHECK(lab.transcript() == "open midstream|" + text(50, 60) + "|close ended|open|" + text(0, 20));
        CHECK(lab.count(Counter::flows_reused) == 1);
    }
    SECTION("that nobody follows") {
        client.data(55, 60);
        CHECK(lab.count(Counter::flows_reused) == (other == isn + 51 ? 1 : 0));  // these are its bytes, too
    }
}

// ---- what ends the wait

TEST_CASE("join: when enough waits", "[reassembler]") {
    tcp::Limits limits = small_limits();
    std::size_t room = limits.join_bytes;  // 4 KB
    SECTION("for it to begin") {}
    SECTION("for one flow") {
        room = limits.held_bytes_per_flow = 3000;
    }
    Lab lab(limits);
    Peer client = lab.client();
    std::uint64_t at = 1000;
    for (; at < 1000 + room; at += 1000) {
        CHECK(lab.transcript().empty());
        client.data(at, at + 1000);
    }
    client.data(at, at + 10);
    CHECK(lab.transcript() == "open midstream|" + text(1000, at + 10));
    CHECK(lab.reassembler.held_blocks() == 0);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("join: a segment larger than all room", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.held_bytes_per_flow = GENERATE(10u, 3000u);
    Lab lab(limits);
    lab.client().data(0, 9000);
    CHECK(lab.transcript() == "open midstream|" + text(0, 9000));
    CHECK(lab.count(Counter::tcp_held_full_bytes) == 0);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("join: FIN and RST within the wait", "[reassembler]") {
    const std::uint8_t flag = either_end();
    Lab lab;
    Peer client = lab.client();
    client.data(50, 60);
    SECTION("behind the data") {
        client.end(flag, 60);
        client.data(40, 50);
        lab.join();
        CHECK(lab.transcript() == "open midstream|" + text(40, 60));
        lab.linger();
        CHECK(lab.transcript() == "open midstream|" + text(40, 60) + "|close ended|");
        CHECK(lab.reassembler.flows() == 0);
    }
    SECTION("in front of it: it isn't the end of that") {
        client.end(flag, 45);
        client.data(40, 50);
        lab.join();
        lab.linger();
        client.data(60, 70);
        CHECK(lab.transcript() == "open midstream|" + text(40, 70));
    }
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("join: the flow goes before its stream has begun", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_flows = 1;
    Lab lab(limits);
    Peer client = lab.client(1);
    client.data(50, 60);
    client.data(70, 80);
    const std::string told = "open midstream|" + text(50, 60) + "|gap 10|" + text(70, 80);
    SECTION("evicted") {
        lab.client(2).syn();
        CHECK(lab.transcript(1) == told + "|close evicted|");
    }
    SECTION("drained") {
        lab.drain();
        CHECK(lab.transcript(1) == told + "|close drained|");
    }
    SECTION("idle, without a tick in between") {
        lab.wait(limits.idle_timeout_ns + second_ns);
        lab.tick();
        CHECK(lab.transcript(1) == told + "|close idle|");
    }
    SECTION("its data is far away, without a tick in between") {
        lab.wait(10 * second_ns);
        const std::uint64_t far = std::uint64_t{40} << 20;
        client.data(far, far + 10);
        lab.tick();
        CHECK(lab.transcript(1) == "open midstream|" + text(50, 60) + "|gap ?|" + text(far, far + 10));
        CHECK(lab.count(Counter::tcp_held_dropped_bytes) == 10);
    }
    CHECK(lab.reassembler.held_blocks() == 0);
}

TEST_CASE("join: a stream that is refused when it begins", "[reassembler]") {
    const std::string beginning = text(40, 45);
    Lab lab;
    SECTION("at its open") {
        lab.recorder.refuse_on_open = true;
    }
    SECTION("at its data") {
        lab.recorder.unwanted = beginning;
    }
    Peer client = lab.client();
    client.data(50, 60);
    client.data(40, 50);
    lab.join();
    CHECK(lab.reassembler.held_blocks() == 0);
    client.data(60, 70);
    CHECK(lab.count(Counter::tcp_ignored_bytes) >= 20);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("join: the peer's ACK does not end the wait", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    server.syn();
    client.data(50, 60);
    server.ack(client, 60);
    client.data(40, 50);
    lab.join();
    CHECK(lab.transcript(0, true) == "open midstream|" + text(40, 60));
}

// ---- whether there is one

TEST_CASE("join: who joins doesn't take more than half the room from those that wait for a hole", "[reassembler]") {
    Lab lab;  // of 32 blocks
    for (std::uint32_t i = 0; i < 40; ++i) lab.client(i).data(0, 10);
    CHECK(lab.reassembler.held_blocks() == 16);
    for (std::uint32_t i = 0; i < 40; ++i) {
        CHECK(lab.transcript(i) == (i < 16 ? "" : "open midstream|" + text(0, 10)));
    }
    lab.join();
    CHECK(lab.reassembler.held_blocks() == 0);
    for (std::uint32_t i = 0; i < 40; ++i) CHECK(lab.transcript(i) == "open midstream|" + text(0, 10));
}

TEST_CASE("join: turned off", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.join_wait_ns = 0;
    Lab lab(limits);
    Peer client = lab.client();
    client.data(50, 60);
    client.data(40, 50);
    CHECK(lab.transcript() == "open midstream|" + text(50, 60));
    CHECK(lab.count(Counter::tcp_late_bytes) == 10);
}

TEST_CASE("join: at every place of a wrap", "[reassembler]") {
    for (Seq before = 0; before <= 60; ++before) {
        INFO("SYN at 2^32 - " << before);
        for (const bool with_syn : {false, true}) {
            Lab lab;
            Peer client = lab.client(0, 0u - before);
            client.data(20, 30);
            client.data(40, 50);
            client.data(10, 20);
            if (with_syn) client.syn();
            lab.join();
            client.data(0, 10);
            client.data(30, 40);
            client.fin(50);
            lab.linger();
            const std::uint64_t first = with_syn ? 0 : 10;
            REQUIRE(lab.transcript() == (with_syn ? "open|" : "open midstream|") + text(first, 50) + "|close ended|");
            REQUIRE(lab.count(Counter::tcp_late_bytes) == first);
        }
    }
}
