// SPDX-License-Identifier: Apache-2.0
// What never comes, or comes from elsewhere. As in reassembler_test.cpp, each case begins and ends with all held blocks
// free and the laws exact.
// - holes given up by time, by bytes and blocks of the flow, by an empty pool, at the end; up to a FIN; cut segments
// - far-away segments: ignored while the stream moves, believed when it was silent
#include "support/recorder.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr std::uint64_t gap_timeout = tcp::Limits{}.gap_timeout_ns;

// For 2.5 timeouts it comes nearer to bytes that wait.
Peer moving_stream(Lab& lab) {
    Peer client = lab.client();
    client.syn();
    client.data(90, 100);
    for (std::uint64_t at = 0; at < 50; at += 10) {
        client.data(at, at + 10);
        lab.wait_ticking(gap_timeout / 2);
    }
    return client;
}

}  // namespace

TEST_CASE("reassembler: a hole is given up in time", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.data(30, 40);
    client.data(60, 70);
    lab.wait_ticking(gap_timeout - 1);
    CHECK(lab.transcript() == "open|" + text(0, 10));
    lab.wait_ticking(2 * wheel_tick);
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap 20|" + text(30, 40) + "|gap 20|" + text(60, 70));
    CHECK(lab.count(Counter::tcp_gaps) == 2);
    CHECK(lab.count(Counter::tcp_gap_bytes) == 40);
    CHECK(lab.reassembler.held_blocks() == 0);
    client.data(10, 30);  // too late
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 20);
    client.data(70, 80);
    CHECK(lab.recorder.streams[0].transcript.ends_with("|" + text(60, 80)));
}

TEST_CASE("reassembler: a stream that moves gives its hole time", "[reassembler]") {
    Lab lab;
    Peer client = moving_stream(lab);
    CHECK(lab.transcript() == "open|" + text(0, 50));  // 2.5 timeouts after the byte that waits
    client.data(50, 90);
    CHECK(lab.transcript() == "open|" + text(0, 100));
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("reassembler: a stream that moved and then stops gives its hole up", "[reassembler]") {
    Lab lab;
    moving_stream(lab);
    lab.wait_ticking(gap_timeout / 2 + 2 * wheel_tick);
    CHECK(lab.transcript() == "open|" + text(0, 50) + "|gap 40|" + text(90, 100));
}

TEST_CASE("reassembler: copies of old bytes do not give it time", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.data(20, 30);
    for (int i = 0; i < 8; ++i) {
        client.data(0, 10);
        client.data(20, 30);
        lab.wait_ticking(gap_timeout / 4);
    }
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
}

TEST_CASE("reassembler: a FIN beyond a hole that never fills", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    std::string told = "open|" + text(0, 10);
    std::string lost;
    SECTION("nothing waits") {
        client.fin(30);
        lost = "gap 20|";
    }
    SECTION("something waits, up to the FIN") {
        client.data(20, 30, TcpFlags::fin);
        lab.wait_ticking(gap_timeout + 2 * wheel_tick);
        told += "|gap 10|" + text(20, 30);
    }
    SECTION("something waits, in front of a second hole") {
        client.data(15, 20);
        client.fin(30);
        lab.wait_ticking(gap_timeout + 2 * wheel_tick);
        told += "|gap 5|" + text(15, 20);
        lost = "gap 10|";
    }
    CHECK(lab.transcript() == told);
    lab.wait_ticking(gap_timeout);
    lab.linger();
    CHECK(lab.transcript() == told + "|" + lost + "close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.reassembler.flows() == 0);
}

TEST_CASE("reassembler: what comes late in front of a FIN is still the stream's", "[reassembler]") {
    // So a false end ahead in the window costs nothing either, however long the sender pauses behind it.
    const std::uint8_t flag = either_end();
    const std::uint64_t end = GENERATE(40u, 1'000'000u);
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.end(flag, end);
    for (std::uint64_t at = 10; at < 40; at += 10) {
        lab.wait_ticking(5 * gap_timeout);
        client.data(at, at + 10);
    }
    CHECK(lab.transcript() == "open|" + text(0, 40));
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    SECTION("out of order, too, in its time") {
        client.data(60, 70);
        client.data(40, 60);
        CHECK(lab.transcript() == "open|" + text(0, 70));
        client.data(80, 90);
        lab.wait_ticking(gap_timeout + 2 * wheel_tick);
        CHECK(lab.transcript() == "open|" + text(0, 70) + "|gap 10|" + text(80, 90));
    }
    SECTION("it was the end") {
        lab.linger();
        const std::string lost = end == 40 ? "" : "gap 999960|";
        CHECK(lab.transcript() == "open|" + text(0, 40) + "|" + lost + "close ended|");
    }
    SECTION("it was the end of a connection, and the next one begins") {
        Peer next = client.again(500);
        next.syn();
        next.data(0, 10);
        CHECK(lab.transcript().ends_with("close ended|open|" + text(0, 10)));
        CHECK(lab.count(Counter::flows_reused) == 1);
    }
}

TEST_CASE("reassembler: a SYN behind a false end ahead is not believed at once either", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.rst(1'000'000);
    lab.wait_ticking(5 * gap_timeout);
    client.again(3'000'000'000).syn();
    client.data(10, 20);
    CHECK(lab.transcript() == "open|" + text(0, 20));
    CHECK(lab.count(Counter::flows_reused) == 0);
}

TEST_CASE("reassembler: a FIN after a silence gives what is missing its time", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    lab.wait_ticking(5 * second_ns);
    client.fin(20);
    lab.wait_ticking(gap_timeout - 1);
    client.data(10, 20);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 20) + "|close ended|");
}

TEST_CASE("reassembler: what still waits at the end is delivered behind a gap", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.data(20, 30);
    client.data(40, 50);
    lab.drain();
    CHECK(lab.transcript() ==
          "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|gap 10|" + text(40, 50) + "|close drained|");
    CHECK(lab.count(Counter::flows_drained) == 1);
}

TEST_CASE("reassembler: at the end, the hole in front of a known FIN is told, too", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    SECTION("nothing waits") {
        client.fin(30);
        lab.drain();
        CHECK(lab.recorder.streams[0].transcript.starts_with("open|" + text(0, 10) + "|gap 20|close"));
    }
    SECTION("something waits") {
        client.data(15, 20);
        client.fin(30);
        lab.drain();
        CHECK(lab.recorder.streams[0].transcript.starts_with(
            "open|" + text(0, 10) + "|gap 5|" + text(15, 20) + "|gap 10|close"));
    }
    CHECK(lab.count(Counter::tcp_gap_bytes) >= 15);
}

TEST_CASE("reassembler: too many bytes behind a hole", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.held_bytes_per_flow = 1000;
    Lab lab(limits);
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.data(20, 520);
    client.data(520, 1020);
    CHECK(lab.transcript() == "open|" + text(0, 10));  // exactly the limit
    SECTION("one byte more, in order with what waits") {
        client.data(1020, 1021);
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 1021));
        CHECK(lab.reassembler.held_blocks() == 0);
    }
    SECTION("one byte more, behind another hole") {
        client.data(1030, 1031);
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 1020));
        client.data(1020, 1030);
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 1031));
    }
    SECTION("a copy takes no room") {
        client.data(20, 1020);
        client.data(0, 20);
        CHECK(lab.transcript() == "open|" + text(0, 1020));
    }
    SECTION("the missing bytes need no room") {
        client.data(10, 20);
        CHECK(lab.transcript() == "open|" + text(0, 1020));
    }
    CHECK(lab.count(Counter::tcp_held_full_bytes) == 0);
}

TEST_CASE("reassembler: a segment that alone is more than may wait", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.held_bytes_per_flow = 100;
    Lab lab(limits);
    Peer client = lab.client();
    client.syn();
    client.data(10, 300);
    CHECK(lab.count(Counter::tcp_held_full_bytes) == 290);
    client.data(0, 10);
    client.data(10, 20);
    CHECK(lab.transcript() == "open|" + text(0, 20));
}

TEST_CASE("reassembler: too many blocks behind a hole", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.held_blocks_per_flow = 4;
    Lab lab(limits);
    Peer client = lab.client();
    client.syn();
    for (std::uint64_t at = 10; at <= 40; at += 10) client.data(at, at + 1);
    CHECK(lab.transcript() == "open|");
    CHECK(lab.reassembler.held_blocks() == 4);
    client.data(50, 51);
    CHECK(lab.transcript() == "open|gap 10|" + text(10, 11));
    CHECK(lab.reassembler.held_blocks() == 4);
    client.data(11, 50);
    CHECK(lab.transcript() == "open|gap 10|" + text(10, 51));
}

TEST_CASE("reassembler: greedy flows leave room for others", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.held_bytes = 40 * 2048;
    limits.held_free_part = 4;
    Lab lab(limits);
    for (std::uint16_t number = 1; number <= 8; ++number) {
        Peer greedy = lab.client(number);
        greedy.syn();
        // As much as it may: one more, and it would get nothing of it.
        std::size_t before = 0;
        for (std::uint64_t at = 10; lab.reassembler.held_blocks() >= before && at < 400; at += 10) {
            before = lab.reassembler.held_blocks();
            greedy.data(at, at + 1);
        }
    }
    CHECK(lab.reassembler.held_blocks() >= 20);
    CHECK(lab.reassembler.held_blocks() < 40);
    CHECK(lab.count(Counter::tcp_held_full_bytes) == 0);
    Peer client = lab.client(30);
    client.syn();
    client.data(10, 20);
    client.data(0, 10);
    CHECK(lab.recorder.streams.back().transcript == "open|" + text(0, 20));
}

TEST_CASE("reassembler: a place that is far from the first waiting bytes, and from the last", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.held_search = 3;
    Lab lab(limits);
    Peer client = lab.client();
    client.syn();
    for (std::uint64_t at = 10; at <= 160; at += 10) client.data(at, at + 1);  // behind the last: no search
    CHECK(lab.transcript() == "open|");
    SECTION("near enough to the first") {
        client.data(35, 36);
        CHECK(lab.transcript() == "open|");
    }
    SECTION("near enough to the last") {
        client.data(135, 136);
        CHECK(lab.transcript() == "open|");
    }
    SECTION("in front of all") {
        client.data(5, 6);
        CHECK(lab.transcript() == "open|");
    }
    SECTION("too far") {
        client.data(45, 46);
        CHECK(lab.transcript() == "open|gap 10|" + text(10, 11));
    }
    SECTION("and much too far") {
        client.data(85, 86);
        CHECK(lab.transcript() == "open|gap 10|" + text(10, 11) + "|gap 9|" + text(20, 21) + "|gap 9|" + text(30, 31) +
                                      "|gap 9|" + text(40, 41) + "|gap 9|" + text(50, 51));
    }
    SECTION("too many in its own place") {
        client.data(35, 75);
        CHECK(lab.transcript().starts_with("open|gap 10|" + text(10, 11)));
    }
    CHECK(lab.count(Counter::tcp_held_full_bytes) == 0);
}

TEST_CASE("reassembler: a window behind a hole outlives copies and swaps at its end", "[reassembler]") {
    tcp::Limits limits;
    limits.max_flows = 64;
    Lab lab(limits);
    Peer client = lab.client();
    client.syn();
    const std::uint64_t size = 1000, segments = 2 * limits.held_search;
    const auto send = [&](std::uint64_t number) { client.data(number * size, (number + 1) * size); };
    for (std::uint64_t i = 1; i <= segments; ++i) send(i);
    SECTION("a copy of the last segment") {
        send(segments);
    }
    SECTION("copies of all") {  // a second mirror
        for (std::uint64_t i = segments + 1; i <= segments + 100; ++i) {
            send(i);
            send(i);
        }
    }
    SECTION("two segments swapped") {
        send(segments + 2);
        send(segments + 1);
    }
    SECTION("the last ones backwards") {
        for (std::uint64_t i = 8; i > 0; --i) send(segments + i);
    }
    SECTION("a second hole near the first") {
        send(segments + 1);
        client.data(size / 2, size / 2 + 10);
    }
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    send(0);
    CHECK(lab.reassembler.held_blocks() == 0);
    CHECK(lab.recorder.streams[0].data == text(0, lab.recorder.streams[0].offset));
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("reassembler: a segment that waits is counted once, though it made room first", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.held_blocks_per_flow = 1;
    Lab lab(limits);
    Peer client = lab.client();
    client.syn();
    client.data(10, 11);
    client.data(20, 21);
    CHECK(lab.transcript() == "open|gap 10|" + text(10, 11));
    CHECK(lab.count(Counter::tcp_out_of_order_segments) == 2);
}

TEST_CASE("reassembler: another flow has taken the pool", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.held_bytes = 4 * 2048;
    Lab lab(limits);
    Peer greedy = lab.client(1);
    greedy.syn();
    for (std::uint64_t at = 10; at <= 40; at += 10) greedy.data(at, at + 1);
    CHECK(lab.reassembler.held_blocks() == 4);

    Peer client = lab.client(2);
    client.syn();
    client.data(10, 20);  // has nothing to give up: dropped
    CHECK(lab.count(Counter::tcp_held_full_bytes) == 10);
    client.data(0, 10);  // in order needs no block
    client.data(10, 20);
    CHECK(lab.transcript(2) == "open|" + text(0, 20));
    CHECK(lab.transcript(1) == "open|");

    greedy.data(50, 51);  // gives up its own hole
    CHECK(lab.transcript(1) == "open|gap 10|" + text(10, 11));
    greedy.data(11, 20);
    client.data(30, 40);  // a block is free again
    CHECK(lab.count(Counter::tcp_held_full_bytes) == 10);
    client.data(20, 30);
    CHECK(lab.transcript(2) == "open|" + text(0, 40));
}

TEST_CASE("reassembler: a segment cut by the mirror leaves a gap for its tail", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    SECTION("more follows") {
        client.send(client.at(0), 0, text(0, 10), 20);
        client.data(30, 40);
        lab.wait_ticking(gap_timeout + 2 * wheel_tick);
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap 20|" + text(30, 40));
    }
    SECTION("it was the last") {
        client.send(client.at(0), TcpFlags::fin, text(0, 10), 20);
        lab.wait_ticking(gap_timeout);
        lab.linger();
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap 20|close ended|");
    }
    CHECK(lab.count(Counter::tcp_truncated_segments) == 1);
    CHECK(lab.count(Counter::tcp_gap_bytes) == 20);
}

// ---- far away

TEST_CASE("reassembler: far-away segments do not move a stream", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_distance = 10'000;
    Lab lab(limits);
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.data(10 + 10'000, 10 + 10'000 + 5);  // the last place that is near
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 0);
    CHECK(lab.reassembler.held_blocks() == 1);
    client.data(10 + 10'001, 10 + 10'001 + 5);
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 5);
    for (int i = 0; i < 10; ++i) {
        const auto at = static_cast<std::uint64_t>(10 + i * 10);
        client.data(at, at + 10);
        client.data(1'000'000 + at, 1'000'000 + at + 10);
        client.send(client.at(at) - 20'000, 0, "old");
        lab.wait_ticking(gap_timeout - wheel_tick);
    }
    CHECK(lab.transcript() == "open|" + text(0, 110));
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 5 + 10 * 13);
}

TEST_CASE("reassembler: a stream that has just opened is not silent", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(64 << 20, (64 << 20) + 10);
    client.data(0, 10);
    CHECK(lab.transcript() == "open|" + text(0, 10));
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 10);
}

TEST_CASE("reassembler: a stream that was silent may go on elsewhere", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.data(20, 30);
    const std::uint64_t far = std::uint64_t{64} << 20;
    client.data(far, far + 10);
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 10);
    SECTION("with bytes that waited") {
        lab.wait(gap_timeout);  // and no tick yet
        client.data(far, far + 10);
        CHECK(lab.count(Counter::tcp_held_dropped_bytes) == 10);
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap ?|" + text(far, far + 10));
    }
    SECTION("backwards, with its end known") {
        client.fin(40);
        lab.wait(gap_timeout);
        client.send(client.at(0) - (32u << 20), 0, "elsewhere");
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap ?|elsewhere");
        CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
        client.send(client.at(0) - (32u << 20) + 9, TcpFlags::fin, " to its end");
        lab.linger();
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap ?|elsewhere to its end|close ended|");
    }
    CHECK(lab.reassembler.held_blocks() == 0);
    CHECK(lab.count(Counter::tcp_gaps) == 1);
}

TEST_CASE("reassembler: a stream that waited to begin goes on where it began", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.data(1000, 1010);
    lab.wait(gap_timeout);  // and no tick yet
    const std::uint64_t far = std::uint64_t{64} << 20;
    client.data(far, far + 10);
    client.data(1010, 1020);
    CHECK(lab.transcript() ==
          "open midstream|" + text(1000, 1010) + "|gap ?|" + text(far, far + 10) + "|gap ?|" + text(1010, 1020));
}

TEST_CASE("reassembler: a stream that was silent goes on where it was, whatever came in between", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    lab.wait_ticking(gap_timeout);
    const std::uint64_t far = std::uint64_t{64} << 20;
    const std::string there = "open|" + text(0, 10) + "|gap ?|" + text(far, far + 10);
    client.data(far, far + 10);
    CHECK(lab.transcript() == there);
    SECTION("in order") {
        client.data(10, 20);
        CHECK(lab.transcript() == there + "|gap ?|" + text(10, 20));
        client.data(far + 10, far + 20);  // it makes progress
        client.data(20, 30);
        CHECK(lab.transcript() == there + "|gap ?|" + text(10, 30));
        CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 10);
    }
    SECTION("in another order") {
        client.data(20, 30);
        client.data(10, 20);
        CHECK(lab.transcript() == there + "|gap ?|" + text(10, 30));
    }
    SECTION("with bytes that wait there, and an end") {
        client.data(far + 20, far + 30);
        client.fin(far + 30);
        client.data(0, 20);
        CHECK(lab.transcript() == there + "|gap ?|" + text(10, 20));
        CHECK(lab.count(Counter::tcp_duplicate_bytes) == 10);
        CHECK(lab.count(Counter::tcp_held_dropped_bytes) == 10);
    }
    SECTION("copies of what it was before don't bring it back") {
        client.data(0, 10);
        client.data(far + 10, far + 20);
        CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap ?|" + text(far, far + 20));
        CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 10);
    }
    SECTION("and each silence may be another's") {
        client.data(10, 20);
        lab.wait_ticking(gap_timeout);
        client.data(far + 10, far + 20);
        client.data(20, 30);
        CHECK(lab.transcript() ==
              there + "|gap ?|" + text(10, 20) + "|gap ?|" + text(far + 10, far + 20) + "|gap ?|" + text(20, 30));
    }
}

TEST_CASE("reassembler: a clock that steps back is not a silence", "[reassembler]") {
    // Frames of several queues or captures are merged by time, but not always exactly.
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    lab.now_ns -= 1000;
    client.data(64 << 20, (64 << 20) + 10);
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 10);
    CHECK(lab.transcript() == "open|" + text(0, 10));
}
