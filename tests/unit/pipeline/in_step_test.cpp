// SPDX-License-Identifier: Apache-2.0
// In step: whatever a client sends, the connection to the output carries exactly the requests that were rebuilt.
//
//   hostile clients ─► frames ─► Worker ─┬► records: what the client sent, as it was understood
//                                        └► HttpOutput ─► loopback ─► StrictServer: what arrived
//
// Held against each other: as many requests arrive as were rebuilt and can be sent, each is what expected_wire() makes
// of its record, and the strict server finds nothing that could be read in two ways, nothing missing and nothing left.
//   REBUILDER_ROUNDS=n  more of it, or less
//   REBUILDER_SEED=n    the one round with this seed
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "forward/forwarder.h"
#include "pipeline/worker.h"
#include "support/catch.h"
#include "support/expected_wire.h"
#include "support/hostile_requests.h"
#include "support/packet_builder.h"
#include "support/random.h"
#include "support/record_line.h"
#include "support/rewrite_rules.h"
#include "support/strict_server.h"

using namespace rebuilder;
using namespace rebuilder::test;
using forward::Channel;
using forward::Form;
using forward::Slot;
using pipeline::Worker;
using pipeline::WorkerConfig;

namespace {

// One connection: its bytes in their segments, and the order in which these arrive. One may do so twice, or never.
struct Client {
    std::vector<std::string> segments;
    std::vector<std::size_t> arrivals;
    bool syn = true;  // its beginning is seen

    [[nodiscard]] std::string text() const { return std::accumulate(segments.begin(), segments.end(), std::string()); }
};

struct Setup {
    std::uint64_t seed = 0;  // of the order in which the clients' segments mix
    http::Limits limits;
    forward::HttpOptions output;
    RewriteRules rules;
};

// ---- clients -----------------------------------------------------------------------------------------------------

Client random_client(HostileRequests& hostile, Random& random) {
    Client client;
    const HostileStream stream = hostile.stream();
    std::size_t most = random.of(std::vector<std::size_t>{3, 40, 500, 1448, 8000});
    if (stream.bytes.size() > 500 * most) most = 1448;
    const bool cut_between = random.one_in(2);  // where requests begin, so that each has a chance to be picked up
    for (std::size_t at = 0; at < stream.bytes.size();) {
        std::size_t end = std::min(at + random.between(1, most), stream.bytes.size());
        const auto next = std::upper_bound(stream.begins.begin(), stream.begins.end(), at);
        if (cut_between && next != stream.begins.end()) end = std::min(end, *next);
        client.segments.push_back(stream.bytes.substr(at, end - at));
        at = end;
    }
    client.syn = !random.one_in(4);
    const bool lossy = random.one_in(20);
    for (std::size_t i = 0; i < client.segments.size(); ++i) {
        if (lossy && random.one_in(10)) continue;
        client.arrivals.push_back(i);
        if (random.one_in(20)) client.arrivals.push_back(i);
        if (random.one_in(8) && client.arrivals.size() > 1) {  // it overtakes the one before
            std::swap(client.arrivals.back(), client.arrivals[client.arrivals.size() - 2]);
        }
    }
    return client;
}

constexpr std::size_t first_port = 1024;

// The frames of client `number` as they arrive: every fourth client uses IPv6.
std::deque<Octets> frames_of(const Client& client, std::size_t number) {
    constexpr std::uint8_t syn = 0x02, fin_ack = 0x11, ack = 0x10;
    const auto frame = [number](std::size_t seq, std::uint8_t flags, std::string_view payload) {
        PacketBuilder packet;
        packet.eth().ipv4().udp().vxlan({.vni = 7}).eth();
        const auto last = static_cast<std::uint8_t>(number + 1);
        if (number % 4 == 3) {
            packet.ipv6({.from = address6(last), .to = address6(254)});
        } else {
            packet.ipv4({.from = address4(203, 0, 113, last), .to = address4(10, 0, 2, 10)});
        }
        const auto port = static_cast<std::uint16_t>(first_port + number);
        return packet.tcp({.from = port, .seq = static_cast<std::uint32_t>(seq), .flags = flags})
            .payload(payload)
            .build();
    };
    std::vector<std::size_t> begins;
    std::size_t end = 1001;
    for (const std::string& segment : client.segments) {
        begins.push_back(end);
        end += segment.size();
    }
    std::deque<Octets> frames;
    if (client.syn) frames.push_back(frame(1000, syn, ""));
    for (const std::size_t i : client.arrivals) frames.push_back(frame(begins[i], ack, client.segments[i]));
    frames.push_back(frame(end, fin_ack, ""));
    return frames;
}

std::string source_of(std::size_t number) {
    std::ostringstream text;
    if (number % 4 == 3) {
        text << "[2001:db8::" << std::hex << number + 1 << "]:";
    } else {
        text << "203.0.113." << number + 1 << ":";
    }
    text << std::dec << first_port + number;
    return text.str();
}

// ---- the line ----------------------------------------------------------------------------------------------------

// A worker with a real forwarder behind it, and a second output that is read here.
class Line {
  public:
    Line(const std::string& url, const Setup& setup)
        : worker_(config(setup), {{Form::wire, &wires_}, {Form::record, &records_}})
        , forwarder_(forward::parse_output(url), setup.output, {&wires_})
        , timeout_ns_(setup.output.timeout_ns) {
        forwarder_.start();
    }

    void run(const std::vector<Client>& clients, std::mt19937_64 engine) {
        std::vector<std::deque<Octets>> waiting;
        for (std::size_t i = 0; i < clients.size(); ++i) waiting.push_back(frames_of(clients[i], i));
        while (!waiting.empty()) {
            const std::size_t at = engine() % waiting.size();
            burst_.push_back(std::move(waiting[at].front()));
            waiting[at].pop_front();
            if (waiting[at].empty()) waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(at));
            if (engine() % 16 == 0 || burst_.size() == Worker::max_burst) flush();
        }
        flush();
        worker_.drain();
        take_records();
        forwarder_.drain(2 * timeout_ns_);
        worker_.reclaim();
    }

    [[nodiscard]] Ledger ledger() const {
        CounterValues sent = wires_.handing().read();
        sent += forwarder_.counters().read();
        CounterValues recorded = records_.handing().read();
        recorded += recording_.read();
        return {worker_.counters().read(), {{"wires", sent}, {"records", recorded}}};
    }
    [[nodiscard]] const Worker& worker() const { return worker_; }

    std::vector<std::string> records;  // in the order of the hand-off

  private:
    static WorkerConfig config(const Setup& setup) {
        WorkerConfig config;
        config.tcp.max_flows = 1024;
        config.tcp.held_bytes = 16 << 20;
        config.http = setup.limits;
        config.http.max_requests = 1024;
        config.http.large_heads = 256;
        config.buffer_bytes = blocks * Worker::block_bytes;
        config.rewriting = rewriting_of(setup.rules);
        config.record_bodies = true;
        return config;
    }

    void flush() {
        std::vector<packet::Frame> frames;
        for (const Octets& bytes : burst_) frames.push_back({bytes, now_ns_ += 1000});
        worker_.on_burst(frames);
        worker_.on_tick(now_ns_);
        burst_.clear();  // and with it all that the worker must not keep
        take_records();
    }

    void take_records() {
        for (Slot slot; records_.take(slot);) {
            std::string& line = records.emplace_back();
            for (const Block* block = slot.first; block != nullptr; block = block->next)
                line += as_text(block->bytes());
            records_.give_back(slot);
            recording_.add(Counter::written);
        }
    }

    static constexpr std::size_t blocks = 1 << 15;

    Channel wires_{1 << 14, blocks};
    Channel records_{1 << 14, blocks};
    Counters recording_;
    Worker worker_;  // whose blocks the forwarder reads
    forward::Forwarder forwarder_;
    std::uint64_t timeout_ns_;
    std::vector<Octets> burst_;
    std::uint64_t now_ns_ = 1'719'830'000'000'000'000;
};

// ---- the property ------------------------------------------------------------------------------------------------

// Text as it can stand in a string literal, at most so much of it.
std::string escaped(std::string_view text, std::size_t most = 3000) {
    std::string out;
    for (const char c : text.substr(0, most)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\r') {
            out += "\\r";
        } else if (c == '\n') {
            out += "\\n";
        } else if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
            out += {'\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
                static_cast<char>('0' + (byte & 7))};
        } else {
            out += c;
        }
    }
    return text.size() > most ? out + "... " + std::to_string(text.size()) + " bytes" : out;
}

std::string show(const StrictRequest& request) {
    std::string text = request.method + " " + request.target;
    for (const auto& [name, value] : request.fields) text.append("|").append(name).append(": ").append(value);
    return escaped(text.append("|").append(request.body));
}

bool same(const ExpectedWire& wanted, const StrictRequest& arrived) {
    const StrictRequest& request = wanted.request;
    FieldList fields = arrived.fields;
    std::erase_if(fields, [](const auto& field) { return strict::lower(field.first) == "content-length"; });
    const bool has_length = fields.size() != arrived.fields.size();
    return arrived.method == request.method && arrived.target == request.target && arrived.body == request.body &&
           has_length == wanted.has_length && fields == request.fields;
}

// Each request that was to be sent with one that arrived. In order where there is one connection only.
void compare(
    const std::vector<ExpectedWire>& expected, std::vector<StrictRequest> arrived, bool in_order, std::ostream& wrong) {
    for (const ExpectedWire& wanted : expected) {
        const auto end = in_order && !arrived.empty() ? arrived.begin() + 1 : arrived.end();
        const auto found =
            std::find_if(arrived.begin(), end, [&](const StrictRequest& request) { return same(wanted, request); });
        if (found == end) {
            wrong << "did not arrive: " << show(wanted.request) << "\n";
            if (!arrived.empty()) wrong << "    but: " << show(arrived.front()) << "\n";
            return;
        }
        arrived.erase(found);
    }
    for (const StrictRequest& request : arrived) wrong << "arrived, but nobody sent: " << show(request) << "\n";
}

// What the records say is to be sent, and `verdicts`: how many of them are, and why the others are not.
std::vector<ExpectedWire> expectations(const std::vector<Client>& clients, const std::vector<std::string>& records,
    const RewriteRules& rules, CounterValues& verdicts, std::ostream& wrong) {
    std::vector<ExpectedWire> expected;
    for (const std::string& text : records) {
        RecordLine record;
        try {
            record = parse_record(text);
        } catch (const std::exception& error) {
            wrong << escaped(error.what()) << ": " << escaped(text) << "\n";
            continue;
        }
        const std::size_t port = std::strtoul(record.source.c_str() + record.source.rfind(':') + 1, nullptr, 10);
        const std::size_t number = port - first_port;
        if (number >= clients.size() || record.source != source_of(number)) {
            wrong << "from nobody: " << escaped(text) << "\n";
            continue;
        }
        const RecordLine fit = expected_record(record, rules);
        if (fit.headers != record.headers || fit.trailers != record.trailers) {
            wrong << "a record with what no output may show: " << escaped(text) << "\n";
        }
        const ExpectedWire wanted = expected_wire(record, rules);
        ++verdicts.values[static_cast<std::size_t>(wanted.verdict)];
        if (wanted.verdict == Counter::handed_off) expected.push_back(wanted);
    }
    return expected;
}

void check_counters(const Ledger& ledger, const CounterValues& verdicts, std::size_t records, std::size_t arrived,
    std::ostream& wrong) {
    const CounterValues& wires = ledger.outputs[0].values;
    const auto equal = [&wrong](std::string_view what, std::uint64_t is, std::uint64_t should_be) {
        if (is != should_be) wrong << what << ": " << is << ", not " << should_be << "\n";
    };
    for (const Law& law : ledger.laws()) equal(law.name, law.left, law.right);
    for (std::size_t i = 0; i < counter_count; ++i) {  // handed off, unforwardable, and nothing shed for want of room
        const CounterRole role = counter_table[i].role;
        const bool verdict = role == CounterRole::request_handed || role == CounterRole::request_shed;
        if (verdict) equal(counter_table[i].name, wires.values[i], verdicts.values[i]);
    }
    equal("records", records, ledger.workers[Counter::requests_rebuilt]);
    equal("arrived", arrived, wires[Counter::handed_off]);
    equal("answered with 2xx", wires[Counter::answered_2xx], wires[Counter::handed_off]);
    equal("failed", wires.sum(CounterRole::request_failed), 0);
    equal("retries", wires[Counter::retries], 0);
}

// Sends what the clients say through the line, and tells what was wrong with what came out. Adds up what was counted.
std::string out_of_step(const std::vector<Client>& clients, const Setup& setup, CounterValues& counted) {
    StrictServer server;
    Line line(server.url(), setup);
    line.run(clients, std::mt19937_64(setup.seed));
    server.stop();

    std::ostringstream wrong;
    if (!server.faults.empty()) {  // those behind it may be of the same request, sent again
        wrong << "the server says: " << server.faults[0].why << ": " << escaped(server.faults[0].bytes) << "\n";
    }
    CounterValues verdicts;
    const std::vector<ExpectedWire> expected = expectations(clients, line.records, setup.rules, verdicts, wrong);
    compare(expected, server.requests, setup.output.connections == 1, wrong);
    const Ledger ledger = line.ledger();
    check_counters(ledger, verdicts, line.records.size(), server.requests.size(), wrong);
    if (line.worker().flows() != 0) wrong << "flows are left\n";
    if (line.worker().blocks_in_use() != 0) wrong << "blocks are left\n";
    counted += ledger.workers;
    counted += ledger.outputs[0].values;
    return wrong.str();
}

// ---- what is wrong, made small -----------------------------------------------------------------------------------

// Leaves out as much of a list as can go while `fails` holds: halves first, then ever smaller pieces.
template <class List, class Fails>
void shrink(List& list, Fails fails) {
    for (std::size_t size = list.size(); size > 0; size /= 2) {
        for (std::size_t at = 0; at < list.size();) {
            List shorter = list;
            const auto from = shorter.begin() + static_cast<std::ptrdiff_t>(at);
            shorter.erase(from, from + static_cast<std::ptrdiff_t>(std::min(size, list.size() - at)));
            if (fails(shorter)) {
                list = std::move(shorter);
            } else {
                at += size;
            }
        }
    }
}

Client in_order(const std::vector<std::string>& segments, bool syn) {
    Client client{segments, {}, syn};
    for (std::size_t i = 0; i < segments.size(); ++i) client.arrivals.push_back(i);
    return client;
}

// The fewest clients, and if that is one the fewest segments and bytes, that still show something wrong. As far as it
// comes in half a minute.
std::string smallest(std::vector<Client> clients, Setup setup) {
    using std::chrono::steady_clock;
    const steady_clock::time_point end = steady_clock::now() + std::chrono::seconds(30);
    setup.output.timeout_ns = 300'000'000;
    CounterValues counted;
    const auto fails = [&](const std::vector<Client>& fewer) {
        return steady_clock::now() < end && !out_of_step(fewer, setup, counted).empty();
    };
    shrink(clients, fails);
    std::vector<std::string> segments = clients[0].segments;
    const bool syn = clients[0].syn;
    const auto fails_so = [&](const std::vector<std::string>& less) { return fails({in_order(less, syn)}); };
    if (clients.size() == 1 && fails_so(segments)) {
        if (fails_so({clients[0].text()})) segments = {clients[0].text()};
        shrink(segments, fails_so);
        for (std::size_t i = 1; i < segments.size();) {
            std::vector<std::string> joined = segments;
            joined[i - 1] += joined[i];
            joined.erase(joined.begin() + static_cast<std::ptrdiff_t>(i));
            const bool still = fails_so(joined);
            if (still) segments = joined;
            i += !still;
        }
        for (std::size_t i = 0; i < segments.size(); ++i) {
            std::string text = segments[i];
            const auto fails_with = [&](const std::string& less) {
                std::vector<std::string> changed = segments;
                changed[i] = less;
                return fails_so(changed);
            };
            for (std::size_t at = text.size(); at > 0; --at) {  // mostly it is a request at the end
                if (text[at - 1] != '\n' || !fails_with(text.substr(at))) continue;
                text.erase(0, at);
                break;
            }
            shrink(text, fails_with);
            segments[i] = text;
        }
        clients[0] = in_order(segments, syn);
    }
    if (clients.size() > 3) return "it takes " + std::to_string(clients.size()) + " clients, or it comes and goes\n";
    std::ostringstream out;
    for (const Client& client : clients) {
        out << (client.syn ? "client:\n" : "client, its SYN not seen:\n");
        for (const std::size_t i : client.arrivals) out << "    \"" << escaped(client.segments[i]) << "\"\n";
    }
    return out.str() + out_of_step(clients, setup, counted);
}

std::size_t rounds() {
    if (std::getenv("REBUILDER_SEED") != nullptr) return 1;
    const char* text = std::getenv("REBUILDER_ROUNDS");
    return text != nullptr ? std::strtoul(text, nullptr, 10) : 40;
}

}  // namespace

TEST_CASE("the strict server tells requests from what is out of step", "[in-step]") {
    const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    struct Case {
        std::string bytes;
        std::size_t requests, faults;
    };
    const std::vector<Case> cases{
        {"", 0, 0},
        {get + post + "abc" + get, 3, 0},
        {post + "abc " + get, 1, 1},
        {post + "ab", 0, 1},
        {get + "\r\n" + get, 1, 1},
        {get + "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1, 1},
        {get + get.substr(0, get.size() - 1), 1, 1},
    };
    for (const auto& [bytes, requests, faults] : cases) {
        INFO(bytes);
        StrictServer server;
        const int fd = bound_socket();
        const sockaddr_in address = loopback_address(server.port());
        REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
        Peer client(fd);
        client.send(bytes);
        (void)::shutdown(fd, SHUT_WR);
        client.wait_for_end();
        server.stop();
        CHECK(server.requests.size() == requests);
        CHECK(server.faults.size() == faults);
    }
}

TEST_CASE("what arrives is what was rebuilt, whatever the clients send", "[in-step][property]") {
    const std::size_t count = rounds();
    CounterValues counted;
    for (std::size_t round = 1; round <= count; ++round) {
        Random random(round);
        HostileRequests hostile(random);
        std::vector<Client> clients;
        for (std::size_t i = 0; i < 60; ++i) clients.push_back(random_client(hostile, random));
        Setup setup;
        setup.seed = random.engine()();
        if (random.one_in(2)) setup.limits.max_body = 50;
        if (random.one_in(4)) setup.limits.oversize = http::Oversize::drop;
        setup.output.connections = random.one_in(2) ? 1 : 4;
        setup.output.pipeline = random.one_in(2) ? 1 : 16;
        setup.output.timeout_ns = 10'000'000'000;
        setup.rules = random_rules(random);
        const std::string wrong = out_of_step(clients, setup, counted);
        if (wrong.empty()) continue;
        std::cerr << random.seed() << "\n" << wrong << "made small:\n" << smallest(clients, setup) << std::endl;
        FAIL("out of step, see above: " << random.seed());
    }
    if (count < 40) return;
    CHECK(counted[Counter::handed_off] > 60 * count);
    for (const Counter kind : {
             Counter::request_fields_redacted,
             Counter::request_fields_removed,
             Counter::request_fields_unsendable,
             Counter::request_trailers,
             Counter::requests_lost_body_malformed,
             Counter::requests_lost_framing_ambiguous,
             Counter::requests_lost_head_malformed,
             Counter::requests_lost_head_too_large,
             Counter::requests_lost_line_malformed,
             Counter::requests_lost_to_close,
             Counter::requests_lost_to_gap,
             Counter::requests_lost_too_many_fields,
             Counter::requests_truncated,
             Counter::streams_resynced,
             Counter::streams_tunnel,
             Counter::unforwardable_connect,
             Counter::unforwardable_target,
         }) {
        INFO("the clients don't get so far as " << counter_table[static_cast<std::size_t>(kind)].name);
        CHECK(counted[kind] != 0);
    }
}
