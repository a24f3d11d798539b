// SPDX-License-Identifier: Apache-2.0
// Reassembler: segments of many connections in, each direction's bytes in order out.
//
// In:    push() takes one Segment, tick() the passing of time, drain() the end of the run.
// Out:   StreamChunks, given to `sink(Flow&, Side, const StreamChunk&) -> Appetite` before the call returns: open,
//        data in order without overlap, gaps as events, close. In-order bytes are passed on where they lie; only what
//        must wait for an earlier segment is copied, into blocks of the worker's own pool.
// Needs: neither SYN nor ACKs nor the other direction. A direction first seen in mid-stream begins with the first of the
//        bytes that show it, after a short wait for earlier ones and for its SYN.
// Rules: the first copy of a byte wins. A hole is given up when it is too old, when too much waits behind it, when the
//        peer's ACK says that the bytes arrived and the mirror still doesn't bring them, or when the flow goes. While the
//        peer's own ACK stands at the hole it isn't too old: the peer waits for those bytes, and will get them. A SYN
//        on a known stream is believed only when data follows it there, or the peer answers it, or the peer's ACK shows
//        that it believed the stream's FIN. A FIN or RST is believed until data follows it, unless that ACK has come; a
//        hole in front of it stays open till the flow goes. Where segments have ACKs, bytes without one are nobody's.
//        Far-away segments do not move a stream that makes progress; one that was silent they do, until data follows
//        where it was.
// Bytes: each payload byte is counted once, as delivered or under the reason why not (base/counters.def).
// Never: allocates, throws, reads a clock, or keeps a pointer into a frame.
// Follows RFC 9293 as a passive observer can, and RFC 7323's bound on how far a window reaches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/block.h"
#include "base/counters.h"
#include "packet/segment.h"
#include "tcp/flow_table.h"
#include "tcp/limits.h"
#include "tcp/stream.h"

namespace rebuilder::tcp {

using packet::Segment;
using packet::Side;

// One direction of a connection. App is the consumer's own state of the stream: plain data, reset with the stream.
// What each segment needs stands in front: with a million flows each cache line of them comes from memory.
template <class App>
struct Half {
    Seq next_seq = 0;  // the next byte to deliver
    bool seen : 1 = false;
    bool joining : 1 = false;  // begun in mid-stream, the sink isn't told yet: next_seq is as early as it may begin
    bool close_known : 1 = false;
    bool reset : 1 = false;        // with close_known: it is a RST, which ends the other direction, too
    bool close_acked : 1 = false;  // the peer has seen the FIN
    bool ended : 1 = false;        // close_seq is reached, or no longer waited for; data behind it shows it to be false
    bool awaited : 1 = false;      // with acked_ns: the peer's ACK stands at acked_seq
    bool syn_pending : 1 = false;
    bool ignored : 1 = false;  // the sink wants nothing more of it
    bool acks : 1 = false;     // it has sent an ACK, so all that it sends has one
    bool jumped : 1 = false;   // it was at jumped_from before it went on far from there
    std::uint16_t held_blocks = 0;
    std::uint64_t offset = 0;  // stream offset of next_seq
    // When fresh bytes last moved next_seq, its end became known, or the peer's ACK, which had stood there, moved on.
    std::uint64_t progress_ns = 0;
    Block* held = nullptr;       // waiting bytes by offset, without overlap; Block::offset is the first byte's
    std::uint64_t acked_ns = 0;  // when the peer's ACK came to acked_seq, with a hole at next_seq; 0: it hasn't
    App app{};

    Seq close_seq = 0;  // where FIN or RST stands, with `close_known`
    Seq syn_start = 0;  // first byte behind a SYN not believed yet, with `syn_pending`
    Seq acked_seq = 0;  // with acked_ns
    Seq lost_from = 0;  // the last bytes that were given up; and those in front of where it was picked up
    Seq lost_to = 0;
    Seq jumped_from = 0;
    std::uint32_t held_bytes = 0;
};

template <class App>
struct Flow {
    packet::FlowKey key;
    std::uint64_t last_seen_ns = 0;
    TimerLink timer;
    std::uint32_t home : home_bits = 0;  // the table's
    bool established : 1 = false;        // something behind the SYN was seen
    bool lingering : 1 = false;          // it has ended: each direction that was seen, or one by a RST
    bool uneven : 1 = false;             // a direction has, or had, bytes that wait, or an end
    Half<App> halves[2];

    [[nodiscard]] Half<App>& half(Side side) noexcept { return halves[static_cast<std::size_t>(side)]; }
};

template <class App>
class Reassembler {
  public:
    using AppFlow = Flow<App>;
    using AppHalf = Half<App>;

    Reassembler(const Limits& limits, Counters& counters)
        : limits_(limits)
        , counters_(counters)
        , table_(limits.max_flows)
        , wheel_(table_)
        , held_pool_(held_block_bytes, std::max<std::size_t>(limits.held_bytes / held_block_bytes, 1)) {}

    Reassembler(const Reassembler&) = delete;
    Reassembler& operator=(const Reassembler&) = delete;

    // For a burst: bring the flow's index line in before push() needs it.
    void prefetch(std::uint64_t hash) const noexcept { table_.prefetch(hash); }
    // And then the flow itself, as far as a segment of `sender` needs it. Inlined always: GCC takes a function that only asks
    // for memory for one that does nothing, and leaves out calls of it.
    [[gnu::always_inline]] void prefetch_flow(std::uint64_t hash, Side sender) noexcept {
        AppFlow* flow = table_.probable(hash);
        if (flow == nullptr) return;
        const auto* half = reinterpret_cast<const std::uint8_t*>(&flow->half(sender));
        __builtin_prefetch(flow);
        __builtin_prefetch(half);
        __builtin_prefetch(half + 63);  // it may begin anywhere in a line
    }

    template <class Sink>
    void push(const Segment& segment, std::uint64_t hash, std::uint64_t now_ns, Sink&& sink) noexcept;

    // Gives up old holes and ends idle flows. Bounded work; call it several times a second.
    template <class Sink>
    void tick(std::uint64_t now_ns, Sink&& sink) noexcept {
        wheel_.expire(now_ns, expiry_budget, [&](std::uint32_t index) { expired(table_[index], now_ns, sink); });
    }

    // Ends every flow. The table is empty then.
    template <class Sink>
    void drain(std::uint64_t now_ns, Sink&& sink) noexcept {
        for (std::uint32_t index = wheel_.soonest(); index != no_index; index = wheel_.soonest()) {
            end(table_[index], CloseReason::drained, now_ns, sink);
        }
    }

    // What of the limits may change while it runs. A flow goes by it when it is looked at the next time.
    void adopt(const Limits& limits) noexcept {
        limits_.gap_timeout_ns = limits.gap_timeout_ns;
        limits_.idle_timeout_ns = limits.idle_timeout_ns;
        limits_.held_bytes_per_flow = limits.held_bytes_per_flow;
        limits_.held_blocks_per_flow = limits.held_blocks_per_flow;
    }

    [[nodiscard]] std::size_t flows() const noexcept { return table_.size(); }
    [[nodiscard]] std::size_t most_flows() const noexcept { return table_.max_flows(); }
    [[nodiscard]] std::size_t held_blocks() const noexcept { return held_pool_.total() - held_pool_.available(); }
    [[nodiscard]] std::size_t most_held_blocks() const noexcept { return held_pool_.total(); }
    [[nodiscard]] std::size_t mapped_bytes() const noexcept {
        return table_.mapped_bytes() + held_pool_.total() * held_block_bytes;
    }

  private:
    static constexpr std::size_t held_block_bytes = 2048;
    static constexpr std::size_t expiry_budget = 1024;  // flows that one tick() may end: about 100 microseconds
    static constexpr int eviction_candidates = 1024;    // each is moved to its real turn, so the next find it fast
    // An idle timeout may be longer than the wheel reaches. Then a flow has its turn when it has been idle for this long, and,
    // until its time is up, again and again: so it stands in front of those that were seen since.
    static constexpr std::uint64_t longest_turn_ns = TimingWheel<FlowTable<AppFlow>>::horizon_ns;
    static constexpr std::uint64_t next_turn_ns = 60 * second_ns;

    static constexpr std::uint64_t never_ns = ~std::uint64_t{0};

    // Stands in front of the bytes of a held block.
    struct HeldHeader {
        std::uint64_t time_ns;
        Block* previous;  // for the first that waits: the last
        bool segment_start;
    };

    // What is still to be placed of a segment's payload.
    struct Piece {
        Seq seq;
        Bytes bytes;
        bool segment_start;

        void skip(std::size_t size) noexcept {
            seq += static_cast<Seq>(size);
            bytes = bytes.subspan(size);
            if (size != 0) segment_start = false;
        }
    };

    // The caller's view of one direction, and the sink, for the length of a call.
    template <class Sink>
    struct Line {
        AppFlow& flow;
        Side side;
        AppHalf& half;
        std::uint64_t now_ns;
        Sink& sink;
    };

    // Flows: their beginning and their end.
    template <class Sink>
    AppFlow& open_flow(const Segment& segment, std::uint64_t hash, std::uint64_t now_ns, Sink& sink) noexcept;
    template <class Sink>
    void evict_one(std::uint64_t now_ns, Sink& sink) noexcept;
    template <class Sink>
    void expired(AppFlow& flow, std::uint64_t now_ns, Sink& sink) noexcept;
    template <class Sink>
    void end(AppFlow& flow, CloseReason reason, std::uint64_t now_ns, Sink& sink) noexcept;

    // What a segment does to its direction.
    template <class Sink>
    void on_syn(Line<Sink> line, const Segment& segment, Seq start) noexcept;
    template <class Sink>
    void on_payload(Line<Sink> line, Piece piece) noexcept;
    void note_close(AppHalf& half, const Segment& segment, Seq payload_seq, std::uint64_t now_ns) noexcept;
    void note_ack(AppFlow& flow, AppHalf& half, Seq ack, std::uint64_t now_ns) noexcept;
    void disbelieve_close(AppFlow& flow, AppHalf& half) noexcept;
    template <class Sink>
    void begin(Line<Sink> line, Seq start, bool midstream) noexcept;
    void begin_at(AppHalf& half, Seq start, bool midstream) const noexcept;
    template <class Sink>
    void begin_midstream(Line<Sink> line, Seq first) noexcept;
    template <class Sink>
    void join(Line<Sink> line, Seq start, bool midstream) noexcept;
    template <class Sink>
    void restart(Line<Sink> line, Seq start) noexcept;
    template <class Sink>
    void settle(Line<Sink> line) noexcept;
    void reach_end(AppFlow& flow, AppHalf& half, std::uint64_t now_ns) noexcept;
    static void look_at_ends(AppFlow& flow) noexcept;

    // Towards the sink.
    template <class Sink>
    void tell(Line<Sink> line, const StreamChunk& chunk) noexcept;
    template <class Sink>
    void pass(Line<Sink> line, Bytes bytes, bool segment_start, std::uint64_t time_ns) noexcept;
    template <class Sink>
    void deliver(Line<Sink> line, Piece piece) noexcept;
    template <class Sink>
    void pass_first_held(Line<Sink> line) noexcept;
    template <class Sink>
    void pass_ready(Line<Sink> line) noexcept;
    template <class Sink>
    void give_up_hole(Line<Sink> line, std::uint64_t most = unknown_gap) noexcept;
    template <class Sink>
    void give_up_all(Line<Sink> line) noexcept;
    template <class Sink>
    void jump(Line<Sink> line, Seq seq) noexcept;
    template <class Sink>
    void close(Line<Sink> line, CloseReason reason) noexcept;

    // The bytes that wait.
    void count_behind(const AppHalf& half, Seq seq, std::int64_t size) noexcept;
    [[nodiscard]] bool find_place(
        const AppHalf& half, std::uint64_t offset, Block*& before, std::size_t& passed) const noexcept;
    [[nodiscard]] bool hold(AppHalf& half, Piece& piece, std::uint64_t time_ns) noexcept;
    [[nodiscard]] bool may_hold_more(const AppHalf& half) const noexcept {
        if (half.held_blocks >= limits_.held_blocks_per_flow) return false;
        return limits_.held_free_part == 0 || half.held_blocks <= held_pool_.available() / limits_.held_free_part;
    }
    void count_overlap(Bytes held, Bytes arrived) noexcept {
        counters_.add(Counter::tcp_duplicate_bytes, arrived.size());
        if (std::memcmp(held.data(), arrived.data(), arrived.size()) != 0) counters_.add(Counter::tcp_overlap_conflict);
    }
    void drop_held(AppHalf& half, Counter reason) noexcept;

    [[nodiscard]] static HeldHeader& header(Block& block) noexcept {
        return *reinterpret_cast<HeldHeader*>(block.data());
    }
    // Null when nothing waits.
    [[nodiscard]] static Block* last_waiting(const AppHalf& half) noexcept {
        return half.held != nullptr ? header(*half.held).previous : nullptr;
    }
    [[nodiscard]] static Bytes waiting(const Block& block) noexcept {
        return block.bytes().subspan(sizeof(HeldHeader));
    }
    [[nodiscard]] static std::uint64_t end_of(const Block& block) noexcept {
        return block.offset + block.size - sizeof(HeldHeader);
    }

    [[nodiscard]] static Seq first_waiting(const AppHalf& half) noexcept {
        return half.next_seq + static_cast<Seq>(half.held->offset - half.offset);
    }
    // It brings bytes that would be new to a stream that is at `place`.
    [[nodiscard]] bool is_near(const Piece& piece, Seq place) const noexcept {
        const std::int64_t ahead = seq_diff(piece.seq, place);
        return ahead <= limits_.max_distance && ahead + static_cast<std::int64_t>(piece.bytes.size()) > 0;
    }
    [[nodiscard]] static bool has_hole(const AppHalf& half) noexcept {
        return half.held != nullptr || (half.close_known && !half.ended);
    }
    // With close_known.
    [[nodiscard]] static bool has_reached_end(const AppHalf& half) noexcept {
        return !seq_before(half.next_seq, half.close_seq);
    }
    // The peer waits for the same bytes.
    [[nodiscard]] static bool is_awaited(const AppHalf& half) noexcept {
        return half.acked_ns != 0 && half.awaited && half.acked_seq == half.next_seq;
    }
    // Both are deadlines of the hole at next_seq: for its age, and for what the peer has acknowledged.
    [[nodiscard]] std::uint64_t age_deadline(const AppHalf& half) const noexcept {
        if (half.joining) return half.progress_ns + limits_.join_wait_ns;
        if (half.held == nullptr) return half.progress_ns + limits_.gap_timeout_ns;
        if (is_awaited(half)) return never_ns;
        return std::max(header(*half.held).time_ns, half.progress_ns) + limits_.gap_timeout_ns;
    }
    [[nodiscard]] std::uint64_t acked_deadline(const AppHalf& half) const noexcept {
        const bool acked = half.acked_ns != 0 && seq_before(half.next_seq, half.acked_seq);
        return acked ? half.acked_ns + limits_.acked_gap_timeout_ns : never_ns;
    }
    [[nodiscard]] std::uint64_t hole_deadline(const AppHalf& half) const noexcept {
        return std::min(age_deadline(half), acked_deadline(half));
    }
    [[nodiscard]] std::uint64_t idle_deadline(const AppFlow& flow) const noexcept {
        if (flow.lingering) return flow.last_seen_ns + limits_.linger_ns;
        return flow.last_seen_ns + (flow.established ? limits_.idle_timeout_ns : limits_.opening_timeout_ns);
    }
    [[nodiscard]] std::uint64_t next_deadline(const AppFlow& flow) const noexcept {
        std::uint64_t deadline = idle_deadline(flow);
        for (const AppHalf& half : flow.halves) {
            if (has_hole(half)) deadline = std::min(deadline, hole_deadline(half));
        }
        return deadline;
    }
    [[nodiscard]] std::uint64_t turn(const AppFlow& flow) const noexcept {
        return std::min(next_deadline(flow), flow.last_seen_ns + longest_turn_ns);
    }
    void watch(AppFlow& flow, std::uint64_t deadline_ns, std::uint64_t now_ns) noexcept {
        const std::uint32_t index = table_.index_of(flow);
        if (wheel_.later_than(index, deadline_ns)) wheel_.schedule(index, deadline_ns, now_ns);
    }

    Limits limits_;
    Counters& counters_;
    FlowTable<AppFlow> table_;
    TimingWheel<FlowTable<AppFlow>> wheel_;
    BlockPool held_pool_;
};

}  // namespace rebuilder::tcp

#include "tcp/reassembler_impl.h"
