// SPDX-License-Identifier: Apache-2.0
// What the other direction's ACKs say: bytes that arrived there and are missing here won't come, or soon.
// - a hole that is acknowledged: given up in time, not before; in part; filled in time; by ACKs with data, FIN, RST
// - a hole that the peer has, too: it stays open
// - ACKs that say nothing of it: in front of it, far away, older than it, without the flag, of the own direction
// - two holes, a hole in front of a known end, and what is left of an ACK when its hole is gone
// - each at every place of a wrap
#include "support/recorder.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr std::uint64_t gap_timeout = 4 * second_ns;
constexpr std::uint64_t acked_timeout = tcp::Limits{}.acked_gap_timeout_ns;

// The two timeouts are so far apart that it shows which of them has passed.
tcp::Limits ack_limits() {
    tcp::Limits limits = small_limits();
    limits.gap_timeout_ns = gap_timeout;
    return limits;
}

// A stream that has begun, and its other direction, of which only ACKs are seen unless a test says otherwise.
struct Connection {
    Lab lab{ack_limits()};
    Peer client = lab.client();
    Peer server = lab.server();

    Connection() {
        client.syn();
        client.data(0, 10);
    }
    // Until what is acknowledged is surely given up, and nothing else.
    void wait_acked() { lab.wait_ticking(acked_timeout + 2 * wheel_tick); }
};

}  // namespace

TEST_CASE("ack: an acknowledged hole is given up in time, not before", "[reassembler]") {
    const std::uint64_t acked = GENERATE(20u, 25u, 30u, 90u);  // its end, and bytes never seen
    Connection c;
    c.client.data(20, 30);
    c.lab.wait_ticking(second_ns / 10);
    c.server.ack(c.client, acked);
    c.lab.wait_ticking(acked_timeout - 1);
    CHECK(c.lab.transcript() == "open|" + text(0, 10));
    c.lab.wait_ticking(2 * wheel_tick);
    CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
    CHECK(c.lab.count(Counter::tcp_gaps) == 1);
    CHECK(c.lab.count(Counter::tcp_gap_bytes) == 10);
    c.client.data(5, 25);
    CHECK(c.lab.count(Counter::tcp_late_bytes) == 10);
    CHECK(c.lab.count(Counter::tcp_duplicate_bytes) == 10);
}

TEST_CASE("ack: of a hole, what is acknowledged is given up, and no more", "[reassembler]") {
    const std::uint64_t acked = GENERATE(11u, 15u, 19u);
    Connection c;
    c.client.data(20, 30);
    c.server.ack(c.client, acked);
    c.wait_acked();
    const std::string part = "open|" + text(0, 10) + "|gap " + std::to_string(acked - 10) + "|";
    CHECK(c.lab.transcript() == part);
    SECTION("the rest comes, late: the peer waits for it, too") {
        c.lab.wait_ticking(10 * gap_timeout);
        c.client.data(10, 30);
        CHECK(c.lab.transcript() == part + text(acked, 30));
        CHECK(c.lab.count(Counter::tcp_late_bytes) == acked - 10);
        CHECK(c.lab.count(Counter::tcp_duplicate_bytes) == 10);
    }
    SECTION("the rest is acknowledged") {
        c.server.ack(c.client, 30);
        c.wait_acked();
        CHECK(c.lab.transcript() == part + "gap " + std::to_string(20 - acked) + "|" + text(20, 30));
        c.client.data(9, 21);
        CHECK(c.lab.count(Counter::tcp_late_bytes) == 10);
        CHECK(c.lab.count(Counter::tcp_duplicate_bytes) == 2);
    }
    SECTION("the rest is acknowledged before that") {
        Connection again;
        again.client.data(20, 30);
        again.server.ack(again.client, acked);
        again.server.ack(again.client, 30);
        again.server.ack(again.client, acked);  // out of order: it takes nothing back
        again.wait_acked();
        CHECK(again.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
    }
}

TEST_CASE("ack: the first one counts, later ones don't give the hole more time", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    for (int i = 0; i < 4; ++i) {
        c.server.ack(c.client, static_cast<std::uint64_t>(20 + i));
        c.lab.wait_ticking(acked_timeout / 4);
    }
    c.lab.wait_ticking(2 * wheel_tick);
    CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
}

TEST_CASE("ack: a late one does not give the hole more time", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    c.lab.wait_ticking(gap_timeout - 1000);
    c.server.ack(c.client, 30);
    c.lab.wait_ticking(1000 + 2 * wheel_tick);
    CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
}

TEST_CASE("ack: any segment may carry it", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    const std::string payload = text(0, 5);
    const Bytes bytes{reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    const std::uint8_t flags = GENERATE(as<std::uint8_t>{}, 0, TcpFlags::fin, TcpFlags::rst, TcpFlags::syn);
    const bool with_data = GENERATE(false, true);
    Segment segment = c.server.segment(c.server.at(0), flags, with_data ? bytes : Bytes{});
    segment.flags |= TcpFlags::ack;
    segment.ack = c.client.at(30);
    c.lab.push(segment);
    c.wait_acked();
    CHECK(c.lab.transcript(0, true) == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
}

TEST_CASE("ack: the number means nothing without the flag", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    Segment segment = c.server.segment(c.server.at(0), 0, {});
    segment.ack = c.client.at(30);
    c.lab.push(segment);
    c.wait_acked();
    CHECK(c.lab.transcript() == "open|" + text(0, 10));
}

TEST_CASE("ack: data that comes within that time fills the hole", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    c.server.ack(c.client, 30);
    c.lab.wait_ticking(acked_timeout - 1);
    SECTION("wholly") {
        c.client.data(10, 20);
    }
    SECTION("in two halves, the second with more behind it") {
        c.client.data(10, 15);
        c.client.data(15, 40);
    }
    CHECK(c.lab.transcript().starts_with("open|" + text(0, 30)));
    c.client.data(0, 40);
    c.wait_acked();
    CHECK(c.lab.transcript() == "open|" + text(0, 40));
    CHECK(c.lab.count(Counter::tcp_gaps) == 0);

    c.client.data(50, 60);  // a new hole: that ACK says nothing of it
    c.wait_acked();
    CHECK(c.lab.transcript() == "open|" + text(0, 40));
    c.lab.wait_ticking(gap_timeout - acked_timeout);
    CHECK(c.lab.transcript() == "open|" + text(0, 40) + "|gap 10|" + text(50, 60));
}

TEST_CASE("ack: a hole filled in part is still given up in time", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    c.server.ack(c.client, 30);
    c.lab.wait_ticking(acked_timeout / 2);
    c.client.data(10, 15);
    c.lab.wait_ticking(acked_timeout / 2 + 2 * wheel_tick);
    CHECK(c.lab.transcript() == "open|" + text(0, 15) + "|gap 5|" + text(20, 30));
}

TEST_CASE("ack: a hole at which the peer's ACK stands is the peer's, too, and stays open", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    c.server.ack(c.client, 10);
    c.lab.wait_ticking(c.lab.limits.idle_timeout_ns / 2);
    CHECK(c.lab.transcript() == "open|" + text(0, 10));
    CHECK(c.lab.reassembler.held_blocks() == 1);
    SECTION("for what comes") {
        c.client.data(10, 20);
        CHECK(c.lab.transcript() == "open|" + text(0, 30));
        c.client.data(40, 50);  // of the next one it says nothing
        c.lab.wait_ticking(gap_timeout + 2 * wheel_tick);
        CHECK(c.lab.transcript() == "open|" + text(0, 30) + "|gap 10|" + text(40, 50));
    }
    SECTION("until the ACK moves on") {
        c.server.ack(c.client, 30);
        c.lab.wait_ticking(acked_timeout - 1);
        CHECK(c.lab.transcript() == "open|" + text(0, 10));
        c.lab.wait_ticking(2 * wheel_tick);
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
    }
    SECTION("until the stream moves on, if only in part") {
        c.client.data(10, 15);
        c.lab.wait_ticking(gap_timeout + 2 * wheel_tick);
        CHECK(c.lab.transcript() == "open|" + text(0, 15) + "|gap 5|" + text(20, 30));
    }
    SECTION("until too much waits") {
        for (std::uint64_t at = 30; at < 30 + c.lab.limits.held_bytes_per_flow; at += 1000) {
            c.client.data(at, at + 1000);
        }
        CHECK(c.lab.transcript().starts_with("open|" + text(0, 10) + "|gap 10|" + text(20, 30)));
    }
    SECTION("until the flow is idle") {
        c.lab.wait_ticking(c.lab.limits.idle_timeout_ns);
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|close idle|");
    }
}

TEST_CASE("ack: one that was there before the hole says nothing of it", "[reassembler]") {
    Connection c;
    c.server.ack(c.client, 10);
    c.client.data(20, 30);
    c.lab.wait_ticking(gap_timeout + 2 * wheel_tick);
    CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
}

TEST_CASE("ack: one that does not reach the hole leaves it all its time", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    SECTION("in front of it") {
        c.server.ack(c.client, 5);
    }
    SECTION("its own direction's") {
        c.client.ack(c.client, 30);
    }
    SECTION("far ahead") {
        c.server.ack(c.client, std::uint64_t{10} + c.lab.limits.max_distance + 1);
    }
    SECTION("far behind") {
        c.server.ack(c.client, std::uint64_t{1} << 31);
        c.server.ack(c.client, std::uint64_t{3} << 30);
    }
    SECTION("of another connection") {
        c.lab.server(1).ack(c.lab.client(1), 30);
    }
    c.lab.wait_ticking(gap_timeout - 1);
    CHECK(c.lab.transcript() == "open|" + text(0, 10));
    c.lab.wait_ticking(2 * wheel_tick);
    CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
}

TEST_CASE("ack: the farthest that is believed", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    c.server.ack(c.client, std::uint64_t{10} + c.lab.limits.max_distance);
    c.wait_acked();
    CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
}

TEST_CASE("ack: without a hole it says nothing, and nothing is kept of it", "[reassembler]") {
    Connection c;
    c.server.ack(c.client, 10);
    c.server.ack(c.client, 30);  // the other direction's mirror is ahead
    c.lab.wait_ticking(2 * acked_timeout);
    c.client.data(20, 30);
    c.wait_acked();
    CHECK(c.lab.transcript() == "open|" + text(0, 10));
    SECTION("so all its time is left") {
        c.client.data(10, 20);
        CHECK(c.lab.transcript() == "open|" + text(0, 30));
    }
    SECTION("until it comes again") {
        c.server.ack(c.client, 30);
        c.lab.wait_ticking(acked_timeout - 1);
        CHECK(c.lab.transcript() == "open|" + text(0, 10));
        c.lab.wait_ticking(2 * wheel_tick);
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
    }
}

TEST_CASE("ack: of a connection that is not known it opens nothing", "[reassembler]") {
    Lab lab;
    lab.server().ack(lab.client(), 30);
    CHECK(lab.reassembler.flows() == 0);
}

TEST_CASE("ack: each direction's ACKs speak of the other's holes", "[reassembler]") {
    Connection c;
    c.server.syn_ack(c.client);
    c.server.data(0, 10);
    c.server.data(20, 30);
    c.client.data(20, 30);
    SECTION("the server's") {
        c.server.ack(c.client, 30);
        c.wait_acked();
        CHECK(c.lab.transcript(0, true) == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
        CHECK(c.lab.transcript(0, false) == "open|" + text(0, 10));
    }
    SECTION("the client's") {
        c.client.ack(c.server, 30);
        c.wait_acked();
        CHECK(c.lab.transcript(0, false) == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
        CHECK(c.lab.transcript(0, true) == "open|" + text(0, 10));
    }
}

TEST_CASE("ack: two holes", "[reassembler]") {
    Connection c;
    c.client.data(20, 30);
    c.client.data(40, 50);
    SECTION("one ACK passes both") {
        c.server.ack(c.client, 50);
        c.wait_acked();
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|gap 10|" + text(40, 50));
    }
    SECTION("it passes the first only") {
        c.server.ack(c.client, 30);
        c.wait_acked();
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
        SECTION("and the second gets all its time") {
            c.lab.wait_ticking(gap_timeout - acked_timeout - 3 * wheel_tick);
            CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
            c.lab.wait_ticking(acked_timeout + 5 * wheel_tick);
            CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|gap 10|" + text(40, 50));
        }
        SECTION("and stays at the second, which stays open") {
            c.server.ack(c.client, 30);
            c.lab.wait_ticking(2 * gap_timeout);
            CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
            c.client.data(30, 40);
            CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 50));
        }
        SECTION("until the next ACK") {
            c.server.ack(c.client, 50);
            c.lab.wait_ticking(acked_timeout - 1);
            CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
            c.lab.wait_ticking(2 * wheel_tick);
            CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|gap 10|" + text(40, 50));
        }
    }
    SECTION("each gets its time from an ACK of its own") {
        c.server.ack(c.client, 20);
        c.lab.wait_ticking(acked_timeout - 1);
        c.server.ack(c.client, 50);
        c.lab.wait_ticking(2 * wheel_tick);
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
        c.server.ack(c.client, 50);
        c.lab.wait_ticking(acked_timeout - 1);
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30));
        c.lab.wait_ticking(2 * wheel_tick);
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|gap 10|" + text(40, 50));
    }
    SECTION("the first is filled, and the ACK had passed the second, too") {
        c.server.ack(c.client, 50);
        c.lab.wait_ticking(acked_timeout - 1);
        c.client.data(10, 20);
        CHECK(c.lab.transcript() == "open|" + text(0, 30));
        c.lab.wait_ticking(2 * wheel_tick);
        CHECK(c.lab.transcript() == "open|" + text(0, 30) + "|gap 10|" + text(40, 50));
    }
    SECTION("the first is filled, and the ACK had passed that only") {
        c.server.ack(c.client, 30);
        c.client.data(10, 20);
        c.wait_acked();
        CHECK(c.lab.transcript() == "open|" + text(0, 30));
        c.client.data(30, 40);
        CHECK(c.lab.transcript() == "open|" + text(0, 50));
    }
}

TEST_CASE("ack: a hole in front of a known end", "[reassembler]") {
    const std::uint8_t flag = either_end();
    Connection c;
    c.client.send(c.client.at(20), flag, {});
    SECTION("is no longer waited for, but stays open while the flow lingers") {
        c.server.ack(c.client, flag == TcpFlags::fin ? 21 : 20);  // FIN takes a sequence number
        c.lab.wait_ticking(c.lab.limits.linger_ns - 1);
        CHECK(c.lab.transcript() == "open|" + text(0, 10));
        c.lab.wait_ticking(3 * wheel_tick);
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 10|close ended|");
        CHECK(c.lab.count(Counter::tcp_gap_bytes) == 10);
        CHECK(c.lab.count(Counter::flows_closed) == 1);
    }
    SECTION("is filled") {
        c.server.ack(c.client, 20);
        c.client.data(10, 20);
        c.lab.linger();
        CHECK(c.lab.transcript() == "open|" + text(0, 20) + "|close ended|");
    }
    SECTION("with bytes that wait for another") {
        c.client.data(12, 15);
        c.server.ack(c.client, 20);
        c.wait_acked();
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 2|" + text(12, 15));
        c.lab.linger();
        CHECK(c.lab.transcript() == "open|" + text(0, 10) + "|gap 2|" + text(12, 15) + "|gap 5|close ended|");
    }
    SECTION("is passed, and so is the end: nothing is left of the ACK") {
        c.server.ack(c.client, 20);
        c.client.data(10, 30);
        CHECK(c.lab.count(Counter::tcp_end_disbelieved) == 1);
        c.client.data(40, 50);
        c.wait_acked();
        CHECK(c.lab.transcript() == "open|" + text(0, 30));
        c.client.data(30, 40);
        CHECK(c.lab.transcript() == "open|" + text(0, 50));
    }
}

TEST_CASE("ack: nothing is left of it two gigabytes later", "[reassembler]") {
    Connection c;
    c.lab.recorder.keep_text = false;
    SECTION("of bytes that waited") {
        c.client.data(20, 30);
        c.server.ack(c.client, 30);
        c.client.data(10, 20);
    }
    SECTION("of an end that was not") {
        c.client.fin(30);
        c.server.ack(c.client, 30);
        c.client.data(10, 31);
        c.client.data(30, 31);
    }
    std::uint64_t at = c.lab.recorder.streams[0].offset;
    const std::vector<std::uint8_t> megabytes(16 << 20);
    for (const std::uint64_t end = at + (std::uint64_t{5} << 29); at < end; at += megabytes.size()) {
        c.lab.push(c.client.segment(c.client.at(at), 0, megabytes));  // far enough that what is behind seems ahead
    }
    c.lab.wait_ticking(acked_timeout);
    c.client.data(at + 10, at + 20);
    c.wait_acked();
    CHECK(c.lab.count(Counter::tcp_gaps) == 0);
    c.client.data(at, at + 10);
    CHECK(c.lab.recorder.streams[0].offset == at + 20);
}

TEST_CASE("ack: at every place of a wrap", "[reassembler]") {
    for (Seq before = 0; before <= 62; ++before) {
        Lab lab(ack_limits());
        Peer client = lab.client(0, 0u - before);
        Peer server = lab.server();
        INFO("SYN at 2^32 - " << before);
        client.syn();
        client.data(0, 10);
        client.data(20, 30);
        client.data(40, 50);
        server.ack(client, 10);
        lab.wait_ticking(acked_timeout + 2 * wheel_tick);
        REQUIRE(lab.transcript() == "open|" + text(0, 10));
        server.ack(client, 21);
        lab.wait_ticking(2 * wheel_tick);
        client.data(10, 20);
        REQUIRE(lab.transcript() == "open|" + text(0, 30));
        server.ack(client, 31);
        lab.wait_ticking(acked_timeout + 2 * wheel_tick);
        REQUIRE(lab.transcript() == "open|" + text(0, 30) + "|gap 1|");
        lab.wait_ticking(2 * gap_timeout);  // the ACK stands at what is left
        server.ack(client, 41);
        lab.wait_ticking(acked_timeout + 2 * wheel_tick);
        REQUIRE(lab.transcript() == "open|" + text(0, 30) + "|gap 1|gap 9|" + text(40, 50));
        client.fin(60);
        server.ack(client, 61);
        lab.linger();
        lab.wait_ticking(acked_timeout);
        REQUIRE(lab.transcript() == "open|" + text(0, 30) + "|gap 1|gap 9|" + text(40, 50) + "|gap 10|close ended|");
        REQUIRE(lab.count(Counter::flows_closed) == 1);
    }
}
