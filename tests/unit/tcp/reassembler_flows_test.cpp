// SPDX-License-Identifier: Apache-2.0
// Connections: how they begin, are told apart, are refused, and end.
// - SYN: with data, again, late, lost; what a connection that isn't known may send
// - both directions, half close, two VNIs with equal addresses
// - the same ports again: after FIN, without FIN, seen from the server first; a SYN that nobody follows
// - streams that the sink refuses: at open, at data, at a gap, with bytes waiting; wanted again after the next SYN
// - timeouts: opening, idle; beyond the wheel's horizon; more at once than one tick may end
#include "support/recorder.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr tcp::Limits defaults{};

}  // namespace

// ---- SYN

TEST_CASE("flows: SYN with data", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn(text(0, 10));
    client.syn(text(0, 10));
    client.data(10, 20);
    CHECK(lab.transcript() == "open|" + text(0, 20));
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 10);
    CHECK(lab.count(Counter::flows_opened) == 1);
}

TEST_CASE("flows: SYN again", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.syn();
    client.data(0, 10);
    client.syn();
    client.data(20, 30);
    client.syn();
    client.data(10, 20, TcpFlags::fin);
    client.data(10, 30);
    client.fin(30);
    client.syn();
    CHECK(lab.recorder.streams.size() == 1);
    CHECK(lab.count(Counter::flows_opened) == 1);
}

TEST_CASE("flows: what is not known and brings nothing is not followed", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.data(50, 50);  // a bare ACK
    client.fin(50);
    client.rst(50);
    client.bytes(50, "why it was reset", TcpFlags::rst);
    CHECK(lab.reassembler.flows() == 0);
    CHECK(lab.count(Counter::flows_opened) == 0);
    CHECK(lab.count(Counter::tcp_after_close_bytes) == 16);
    client.bytes(50, "last", TcpFlags::fin);  // that is worth something
    lab.linger();
    CHECK(lab.transcript() == "open midstream|last|close ended|");
}

// ---- two directions, two networks

TEST_CASE("flows: both directions", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    server.syn_ack(client);
    CHECK(lab.reassembler.flows() == 1);
    client.data(0, 10);
    server.data(100, 200);
    client.data(20, 30);
    server.data(0, 100);
    client.data(10, 20);
    client.fin(30);
    server.data(200, 300);  // the other half goes on
    lab.linger();
    server.data(300, 400, TcpFlags::fin);
    CHECK(lab.transcript(0, true) == "open|" + text(0, 30));
    CHECK(lab.transcript(0, false) == "open|" + text(0, 400));
    CHECK(lab.count(Counter::flows_opened) == 1);
    lab.linger();
    CHECK(lab.transcript(0, true) == "open|" + text(0, 30) + "|close ended|");
    CHECK(lab.transcript(0, false) == "open|" + text(0, 400) + "|close ended|");
    CHECK(lab.reassembler.flows() == 0);
    CHECK(lab.count(Counter::flows_closed) == 1);
}

TEST_CASE("flows: equal addresses in two networks are two connections", "[reassembler]") {
    Lab lab;
    Peer red = lab.client(0, 1000, 7);
    Peer blue = lab.client(0, 2000, 8);
    red.syn();
    blue.syn();
    CHECK(lab.reassembler.flows() == 2);
    red.bytes(0, "red ");
    blue.bytes(0, "blue ");
    red.bytes(4, "end", TcpFlags::fin);
    blue.bytes(5, "goes on");
    lab.linger();
    CHECK(lab.transcript(0, true, 7) == "open|red end|close ended|");
    CHECK(lab.transcript(0, true, 8) == "open|blue goes on");
}

TEST_CASE("flows: a FIN of a direction that was not seen says nothing", "[reassembler]") {
    Lab lab;
    lab.client().syn();
    Peer server = lab.server();
    server.fin(50);
    server.data(0, 100);
    lab.join();
    CHECK(lab.transcript(0, false) == "open midstream|" + text(0, 100));
}

// ---- the same ports again

TEST_CASE("flows: ports used again after FIN", "[reassembler]") {
    Lab lab;
    Peer first = lab.client(0, 1000);
    Peer server = lab.server();
    first.syn();
    server.syn_ack(first);
    server.data(0, 10);
    first.data(0, 10, TcpFlags::fin);
    Peer second = first.again(5'000'000);
    second.syn();
    second.data(10, 20);
    second.data(0, 10);
    Peer server2 = lab.server(0, 77);
    server2.syn_ack(second);
    server2.data(0, 30);
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|open|" + text(0, 20));
    CHECK(lab.transcript(0, false) == "open|" + text(0, 10) + "|close ended|open|" + text(0, 30));
    CHECK(lab.count(Counter::flows_reused) == 1);
    CHECK(lab.count(Counter::flows_opened) == 2);
    CHECK(lab.reassembler.flows() == 1);
}

TEST_CASE("flows: ports used again without FIN", "[reassembler]") {
    Lab lab;
    const Seq isn = GENERATE(Seq{1000 + 5'000'000}, Seq{1000 + 3'000'000'000u}, Seq{1000 + 200});
    Peer first = lab.client(0, 1000);
    first.syn();
    first.data(0, 10);
    first.data(20, 30);
    Peer second = first.again(isn);
    second.syn();
    CHECK(lab.transcript() == "open|" + text(0, 10));  // not believed yet
    second.syn();
    second.data(0, 10);
    second.data(10, 20, TcpFlags::fin);
    lab.linger();
    CHECK(lab.transcript() ==
          "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|close ended|open|" + text(0, 20) + "|close ended|");
    CHECK(lab.count(Counter::flows_reused) == 1);
    CHECK(lab.count(Counter::tcp_gap_bytes) == 10);
}

TEST_CASE("flows: ports used again, and the first data is late", "[reassembler]") {
    Lab lab;
    Peer first = lab.client(0, 1000);
    first.syn();
    first.data(0, 10);
    Peer second = first.again(5'000'000);
    second.syn();
    second.data(10, 20);
    second.data(0, 10);
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|close ended|open|" + text(0, 20));
}

TEST_CASE("flows: ports used again, with data in the SYN", "[reassembler]") {
    Lab lab;
    Peer first = lab.client(0, 1000);
    first.syn();
    first.data(0, 10);
    Peer second = first.again(5'000'000);
    second.syn(text(0, 10));
    second.data(10, 20);
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|close ended|open|" + text(0, 20));
}

TEST_CASE("flows: ports used again, first seen from the server", "[reassembler]") {
    Lab lab;
    Peer client = lab.client(0, 1000);
    Peer server = lab.server(0, 5000);
    client.syn();
    server.syn_ack(client);
    client.data(0, 10);
    server.data(0, 10, TcpFlags::fin);
    client.ack(server, 11);
    Peer server2 = lab.server(0, 9'000'000);
    Peer client2 = client.again(7'000'000);
    server2.syn_ack(client2);
    client2.data(0, 10);
    server2.data(0, 10);
    lab.join();
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|open midstream|" + text(0, 10));
    CHECK(lab.transcript(0, false) == "open|" + text(0, 10) + "|close ended|open|" + text(0, 10));
}

TEST_CASE("flows: ports used again, and a late copy of the old data comes in between", "[reassembler]") {
    Lab lab;
    Peer first = lab.client(0, 1000);
    first.syn();
    first.data(0, 10);
    Peer second = first.again(900'000'000);
    second.syn();
    first.data(0, 10);
    second.data(0, 10);
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|close ended|open|" + text(0, 10));
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 10);
}

TEST_CASE("flows: ports used again, and the server answers", "[reassembler]") {
    const bool reset = GENERATE(false, true);
    Lab lab;
    Peer first = lab.client(0, 1000);
    Peer server = lab.server(0, 5000);
    first.syn();
    first.data(0, 10);
    bool heard = true;
    SECTION("as it did before") {
        server.syn_ack(first);
    }
    SECTION("for the first time") {
        heard = false;
    }
    if (reset) first.rst(10);
    Peer second = first.again(900'000'000);
    Peer server2 = lab.server(0, 9'000'000);
    second.syn();
    CHECK(lab.count(Counter::flows_reused) == 0);
    server2.syn_ack(second);
    CHECK(lab.count(Counter::flows_reused) == 1);
    server2.data(0, 10);
    second.data(0, 10);
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|open|" + text(0, 10));
    CHECK(lab.transcript(0, false) == std::string(heard ? "open|close ended|" : "") + "open|" + text(0, 10));
}

TEST_CASE("flows: ports used again, and the server's answer comes first", "[reassembler]") {
    Lab lab;
    Peer first = lab.client(0, 1000);
    Peer server = lab.server(0, 5000);
    first.syn();
    server.syn_ack(first);
    first.data(0, 10);
    Peer second = first.again(900'000'000);
    Peer server2 = lab.server(0, 9'000'000);
    server2.syn_ack(second);
    second.syn();
    second.data(0, 10);
    server2.data(0, 10);
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|open|" + text(0, 10));
    CHECK(lab.transcript(0, false) == "open|close ended|open|" + text(0, 10));
    CHECK(lab.count(Counter::flows_reused) == 1);
}

TEST_CASE("flows: an answer to another SYN shows nothing of this one", "[reassembler]") {
    Lab lab;
    Peer client = lab.client(0, 1000);
    Peer server = lab.server(0, 5000);
    client.syn();
    client.again(900'000'000).syn();
    server.syn_ack(client);
    client.data(0, 10);
    server.data(0, 10);
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10));
    CHECK(lab.transcript(0, false) == "open|" + text(0, 10));
    CHECK(lab.count(Counter::flows_reused) == 0);
}

TEST_CASE("flows: data in front of a SYN doesn't follow it, however near it is", "[reassembler]") {
    Lab lab;
    Peer client = lab.client(0, 1000);
    client.syn();
    client.data(0, 10);
    client.again(client.at(1010) - 1).syn();
    client.data(610, 710);
    client.data(10, 610);
    CHECK(lab.transcript() == "open|" + text(0, 710));
}

TEST_CASE("flows: a SYN that nobody follows costs nothing", "[reassembler]") {
    Lab lab;
    const Seq bogus = GENERATE(Seq{1}, Seq{1000 + 40'000'000}, Seq{1000 + 2'000'000'000}, Seq{1000 + 100});
    Peer client = lab.client(0, 1000);
    client.syn();
    SECTION("in the middle") {
        client.data(0, 10);
        client.again(bogus).syn();
        client.data(20, 30);
        client.again(bogus).syn();
        client.data(10, 20);
    }
    SECTION("while bytes wait") {
        client.data(20, 30);
        client.again(bogus).syn();
        client.data(0, 20);
    }
    SECTION("before any data") {
        client.again(bogus).syn();
        client.data(0, 30);
    }
    client.data(30, 40, TcpFlags::fin);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 40) + "|close ended|");
    CHECK(lab.count(Counter::flows_reused) == 0);
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 0);
}

TEST_CASE("flows: a SYN that was not followed is forgotten", "[reassembler]") {
    Lab lab;
    Peer client = lab.client(0, 1000);
    client.syn();
    client.data(0, 10);
    client.again(1000 + 500).syn();
    client.data(10, 20);
    client.data(495, 510);  // nearer to that SYN than to the stream, but the stream has gone on where it was
    client.data(20, 495);
    CHECK(lab.transcript() == "open|" + text(0, 510));
}

TEST_CASE("flows: another SYN before any data, and its data follows", "[reassembler]") {
    Lab lab;
    Peer first = lab.client(0, 1000);
    first.syn();
    Peer second = first.again(900'000'000);
    second.syn();
    second.data(0, 10);
    CHECK(lab.recorder.streams.back().transcript == "open|" + text(0, 10));
    CHECK(lab.count(Counter::flows_reused) == 1);
}

TEST_CASE(
    "flows: a new connection on old ports is not held to the opening timeout once it sent data", "[reassembler]") {
    Lab lab;
    Peer first = lab.client(0, 1000);
    first.syn();
    first.data(0, 10);
    Peer second = first.again(5'000'000);
    second.syn();
    second.data(0, 10);
    lab.wait_ticking(defaults.opening_timeout_ns + 5 * second_ns);
    second.data(10, 20);
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|close ended|open|" + text(0, 20));
    CHECK(lab.count(Counter::flows_idle) == 0);
}

TEST_CASE("flows: a new connection on old ports that sends nothing is held to the opening timeout", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.linger_ns = 60 * second_ns;  // must not count any more
    Lab lab(limits);
    Peer client = lab.client(0, 1000);
    client.syn();
    Peer server = lab.server();
    server.data(0, 10);
    client.data(0, 10, TcpFlags::fin);
    server.ack(client, 11);
    client.again(5'000'000).syn();
    lab.wait_ticking(defaults.opening_timeout_ns + 2 * wheel_tick);
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|open|close idle|");
    CHECK(lab.reassembler.flows() == 0);
}

// ---- refused by the sink

TEST_CASE("flows: a stream refused when it opens", "[reassembler]") {
    Lab lab;
    lab.recorder.refuse_on_open = true;
    Peer client = lab.client();
    client.syn(text(0, 5));
    client.data(5, 10);
    client.data(20, 30);
    client.data(100'000'000, 100'000'010);
    CHECK(lab.transcript() == "open|");
    CHECK(lab.count(Counter::tcp_ignored_bytes) == 30);
    CHECK(lab.count(Counter::tcp_delivered_bytes) == 0);
    CHECK(lab.reassembler.held_blocks() == 0);
    client.fin(100'000'010);
    lab.linger();
    CHECK(lab.count(Counter::flows_closed) == 1);
}

TEST_CASE("flows: a stream refused at its data", "[reassembler]") {
    Lab lab;
    lab.recorder.unwanted = "SSH-";
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    SECTION("nothing waits") {
        client.bytes(0, "SSH-2.0");
        CHECK(lab.count(Counter::tcp_ignored_bytes) == 0);
    }
    SECTION("with bytes waiting behind it") {
        client.bytes(20, "xxxxx");
        client.bytes(7, "yyy");
        client.bytes(0, "SSH-2.0");
        CHECK(lab.count(Counter::tcp_ignored_bytes) == 8);
    }
    SECTION("with bytes waiting in it") {
        client.bytes(7, "yyy");
        client.bytes(12, "zzz");
        client.bytes(0, "SSH-2.0YYYZZzz");
        CHECK(lab.count(Counter::tcp_ignored_bytes) == 3 + 3 + 7);
    }
    SECTION("it waited itself") {
        client.bytes(4, "SSH-");
        client.bytes(20, "xxxxx");
        client.bytes(0, "....xxxx----");  // overlaps it and goes on behind it
        CHECK(lab.count(Counter::tcp_ignored_bytes) == 4 + 5);
        CHECK(lab.count(Counter::tcp_duplicate_bytes) == 4);
        CHECK(lab.count(Counter::tcp_delivered_bytes) == 8);
    }
    CHECK(lab.reassembler.held_blocks() == 0);
    const std::uint64_t before = lab.count(Counter::tcp_ignored_bytes);
    const std::string told = lab.transcript(0, true);
    client.data(7, 1000);
    client.data(0, 7);
    CHECK(lab.count(Counter::tcp_ignored_bytes) == before + 1000);
    CHECK(lab.transcript(0, true) == told);
    server.data(0, 10);  // its own stream
    lab.join();
    CHECK(lab.transcript(0, false) == "open midstream|" + text(0, 10));
    lab.wait_ticking(5 * second_ns);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("flows: a stream refused at a gap", "[reassembler]") {
    Lab lab;
    lab.recorder.refuse_on_gap = true;
    Peer client = lab.client();
    client.syn();
    client.data(10, 20);
    client.data(30, 40);
    SECTION("of time") {
        lab.wait_ticking(defaults.gap_timeout_ns + 2 * wheel_tick);
    }
    SECTION("of unknown size") {
        lab.wait(2 * defaults.gap_timeout_ns);
        client.data(100'000'000, 100'000'010);
        CHECK(lab.count(Counter::tcp_held_dropped_bytes) == 20);
    }
    SECTION("at the end") {
        lab.drain();
    }
    CHECK(lab.transcript().starts_with("open|gap "));
    CHECK(lab.count(Counter::tcp_delivered_bytes) == 0);
    CHECK(lab.reassembler.held_blocks() == 0);
}

TEST_CASE("flows: a refused stream is looked at again when a new one begins there", "[reassembler]") {
    Lab lab;
    lab.recorder.unwanted = "SSH-";
    Peer client = lab.client(0, 1000);
    client.syn();
    client.bytes(0, "SSH-2.0");
    client.data(7, 60'000);
    SECTION("after FIN") {
        client.fin(60'000);
    }
    SECTION("without") {}
    Peer second = client.again(500'000'000);
    second.syn();
    second.data(0, 10);
    CHECK(lab.recorder.streams.back().transcript == "open|" + text(0, 10));
    CHECK(lab.count(Counter::flows_reused) == 1);
}

// ---- timeouts

TEST_CASE("flows: a SYN alone is not kept for long", "[reassembler]") {
    Lab lab;
    lab.client().syn();
    lab.wait_ticking(defaults.opening_timeout_ns - 1);
    CHECK(lab.reassembler.flows() == 1);
    lab.wait_ticking(2 * wheel_tick);
    CHECK(lab.transcript() == "open|close idle|");
    CHECK(lab.count(Counter::flows_idle) == 1);
    CHECK(lab.reassembler.flows() == 0);
}

TEST_CASE("flows: idle", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.idle_timeout_ns = GENERATE(20 * second_ns, 120 * second_ns, 600 * second_ns);  // the last beyond the horizon
    Lab lab(limits);
    Peer client = lab.client();
    client.syn();
    client.data(0, 10);
    lab.wait_ticking(limits.idle_timeout_ns / 2);
    client.data(5, 5);  // anything shows that it lives
    lab.wait_ticking(limits.idle_timeout_ns - 1);
    CHECK(lab.reassembler.flows() == 1);
    lab.wait_ticking(2 * wheel_tick);
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|close idle|");
    CHECK(lab.count(Counter::flows_idle) == 1);
    client.data(10, 20);
    lab.join();
    CHECK(lab.recorder.streams.back().transcript == "open midstream|" + text(10, 20));
}

TEST_CASE("flows: a tick ends a bounded number of flows, and the next ones the rest", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_flows = 5000;
    Lab lab(limits);
    for (std::uint32_t i = 0; i < 5000; ++i) lab.client(i).syn();
    lab.wait(60 * second_ns);
    std::size_t left = 5000;
    for (int ticks = 0; ticks < 10 && left > 0; ++ticks) {
        lab.tick();
        CHECK(left - lab.reassembler.flows() <= 1024);
        left = lab.reassembler.flows();
    }
    CHECK(left == 0);
    CHECK(lab.count(Counter::flows_idle) == 5000);
}
