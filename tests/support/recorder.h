// SPDX-License-Identifier: Apache-2.0
// For tests of the reassembler: a sink that writes down what it is told, peers that send, and the sum at the end.
//
//   Lab lab;
//   Peer client = lab.client();
//   client.syn(); client.data(0, 10); client.data(20, 30); client.fin(30);
//   lab.linger();  // an end is told when the flow goes
//   CHECK(lab.transcript() == "open|" + text(0, 10) + "|gap 10|" + text(20, 30) + "|close ended|");
//
// A Lab ends its reassembler when it goes, and then no held block may be left, each payload byte and each flow must be
// accounted for once, and every stream must have been closed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ledger.h"
#include "support/catch.h"
#include "tcp/reassembler.h"

namespace rebuilder::test {

using packet::Endpoint;
using packet::FlowKey;
using packet::IpAddress;
using packet::Segment;
using packet::Side;
using packet::TcpFlags;
using tcp::Appetite;
using tcp::CloseReason;
using tcp::second_ns;
using tcp::StreamChunk;

// Bytes [from, to) of an endless text that tells at each place where it is: "0000000 0000008 0000016 ".
inline std::string text(std::uint64_t from, std::uint64_t to) {
    std::string out;
    out.reserve(to - from);
    for (std::uint64_t at = from; at < to; ++at) {
        std::uint64_t number = at / 8 * 8;
        if (at % 8 == 7) {
            out += ' ';
            continue;
        }
        for (std::uint64_t digit = 6 - at % 8; digit > 0; --digit) number /= 10;
        out += static_cast<char>('0' + number % 10);
    }
    return out;
}

inline const char* close_name(CloseReason reason) {
    switch (reason) {
    case CloseReason::ended: return "ended";
    case CloseReason::idle: return "idle";
    case CloseReason::evicted: return "evicted";
    case CloseReason::drained: return "drained";
    }
    return "?";
}

// One stream, from its open to its close.
struct Stream {
    FlowKey key;
    Side side = Side::low;
    std::string transcript;    // "open|data|gap 5|data|close ended|"; data in one run is one piece
    std::string data;          // the delivered bytes alone
    std::uint64_t offset = 0;  // where the next chunk must stand
    std::uint64_t gap_bytes = 0;
    std::vector<std::uint64_t> segment_starts;
    std::vector<std::uint64_t> times_ns;  // of each data chunk
    bool in_data = false;
    bool closed = false;
};

// What the reassembler keeps for the sink in each direction.
struct RecorderState {
    std::size_t stream = 0;  // index + 1
};

using TestReassembler = tcp::Reassembler<RecorderState>;

// How late a deadline may be seen (tcp/timing_wheel.h).
inline constexpr std::uint64_t wheel_tick = tcp::TimingWheel<tcp::FlowTable<tcp::Flow<RecorderState>>>::tick_ns;

class Recorder {
  public:
    std::vector<Stream> streams;
    std::string_view unwanted;  // a stream is refused at the first chunk whose data holds this
    bool refuse_on_open = false;
    bool refuse_on_gap = false;
    bool keep_text = true;
    bool forget_closed = false;  // for millions of streams: the next one takes a closed one's place

    Appetite operator()(tcp::Flow<RecorderState>& flow, Side side, const StreamChunk& chunk) {
        RecorderState& state = flow.half(side).app;
        if (chunk.kind == StreamChunk::Kind::open) {
            CHECK_NOT(state.stream != 0, "opened twice");
            state.stream = place() + 1;
            Stream& stream = streams[state.stream - 1];
            stream.key = flow.key;
            stream.side = side;
        }
        CHECK_NOT(state.stream == 0, "not opened");
        if (state.stream == 0) return Appetite::nothing;
        Stream& stream = streams[state.stream - 1];
        CHECK_NOT(stream.closed, "after its close");
        CHECK_NOT(!(stream.key == flow.key) || stream.side != side, "state of another stream");
        CHECK_NOT(chunk.offset != stream.offset, "not at its place");
        return write(stream, chunk);
    }

  private:
    std::size_t place() {
        if (forgotten_.empty()) {
            streams.push_back({});
            return streams.size() - 1;
        }
        const std::size_t free = forgotten_.back();
        forgotten_.pop_back();
        streams[free] = {};
        return free;
    }

    // Assertions cost; these run for each chunk of hundreds of thousands.
    static void CHECK_NOT(bool wrong, const char* what) {
        if (wrong) FAIL_CHECK("chunk " << what);
    }

    Appetite write(Stream& stream, const StreamChunk& chunk) {
        std::string& out = stream.transcript;
        if (chunk.kind == StreamChunk::Kind::data) {
            CHECK_NOT(chunk.data.empty(), "without data");
            stream.offset += chunk.data.size();
            stream.times_ns.push_back(chunk.time_ns);
            if (chunk.segment_start) stream.segment_starts.push_back(chunk.offset);
            if (keep_text) stream.data += as_text(chunk.data);
            if (keep_text) out += as_text(chunk.data);
            stream.in_data = true;
            const bool refused = !unwanted.empty() && as_text(chunk.data).find(unwanted) != std::string_view::npos;
            return refused ? Appetite::nothing : Appetite::more;
        }
        if (stream.in_data) out += '|';
        stream.in_data = false;
        switch (chunk.kind) {
        case StreamChunk::Kind::open:
            out += chunk.midstream ? "open midstream|" : "open|";
            return refuse_on_open ? Appetite::nothing : Appetite::more;
        case StreamChunk::Kind::gap:
            if (chunk.gap_bytes == tcp::unknown_gap) {
                out += "gap ?|";
            } else {
                CHECK_NOT(chunk.gap_bytes == 0, "of a gap of nothing");
                out += "gap " + std::to_string(chunk.gap_bytes) + '|';
                stream.offset += chunk.gap_bytes;
                stream.gap_bytes += chunk.gap_bytes;
            }
            return refuse_on_gap ? Appetite::nothing : Appetite::more;
        case StreamChunk::Kind::close:
            out += std::string("close ") + close_name(chunk.reason) + '|';
            stream.closed = true;
            if (forget_closed) forgotten_.push_back(static_cast<std::size_t>(&stream - streams.data()));
            return Appetite::nothing;  // which means nothing any more
        case StreamChunk::Kind::data: break;
        }
        return Appetite::more;
    }

    std::vector<std::size_t> forgotten_;
};

// Both ends of a stream, for what is true of one as of the other.
inline std::uint8_t either_end() {
    return GENERATE(as<std::uint8_t>{}, TcpFlags::fin, TcpFlags::rst);
}

// Limits that small tests can reach.
inline tcp::Limits small_limits() {
    tcp::Limits limits;
    limits.max_flows = 64;
    limits.held_bytes_per_flow = 16 << 10;
    limits.held_bytes = 64 << 10;  // 32 blocks
    limits.held_free_part = 0;
    return limits;
}

class Lab;

// One direction of a connection. Positions count from the first byte behind the SYN.
class Peer {
  public:
    Peer(Lab& lab, const FlowKey& key, Side side, Seq isn) : lab_(&lab), key_(key), side_(side), isn_(isn) {}

    void syn(std::string_view payload = {}) { send(isn_, TcpFlags::syn, payload); }
    void syn_ack(const Peer& other) {
        acks(other, 0);
        syn();
    }
    void data(std::uint64_t from, std::uint64_t to, std::uint8_t flags = 0) { bytes(from, text(from, to), flags); }
    void bytes(std::uint64_t from, std::string_view payload, std::uint8_t flags = 0) { send(at(from), flags, payload); }
    void fin(std::uint64_t position) { send(at(position), TcpFlags::fin, {}); }
    void rst(std::uint64_t position) { send(at(position), TcpFlags::rst, {}); }
    void end(std::uint8_t flag, std::uint64_t position) { send(at(position), flag, {}); }  // FIN or RST
    // What its segments acknowledge from now on: all that `other` sent in front of `position`.
    void acks(const Peer& other, std::uint64_t position) { acks_ = other.at(position); }
    void ack(const Peer& other, std::uint64_t position) {
        acks(other, position);
        send(at(0), 0, {});
    }
    void send(Seq seq, std::uint8_t flags, std::string_view payload, std::uint32_t missing = 0);

    [[nodiscard]] Segment segment(Seq seq, std::uint8_t flags, Bytes payload) const;

    [[nodiscard]] Seq at(std::uint64_t position) const { return isn_ + 1 + static_cast<Seq>(position); }
    // The same direction of the same endpoints, in a new connection.
    [[nodiscard]] Peer again(Seq isn) const { return {*lab_, key_, side_, isn}; }

  private:
    Lab* lab_;
    FlowKey key_;
    Side side_;
    Seq isn_;
    std::optional<Seq> acks_;  // until it has something to acknowledge, its segments have no ACK flag
};

class Lab {
  public:
    explicit Lab(const tcp::Limits& its_limits = small_limits())
        : limits(its_limits)
        , reassembler(its_limits, counters) {
        CHECK(reassembler.held_blocks() == 0);
        CHECK(reassembler.flows() == 0);
    }
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;
    ~Lab() {
        drain();
        CHECK(reassembler.held_blocks() == 0);
        CHECK(reassembler.flows() == 0);
        const CounterValues values = counters.read();
        CHECK(
            values.sum(CounterRole::byte_in) == values.sum(CounterRole::byte_out) + values.sum(CounterRole::byte_drop));
        CHECK(values.sum(CounterRole::flow_opened) == values.sum(CounterRole::flow_ended));
        CHECK(values[Counter::tcp_payload_bytes] == sent_bytes);
        for (const Stream& stream : recorder.streams) {
            if (!stream.closed && !refuses()) FAIL_CHECK("a stream was not closed: " << stream.transcript);
        }
    }

    // The client of connection `number`, which sends requests; its server has the other side of the same key.
    Peer client(std::uint32_t number = 0, Seq isn = 0xfffffff0, std::uint32_t vni = 1) {
        FlowKey key;
        const Side side = FlowKey::make(client_endpoint(number), server_endpoint, vni, key);
        return {*this, key, side, isn};
    }
    Peer server(std::uint32_t number = 0, Seq isn = 5000, std::uint32_t vni = 1) {
        FlowKey key;
        const Side side = FlowKey::make(server_endpoint, client_endpoint(number), vni, key);
        return {*this, key, side, isn};
    }

    void push(const Segment& segment) {
        sent_bytes += segment.payload.size();
        reassembler.push(segment, segment.key.hash({11, 22}), now_ns, recorder);
    }
    void wait(std::uint64_t ns) { now_ns += ns; }
    void tick() { reassembler.tick(now_ns, recorder); }
    // Time passes in small steps, as a worker's loop sees it.
    void wait_ticking(std::uint64_t ns, std::uint64_t step_ns = 50'000'000) {
        for (const std::uint64_t end = now_ns + ns; now_ns < end;) {
            now_ns += std::min(step_ns, end - now_ns);
            tick();
        }
    }
    // Ended flows go, and their streams are closed.
    void linger() { wait_ticking(limits.linger_ns + 2 * wheel_tick); }
    // Directions that were picked up in mid-stream begin.
    void join() { wait_ticking(limits.join_wait_ns + 2 * wheel_tick); }
    void drain() { reassembler.drain(now_ns, recorder); }

    [[nodiscard]] std::uint64_t count(Counter which) const { return counters[which]; }
    // All streams in the order of their opening.
    [[nodiscard]] std::string transcript() const {
        std::string all;
        for (const Stream& stream : recorder.streams) all += stream.transcript;
        return all;
    }
    // All that is told of this direction of this connection.
    [[nodiscard]] std::string transcript(std::uint32_t number, bool of_client = true, std::uint32_t vni = 1) const {
        FlowKey key;
        const Side side = FlowKey::make(client_endpoint(number), server_endpoint, vni, key);
        std::string all;
        for (const Stream& stream : recorder.streams) {
            if (stream.key == key && (stream.side == side) == of_client) all += stream.transcript;
        }
        return all;
    }

    const tcp::Limits limits;
    Counters counters;
    TestReassembler reassembler;
    Recorder recorder;
    std::uint64_t now_ns = 1'700'000'000 * second_ns;
    std::uint64_t sent_bytes = 0;

  private:
    static constexpr Endpoint server_endpoint{IpAddress::v4(0x0a000002), 80};
    static constexpr Endpoint client_endpoint(std::uint32_t number) {
        return {IpAddress::v4(0x0b000000 + number / 50'000), static_cast<std::uint16_t>(1024 + number % 50'000)};
    }
    // A refused stream is not told of its close.
    [[nodiscard]] bool refuses() const {
        return recorder.refuse_on_open || recorder.refuse_on_gap || !recorder.unwanted.empty();
    }
};

inline Segment Peer::segment(Seq seq, std::uint8_t flags, Bytes payload) const {
    Segment segment;
    segment.key = key_;
    segment.sender = side_;
    segment.flags = flags;
    segment.seq = seq;
    if (acks_) {
        segment.flags |= TcpFlags::ack;
        segment.ack = *acks_;
    }
    segment.payload = payload;
    segment.time_ns = lab_->now_ns;
    return segment;
}

inline void Peer::send(Seq seq, std::uint8_t flags, std::string_view payload, std::uint32_t missing) {
    // The bytes are gone after the call, as those of a frame are: ASan finds who keeps a pointer to them.
    const std::vector<std::uint8_t> bytes(payload.begin(), payload.end());
    Segment sent = segment(seq, flags, bytes);
    sent.missing = missing;
    lab_->push(sent);
}

}  // namespace rebuilder::test
