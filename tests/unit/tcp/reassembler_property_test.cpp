// SPDX-License-Identifier: Apache-2.0
// Random streams. A failure prints REBUILDER_SEED, which in the environment repeats that run alone.
// - within the limits: cut at random, shuffled, duplicated, sent again with other boundaries and other bytes, lost, with
//   and without SYN and FIN, with pauses in which holes are given up: what is told equals a byte-wise model
// - beyond the limits, many connections at once: what is told is in its place, and everything is accounted for
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "support/naive_stream.h"
#include "support/random.h"
#include "support/recorder.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

struct Sent {
    std::uint64_t from;
    std::string bytes;
    bool syn = false;
    bool fin = false;
    std::size_t order = 0;
};

// A stream of `length` bytes as it comes by.
std::vector<Sent> random_traffic(Random& random, std::uint64_t length) {
    const std::size_t largest = random.of(std::vector<std::size_t>{1, 20, 300, 1460, 9000});
    const std::size_t window = random.of(std::vector<std::size_t>{1, 3, 10, 200});
    const std::size_t losses = random.of(std::vector<std::size_t>{3, 20, 1'000'000});
    const std::size_t copies = random.of(std::vector<std::size_t>{2, 10, 1'000'000});
    const bool conflicting = random.one_in(3);

    std::vector<Sent> all;
    const auto add = [&](Sent sent) {
        sent.order = all.size() + random.below(window);
        all.push_back(std::move(sent));
    };
    if (!random.one_in(4)) all.push_back({.from = 0, .bytes = {}, .syn = true});
    std::uint64_t at = 0;
    while (at < length) {
        const std::uint64_t to = std::min<std::uint64_t>(length, at + random.between(1, largest));
        if (!random.one_in(losses)) add({.from = at, .bytes = text(at, to)});
        if (random.one_in(copies)) {
            const std::uint64_t other = random.below(to);
            const std::uint64_t end = std::min<std::uint64_t>(length, other + random.between(1, 2 * largest));
            std::string bytes = text(other, end);
            if (conflicting) bytes[random.below(bytes.size())] = '!';
            add({.from = other, .bytes = bytes});
        }
        at = to;
    }
    if (!random.one_in(4)) {
        if (!all.empty() && random.one_in(2) && all.back().from + all.back().bytes.size() == length) {
            all.back().fin = true;
        } else {
            add({.from = length, .bytes = {}, .fin = true});
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const Sent& a, const Sent& b) { return a.order < b.order; });
    return all;
}

void send(Peer& peer, const Sent& sent) {
    if (sent.syn) {
        peer.syn();
    } else {
        peer.bytes(sent.from, sent.bytes, sent.fin ? TcpFlags::fin | TcpFlags::ack : TcpFlags::ack);
    }
}

void check_against_model(std::uint64_t seed) {
    Random random(seed);
    INFO(random.seed());
    tcp::Limits limits = small_limits();
    limits.held_bytes_per_flow = limits.held_bytes = 4 << 20;
    limits.held_blocks_per_flow = 2048;
    Lab lab(limits);
    Peer client = lab.client(
        0, random.one_in(2) ? static_cast<Seq>(0u - random.below(8000)) : static_cast<Seq>(random.engine()()));
    NaiveStream model;
    const std::vector<Sent> traffic = random_traffic(random, random.one_in(10) ? random.below(20) : random.below(7000));
    std::set<std::uint64_t> starts;
    std::uint64_t origin = 0;
    bool known = false;
    for (const Sent& sent : traffic) {
        send(client, sent);
        if (sent.syn) model.open();
        if (!known && !sent.bytes.empty()) origin = sent.from;
        if (sent.syn) origin = 0;
        known = known || sent.syn || !sent.bytes.empty();
        if (!sent.bytes.empty()) {
            model.arrives(sent.from, sent.bytes);
            starts.insert(sent.from);
        }
        if (sent.fin) model.ends(sent.from + sent.bytes.size());
        if (random.one_in(150)) {
            lab.wait_ticking(2 * second_ns, second_ns / 5);
            model.time_passes();
        } else if (random.one_in(5)) {
            lab.wait(random.below(second_ns / 5000));
            lab.tick();
        }
        REQUIRE(lab.transcript() == model.transcript());
    }
    std::string end = "close drained|";
    if ((model.end_known() && !model.closed()) || random.one_in(2)) {
        lab.wait_ticking(3 * second_ns, second_ns / 5);
        model.time_passes();
        REQUIRE(lab.transcript() == model.transcript());
    }
    const bool open = known && !model.closed();
    model.time_passes();
    lab.drain();
    std::string expected = model.transcript();
    if (open) expected += expected.ends_with('|') ? end : '|' + end;
    REQUIRE(lab.transcript() == expected);

    REQUIRE(lab.count(Counter::tcp_delivered_bytes) == model.delivered());
    REQUIRE(lab.count(Counter::tcp_duplicate_bytes) == lab.sent_bytes - model.delivered());
    REQUIRE(lab.count(Counter::tcp_gap_bytes) == model.lost());
    for (const Stream& stream : lab.recorder.streams) {
        for (const std::uint64_t start : stream.segment_starts) REQUIRE(starts.count(origin + start) == 1);
    }
}

// The bytes of a transcript say where they stood: they must be one run of text, with the gaps that are told and no others.
void check_places(const std::string& transcript) {
    bool known = false;
    std::uint64_t next = 0;
    for (std::size_t at = 0; at < transcript.size();) {
        const std::size_t bar = std::min(transcript.find('|', at), transcript.size());
        const std::string piece = transcript.substr(at, bar - at);
        at = bar + 1;
        if (piece == "gap ?") {
            known = false;
        } else if (piece.starts_with("gap ")) {
            next += std::stoull(piece.substr(4));
        } else if (piece.starts_with("open") || piece.starts_with("close")) {
            known = false;
        } else {
            const std::size_t space = piece.find(' ');
            if (!known && (space == std::string::npos || piece.size() < space + 8)) continue;  // too short to tell
            if (!known) next = std::stoull(piece.substr(space + 1, 7)) - space - 1;
            known = true;
            REQUIRE(piece == text(next, next + piece.size()));
            next += piece.size();
        }
    }
}

void check_under_pressure(std::uint64_t seed) {
    Random random(seed);
    INFO(random.seed());
    tcp::Limits limits;
    limits.max_flows = random.between(1, 8);
    limits.held_bytes_per_flow = random.between(100, 20'000);
    limits.held_blocks_per_flow = random.between(1, 40);
    limits.held_bytes = random.between(1, 20) * 2048;
    limits.max_distance = static_cast<std::uint32_t>(random.between(1000, 100'000));
    Lab lab(limits);
    if (random.one_in(4)) lab.recorder.unwanted = "7";
    lab.recorder.refuse_on_gap = random.one_in(8);

    struct Connection {
        Peer peer;
        std::vector<Sent> traffic;
        std::size_t next = 0;
    };
    std::vector<Connection> connections;
    for (std::uint32_t i = 0; i < 12; ++i) {
        const auto isn = static_cast<Seq>(random.engine()());
        Peer peer = i % 2 == 0 ? lab.client(i / 2, isn) : lab.server(i / 2, isn);
        connections.push_back({peer, random_traffic(random, random.below(5000))});
        for (Sent& sent : connections.back().traffic) {  // conflicts would not read as text
            if (!sent.bytes.empty()) sent.bytes = text(sent.from, sent.from + sent.bytes.size());
        }
    }
    for (int step = 0; step < 1500; ++step) {
        Connection& one = connections[random.below(connections.size())];
        if (one.next < one.traffic.size()) {
            send(one.peer, one.traffic[one.next++]);
        } else if (random.one_in(10)) {
            one.peer = one.peer.again(static_cast<Seq>(random.engine()()));
            one.traffic = random_traffic(random, random.below(3000));
            for (Sent& sent : one.traffic) {
                if (!sent.bytes.empty()) sent.bytes = text(sent.from, sent.from + sent.bytes.size());
            }
            one.next = 0;
        }
        if (random.one_in(100)) one.peer.rst(random.below(6000));
        if (random.one_in(100)) one.peer.again(static_cast<Seq>(random.engine()())).syn();
        const std::uint64_t far = random.below(1'000'000);
        if (random.one_in(60)) one.peer.data(far, far + random.between(1, 500));
        if (random.one_in(10)) lab.wait(random.below(second_ns));
        if (random.one_in(200)) lab.wait(random.below(100 * second_ns));
        if (random.one_in(4)) lab.tick();
        REQUIRE(lab.reassembler.flows() <= limits.max_flows);
        REQUIRE(lab.reassembler.held_blocks() <= std::max<std::size_t>(limits.held_bytes / 2048, 1));
    }
    lab.drain();
    for (const Stream& stream : lab.recorder.streams) check_places(stream.transcript);
}

template <class Check>
void for_seeds(std::uint64_t first, std::uint64_t count, Check&& check) {
    if (std::getenv("REBUILDER_SEED") != nullptr) count = 1;  // Random takes it from there
    for (std::uint64_t seed = first; seed < first + count; ++seed) check(seed);
}

}  // namespace

TEST_CASE("reassembler: random streams read as a naive model says", "[reassembler][property]") {
    for_seeds(1, 600, check_against_model);
}

TEST_CASE("reassembler: random traffic beyond every limit is accounted for", "[reassembler][property]") {
    for_seeds(1, 300, check_under_pressure);
}
