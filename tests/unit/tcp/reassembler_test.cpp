// SPDX-License-Identifier: Apache-2.0
// The bytes of one direction. Payload says where in the stream it stands, so that a byte in a wrong place shows.
// Each case begins and ends with all held blocks free, and with the byte and flow laws exact (support/recorder.h).
// - in order; every permutation of five segments; one byte segments; more than a block in one
// - duplicates, before and behind; retransmission with other boundaries; a keep-alive probe
// - overlaps of waiting bytes: in front, behind, inside, around, over a hole; the first copy wins; conflicts counted
// - wrap at 2^32 at each place of the stream, also out of order
// - segment starts and times belong to the segment that brought the byte
#include "tcp/reassembler.h"

#include <algorithm>
#include <array>

#include "support/recorder.h"

using namespace rebuilder;
using namespace rebuilder::test;

TEST_CASE("reassembler: in order", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    CHECK(lab.transcript() == "open|");
    client.data(0, 10);
    CHECK(lab.transcript() == "open|" + text(0, 10));  // at once
    client.data(10, 11);
    client.data(11, 5000);
    client.fin(5000);
    CHECK(lab.transcript() == "open|" + text(0, 5000));
    CHECK(lab.count(Counter::tcp_delivered_bytes) == 5000);
    CHECK(lab.count(Counter::tcp_out_of_order_segments) == 0);
    CHECK(lab.count(Counter::tcp_gaps) == 0);
    lab.linger();
    CHECK(lab.transcript() == "open|" + text(0, 5000) + "|close ended|");
    CHECK(lab.count(Counter::flows_closed) == 1);
    CHECK(lab.count(Counter::flows_midstream) == 0);
}

TEST_CASE("reassembler: every order of five segments", "[reassembler]") {
    std::array<int, 5> order{0, 1, 2, 3, 4};
    do {
        Lab lab;
        Peer client = lab.client();
        client.syn();
        for (const int i : order) {
            const auto from = static_cast<std::uint64_t>(i * 100);
            if (i == 4) {
                client.data(from, from + 100, TcpFlags::fin);
            } else {
                client.data(from, from + 100);
            }
        }
        REQUIRE(lab.transcript() == "open|" + text(0, 500));
        REQUIRE(lab.recorder.streams[0].segment_starts == std::vector<std::uint64_t>{0, 100, 200, 300, 400});
        REQUIRE(lab.count(Counter::tcp_delivered_bytes) == 500);
        REQUIRE(lab.reassembler.held_blocks() == 0);
        lab.linger();
        REQUIRE(lab.transcript() == "open|" + text(0, 500) + "|close ended|");
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("reassembler: one byte segments, backwards", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    for (std::uint64_t at = 20; at-- > 1;) client.data(at, at + 1);
    CHECK(lab.transcript() == "open|");
    CHECK(lab.reassembler.held_blocks() == 19);
    CHECK(lab.count(Counter::tcp_out_of_order_segments) == 19);
    client.data(0, 1);
    CHECK(lab.transcript() == "open|" + text(0, 20));
    CHECK(lab.reassembler.held_blocks() == 0);
}

TEST_CASE("reassembler: a waiting segment may need several blocks", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(10, 9010);
    CHECK(lab.reassembler.held_blocks() >= 5);
    client.data(0, 10);
    CHECK(lab.transcript() == "open|" + text(0, 9010));
    // Only its first byte began a segment.
    CHECK(lab.recorder.streams[0].segment_starts == std::vector<std::uint64_t>{0, 10});
}

TEST_CASE("reassembler: what was delivered is not delivered again", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(0, 100);
    client.data(0, 100);   // the whole
    client.data(40, 60);   // a part
    client.data(99, 100);  // a keep-alive probe with a byte
    client.bytes(99, "");  // and without
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 121);
    CHECK(lab.count(Counter::tcp_duplicate_segments) == 3);
    client.data(50, 150);  // other boundaries: new bytes behind old ones
    CHECK(lab.count(Counter::tcp_duplicate_segments) == 3);
    client.bytes(100, "different bytes do not matter any more");
    client.data(150, 160);
    CHECK(lab.transcript() == "open|" + text(0, 160));
    CHECK(lab.count(Counter::tcp_delivered_bytes) == 160);
    CHECK(lab.recorder.streams[0].segment_starts == std::vector<std::uint64_t>{0, 150});
}

TEST_CASE("reassembler: waiting bytes are not kept twice", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(100, 200);
    const std::size_t blocks = lab.reassembler.held_blocks();
    client.data(100, 200);
    client.data(120, 180);
    client.data(199, 200);
    CHECK(lab.reassembler.held_blocks() == blocks);
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 161);
    CHECK(lab.count(Counter::tcp_overlap_conflict) == 0);
    client.data(0, 100);
    CHECK(lab.transcript() == "open|" + text(0, 200));
}

TEST_CASE("reassembler: of overlapping bytes the first copy wins", "[reassembler]") {
    // The stream is 60 bytes. [20, 40) waits; then `from` to `to` comes as x, then all of it as it should be.
    struct Overlap {
        std::uint64_t from;
        std::uint64_t to;
    };
    const Overlap overlap =
        GENERATE(Overlap{10, 20}, Overlap{40, 50}, Overlap{15, 25}, Overlap{35, 45}, Overlap{20, 40}, Overlap{25, 35},
            Overlap{10, 50}, Overlap{20, 45}, Overlap{15, 40}, Overlap{19, 20}, Overlap{39, 40}, Overlap{20, 21});
    const bool reaches_front = GENERATE(false, true);
    const std::uint64_t from = reaches_front ? 0 : overlap.from;
    INFO("x from " << from << " to " << overlap.to);
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(20, 40);
    client.bytes(from, std::string(overlap.to - from, 'x'));
    client.data(0, 60);
    std::string expected = text(0, 60);
    for (std::uint64_t at = from; at < overlap.to; ++at) {
        if (at < 20 || at >= 40) expected[at] = 'x';
    }
    CHECK(lab.transcript() == "open|" + expected);
    CHECK(lab.count(Counter::tcp_delivered_bytes) == 60);
    // The x meet what waits, or the last copy meets the x where they wait. From the front they are delivered at once.
    const bool conflict = !reaches_front || overlap.to > 20;
    CHECK((lab.count(Counter::tcp_overlap_conflict) != 0) == conflict);
}

TEST_CASE("reassembler: equal overlaps are no conflict", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(10, 20);
    client.data(30, 40);
    client.data(50, 60);
    client.data(5, 65);  // over three pieces and their holes
    client.data(0, 70);
    CHECK(lab.transcript() == "open|" + text(0, 70));
    CHECK(lab.count(Counter::tcp_overlap_conflict) == 0);
    CHECK(lab.count(Counter::tcp_duplicate_bytes) == 30 + 60);
    CHECK(lab.reassembler.held_blocks() == 0);
}

TEST_CASE("reassembler: a segment with one differing byte is one conflict", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    client.syn();
    client.data(10, 30);
    std::string changed = text(10, 30);
    changed.back() = '!';
    client.bytes(10, changed);
    CHECK(lab.count(Counter::tcp_overlap_conflict) == 1);
    changed = text(0, 30);
    changed[29] = '!';
    client.bytes(0, changed);  // against the waiting bytes while it is delivered
    CHECK(lab.count(Counter::tcp_overlap_conflict) == 2);
    CHECK(lab.transcript() == "open|" + text(0, 30));
}

TEST_CASE("reassembler: sequence numbers wrap anywhere", "[reassembler]") {
    for (Seq before = 0; before <= 52; ++before) {
        Lab lab;
        Peer client = lab.client(0, 0u - before);
        INFO("SYN at 2^32 - " << before);
        client.syn();
        client.data(10, 20);
        client.data(30, 50, TcpFlags::fin);
        client.data(15, 25);
        client.data(0, 12);
        client.syn();
        client.data(5, 45);
        REQUIRE(lab.transcript() == "open|" + text(0, 50));
        REQUIRE(lab.count(Counter::tcp_end_disbelieved) == 0);
        lab.linger();
        REQUIRE(lab.transcript() == "open|" + text(0, 50) + "|close ended|");
        REQUIRE(lab.count(Counter::tcp_gaps) == 0);
        REQUIRE(lab.count(Counter::tcp_overlap_conflict) == 0);
    }
}

TEST_CASE("reassembler: a stream of more than 4 GiB", "[reassembler]") {
    Lab lab;
    lab.recorder.keep_text = false;
    Peer client = lab.client();
    client.syn();
    const std::vector<std::uint8_t> megabytes(16 << 20);
    std::uint64_t at = 0;
    for (; at < (std::uint64_t{9} << 29); at += megabytes.size()) {
        lab.push(client.segment(client.at(at), 0, megabytes));
    }
    CHECK(lab.recorder.streams[0].offset == at);
    CHECK(lab.count(Counter::tcp_delivered_bytes) == at);
    client.syn();  // still known for this stream's
    client.bytes(at + 5, "waits");
    client.bytes(at, "comes ");
    CHECK(lab.recorder.streams[0].offset == at + 10);
    CHECK(lab.count(Counter::flows_reused) == 0);
}

TEST_CASE("reassembler: a byte's time is that of the frame that brought it", "[reassembler]") {
    Lab lab;
    const std::uint64_t begin = lab.now_ns;
    Peer client = lab.client();
    client.syn();
    lab.wait(100);
    client.data(10, 20);
    lab.wait(100);
    client.data(0, 10);
    lab.wait(100);
    client.data(20, 30);
    CHECK(lab.recorder.streams[0].times_ns == std::vector<std::uint64_t>{begin + 200, begin + 100, begin + 300});
}

TEST_CASE("reassembler: bytes without ACK are nobody's where others have one", "[reassembler]") {
    Lab lab;
    Peer client = lab.client();
    Peer bare = client;
    const Peer server = lab.server();
    client.syn();
    SECTION("in a direction that has sent one") {
        client.ack(server, 0);
        bare.bytes(0, "no server takes this");
        bare.bytes(5, "nor this", TcpFlags::fin);
        client.data(0, 100, TcpFlags::fin);
        lab.linger();
        CHECK(lab.transcript() == "open|" + text(0, 100) + "|close ended|");
        CHECK(lab.count(Counter::tcp_after_close_bytes) == 28);
    }
    SECTION("not in one that never did") {
        bare.data(0, 20);
        CHECK(lab.transcript() == "open|" + text(0, 20));
    }
    SECTION("nor with a SYN") {
        client.ack(server, 0);
        bare.again(5'000'000).syn(text(0, 10));
        CHECK(lab.transcript() == "open|close ended|open|" + text(0, 10));
    }
    CHECK(lab.count(Counter::tcp_overlap_conflict) == 0);
}
