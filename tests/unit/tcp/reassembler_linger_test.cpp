// SPDX-License-Identifier: Apache-2.0
// What becomes of a flow that has ended. It stays for a while, and then its streams are closed.
// - late copies, both directions, one that goes on for long or is seen late; the same ports again; drained, evicted
// - the end of a stream that the sink refused
#include "support/recorder.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr tcp::Limits defaults{};

}  // namespace

TEST_CASE("linger: an ended flow lingers to know late copies", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 10, TcpFlags::fin);
    lab.wait_ticking(defaults.linger_ns - 1);
    client.data(0, 10, TcpFlags::fin);  // and lingers for as long again
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 10);
    CHECK(lab.count(Counter::tcp_duplicate_segments) == 1);
    lab.wait_ticking(defaults.linger_ns - 1);
    CHECK(lab.reassembler.flows() == 1);
    CHECK(lab.transcript() == "open|" + text(0, 10));
    lab.wait_ticking(2 * wheel_tick);
    CHECK(lab.reassembler.flows() == 0);
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.count(Counter::flows_opened) == 1);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
}

TEST_CASE("linger: each of two directions ends for itself by a FIN", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    server.syn_ack(client);
    client.data(0, 10);
    server.data(0, 10);
    client.fin(10);
    server.fin(10);
    SECTION("truly") {
        lab.wait_ticking(defaults.linger_ns - 1);
        CHECK(lab.reassembler.flows() == 1);
        lab.wait_ticking(2 * wheel_tick);
        CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|");
    }
    SECTION("one not: the flow is alive, and ends with that one") {
        client.data(10, 20);
        lab.wait_ticking(defaults.linger_ns + 5 * second_ns);
        CHECK(lab.reassembler.flows() == 1);
        client.fin(20);
        lab.linger();
        CHECK(lab.transcript(0, true) == "open|" + text(0, 20) + "|close ended|");
    }
    CHECK(lab.transcript(0, false) == "open|" + text(0, 10) + "|close ended|");
    CHECK(lab.reassembler.flows() == 0);
    CHECK(lab.count(Counter::flows_closed) == 1);
}

TEST_CASE("linger: a RST ends both directions", "[reassembler]") {
    const bool by_client = GENERATE(true, false);
    Lab lab;
    Peer one = by_client ? lab.client() : lab.server();
    Peer other = by_client ? lab.server() : lab.client();
    one.syn();
    other.syn();
    one.data(0, 10);
    other.data(0, 10);
    one.rst(10);
    std::string of_one = "open|" + text(0, 10);
    std::string of_other = of_one;
    SECTION("and nothing follows") {}
    SECTION("what was on its way from the other is delivered") {
        other.data(10, 20);
        of_other = "open|" + text(0, 20);
    }
    SECTION("both had ended") {
        other.rst(10);
    }
    SECTION("that was false, as data behind it shows") {
        one.data(10, 20);
        lab.wait_ticking(defaults.linger_ns + 5 * second_ns);
        CHECK(lab.reassembler.flows() == 1);
        one.rst(20);
        of_one = "open|" + text(0, 20);
    }
    SECTION("that is false, and only the other direction shows it: as long as it is heard of") {
        for (std::uint64_t at = 10; at < 100; at += 10) {
            lab.wait_ticking(defaults.linger_ns - second_ns);
            other.data(at, at + 10);
        }
        of_other = "open|" + text(0, 100);
    }
    lab.wait_ticking(defaults.linger_ns - wheel_tick);
    CHECK(lab.transcript(0, by_client) == of_one);
    CHECK(lab.transcript(0, !by_client) == of_other);
    lab.wait_ticking(2 * wheel_tick);
    CHECK(lab.transcript(0, by_client) == of_one + "|close ended|");
    CHECK(lab.transcript(0, !by_client).starts_with(of_other + "|close "));
    CHECK(lab.reassembler.flows() == 0);
    CHECK(lab.count(Counter::flows_closed) == 1);
}

TEST_CASE("linger: a RST ahead ends both directions in time", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    server.syn_ack(client);
    client.rst(500);
    lab.wait_ticking(defaults.gap_timeout_ns);
    lab.linger();
    CHECK(lab.reassembler.flows() == 0);
    CHECK(lab.transcript(0, true) == "open|gap 500|close ended|");
}

TEST_CASE("linger: a half-closed connection lives as long as the other half does", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    server.syn_ack(client);
    client.data(0, 10, TcpFlags::fin);
    for (std::uint64_t at = 0; at < 100; at += 10) {
        lab.wait_ticking(100 * second_ns);
        server.data(at, at + 10);
    }
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10));
    CHECK(lab.transcript(0, false) == "open|" + text(0, 100));
    SECTION("its end") {
        server.fin(100);
        lab.linger();
        CHECK(lab.transcript(0, false) == "open|" + text(0, 100) + "|close ended|");
        CHECK(lab.count(Counter::flows_closed) == 1);
    }
    SECTION("its silence") {
        lab.wait_ticking(defaults.idle_timeout_ns + 2 * wheel_tick);
        CHECK(lab.transcript(0, false) == "open|" + text(0, 100) + "|close idle|");
        CHECK(lab.count(Counter::flows_idle) == 1);
    }
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|");
    CHECK(lab.count(Counter::flows_opened) == 1);
}

TEST_CASE("linger: a direction first seen after the other has ended is not held to the linger time", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    client.data(0, 10, TcpFlags::fin);
    server.data(0, 10);
    lab.wait_ticking(defaults.linger_ns + 5 * second_ns);
    server.data(10, 20);
    CHECK(lab.transcript(0, false) == "open midstream|" + text(0, 20));
    CHECK(lab.count(Counter::flows_opened) == 1);
}

TEST_CASE("linger: a new connection on the ports of one that lingers", "[reassembler]") {
    const std::uint8_t flag = either_end();
    const Seq isn = GENERATE(Seq{1000 + 11}, Seq{1000 + 5'000'000}, Seq{1000 + 3'000'000'000u});
    Lab lab;
    Peer first = lab.client(0, 1000);
    Peer server = lab.server();
    first.syn();
    first.data(0, 10);
    server.data(0, 10);
    SECTION("both directions have ended") {
        server.end(flag, 10);
    }
    SECTION("the other has not") {}
    first.end(flag, 10);
    lab.wait_ticking(defaults.linger_ns / 2);
    Peer second = first.again(isn);
    second.syn();  // both might be forged
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10));
    second.data(0, 20);
    CHECK(lab.transcript(0, false) == "open midstream|" + text(0, 10) + "|close ended|");
    CHECK(lab.count(Counter::flows_reused) == 1);
    lab.wait_ticking(defaults.linger_ns + 5 * second_ns);  // nothing of the old one's end is left
    second.data(20, 30);
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|open|" + text(0, 30));
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
    CHECK(lab.count(Counter::flows_opened) == 2);
}

TEST_CASE("linger: a false end and a false SYN cost nothing", "[reassembler]") {
    const std::uint8_t flag = either_end();
    const Seq isn = GENERATE(Seq{1000 + 11}, Seq{1000 + 200}, Seq{1000 + 5'000'000}, Seq{1000 + 3'000'000'000u});
    Lab lab;
    Peer client = lab.client(0, 1000);
    client.syn();
    client.data(0, 10);
    client.end(flag, 10);
    client.again(isn).syn();
    SECTION("at once") {}
    SECTION("later") {
        lab.wait_ticking(defaults.linger_ns / 2);
    }
    client.data(10, 20);
    client.data(20, 30, TcpFlags::fin);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 30) + "|close ended|");
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 1);
    CHECK(lab.count(Counter::tcp_out_of_window_bytes) == 0);
    CHECK(lab.count(Counter::flows_opened) == 1);
}

TEST_CASE("linger: the same SYN again does not open an ended stream again", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn(text(0, 10));
    client.fin(10);
    client.syn(text(0, 10));
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 10) + "|close ended|");
    CHECK(lab.count(Counter::flows_reused) == 0);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
}

TEST_CASE("linger: an ended flow that is drained", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    client.data(0, 10, TcpFlags::fin);
    SECTION("is one that ended") {
        lab.drain();
        CHECK(lab.count(Counter::flows_closed) == 1);
    }
    SECTION("or half of it") {
        server.syn();
        server.data(0, 10);
        lab.drain();
        CHECK(lab.transcript(0, false) == "open|" + text(0, 10) + "|close drained|");
        CHECK(lab.count(Counter::flows_drained) == 1);
    }
    CHECK(lab.transcript(0, true) == "open|" + text(0, 10) + "|close ended|");
}

TEST_CASE("linger: an ended flow is the first to give way", "[reassembler]") {
    tcp::Limits limits = small_limits();
    limits.max_flows = 3;
    Lab lab(limits);
    for (const std::uint32_t i : {1u, 2u, 3u}) {
        lab.client(i).syn();
        lab.client(i).data(0, 10);
        lab.wait_ticking(second_ns);
    }
    lab.client(3).fin(10);
    lab.client(4).syn();
    CHECK(lab.transcript(3) == "open|" + text(0, 10) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.count(Counter::flows_evicted) == 0);
    CHECK(lab.transcript(1) == "open|" + text(0, 10));
    CHECK(lab.transcript(2) == "open|" + text(0, 10));
}

// ---- refused by the sink

TEST_CASE("linger: the end of a refused stream is believed, whatever follows", "[reassembler]") {
    const std::uint8_t flag = either_end();
    Lab lab;
    lab.recorder.unwanted = "SSH-";
    Peer client = lab.client();
    client.syn();
    client.bytes(0, "SSH-2.0");
    client.data(7, 1000);
    client.end(flag, 40'000);  // its sequence isn't followed any more
    client.data(1000, 2000);
    client.data(0, 7);
    CHECK(lab.count(Counter::tcp_ignored_bytes) == 2000);
    CHECK(lab.count(Counter::tcp_end_disbelieved) == 0);
    lab.linger();
    CHECK(lab.reassembler.flows() == 0);
    CHECK(lab.transcript() == "open|SSH-2.0");
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
}

TEST_CASE("linger: what is missing in front of a refused stream's end is not waited for", "[reassembler]") {
    const std::uint8_t flag = either_end();
    Lab lab;
    lab.recorder.unwanted = "SSH-";
    Peer client = lab.client();
    client.syn();
    client.end(flag, 5000);
    client.bytes(0, "SSH-2.0");
    lab.wait_ticking(5 * second_ns);
    client.data(7, 5000);
    lab.linger();
    CHECK(lab.reassembler.flows() == 0);
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    CHECK(lab.count(Counter::tcp_gap_bytes) == 0);
}

TEST_CASE("linger: a refused stream that has ended, while the other direction goes on", "[reassembler]") {
    Lab lab;
    lab.recorder.unwanted = "SSH-";
    Peer client = lab.client();
    Peer server = lab.server();
    client.syn();
    server.syn_ack(client);
    client.bytes(0, "SSH-2.0");
    client.fin(7);
    server.data(0, 10);
    lab.wait_ticking(defaults.linger_ns + 5 * second_ns);
    server.data(10, 20, TcpFlags::fin);
    CHECK(lab.transcript(0, false) == "open|" + text(0, 20));
    lab.linger();
    CHECK(lab.transcript(0, false) == "open|" + text(0, 20) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
}
