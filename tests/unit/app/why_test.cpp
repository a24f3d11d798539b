// SPDX-License-Identifier: Apache-2.0
// What replay --why says, of a Worker that is fed frame by frame:
//   - each reason there is for a connection without requests, for a lost request, and for one that may have been missed
//   - the client, the frames and the hole that an example names; only a few examples of many
//   - property: whatever the network did to whatever connections, each counter is booked to the one that moved it, and
//     the sums are the worker's
#include "why.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/worker.h"
#include "support/catch.h"
#include "support/packet_builder.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::test;
using pipeline::Worker;
using pipeline::WorkerConfig;

namespace {

constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, ack = 0x10;
constexpr std::uint64_t second = 1'000'000'000;

// A connection of 203.0.113.7:PORT to 10.0.2.10:80, seen in a mirror.
struct Peer {
    std::uint16_t port = 40000;
    std::uint32_t isn = 1000;
    bool server = false;

    [[nodiscard]] Octets segment(std::uint64_t offset, std::string_view text, std::uint8_t flags = ack) const {
        const std::uint32_t client_address = address4(203, 0, 113, 7);
        const std::uint32_t server_address = address4(10, 0, 2, 10);
        const std::uint32_t seq = isn + ((flags & syn) != 0 ? 0 : 1 + static_cast<std::uint32_t>(offset));
        return PacketBuilder()
            .eth()
            .ipv4()
            .udp({.to = 4789})
            .vxlan({.vni = 7})
            .eth()
            .ipv4({.from = server ? server_address : client_address, .to = server ? client_address : server_address})
            .tcp({.from = server ? std::uint16_t{80} : port,
                .to = server ? port : std::uint16_t{80},
                .seq = seq,
                .flags = flags})
            .payload(text)
            .build();
    }
    [[nodiscard]] Peer answering() const { return {port, isn + 5000, true}; }
};

class Capture {
  public:
    static WorkerConfig small_config() {
        WorkerConfig config;
        config.tcp.max_flows = 64;
        config.tcp.held_bytes = 64 << 10;
        config.http.max_requests = 64;
        config.http.large_heads = 16;
        config.buffer_bytes = 4 << 20;
        return config;
    }

    explicit Capture(const WorkerConfig& config = small_config()) : worker_(config, {}) { worker_.observe(log_); }

    void frame(const Octets& bytes) {
        const std::array frames{packet::Frame{bytes, now_}};
        worker_.on_burst(frames);
    }
    void wait(std::uint64_t ns) { worker_.on_tick(now_ += ns); }
    // Opens the connection and sends `text` in segments of `size` bytes.
    void client(const Peer& peer, std::string_view text, std::size_t size = 1400) {
        frame(peer.segment(0, "", syn));
        for (std::size_t at = 0; at < text.size(); at += size) frame(peer.segment(at, text.substr(at, size)));
    }

    std::string summary() {
        worker_.drain();
        return why(log_, worker_.counters().read());
    }
    // The summary, which has to have these parts in this order.
    void expect(const std::vector<std::string>& parts) {
        const std::string text = summary();
        INFO(text);
        std::size_t at = 0;
        for (const std::string& part : parts) {
            INFO(part);
            const std::size_t found = text.find(part, at);
            REQUIRE(found != std::string::npos);
            at = found + part.size();
        }
    }

    Worker& worker() { return worker_; }
    [[nodiscard]] const ConnectionLog& log() const { return log_; }

  private:
    Worker worker_;
    ConnectionLog log_{worker_.counters()};
    std::uint64_t now_ = 1'719'830'000 * second;
};

std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string post(std::size_t size) {
    return "POST /p HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'b');
}

constexpr std::string_view clean = "\nevery request was rebuilt\n";

}  // namespace

TEST_CASE("a capture without fault is said to be one", "[why]") {
    Capture capture;
    const Peer peer;
    capture.client(peer, get("/1") + get("/2"));
    capture.frame(peer.answering().segment(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    capture.frame(peer.segment(2 * get("/1").size(), "", fin | ack));
    CHECK(capture.summary() == "4 frames, 4 segments, 1 connection, 2 requests rebuilt, 0 lost\n" + std::string(clean));
}

TEST_CASE("requests that the operator's rules take out are named with the rule's option", "[why]") {
    WorkerConfig config = Capture::small_config();
    config.selection.deny = {"path=^/2"};
    config.selection.allow = {"path=^/[123]"};
    Capture capture(config);
    capture.client(Peer{.port = 4001}, get("/1") + get("/2") + get("/22"));
    capture.client(Peer{.port = 4002}, get("/4"));
    capture.expect({"4 requests rebuilt, 0 lost\n", "\nrequests rebuilt, but not selected to be sent\n",
        "         2  requests_denied              not sent: some --deny rule matches\n",
        "            If they are wanted, make --deny name less.\n", "            1 connection, ", ":4001 > ",
        "         1  requests_not_allowed         not sent: no --allow rule matches\n", ":4002 > ", clean.data()});
}

TEST_CASE("a capture without connections is not", "[why]") {
    Capture capture;
    capture.frame(Peer{}.segment(0, "", ack));
    capture.frame(Peer{}.segment(0, "abc", rst));
    capture.frame(PacketBuilder().eth().ipv4().udp({.to = 53}).payload("?").build());
    CHECK(capture.summary() ==
          "3 frames, 2 segments, 0 connections, 0 requests rebuilt, 0 lost\n"
          "\n"
          "frames that held no segment, or not all of it\n"
          "         1  frame_not_tunnel             not addressed to a tunnel port: the port's own traffic, not the "
          "mirror's\n"
          "            If these are the mirrored frames, name what wraps them with --tunnel.\n"
          "\n"
          "segments of no connection\n"
          "         2  no flow                      ACKs, FINs and RSTs of connections that are not known\n");
    CHECK(capture.log().others().bytes == 3);
    CHECK(capture.log().others().count(Counter::tcp_after_close_bytes) == 3);
}

TEST_CASE("a stray segment is nobody's", "[why]") {
    Capture capture;
    capture.client({}, get("/1"));
    capture.frame(Peer{.port = 40001}.segment(0, "abc", rst));
    capture.expect({"1 connection, ", "segments of no connection\n         1  no flow ", std::string(clean)});
    CHECK(capture.log().connections()[0].bytes == get("/1").size());
    CHECK(capture.log().connections()[0].count(Counter::tcp_after_close_bytes) == 0);
}

TEST_CASE("a lost request is named with its hole", "[why]") {
    Capture capture;
    const Peer peer;
    const std::string text = get("/1") + get("/a-longer-one") + get("/3");
    capture.frame(peer.segment(0, "", syn));
    capture.frame(peer.segment(0, text.substr(0, 50)));
    capture.frame(peer.segment(60, text.substr(60)));
    capture.wait(2 * second);
    CHECK(
        capture.summary() ==
        "3 frames, 3 segments, 1 connection, 1 request rebuilt, 1 lost\n"
        "\n"
        "requests lost\n"
        "         1  requests_lost_to_gap         a hole in the stream hit the request\n"
        "            Frames are missing or cut: look for drops at the mirror and at the capture, and at their "
        "lengths.\n"
        "            1 connection, " +
            std::to_string(text.size() - 10) +
            " bytes\n"
            "            203.0.113.7:40000 > 10.0.2.10:80 vni 7, from frame 1, lost by frame 3, last hole of 10 bytes "
            "at offset 50\n");
}

TEST_CASE("lost requests are grouped by the counter that lost them, the most first", "[why]") {
    Capture capture;
    capture.client({.port = 1}, get("/1") + post(100).substr(0, 90));
    capture.frame(Peer{.port = 1}.segment(get("/1").size() + 90, "", fin | ack));
    for (std::uint16_t port = 2; port < 7; ++port) {
        capture.client({.port = port}, "GET / HTTP/1.1\r\nA: b\rc:d\r\n\r\n");
    }
    capture.client({.port = 7}, "GET / HTTP/1.1\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n");
    capture.expect({"7 connections, 1 request rebuilt, 7 lost\n", "\nrequests lost\n",
        " 5  requests_lost_head_malformed ", "\n            5 connections, 140 bytes\n", ":2 > ", "from frame 4,",
        ":3 > ", ":4 > ", "lost by frame 9\n            and 2 more\n", " 1  requests_lost_to_close ", ":1 > ",
        "from frame 1", " 1  requests_lost_head_too_large ", "Raise --max-head.\n", ":7 > ", "lost by frame 65\n"});
}

TEST_CASE("each kind of connection without a request has its reason", "[why]") {
    const Peer peer;
    Capture capture;
    SECTION("TLS") {
        capture.client(peer, "\x16\x03\x01..");
        capture.frame(peer.answering().segment(0, "\x16\x03\x03.."));
        capture.expect(
            {"connections without a request\n", " 1  streams_tls ", "decrypts it.\n", "1 connection, 10 bytes\n"});
    }
    SECTION("HTTP/2") {
        capture.client(peer, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        capture.expect({"connections without a request\n", " 1  streams_http2 "});
    }
    SECTION("something else") {
        capture.client(peer, "\x01\x02 binary");
        capture.expect(
            {"connections without a request\n", " 1  streams_unknown ", "streams with no request at their start\n"});
    }
    SECTION("something else, and what looks like responses in front of it") {
        capture.frame(peer.answering().segment(0, "HTTP/1.1 200 OK\r\n"));
        capture.client(peer, "\x01\x02 binary");
        capture.expect({"connections without a request\n", " 1  streams_unknown "});
    }
    SECTION("something else, and what looks like responses behind it") {
        capture.client(peer, "\x01\x02 binary");
        capture.frame(peer.answering().segment(0, "HTTP/1.1 200 OK\r\n"));
        capture.expect({"connections without a request\n", " 1  streams_unknown "});
    }
    SECTION("responses only") {
        capture.frame(peer.answering().segment(0, "HTTP/1.1 200 OK\r\n"));
        capture.expect(
            {"connections without a request\n", " 1  streams_http1_responses ", "203.0.113.7:40000 > 10.0.2.10:80"});
    }
    SECTION("a SYN only") {
        capture.frame(peer.answering().segment(0, "", syn | ack));
        capture.expect({"connections without a request\n", " 1  no payload ", "203.0.113.7:40000 > 10.0.2.10:80"});
    }
    SECTION("less than a line") {
        capture.client(peer, "GET /");
        capture.expect({"connections without a request\n", " 1  streams_unknown "});
    }
    SECTION("joined in mid-stream") {
        capture.frame(peer.segment(0, "the rest of a body"));
        capture.expect({"connections without a request\n", " 1  flows_midstream ", "no request line since\n",
            "203.0.113.7:40000 > 10.0.2.10:80"});
    }
    SECTION("joined in mid-stream, and the server's stream has a hole") {
        capture.frame(peer.segment(0, "the rest of a body"));
        capture.frame(peer.answering().segment(0, "HTTP/1.1 200 OK\r\n"));
        capture.frame(peer.answering().segment(500, "the rest of a body"));
        capture.expect({"connections without a request\n", " 1  flows_midstream ", "no request line since\n"});
    }
    SECTION("a hole first") {
        capture.client(peer, "");
        capture.frame(peer.segment(100, "the rest of a body"));
        capture.expect({"connections without a request\n", " 1  tcp_gaps ", "a hole, and no request line",
            "hole of 100 bytes at offset 0\n"});
    }
    SECTION("a hole only") {
        capture.frame(peer.segment(0, "", syn));
        capture.frame(peer.segment(300, "", fin | ack));
        capture.expect({"connections without a request\n", " 1  tcp_gaps ", "hole of 300 bytes at offset 0\n"});
    }
    SECTION("a hole only, of the higher address") {
        capture.frame(peer.answering().segment(0, "", syn));
        capture.frame(peer.answering().segment(300, "", fin | ack));
        capture.expect({"connections without a request\n", " 1  tcp_gaps ", "hole of 300 bytes at offset 0\n"});
    }
    SECTION("nothing that fits") {
        capture.client(peer, "");
        capture.frame(peer.segment(1 << 30, get("/")));
        capture.frame(peer.segment(0, "", fin | ack));
        capture.expect({"connections without a request\n", " 1  tcp_out_of_window_bytes "});
    }
    SECTION("nothing that fits, the most in a reset") {
        capture.client(peer, "");
        capture.frame(peer.segment(1 << 30, "abc"));
        capture.frame(peer.segment(0, get("/"), rst));
        capture.expect({"connections without a request\n", " 1  tcp_after_close_bytes "});
    }
    SECTION("all cut off") {
        capture.client(peer, "");
        Octets bytes = peer.segment(0, get("/"));
        bytes.resize(bytes.size() - get("/").size());
        capture.frame(bytes);
        capture.expect({"frames that held no segment, or not all of it\n", " 1  tcp_truncated_segments ",
            "connections without a request\n", " 1  tcp_truncated_segments ", "all payload was cut off\n"});
    }
}

TEST_CASE("where requests may have been missed, this is said", "[why]") {
    const Peer peer;
    Capture capture;
    SECTION("in front of the first request line") {
        capture.frame(peer.segment(0, "the rest of a body"));
        capture.frame(peer.segment(18, get("/1") + get("/2")));
        capture.expect({"1 connection, 2 requests rebuilt, 0 lost\n\n", "connections with requests, but",
            " 1  flows_midstream ", "from frame 1, 18 bytes before it\n"});
    }
    SECTION("but not if the first bytes are a request line, in however many segments") {
        capture.frame(peer.segment(0, get("/1").substr(0, 9)));
        capture.frame(peer.segment(9, get("/1").substr(9) + get("/2")));
        capture.expect({"2 requests rebuilt, 0 lost\n", std::string(clean)});
    }
    SECTION("in a hole between two requests") {
        capture.client(peer, get("/1"));
        capture.frame(peer.segment(500, get("/2")));
        capture.expect({"2 requests rebuilt, 0 lost\n\n", "connections with requests, but", " 1  tcp_gaps ",
            "hole of " + std::to_string(500 - get("/1").size()) + " bytes"});
    }
    SECTION("in holes of both directions") {
        capture.client(peer, get("/1"));
        capture.frame(peer.segment(500, get("/2")));
        capture.frame(peer.answering().segment(0, get("/1")));
        capture.frame(peer.answering().segment(500, get("/2")));
        capture.frame(peer.answering().segment(1000, get("/3")));
        capture.expect({" 3  tcp_gaps ", "\n            1 connection, 140 bytes\n"});
    }
    SECTION("in front of where the client went on, far away") {
        capture.client(peer, get("/1"));
        capture.wait(2 * second);
        capture.frame(peer.segment(1 << 30, get("/2")));
        capture.expect(
            {"2 requests rebuilt, 0 lost\n\n", " 1  tcp_gaps ", ", last hole of unknown size at offset 28\n"});
    }
    SECTION("but not in the server's holes") {
        capture.client(peer, get("/1"));
        capture.frame(peer.answering().segment(0, "the rest of an answer"));
        capture.frame(peer.answering().segment(1000, "the end of another"));
        capture.expect({"1 request rebuilt, 0 lost\n", std::string(clean)});
    }
    SECTION("behind --max-body") {
        WorkerConfig config = Capture::small_config();
        config.http.max_body = 10;
        Capture cut(config);
        cut.client(peer, post(100));
        cut.expect({"1 request rebuilt, 0 lost\n\n", "connections with requests, but", " 1  requests_truncated ",
            "Raise --max-body.\n", "by frame 2\n"});
    }
}

TEST_CASE("the client is who sends requests, whatever the ports", "[why]") {
    Capture capture;
    capture.frame(Peer{.port = 40}.segment(0, "GET / HTTP/1.1\r\nA: b\rc:d\r\n\r\n"));
    capture.expect({" 1  requests_lost_head_malformed ", "203.0.113.7:40 > 10.0.2.10:80 vni 7, from frame 1"});
}

TEST_CASE("a capture without a tunnel has no VNI", "[why]") {
    WorkerConfig config = Capture::small_config();
    config.decap.accept_plain = true;
    Capture capture(config);
    capture.frame(PacketBuilder().eth().ipv4().tcp({.flags = syn}).build());
    capture.expect({"10.0.0.1:40000 > 10.0.0.2:80, from frame 1\n"});
}

TEST_CASE("a port that is used again is another connection", "[why]") {
    Capture capture;
    const Peer peer;
    capture.client(peer, get("/1") + post(100).substr(0, 90));
    capture.client({.isn = 500'000'000}, get("/2"));
    capture.expect({"2 connections, 2 requests rebuilt, 1 lost\n", " 1  requests_lost_to_close ", "1 connection, ",
        "from frame 1, lost by frame 4\n"});
    REQUIRE(capture.log().connections().size() == 2);
    CHECK(capture.log().connections()[1].first_frame == 4);
    CHECK(capture.log().connections()[1].bytes == get("/2").size());
}

TEST_CASE("a connection that lost requests in both directions is one connection", "[why]") {
    Capture capture;
    const Peer peer;
    capture.client(peer, "GET / HTTP/1.1\r\nA: b\rc:d\r\n\r\n");
    capture.frame(peer.answering().segment(0, "", syn | ack));
    capture.frame(peer.answering().segment(0, "GET / HTTP/1.1\r\nA: b\rc:d\r\n\r\n"));
    capture.expect({" 2  requests_lost_head_malformed ", "1 connection, 56 bytes\n"});
}

namespace {

// What a connection may say, wherever it then is cut.
std::string random_text(Random& random) {
    std::string text;
    switch (random.below(5)) {
    case 0: return "\x16\x03\x01" + std::string(random.below(3000), 't');
    case 1: return "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'r');
    default:
        for (std::size_t i = 0, count = random.between(1, 6); i < count; ++i) {
            text += random.one_in(3) ? post(random.below(3000)) : get("/" + std::to_string(i));
            if (random.one_in(8)) text += "GET / HTTP/1.1\r\nA: b\rc:d\r\n\r\n";
        }
        return random.one_in(4) ? text.substr(random.below(text.size())) : text;
    }
}

std::deque<Octets> random_frames(Random& random, const Peer& peer) {
    const std::string text = random_text(random);
    std::deque<Octets> frames;
    if (!random.one_in(4)) frames.push_back(peer.segment(0, "", syn));
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = std::min(random.between(1, 700), text.size() - at);
        const bool kept = !random.one_in(6);
        if (kept) frames.push_back(peer.segment(at, std::string_view(text).substr(at, size)));
        if (kept && random.one_in(6)) frames.push_back(frames.back());
        if (kept && random.one_in(10)) frames.back().resize(frames.back().size() - random.below(size / 2 + 1));
        if (frames.size() > 2 && random.one_in(4)) std::swap(frames.back(), frames[frames.size() - 2]);
        if (random.one_in(30)) frames.push_back(peer.segment(at + (32 << 20), "far away"));
        at += size;
    }
    if (random.one_in(2)) frames.push_back(peer.segment(text.size(), "", random.one_in(3) ? rst : fin | ack));
    if (random.one_in(4)) frames.push_back(peer.segment(text.size(), "late", random.one_in(2) ? rst : ack));
    return frames;
}

std::uint64_t dropped(const Connection& connection) {
    std::uint64_t sum = 0;
    for (const Connection::Moved& moved : connection.moved) {
        const CounterRole role = counter_table[static_cast<std::size_t>(moved.which)].role;
        if (role == CounterRole::byte_drop) sum += moved.amount;
    }
    return sum;
}

std::uint64_t lost(const Connection& connection) {
    std::uint64_t sum = 0;
    for (const Connection::Moved& moved : connection.moved) {
        const CounterRole role = counter_table[static_cast<std::size_t>(moved.which)].role;
        if (role == CounterRole::request_lost) sum += moved.amount;
    }
    return sum;
}

}  // namespace

TEST_CASE("each counter is booked to the connection that moved it", "[why][property]") {
    Random random(4711);
    INFO(random.seed());
    CounterValues all_rounds;
    for (int round = 0; round < 20; ++round) {
        INFO("round " << round);
        WorkerConfig config = Capture::small_config();
        config.tcp.max_flows = random.of(std::vector<std::size_t>{4, 16, 64});
        config.tcp.held_bytes = 16 << 10;
        Capture capture(config);
        std::vector<std::deque<Octets>> connections;
        for (std::size_t i = 0; i < 60; ++i) {
            // Some ports are used more than once, in both directions.
            const Peer peer{.port = static_cast<std::uint16_t>(1024 + random.below(40)),
                .isn = static_cast<std::uint32_t>(random.engine()()),
                .server = random.one_in(3)};
            connections.push_back(random_frames(random, peer));
        }
        while (!connections.empty()) {
            const std::size_t at = random.below(std::min<std::size_t>(connections.size(), 8));
            if (connections[at].empty()) {
                connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(at));
                continue;
            }
            capture.frame(connections[at].front());
            connections[at].pop_front();
            if (random.one_in(20))
                capture.wait(random.of(std::vector<std::uint64_t>{second / 10, 2 * second, 200 * second}));
        }
        const std::string text = capture.summary();

        const CounterValues counters = capture.worker().counters().read();
        std::vector<Connection> all = capture.log().connections();
        CHECK(all.size() == counters[Counter::flows_opened]);
        all.push_back(capture.log().others());
        std::uint64_t bytes = 0;
        std::uint64_t accounted = 0;
        std::uint64_t segments = 0;
        std::uint64_t cut = 0;
        std::uint64_t holes = 0;
        for (const Connection& connection : all) {
            bytes += connection.bytes;
            accounted += connection.count(Counter::tcp_delivered_bytes) + dropped(connection);
            segments += connection.segments;
            cut += connection.cut;
            for (const Direction& direction : connection.directions) holes += direction.holes;
            CHECK(connection.count(Counter::requests_started) ==
                  connection.count(Counter::requests_rebuilt) + lost(connection));
        }
        // Not for each alone: what waited in a stream that is found unwanted in a tick, or when another is evicted, is
        // dropped behind the call that tells of it.
        CHECK(bytes == accounted);
        CHECK(bytes == counters[Counter::tcp_payload_bytes]);
        CHECK(segments == counters[Counter::segments]);
        CHECK(cut == counters[Counter::tcp_truncated_segments]);
        CHECK(holes == counters[Counter::tcp_gaps]);
        for (std::size_t i = 0; i < counter_count; ++i) {
            if (!ConnectionLog::books(counter_table[i])) continue;
            INFO(counter_table[i].name);
            const auto which = static_cast<Counter>(i);
            std::uint64_t sum = 0;
            for (const Connection& connection : all) sum += connection.count(which);
            CHECK(sum == counters[which]);
            // What is lost is said.
            if (counter_table[i].role == CounterRole::request_lost && sum != 0) {
                CHECK(text.find(fmt::format("  {:>8}  {} ", sum, counter_table[i].name)) != std::string::npos);
            }
        }
        all_rounds += counters;
    }
    CHECK(all_rounds[Counter::flows_evicted] != 0);
    CHECK(all_rounds[Counter::requests_lost_to_gap] != 0);
}
