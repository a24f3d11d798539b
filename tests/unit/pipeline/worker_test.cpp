// SPDX-License-Identifier: Apache-2.0
// The whole line, from frames to the slots of each output:
//   - wire and record outputs side by side, sharing blocks; one of them with a full queue
//   - bursts of 64; frames that hold no segment; time that goes back; draining in the middle of everything
//   - a limit on memory: what finds none is counted
//   - property: requests of many connections, cut, reordered, repeated and mixed at random, come out whole and in order
// Each case ends with the laws of the ledger and with every block back in its pool.
#include "pipeline/worker.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "support/catch.h"
#include "support/packet_builder.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::test;
using forward::Channel;
using forward::Form;
using forward::Slot;
using pipeline::OutputLink;
using pipeline::Worker;
using pipeline::WorkerConfig;

namespace {

constexpr std::uint8_t syn = 0x02, fin = 0x01, ack = 0x10;

// A worker with its outputs. The outputs' forwarders are pump().
class Line {
  public:
    struct Spec {
        Form form = Form::wire;
        std::size_t slots = 4096;
        std::size_t quota = 4096;
    };

    static WorkerConfig small_config() {
        WorkerConfig config;
        config.tcp.max_flows = 1024;
        config.tcp.held_bytes = 4 << 20;
        config.http.max_requests = 1024;
        config.http.large_heads = 16;
        config.buffer_bytes = 16 << 20;
        config.decap.accept_plain = true;
        return config;
    }

    explicit Line(std::vector<Spec> specs, const WorkerConfig& config = small_config()) {
        std::vector<OutputLink> links;
        for (const Spec& spec : specs) {
            outputs_.emplace_back().channel = std::make_unique<Channel>(spec.slots, spec.quota);
            links.push_back({spec.form, outputs_.back().channel.get()});
        }
        worker_ = std::make_unique<Worker>(config, links);
    }

    // Frames wait here until a burst is full or flush() is called.
    void frame(Octets bytes, std::uint64_t time_ns) {
        frames_.push_back(std::move(bytes));
        times_.push_back(time_ns);
        if (frames_.size() == Worker::max_burst) flush();
    }
    void flush() {
        std::vector<packet::Frame> burst;
        for (std::size_t i = 0; i < frames_.size(); ++i) burst.push_back({frames_[i], times_[i]});
        worker_->on_burst(burst);
        for (Octets& bytes : frames_) std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xee});
        frames_.clear();
        times_.clear();
    }

    // What a forwarder does: takes at most `most` slots, and gives them back, or keeps them for later.
    void pump(std::size_t output, std::size_t most = ~std::size_t{0}, bool give_back = true) {
        Output& out = outputs_[output];
        Slot slot;
        for (; most != 0 && out.channel->take(slot); --most) {
            std::string& text = out.texts.emplace_back();
            for (const Block* block = slot.first; block != nullptr; block = block->next)
                text += as_text(block->bytes());
            CHECK(text.size() == slot.bytes);
            out.kept.push_back(slot);
        }
        if (!give_back) return;
        for (const Slot& kept : out.kept) {
            out.channel->give_back(kept);
            out.sending.add(Counter::written);
        }
        out.kept.clear();
    }
    void pump_all() {
        for (std::size_t i = 0; i < outputs_.size(); ++i) pump(i);
    }

    // Drains all, and checks what always holds then.
    void finish() {
        flush();
        worker_->drain();
        CHECK(worker_->flows() == 0);
        pump_all();
        worker_->reclaim();
        CHECK(worker_->blocks_in_use() == 0);
        Ledger ledger;
        ledger.workers = worker_->counters().read();
        for (const Output& out : outputs_) {
            CounterValues values = out.channel->handing().read();
            values += out.sending.read();
            ledger.outputs.push_back({"output", values});
        }
        for (const Law& law : ledger.laws()) {
            INFO(law.name << ": " << law.left << " and " << law.right);
            CHECK(law.holds());
        }
    }

    [[nodiscard]] const std::vector<std::string>& texts(std::size_t output) const { return outputs_[output].texts; }
    [[nodiscard]] std::uint64_t count(Counter which) const { return worker_->counters()[which]; }
    [[nodiscard]] std::uint64_t handing(std::size_t output, Counter which) const {
        return outputs_[output].channel->handing()[which];
    }
    [[nodiscard]] std::size_t blocks_in_use() const { return worker_->blocks_in_use(); }
    Worker& worker() { return *worker_; }

  private:
    struct Output {
        std::unique_ptr<Channel> channel;
        std::vector<std::string> texts;
        std::vector<Slot> kept;
        Counters sending;
    };

    std::deque<Output> outputs_;
    std::unique_ptr<Worker> worker_;
    std::vector<Octets> frames_;
    std::vector<std::uint64_t> times_;
};

// One direction of a connection, as frames of a mirror.
struct Client {
    std::uint16_t port = 40000;
    std::uint32_t vni = 7;
    std::uint32_t isn = 1000;
    std::uint16_t server_port = 80;

    [[nodiscard]] Octets segment(std::uint64_t offset, std::string_view text, std::uint8_t flags = ack) const {
        const std::uint32_t seq = isn + ((flags & syn) != 0 ? 0 : 1 + static_cast<std::uint32_t>(offset));
        return PacketBuilder()
            .eth()
            .ipv4()
            .udp({.to = 4789})
            .vxlan({.vni = vni})
            .eth()
            .ipv4({.from = address4(203, 0, 113, 7), .to = address4(10, 0, 2, 10)})
            .tcp({.from = port, .to = server_port, .seq = seq, .flags = flags})
            .payload(text)
            .build();
    }
};

std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string added(std::uint16_t port = 80) {
    return "X-Forwarded-For: 203.0.113.7\r\nX-Server-Addr: 10.0.2.10\r\nX-Server-Port: " + std::to_string(port) +
           "\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: " + std::to_string(port) + "\r\n";
}

std::string wire_of(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + added() + "\r\n";
}

constexpr std::uint64_t start = 1'719'830'000'000'000'000;

}  // namespace

TEST_CASE("a request reaches every output in the form that it wants", "[worker]") {
    Line line({{Form::wire}, {Form::record}, {Form::wire}, {Form::record}});
    const Client client;
    const std::string body(10'000, 'b');
    const std::string text = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + body + get("/1");
    line.frame(client.segment(0, "", syn), start);
    for (std::size_t at = 0; at < text.size(); at += 1400)
        line.frame(client.segment(at, text.substr(at, 1400)), start + 5'000);
    line.flush();
    line.pump_all();
    const std::vector<std::string> wires{
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n" + added() + "\r\n" + body, wire_of("/1")};
    CHECK(line.texts(0) == wires);
    CHECK(line.texts(2) == wires);
    REQUIRE(line.texts(1).size() == 2);
    CHECK(line.texts(1) == line.texts(3));
    CHECK(line.texts(1)[1].starts_with(
        R"({"ts":1719830000.000005,"vni":7,"src":"203.0.113.7:40000","dst":"10.0.2.10:80","version":"HTTP/1.1","method":"GET","target":"/1")"));
    CHECK(line.texts(1)[0].find("\"body_len\":10000,") != std::string::npos);
    CHECK(line.count(Counter::requests_rebuilt) == 2);
    line.finish();
}

TEST_CASE("outputs that share blocks give them back one after the other", "[worker]") {
    Line line({{Form::wire}, {Form::wire}});
    const Client client;
    line.frame(client.segment(0, "", syn), start);
    line.frame(client.segment(0, get("/1")), start);
    line.flush();
    CHECK(line.blocks_in_use() == 1);
    line.pump(0);
    line.worker().reclaim();
    CHECK(line.blocks_in_use() == 1);  // the other one still has it
    line.pump(1, 1, false);
    line.worker().on_tick(start);
    CHECK(line.blocks_in_use() == 1);
    CHECK(line.texts(1) == std::vector<std::string>{wire_of("/1")});
    line.pump(1);
    line.worker().on_tick(start);
    CHECK(line.blocks_in_use() == 0);
    line.finish();
}

TEST_CASE("an output that is stuck costs itself only", "[worker]") {
    // The first takes nothing; the second is over its quota; the third takes all.
    Line line({{Form::wire, 2, 100}, {Form::wire, 100, 3}, {Form::wire}, {Form::record, 1, 100}});
    const Client client;
    line.frame(client.segment(0, "", syn), start);
    std::size_t at = 0;
    std::vector<std::string> expected;
    for (int i = 0; i < 100; ++i) {
        const std::string path = "/" + std::to_string(i);
        line.frame(client.segment(at, get(path)), start);
        at += get(path).size();
        expected.push_back(wire_of(path));
        if (i % 10 == 9) {
            line.flush();
            line.pump(2);
        }
    }
    line.flush();
    line.pump(2);
    CHECK(line.texts(2) == expected);
    CHECK(line.handing(0, Counter::handed_off) == 2);
    CHECK(line.handing(0, Counter::shed_queue_full) == 98);
    CHECK(line.handing(1, Counter::handed_off) == 3);
    CHECK(line.handing(1, Counter::shed_quota) == 97);
    CHECK(line.handing(2, Counter::handed_off) == 100);
    CHECK(line.handing(3, Counter::handed_off) == 1);
    CHECK(line.handing(3, Counter::shed_queue_full) == 99);
    line.worker().reclaim();
    CHECK(line.blocks_in_use() == 4);  // 3 of the second output, which the first shares, and one record
    line.finish();
    CHECK(line.texts(0) == std::vector<std::string>(expected.begin(), expected.begin() + 2));
    CHECK(line.texts(1) == std::vector<std::string>(expected.begin(), expected.begin() + 3));
}

TEST_CASE("every output full: nothing is held", "[worker]") {
    Line line({{Form::wire, 16, 0}, {Form::record, 16, 0}});
    const Client client;
    line.frame(client.segment(0, "", syn), start);
    line.frame(client.segment(0, get("/1") + get("/2")), start);
    line.flush();
    CHECK(line.blocks_in_use() == 0);
    CHECK(line.handing(0, Counter::shed_quota) == 2);
    CHECK(line.handing(1, Counter::shed_quota) == 2);
    line.finish();
}

TEST_CASE("without outputs requests are only counted", "[worker]") {
    Line line({});
    const Client client;
    line.frame(client.segment(0, "", syn), start);
    line.frame(client.segment(0, get("/1")), start);
    line.finish();
    CHECK(line.count(Counter::requests_rebuilt) == 1);
}

TEST_CASE("what can't be sent is shed for each wire output, and recorded all the same", "[worker]") {
    Line line({{Form::wire}, {Form::record}, {Form::wire}});
    const Client client;
    line.frame(client.segment(0, "", syn), start);
    line.frame(client.segment(0, "GET a HTTP/1.1\r\n\r\nCONNECT a:1 HTTP/1.1\r\n\r\n"), start);
    line.flush();
    line.pump_all();
    for (const std::size_t output : {0u, 2u}) {
        CHECK(line.handing(output, Counter::unforwardable_target) == 1);
        CHECK(line.handing(output, Counter::unforwardable_connect) == 1);
        CHECK(line.texts(output).empty());
    }
    CHECK(line.texts(1).size() == 2);
    line.finish();
}

TEST_CASE("the smallest pool sheds, and every block comes back", "[worker]") {
    const auto blocks =
        GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{4}, std::size_t{8});
    WorkerConfig config = Line::small_config();
    config.buffer_bytes = blocks * Worker::block_bytes;
    Line line({{Form::wire}, {Form::record}}, config);
    const Client client;
    line.frame(client.segment(0, "", syn), start);
    const std::string text =
        get("/1") + "POST /2 HTTP/1.1\r\nContent-Length: 6000\r\n\r\n" + std::string(6000, 'b') + get("/3");
    for (std::size_t at = 0; at < text.size(); at += 1000) line.frame(client.segment(at, text.substr(at, 1000)), start);
    line.flush();
    CHECK(line.count(Counter::requests_started) == 3);
    const std::uint64_t refused = line.count(Counter::requests_lost_no_memory) +
                                  line.handing(0, Counter::shed_no_memory) + line.handing(1, Counter::shed_no_memory);
    CHECK((refused != 0) == (blocks < 8));
    line.finish();
    if (blocks == 8) CHECK(line.texts(0).size() == 3);
}

TEST_CASE("each frame is in one counter, in bursts of 64", "[worker]") {
    WorkerConfig config = Line::small_config();
    config.decap.accept_plain = false;
    config.decap.vni_deny = {9};
    config.decap.tcp_ports = {80};
    Line line({{Form::wire}}, config);
    const Client client;
    Client refused;
    refused.vni = 9;
    Client other_port;
    other_port.server_port = 8080;
    line.frame(client.segment(0, "", syn), start);
    std::size_t at = 0;
    for (int i = 0; i < 384; ++i) {
        switch (i % 6) {
        case 0: line.frame({}, start); break;
        case 1: line.frame(Octets(60, 0xff), start); break;
        case 2: line.frame(refused.segment(at, get("/no")), start); break;
        case 3: line.frame(other_port.segment(at, get("/no")), start); break;
        default:
            line.frame(client.segment(at, get("/" + std::to_string(i))), start);
            at += get("/" + std::to_string(i)).size();
        }
    }
    line.finish();
    CHECK(line.count(Counter::frames) == 385);
    CHECK(line.count(Counter::segments) == 129);
    CHECK(line.count(Counter::frame_vni_refused) == 64);
    CHECK(line.count(Counter::frame_port_refused) == 64);
    CHECK(line.count(Counter::requests_rebuilt) == 128);
    CHECK(line.texts(0).size() == 128);
}

TEST_CASE("an empty burst is fine", "[worker]") {
    Line line({{Form::wire}});
    line.flush();
    line.finish();
    CHECK(line.count(Counter::frames) == 0);
}

TEST_CASE("connections with the same addresses in two VNIs are two", "[worker]") {
    Line line({{Form::record}});
    Client one;
    Client two;
    two.vni = 8;
    line.frame(one.segment(0, "", syn), start);
    line.frame(two.segment(0, "", syn), start);
    line.frame(one.segment(0, "GET /one"), start);
    line.frame(two.segment(0, "GET /two"), start);
    line.frame(one.segment(8, " HTTP/1.1\r\n\r\n"), start);
    line.frame(two.segment(8, " HTTP/1.1\r\n\r\n"), start);
    line.flush();
    line.pump_all();
    REQUIRE(line.texts(0).size() == 2);
    CHECK(line.texts(0)[0].find(R"("vni":7,)") != std::string::npos);
    CHECK(line.texts(0)[0].find(R"("target":"/one")") != std::string::npos);
    CHECK(line.texts(0)[1].find(R"("vni":8,)") != std::string::npos);
    CHECK(line.texts(0)[1].find(R"("target":"/two")") != std::string::npos);
    line.finish();
}

TEST_CASE("time that goes back does no harm", "[worker]") {
    Line line({{Form::wire}});
    Client client;
    line.frame(client.segment(0, "", syn), start);
    line.frame(client.segment(0, get("/1")), start + 10 * tcp::second_ns);
    line.frame(client.segment(get("/1").size(), get("/2")), start - 10 * tcp::second_ns);
    line.flush();
    line.worker().on_tick(start - 20 * tcp::second_ns);
    line.frame(client.segment(2 * get("/1").size(), get("/3")), 0);
    line.flush();
    CHECK(line.count(Counter::requests_rebuilt) == 3);
    // Nor does it look like a long silence, after which a stream is believed to go on far away.
    line.frame(client.segment(100 << 20, "far"), start);
    line.flush();
    CHECK(line.count(Counter::tcp_out_of_window_bytes) == 3);
    CHECK(line.count(Counter::tcp_gaps) == 0);
    CHECK(line.worker().flows() == 1);
    line.finish();
}

TEST_CASE("a tick gives up a hole and ends an idle connection", "[worker]") {
    Line line({{Form::wire}});
    const Client client;
    const std::string post = "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n";
    line.frame(client.segment(0, "", syn), start);
    line.frame(client.segment(0, post + std::string(20, 'a')), start);
    line.frame(client.segment(post.size() + 40, std::string(60, 'c') + get("/behind")), start);
    line.flush();
    CHECK(line.count(Counter::requests_rebuilt) == 0);
    for (int tenth = 1; tenth <= 20; ++tenth)
        line.worker().on_tick(start + static_cast<std::uint64_t>(tenth) * tcp::second_ns / 10);
    CHECK(line.count(Counter::tcp_gaps) == 1);
    CHECK(line.count(Counter::requests_lost_to_gap) == 1);
    line.pump_all();
    CHECK(line.texts(0) == std::vector<std::string>{wire_of("/behind")});
    for (std::uint64_t second = 3; second < 400; ++second) line.worker().on_tick(start + second * tcp::second_ns);
    CHECK(line.worker().flows() == 0);
    CHECK(line.count(Counter::flows_idle) == 1);
    line.finish();
}

TEST_CASE("a drain in the middle of everything", "[worker]") {
    const std::vector<std::string> begun{"", "G", "GET /x HTTP/1.1\r\nHo",
        "POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n" + std::string(5000, 'b'),
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "\x16\x03\x01", "PRI * HTTP/2.0\r\n"};
    Line line({{Form::wire}, {Form::record}});
    std::uint16_t port = 1000;
    for (const std::string& text : begun) {
        for (const bool hole : {false, true}) {
            for (const bool known : {false, true}) {
                Client client;
                client.port = ++port;
                const std::string first = known ? get("/first") + text : text;
                if (known) line.frame(client.segment(0, "", syn), start);
                for (std::size_t at = 0; at < first.size(); at += 1000)
                    line.frame(client.segment(at, first.substr(at, 1000)), start);
                if (hole) line.frame(client.segment(first.size() + 7, get("/behind")), start);
            }
        }
    }
    line.flush();
    CHECK(line.worker().flows() > 0);
    line.finish();
    // Behind each hole stands a segment that begins with a request line.
    CHECK(line.count(Counter::requests_rebuilt) >= 2 * begun.size());
    CHECK(line.count(Counter::requests_lost_to_drain) > 0);
    // And then goes on.
    const Client again;
    line.frame(again.segment(0, "", syn), start);
    line.frame(again.segment(0, get("/again")), start);
    line.flush();
    line.pump_all();
    CHECK(line.texts(0).back() == wire_of("/again"));
    line.finish();
}

// ---- the property ------------------------------------------------------------------------------------------------

namespace {

// A request as it is sent, and as it is to come out.
struct Traffic {
    std::string bytes;
    std::string wire;
};

Traffic random_request(Random& random, const std::string& path) {
    const std::vector<std::string> methods{"GET", "POST", "DELETE", "PATCH", "get", "HEAD"};
    std::string body;
    for (std::size_t i = 0, size = random.one_in(3) ? random.below(6000) : random.below(40); i < size; ++i) {
        body += "GET / HTTP/1.1\r\n0"[random.below(17)];
    }
    const std::string method = random.of(methods);
    const std::string line = method + " " + path + " HTTP/1.1\r\n";
    std::string fields = "Host: a\r\n";
    for (std::size_t i = 0, count = random.below(5); i < count; ++i) {
        fields += "X-" + std::to_string(i) + ":" + std::string(random.below(3), ' ') +
                  std::string(random.below(30), 'v') + "\r\n";
    }
    if (random.one_in(20)) fields += "Cookie: " + std::string(random.between(4000, 9000), 'c') + "\r\n";
    const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
    switch (random.below(3)) {
    case 0: return {line + fields + "\r\n", line + fields + added() + "\r\n"};
    case 1: return {line + fields + length + "\r\n" + body, line + fields + length + added() + "\r\n" + body};
    default: break;
    }
    std::string chunks;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t size = random.between(1, std::min<std::size_t>(body.size() - at, 2000));
        const char* hex = "0123456789abcdef";
        chunks += {hex[size >> 8 & 15], hex[size >> 4 & 15], hex[size & 15]};
        chunks += (random.one_in(3) ? ";e\r\n" : "\r\n") + body.substr(at, size) + "\r\n";
        at += size;
    }
    chunks += random.one_in(3) ? "0\r\nT: u\r\n\r\n" : "0\r\n\r\n";
    return {line + "Transfer-Encoding: chunked\r\n" + fields + "\r\n" + chunks,
        line + fields + added() + length + "\r\n" + body};
}

struct Connection {
    Client client;
    std::vector<std::string> wires;  // as they are to come out
    std::deque<Octets> frames;       // in the order they arrive in
};

Connection random_connection(Random& random, std::size_t number) {
    Connection connection;
    connection.client = {.port = static_cast<std::uint16_t>(1024 + number),
        .vni = static_cast<std::uint32_t>(number % 3 + 1),
        .isn = static_cast<std::uint32_t>(random.engine()())};
    std::string text;
    for (std::size_t i = 0, count = random.between(1, 6); i < count; ++i) {
        const auto request = random_request(random, "/" + std::to_string(number) + "/" + std::to_string(i));
        text += request.bytes;
        connection.wires.push_back(request.wire);
    }
    std::vector<Octets> frames;
    const std::size_t most = random.of(std::vector<std::size_t>{1, 10, 100, 1448, 8000});
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = most == 1 && text.size() > 2000 ? 700 : random.between(1, most);
        const Octets frame = connection.client.segment(at, text.substr(at, size));
        frames.push_back(frame);
        if (random.one_in(10)) frames.push_back(frame);  // a second mirror
        if (random.one_in(10) && at > 5) {               // a retransmission with another cut
            const std::size_t back = random.between(1, std::min<std::size_t>(at, 300));
            frames.push_back(connection.client.segment(at - back, text.substr(at - back, back + random.below(50))));
        }
        at += size;
    }
    frames.push_back(connection.client.segment(text.size(), "", random.one_in(2) ? fin | ack : ack));
    // A frame overtakes some of those in front of it.
    for (std::size_t i = 0; i < frames.size(); ++i) {
        if (random.one_in(4)) {
            const std::size_t back = random.below(std::min<std::size_t>(i + 1, 8));
            std::rotate(frames.begin() + static_cast<std::ptrdiff_t>(i - back),
                frames.begin() + static_cast<std::ptrdiff_t>(i), frames.begin() + static_cast<std::ptrdiff_t>(i + 1));
        }
    }
    connection.frames.push_back(connection.client.segment(0, "", syn));
    connection.frames.insert(connection.frames.end(), frames.begin(), frames.end());
    return connection;
}

}  // namespace

TEST_CASE("requests come out as they were sent, whatever the network did to their segments", "[worker][property]") {
    Random random(77);
    INFO(random.seed());
    for (int round = 0; round < 12; ++round) {
        INFO("round " << round);
        Line line({{Form::wire, 1 << 14, 1 << 14}, {Form::wire, 64, 64}});
        std::vector<Connection> connections;
        std::size_t expected = 0;
        for (std::size_t i = 0; i < 60; ++i) {
            connections.push_back(random_connection(random, i));
            expected += connections.back().wires.size();
        }
        std::vector<std::size_t> live(connections.size());
        for (std::size_t i = 0; i < live.size(); ++i) live[i] = i;
        std::uint64_t now = start;
        while (!live.empty()) {
            const std::size_t at = random.below(live.size());
            Connection& connection = connections[live[at]];
            line.frame(std::move(connection.frames.front()), now += 1000);
            connection.frames.pop_front();
            if (connection.frames.empty()) live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
            if (random.one_in(50)) line.flush();
            if (random.one_in(200)) line.worker().on_tick(now);
            if (random.one_in(100)) line.pump(0, random.below(50), random.one_in(2));
            if (random.one_in(300)) line.pump(1, random.below(5), random.one_in(2));
        }
        line.finish();
        CHECK(line.count(Counter::requests_rebuilt) == expected);
        CHECK(line.count(Counter::requests_started) == expected);
        CHECK(line.count(Counter::tcp_overlap_conflict) == 0);
        CHECK(line.texts(1).size() == line.handing(1, Counter::handed_off));
        std::map<std::string, std::vector<std::string>> by_connection;
        for (const std::string& text : line.texts(0)) {
            const std::size_t path = text.find(' ') + 2;
            by_connection[text.substr(path, text.find('/', path) - path)].push_back(text);
        }
        for (std::size_t i = 0; i < connections.size(); ++i) {
            INFO("connection " << i);
            CHECK(by_connection[std::to_string(i)] == connections[i].wires);
        }
    }
}
