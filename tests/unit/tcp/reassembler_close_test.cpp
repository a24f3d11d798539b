// SPDX-License-Identifier: Apache-2.0
// Where a stream ends. FIN and RST are believed until data follows them; the sink is told when the flow goes
// (reassembler_linger_test.cpp).
// - FIN and RST: in order, early, with data, twice, behind a hole, inside known data, far away; text in a reset
// - false ones: before the first data, in the middle, ahead in the window, at a wrap; data that waits behind them
// - a FIN that the peer has acknowledged
#include "support/recorder.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr tcp::Limits defaults{};

}  // namespace

// ---- where the end is

TEST_CASE("close: FIN", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    SECTION("in order, and again") {
        client.data(0, 50);
        client.fin(50);
        client.fin(50);
        client.rst(51);
    }
    SECTION("with the last data") {
        client.data(0, 50, TcpFlags::fin);
    }
    SECTION("before the data") {
        client.fin(50);
        CHECK(lab.transcript() == "open|");
        client.data(20, 50);
        client.data(0, 20);
    }
    SECTION("with data out of order") {
        client.data(20, 50, TcpFlags::fin);
        client.data(20, 50, TcpFlags::fin);
        client.data(0, 20);
    }
    SECTION("resent with data that came before") {
        client.data(0, 50);
        client.data(10, 50, TcpFlags::fin);
    }
    CHECK(lab.transcript() == "open|" + text(0, 50));
    CHECK(lab.reassembler.flows() == 1);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 50) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
}

TEST_CASE("close: RST", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 30);
    std::uint64_t end = 40;
    SECTION("in order") {
        client.rst(30);
        end = 30;
    }
    SECTION("behind a hole: it waits for the data") {
        client.rst(40);
        CHECK(lab.transcript() == "open|" + text(0, 30));
        client.data(30, 40);
    }
    SECTION("behind what was delivered: not in the window, not believed") {
        client.rst(29);
        lab.linger();
        client.data(30, 40);
        CHECK(lab.transcript() == "open|" + text(0, 40));
        client.rst(40);
    }
    SECTION("far away: not believed") {
        client.rst(std::uint64_t{17} << 20);
        lab.wait_ticking(2 * second_ns);
        client.data(30, 40);
        CHECK(lab.transcript() == "open|" + text(0, 40));
        client.rst(40);
    }
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, end) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
}

TEST_CASE("close: the text of a reset is not data", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 30);
    SECTION("at the end") {
        client.bytes(30, "no such service", TcpFlags::rst);
        CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
        lab.linger();  // the end is in front of the text
        CHECK(lab.transcript() == "open|" + text(0, 30) + "|close ended|");
    }
    SECTION("and data comes in its place") {
        client.bytes(30, "no such service", TcpFlags::rst);
        client.data(30, 60);
        CHECK(lab.count(Counter::tcp_duplicate_bytes) == 0);
        CHECK(lab.transcript() == "open|" + text(0, 60));
    }
    SECTION("behind a hole, where it would have to wait") {
        client.bytes(40, "no such service", TcpFlags::rst | TcpFlags::ack);
        CHECK(lab.reassembler.held_blocks() == 0);
        client.data(30, 60);
        CHECK(lab.count(Counter::tcp_overlap_conflict) == 0);
        CHECK(lab.transcript() == "open|" + text(0, 60));
    }
    SECTION("in front, as a copy would be") {
        client.bytes(10, "no such service", TcpFlags::rst);
        CHECK(lab.count(Counter::tcp_duplicate_bytes) == 0);
        client.data(30, 60);
        CHECK(lab.transcript() == "open|" + text(0, 60));
    }
    CHECK(lab.count(Counter::tcp_after_close_bytes) == 15);
    CHECK(lab.count(Counter::flows_opened) == 1);
}

TEST_CASE("close: the first end that is told stays", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.fin(50);
    client.rst(20);
    client.fin(60);
    client.data(0, 50);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 50) + "|close ended|");
}

TEST_CASE("close: a FIN or RST in front of bytes that wait is not believed", "[reassembler]") {
    const std::uint8_t flag = either_end();
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    client.data(60, 70);
    client.data(30, 40);
    for (const std::uint64_t at : {std::uint64_t{10}, std::uint64_t{20}, std::uint64_t{50}, std::uint64_t{69}}) {
        client.end(flag, at);
    }
    CHECK(lab.reassembler.held_blocks() == 2);
    client.data(10, 60);
    CHECK(lab.transcript() == "open|" + text(0, 70));
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
    CHECK(lab.count(Counter::tcp_held_dropped_bytes) == 0);
    lab.wait_ticking(defaults.linger_ns + 5 * second_ns);
    client.data(80, 90);
    client.end(flag, 90);  // right behind what waits
    client.data(70, 80);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 90) + "|close ended|");
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
    CHECK(lab.count(Counter::flows_opened) == 1);
}

TEST_CASE("close: data with a FIN beyond an older one moves the end", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    SECTION("in order") {
        client.data(0, 50, TcpFlags::fin);
        client.data(40, 60, TcpFlags::fin);
    }
    SECTION("out of order") {
        client.data(20, 50, TcpFlags::fin);
        client.data(55, 60, TcpFlags::fin);
        client.data(0, 20);
        client.data(50, 55);
    }
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 60) + "|close ended|");
}

// ---- ends that were not

TEST_CASE("close: a false FIN or RST before the first data costs nothing", "[reassembler]") {
    const std::uint8_t flag = either_end();
    const bool at_once = GENERATE(true, false);
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.end(flag, 0);
    if (!at_once) lab.wait_ticking(defaults.linger_ns - second_ns);
    client.data(0, 10);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
    lab.wait_ticking(defaults.linger_ns + 5 * second_ns);  // it isn't lingering any more
    CHECK(lab.reassembler.flows() == 1);
    client.data(10, 20);
    CHECK(lab.transcript() == "open|" + text(0, 20));
    client.fin(20);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 20) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
}

TEST_CASE("close: a false FIN or RST in the middle costs nothing, however often it comes", "[reassembler]") {
    const std::uint8_t flag = either_end();
    Lab lab;
    Peer client = lab.client();
    client.syn();
    for (std::uint64_t at = 0; at < 100; at += 10) {
        client.data(at, at + 10);
        client.end(flag, at + 10);
        lab.wait_ticking(second_ns);
    }
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 9);
    CHECK(lab.count(Counter::tcp_delivered_bytes) == 100);
    lab.linger();  // the last one was true
    CHECK(lab.transcript() == "open|" + text(0, 100) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
}

TEST_CASE("close: data passes a false FIN or RST ahead in the window", "[reassembler]") {
    const std::uint8_t flag = either_end();
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 30);
    client.end(flag, 40);
    SECTION("in one segment") {
        client.data(30, 50);
    }
    SECTION("that ends with its first byte behind") {
        client.data(30, 41);
        client.data(41, 50);
    }
    SECTION("segment by segment, one up to it") {
        client.data(30, 40);
        CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
        client.data(40, 50);
    }
    SECTION("out of order, behind it") {
        client.data(45, 50);
        client.data(30, 45);
    }
    SECTION("out of order, across it") {
        client.data(39, 50);
        client.data(30, 39);
    }
    SECTION("with bytes that were delivered") {
        client.data(0, 50);
    }
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
    lab.wait_ticking(defaults.linger_ns + 5 * second_ns);
    client.data(50, 60);
    CHECK(lab.transcript() == "open|" + text(0, 60));
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    client.data(60, 70, TcpFlags::fin);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 70) + "|close ended|");
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
}

TEST_CASE("close: false ends at every place of a wrap", "[reassembler]") {
    const std::uint8_t flag = either_end();
    for (Seq before = 0; before <= 52; ++before) {
        Lab lab;
        Peer client = lab.client(0, 0u - before);
        INFO("SYN at 2^32 - " << before);
        client.syn();
        client.end(flag, 0);
        client.data(0, 10);
        client.end(flag, 25);
        client.data(20, 25);
        REQUIRE(lab.count(Counter::tcp_end_disbelieved) == 1);
        client.data(24, 30);
        REQUIRE(lab.count(Counter::tcp_end_disbelieved) == 2);
        client.end(flag, 29);
        client.data(10, 20);
        REQUIRE(lab.transcript() == "open|" + text(0, 30));
        client.data(30, 50);
        REQUIRE(lab.count(Counter::tcp_end_disbelieved) == 2);
        client.end(flag, 50);
        client.data(0, 50);
        REQUIRE(lab.count(Counter::tcp_end_disbelieved) == 2);
        if (flag == TcpFlags::fin) {
            lab.server().ack(client, 51);
            client.data(40, 60);
            REQUIRE(lab.count(Counter::tcp_after_close_bytes) == 10);
        }
        lab.linger();
        REQUIRE(lab.transcript() == "open|" + text(0, 50) + "|close ended|");
        REQUIRE(lab.count(Counter::tcp_gaps) == 0);
    }
}

TEST_CASE("close: an ended stream that goes on elsewhere", "[reassembler]") {
    // The ports are used again and the SYN was lost.
    const std::uint64_t far = std::uint64_t{40} << 20;
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 50, TcpFlags::fin);
    client.data(far, far + 10);
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 10);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
    lab.wait(2 * second_ns);
    client.data(far, far + 10);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
    lab.wait_ticking(defaults.linger_ns + 5 * second_ns);
    client.data(far + 10, far + 20, TcpFlags::fin);
    CHECK(lab.transcript() == "open|" + text(0, 50) + "|gap ?|" + text(far, far + 20));
    lab.linger();
    CHECK(lab.count(Counter::flows_closed) == 1);
}

// ---- the ACK of a FIN

TEST_CASE("close: nothing is behind a FIN that the peer has acknowledged", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    SECTION("that was reached") {
        client.data(0, 50, TcpFlags::fin);
        server.ack(client, 51);
        client.data(50, 60);
        client.data(60, 70);
    }
    SECTION("that was not") {
        client.fin(50);
        server.ack(client, 51);
        client.data(60, 70);
        CHECK(lab.reassembler.held_blocks() == 0);
        client.data(45, 60);  // its first five wait
        client.data(0, 45);
    }
    SECTION("in one segment with what was there, and what was missing") {
        client.fin(50);
        client.data(0, 30);
        server.ack(client, 51);
        client.data(0, 70);
        CHECK(lab.count(Counter::tcp_duplicate_bytes) == 30);
    }
    SECTION("by an ACK that came once more") {
        server.ack(client, 51);  // the other direction's mirror is ahead: nothing is known of a FIN yet
        client.data(0, 50, TcpFlags::fin);
        server.ack(client, 51);
        client.data(40, 70);
    }
    CHECK(lab.count(Counter::tcp_after_close_bytes) == 20);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
    client.data(0, 50);  // a copy is still one
    CHECK(lab.count(Counter::tcp_after_close_bytes) == 20);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 50) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("close: another ACK says nothing of the FIN", "[reassembler]") {
    const std::uint64_t acked = GENERATE(0u, 49u, 50u, 52u, 60u);
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    client.data(0, 50, TcpFlags::fin);
    server.ack(client, acked);
    client.data(50, 60);
    CHECK(lab.transcript() == "open|" + text(0, 60));
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
    // Nor does that FIN's own ACK of the next one, wherever it comes.
    client.fin(60);
    server.ack(client, 51);
    client.data(60, 70);
    client.data(75, 80);
    server.ack(client, 61);
    client.data(70, 75);
    client.fin(80);
    client.data(80, 90);
    CHECK(lab.transcript() == "open|" + text(0, 90));
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 3);
    CHECK(lab.count(Counter::tcp_after_close_bytes) == 0);
}

TEST_CASE("close: after an acknowledged FIN the ports may be used again", "[reassembler]") {
    Lab lab;
    Peer first = lab.client(0, 1000);
    Peer server = lab.server();
    first.syn();
    first.data(0, 50, TcpFlags::fin);
    server.ack(first, 51);
    SECTION("with a SYN") {
        Peer second = first.again(2000);
        second.syn();
        second.data(0, 20);
        second.fin(20);
        second.data(20, 30);  // that ACK was not of this FIN
        CHECK(lab.transcript() == "open|" + text(0, 50) + "|close ended|open|" + text(0, 30));
        CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
    }
    SECTION("with a SYN that was lost, far away") {
        const std::uint64_t far = std::uint64_t{40} << 20;
        lab.wait_ticking(2 * second_ns);
        first.data(far, far + 10);
        first.data(far + 10, far + 20);
        first.fin(far + 20);
        first.data(far + 20, far + 30);
        CHECK(lab.transcript() == "open|" + text(0, 50) + "|gap ?|" + text(far, far + 30));
    }
    CHECK(lab.count(Counter::tcp_after_close_bytes) == 0);
}
