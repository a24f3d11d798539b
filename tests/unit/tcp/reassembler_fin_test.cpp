// SPDX-License-Identifier: Apache-2.0
// A FIN that the other side has acknowledged, and one whose stream turns out to be nobody's.
#include "support/recorder.h"

using namespace rebuilder;
using namespace rebuilder::test;

TEST_CASE("fin: once the peer has acknowledged it, data behind it is nobody's", "[reassembler]") {
    for (const bool acknowledged : {true, false}) {
        INFO(acknowledged);
        Lab lab;
        Peer client = lab.client();
        Peer server = lab.server();
        client.syn();
        server.syn();
        client.data(0, 50);
        client.fin(50);
        Segment ack = server.segment(server.at(0), TcpFlags::ack, {});
        ack.ack = client.at(acknowledged ? 51 : 50);
        lab.push(ack);
        client.data(40, 70);
        client.data(70, 80);
        CHECK(lab.transcript(0) == "open|" + text(0, acknowledged ? 50 : 80));
        CHECK(lab.count(Counter::tcp_after_close_bytes) == (acknowledged ? 30 : 0));
        CHECK(lab.count(Counter::tcp_end_disbelieved) == (acknowledged ? 0 : 1));
    }
}

TEST_CASE("fin: in front of a stream that turns out to be unwanted it leaves no gap", "[reassembler]") {
    Lab lab;
    lab.recorder.unwanted = "0000000";
    Peer client = lab.client();
    client.syn();
    client.fin(1000);
    client.data(0, 500);
    client.data(500, 1000);
    lab.wait_ticking(2 * tcp::second_ns);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    CHECK(lab.count(Counter::tcp_ignored_bytes) == 500);
}
