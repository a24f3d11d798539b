// SPDX-License-Identifier: Apache-2.0
// Reassembler: what it tells is what was sent, in its place.
//
// Input: options, then operations of five bytes: which direction and when, flags, a place, a length. Every byte sent is
// made from its sequence number, or is that byte changed, so that copies may conflict.
//   - with room: one direction of one connection, which must read as NaiveStream says
//   - under small limits: both directions of four connections, with SYN, FIN and RST anywhere, far-away segments,
//     pauses, and a sink that wants no more of some. Each byte told is the first copy that was sent of it and not
//     counted as dropped, and stands at its offset; what was kept is told, and not as a gap.
// At the end nothing is held, no flow is left, every stream that was opened is closed, and the laws hold.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/fuzz.h"
#include "support/naive_stream.h"
#include "tcp/reassembler.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
using packet::FlowKey;
using packet::Segment;
using packet::Side;
using packet::TcpFlags;
using tcp::Appetite;
using tcp::second_ns;
using tcp::StreamChunk;

namespace {

constexpr std::size_t most_operations = 400;
// Of a flag byte, beside TCP's own.
constexpr std::uint8_t changed = 0x80;  // the bytes are not those of the stream
constexpr std::uint8_t then_tick = 0x40;
constexpr std::uint8_t cut_by_mirror = 0x20;

struct Nothing {};  // the sink's state of a stream is kept beside it
using TestReassembler = tcp::Reassembler<Nothing>;
using TestFlow = tcp::Flow<Nothing>;

FlowKey key_of(std::uint32_t connection) {
    FlowKey key;
    (void)FlowKey::make({packet::IpAddress::v4(1), 1}, {packet::IpAddress::v4(2), 2}, connection, key);
    return key;
}

std::uint8_t byte_at(Seq seq) {
    return static_cast<std::uint8_t>((seq * 0x9e3779b1u >> 24) & 0x3f);
}

std::vector<std::uint8_t> payload_at(Seq seq, std::size_t size, std::uint8_t flags) {
    std::vector<std::uint8_t> bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(byte_at(seq++) | (flags & changed));
    return bytes;
}

void check_end(const TestReassembler& reassembler, const Counters& counters) {
    check(reassembler.flows() == 0, "a flow is left");
    check(reassembler.held_blocks() == 0, "a block is held");
    Ledger ledger;
    ledger.workers = counters.read();
    check_laws(ledger);
}

// ---- with room ---------------------------------------------------------------------------------------------------

// One direction of a connection, and the ACKs of the other, beside the model.
class RoomyLine {
  public:
    RoomyLine(Seq isn, std::uint64_t length) : isn_(isn), length_(length), reassembler_(limits(), counters_) {}

    void operate(Input& input) {
        const std::uint8_t operation = input.byte();
        const std::uint8_t flags = input.byte();
        const std::uint64_t from = std::min<std::uint64_t>(input.word(), length_);
        const std::uint64_t to = std::min<std::uint64_t>(from + input.byte(), length_);
        switch (operation & 7) {
        case 0: return pause();
        case 1: return acknowledge(from);
        case 2: return linger();
        default: return send(flags, from, to);
        }
    }
    void finish() {
        pause();
        reassembler_.drain(now_ns_, *this);
        model_.goes("drained");
        if (told_ != model_.transcript()) {
            fail("told:     " + printable(told_) + "\nexpected: " + printable(model_.transcript()));
        }
        check(counters_[Counter::tcp_gap_bytes] == model_.lost(), "the bytes in gaps are not those lost");
        check_end(reassembler_, counters_);
    }

    Appetite operator()(TestFlow&, Side, const StreamChunk& chunk) {
        const bool is_data = chunk.kind == StreamChunk::Kind::data;
        if (in_data_ && !is_data) told_ += '|';
        in_data_ = is_data;
        switch (chunk.kind) {
        case StreamChunk::Kind::open: told_ += chunk.midstream ? "open midstream|" : "open|"; break;
        case StreamChunk::Kind::data: told_ += as_text(chunk.data); break;
        case StreamChunk::Kind::gap: told_ += "gap " + std::to_string(chunk.gap_bytes) + '|'; break;
        case StreamChunk::Kind::close:
            told_ += chunk.reason == tcp::CloseReason::ended ? "close ended|" : "close drained|";
        }
        return Appetite::more;
    }

  private:
    static tcp::Limits limits() {
        tcp::Limits limits;
        limits.max_flows = 1;
        limits.held_blocks_per_flow = 1000;  // more than there can be bytes
        limits.held_bytes = limits.held_bytes_per_flow = 1000 * 2048;
        limits.held_free_part = 0;
        limits.held_search = 1000;
        limits.idle_timeout_ns = limits.opening_timeout_ns = 1'000'000 * second_ns;
        limits.join_wait_ns = limits.gap_timeout_ns;  // time passes for both or for none
        limits.join_bytes = limits.held_bytes;
        limits.linger_ns = 2000 * second_ns;  // longer than all pauses together
        return limits;
    }

    void send(std::uint8_t flags, std::uint64_t from, std::uint64_t to) {
        const bool syn = (flags & TcpFlags::syn) != 0 && (!known_ || model_.joining());
        const bool rst = (flags & TcpFlags::rst) != 0 && !syn;
        const bool fin = (flags & TcpFlags::fin) != 0 && !syn && !rst;
        if (syn) to -= std::exchange(from, 0);
        const Seq seq = isn_ + 1 + static_cast<Seq>(from);
        const Copy copy(payload_at(seq, to - from, flags));
        Segment segment;
        segment.seq = syn ? isn_ : seq;
        segment.payload = copy.bytes();
        segment.missing = (flags & cut_by_mirror) != 0 ? 5 : 0;
        segment.flags = syn ? TcpFlags::syn : rst ? TcpFlags::rst : TcpFlags::ack;
        if (fin) segment.flags |= TcpFlags::fin;
        push(segment);
        if (syn) model_.open();
        if (rst) return model_.ends(from, false);  // what it carries is not the stream's
        known_ = known_ || syn || to != from;
        if (to != from) model_.arrives(from, as_text(segment.payload));
        if (fin) model_.ends(to + segment.missing, true);
    }
    // The server says that it has all in front of `to`. What isn't here by then is given up, soon.
    void acknowledge(std::uint64_t to) {
        Segment segment;
        segment.sender = Side::high;
        segment.flags = TcpFlags::ack;
        segment.ack = isn_ + 1 + static_cast<Seq>(to);
        push(segment);
        pass_time(limits().acked_gap_timeout_ns + second_ns / 2);
        model_.acked(to);
        pause();
    }
    void push(Segment& segment) {
        segment.key = key_of(1);
        segment.time_ns = now_ns_;
        reassembler_.push(segment, segment.key.hash({11, 22}), now_ns_, *this);
    }
    void pass_time(std::uint64_t ns, std::uint64_t step_ns = second_ns / 5) {
        for (const std::uint64_t end = now_ns_ + ns; now_ns_ < end;) {
            now_ns_ += step_ns;
            reassembler_.tick(now_ns_, *this);
        }
    }
    // Every hole is given up.
    void pause() {
        pass_time(3 * second_ns);
        model_.time_passes();
    }
    // A connection that has ended is forgotten.
    void linger() {
        pause();
        pass_time(limits().linger_ns + 100 * second_ns, 100 * second_ns);
        if (!model_.ended()) return;
        model_.goes("");
        known_ = false;
    }

    Seq isn_;
    std::uint64_t length_;
    Counters counters_;
    TestReassembler reassembler_;
    test::NaiveStream model_;
    std::uint64_t now_ns_ = 1'700'000'000 * second_ns;
    bool known_ = false;
    std::string told_;
    bool in_data_ = false;
};

void read_with_room(Input& input) {
    const Seq isn = static_cast<Seq>(input.word()) << 16 | 0xff00;
    RoomyLine line(isn, input.word() % 900);
    for (std::size_t i = 0; i < most_operations && !input.empty(); ++i) line.operate(input);
    line.finish();
}

// ---- under small limits ------------------------------------------------------------------------------------------

// Places of a stream: near its beginning, far from it, and where another connection on the same ports has its own.
constexpr Seq near_places = 4000;
constexpr std::array<Seq, 4> places{0, 0, near_places, 0x40000000};
constexpr std::size_t longest_segment = 300;
constexpr std::size_t elsewhere_index = 2 * near_places + longest_segment;
constexpr std::size_t all_places = elsewhere_index + near_places + longest_segment;

Seq origin_of(std::uint32_t connection) {
    return connection * 0x55555555u - 100;
}

// One direction, as far as what was sent and told says.
struct Direction {
    struct First {
        enum class State : std::uint8_t { none, coming, kept, dropped };
        std::uint8_t byte = 0;  // of the first copy sent
        State state = State::none;
        bool start = false;  // a segment begins here
    };
    std::vector<First> sent;  // since the connection was opened, or the stream jumped
    Seq begin = 0;            // the sequence number at offset 0
    std::uint64_t offset = 0;
    bool open = false;
    bool refused = false;
};

class Observer {
  public:
    Observer(const tcp::Limits& limits, bool picky) : reassembler_(limits, counters_), limits_(limits), picky_(picky) {}

    void push(const Segment& segment, std::uint64_t hash) {
        now_ns_ = segment.time_ns;
        current_ = &segment;
        enter_current();
        const std::uint64_t before = dropped_bytes();
        reassembler_.push(segment, hash, now_ns_, *this);
        renew_if_opened();
        const State became = dropped_bytes() == before ? State::kept : State::dropped;
        for_current([&](First& first, std::uint8_t) {
            if (first.state == State::coming) first.state = became;
        });
        current_ = nullptr;
        check(reassembler_.flows() <= limits_.max_flows, "more flows than the limit");
    }
    void tick(std::uint64_t now_ns) {
        now_ns_ = now_ns;
        reassembler_.tick(now_ns, *this);
    }
    void finish() {
        reassembler_.drain(now_ns_, *this);
        check_end(reassembler_, counters_);
        for (const Direction& one : directions_) check(!one.open || one.refused, "a stream is not closed");
    }

    Appetite operator()(TestFlow& flow, Side side, const StreamChunk& chunk) {
        connection_ = flow.key.vni;
        renew_if_opened();
        return tell(directions_[connection_ * 2 + static_cast<std::size_t>(side)], flow.half(side).next_seq, chunk);
    }

  private:
    using First = Direction::First;
    using State = Direction::First::State;

    [[nodiscard]] Direction& current_direction() {
        return directions_[current_->key.vni * 2 + static_cast<std::size_t>(current_->sender)];
    }
    [[nodiscard]] std::uint64_t dropped_bytes() const {
        return counters_.read().sum(CounterRole::byte_drop) - counters_[Counter::tcp_duplicate_bytes];
    }
    [[nodiscard]] static First& first_at(Direction& one, std::uint32_t connection, Seq seq) {
        const Seq from_origin = seq - origin_of(connection);
        const std::size_t index = from_origin < places[3] ? from_origin : from_origin - places[3] + elsewhere_index;
        check(index < one.sent.size(), "a byte is told where none was sent");
        return one.sent[index];
    }
    // visit(what is known of it, byte) for each byte of the segment that is coming.
    template <class Visit>
    void for_current(Visit&& visit) {
        Seq seq = current_->seq + current_->has(TcpFlags::syn);
        for (const std::uint8_t byte : current_->payload) {
            visit(first_at(current_direction(), current_->key.vni, seq++), byte);
        }
    }

    void enter_current() {
        current_direction().sent.resize(all_places);
        bool start = true;
        for_current([&](First& first, std::uint8_t byte) {
            if (first.state == State::none) first = {byte, State::coming};
            first.start = first.start || start;
            start = false;
        });
    }
    // A new connection: what was sent before doesn't matter any more, but for what is coming now.
    void renew_if_opened() {
        const std::uint64_t before = std::exchange(opened_, counters_[Counter::flows_opened]);
        if (opened_ == before) return;
        for (const std::uint32_t side : {0u, 1u}) forget(directions_[current_->key.vni * 2 + side]);
    }
    void forget(Direction& one) {
        std::fill(one.sent.begin(), one.sent.end(), First{});
        if (current_ != nullptr && &current_direction() == &one) enter_current();
    }

    Appetite tell(Direction& one, Seq next, const StreamChunk& chunk) {
        if (chunk.kind == StreamChunk::Kind::open) {
            check(!one.open || one.refused, "a stream is opened twice");
            one.open = true;
            one.refused = false;
            one.offset = 0;
            one.begin = next;
        }
        check(one.open && !one.refused, "told of a stream that isn't open, or that was refused");
        check(chunk.offset == one.offset, "a chunk is not at its place");
        switch (chunk.kind) {
        case StreamChunk::Kind::open: break;
        case StreamChunk::Kind::data: data(one, chunk); break;
        case StreamChunk::Kind::gap: gap(one, next, chunk.gap_bytes); break;
        case StreamChunk::Kind::close: one.open = false; break;
        }
        one.refused = picky_ && one.offset > 300 && chunk.kind != StreamChunk::Kind::close;
        return one.refused ? Appetite::nothing : Appetite::more;
    }
    void data(Direction& one, const StreamChunk& chunk) {
        check(!chunk.data.empty(), "data of no bytes");
        check(chunk.time_ns <= now_ns_, "data from the future");
        Seq seq = one.begin + static_cast<Seq>(one.offset);
        check(!chunk.segment_start || first_at(one, connection_, seq).start, "no segment starts where one is said to");
        for (const std::uint8_t byte : chunk.data) {
            const First& first = first_at(one, connection_, seq);
            check(first.state != State::none, "a byte is told that was not sent");
            check(byte == first.byte || first.state == State::dropped, "a byte is told that is not the first copy");
            check((byte & 0x7f) == byte_at(seq), "a byte is told in another's place");
            ++seq;
        }
        one.offset += chunk.data.size();
    }
    void gap(Direction& one, Seq next, std::uint64_t bytes) {
        check(bytes != 0, "a gap of nothing");
        if (bytes == tcp::unknown_gap) {
            one.begin = next - static_cast<Seq>(one.offset);
            return forget(one);
        }
        Seq seq = one.begin + static_cast<Seq>(one.offset);
        one.offset += bytes;
        // What is coming into a hole that is given up to make room for it goes with the hole.
        for (; bytes != 0; --bytes, ++seq) {
            check(first_at(one, connection_, seq).state != State::kept, "bytes that were kept are told as a gap");
        }
    }

    Counters counters_;
    TestReassembler reassembler_;
    tcp::Limits limits_;
    bool picky_;
    std::array<Direction, 8> directions_;
    std::uint64_t now_ns_ = 0;
    const Segment* current_ = nullptr;  // the one that is coming
    std::uint32_t connection_ = 0;      // that is told of
    std::uint64_t opened_ = 0;          // flows, so far
};

tcp::Limits small_limits(std::uint8_t options) {
    tcp::Limits limits;
    limits.max_flows = (options & 2) != 0 ? 2 : 4;
    limits.held_bytes_per_flow = (options & 4) != 0 ? 100 : 1000;
    limits.held_blocks_per_flow = (options & 8) != 0 ? 2 : 20;
    limits.held_bytes = (options & 16) != 0 ? 2 * 2048 : 20 * 2048;
    limits.held_search = (options & 8) != 0 ? 1 : 20;
    limits.max_distance = (options & 32) != 0 ? 500 : 5000;
    limits.idle_timeout_ns = 20 * second_ns;
    limits.opening_timeout_ns = limits.linger_ns = 5 * second_ns;
    return limits;
}

void read_under_limits(Input& input, std::uint8_t options) {
    Observer observer(small_limits(options), (options & 64) != 0);
    constexpr std::array<std::uint64_t, 8> steps{
        0, 0, 0, second_ns / 10, second_ns + 1, 2 * second_ns, 6 * second_ns, 21 * second_ns};
    const bool colliding = (options & 128) != 0;
    std::uint64_t now_ns = 1'700'000'000 * second_ns;
    for (std::size_t i = 0; i < most_operations && !input.empty(); ++i) {
        const std::uint8_t operation = input.byte();
        const std::uint8_t flags = input.byte();
        const std::uint32_t connection = operation & 3;
        now_ns += steps[operation >> 3 & 7];
        Segment segment;
        segment.key = key_of(connection);
        segment.sender = (operation & 4) != 0 ? Side::high : Side::low;
        segment.flags = flags & (TcpFlags::fin | TcpFlags::syn | TcpFlags::rst | TcpFlags::ack);
        segment.seq = origin_of(connection) + places[operation >> 6] + input.word() % near_places;
        segment.ack = segment.seq;  // the streams of both directions have the same places
        segment.missing = (flags & cut_by_mirror) != 0 ? 5 : 0;
        segment.time_ns = now_ns;
        const Seq first = segment.seq + segment.has(TcpFlags::syn);
        const Copy copy(payload_at(first, input.byte(), flags));
        segment.payload = copy.bytes();
        observer.push(segment, colliding ? connection & 1 : segment.key.hash({11, 22}));
        if ((flags & then_tick) != 0) observer.tick(now_ns);
    }
    observer.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::uint8_t options = input.byte();
    if ((options & 1) == 0) {
        read_with_room(input);
    } else {
        read_under_limits(input, options);
    }
    return 0;
}
