// SPDX-License-Identifier: Apache-2.0
// The Reassembler's members. Included by reassembler.h only; read that first.
#pragma once

#include <cstdlib>
#include <type_traits>

#include "tcp/reassembler.h"

namespace rebuilder::tcp {

// ---- segments --------------------------------------------------------------------------------------------------

template <class App>
template <class Sink>
void Reassembler<App>::push(const Segment& segment, std::uint64_t hash, std::uint64_t now_ns, Sink&& sink) noexcept {
    counters_.add(Counter::tcp_payload_bytes, segment.payload.size());
    if (segment.missing != 0) counters_.add(Counter::tcp_truncated_segments);

    const bool syn = segment.has(packet::TcpFlags::syn);
    AppFlow* flow = table_.find(segment.key, hash);
    if (flow == nullptr) {
        // Bare ACKs, FINs and RSTs of a connection that isn't known tell nothing that is worth a flow.
        if (segment.has(packet::TcpFlags::rst) || (!syn && segment.payload.empty())) {
            counters_.add(Counter::tcp_after_close_bytes, segment.payload.size());
            return;
        }
        flow = &open_flow(segment, hash, now_ns, sink);
    }
    flow->last_seen_ns = now_ns;

    const Line<std::remove_reference_t<Sink>> line{*flow, segment.sender, flow->half(segment.sender), now_ns, sink};
    if (!has_hole(line.half)) line.half.acked_ns = 0;  // what was acknowledged is here, or given up
    const bool acks = segment.has(packet::TcpFlags::ack);
    const bool rst = segment.has(packet::TcpFlags::rst);
    if (line.half.acks && !acks && !syn && !rst && !segment.payload.empty()) {
        // No receiver takes it (RFC 9293, section 3.10.7.4), so its bytes would be taken for those that come in their place.
        counters_.add(Counter::tcp_after_close_bytes, segment.payload.size());
        return;
    }
    line.half.acks = line.half.acks || (acks && !rst);
    Seq seq = segment.seq;
    if (syn) on_syn(line, segment, ++seq);  // SYN takes one sequence number
    if (rst) {
        // Text in a reset is for people, it isn't the stream's (RFC 9293, section 3.10.7.4).
        counters_.add(Counter::tcp_after_close_bytes, segment.payload.size());
    } else if (!segment.payload.empty()) {
        on_payload(line, {seq, segment.payload, true});
    }
    if (!syn || !segment.payload.empty()) flow->established = true;
    if (segment.has(packet::TcpFlags::fin | packet::TcpFlags::rst)) {
        flow->uneven = true;
        note_close(line.half, segment, seq, now_ns);
    }
    if (!flow->uneven) return;
    if (has_hole(line.half)) settle(line);
    AppHalf& peer = flow->half(packet::opposite(segment.sender));
    if (acks && (peer.close_known || has_hole(peer))) {
        note_ack(*flow, peer, segment.ack, now_ns);
    }
}

template <class App>
template <class Sink>
void Reassembler<App>::on_syn(Line<Sink> line, const Segment& segment, Seq start) noexcept {
    AppHalf& half = line.half;
    if (half.joining) {
        const bool of_stream = seq_before(half.next_seq, start) && !seq_before(first_waiting(half), start);
        join(line, of_stream ? start : first_waiting(half), !of_stream);
    }
    const Seq stream_start = half.next_seq - static_cast<Seq>(half.offset);
    if (half.seen && start == stream_start) return;  // sent again, or late: the stream is this SYN's already
    const Side peer_side = packet::opposite(line.side);
    AppHalf& peer = line.flow.half(peer_side);
    const bool answers = segment.has(packet::TcpFlags::ack) && peer.syn_pending && segment.ack == peer.syn_start;
    if (!half.seen && !answers) {
        begin(line, start, false);
    } else if (half.close_acked && half.ended && has_reached_end(half)) {
        restart(line, start);
    } else {
        // Either the end of the old connection was lost, or somebody tries to make us look away (RFC 5961, section 4),
        // for which both an end and a SYN may be forged. The data that follows will tell; or the peer, if it answers.
        half.syn_pending = true;
        half.syn_start = start;
        if (answers) restart(Line<Sink>{line.flow, peer_side, peer, line.now_ns, line.sink}, peer.syn_start);
    }
}

template <class App>
template <class Sink>
void Reassembler<App>::on_payload(Line<Sink> line, Piece piece) noexcept {
    AppHalf& half = line.half;
    if (!half.seen) begin_midstream(line, piece.seq);
    if (half.syn_pending) {
        const std::int64_t behind_syn = seq_diff(piece.seq, half.syn_start);
        const std::int64_t ahead = seq_diff(piece.seq, half.next_seq);
        if (behind_syn >= 0 && behind_syn < std::abs(ahead)) restart(line, half.syn_start);
    }
    bool waited = false;
    while (!piece.bytes.empty()) {
        if (half.ignored) {
            half.syn_pending = false;
            counters_.add(Counter::tcp_ignored_bytes, piece.bytes.size());
            return;
        }
        const std::int64_t ahead = seq_diff(piece.seq, half.next_seq);
        const auto size = static_cast<std::int64_t>(piece.bytes.size());
        if (std::abs(ahead) > limits_.max_distance) {
            // Not of this stream, unless the stream has gone silent where it was; or goes on where it was before, so that
            // what took it away was false.
            const bool back = half.jumped && is_near(piece, half.jumped_from);
            if (!back && line.now_ns < half.progress_ns + limits_.gap_timeout_ns) {
                counters_.add(Counter::tcp_out_of_window_bytes, piece.bytes.size());
                return;
            }
            jump(line, back ? half.jumped_from : piece.seq);
            half.jumped = !back;
            continue;
        }
        if (ahead < 0) {
            const std::int64_t seen = std::min(-ahead, size);
            count_behind(half, piece.seq, seen);
            piece.skip(static_cast<std::size_t>(seen));
            if (piece.bytes.empty()) counters_.add(Counter::tcp_duplicate_segments);
            continue;
        }
        half.syn_pending = false;  // the stream has gone on where it was; copies don't say so
        if (half.close_known) {
            const std::int64_t beyond = std::min(seq_diff(piece.seq, half.close_seq) + size, size);
            if (beyond > 0 && half.close_acked) {
                counters_.add(Counter::tcp_after_close_bytes, static_cast<std::uint64_t>(beyond));
                piece.bytes = piece.bytes.first(static_cast<std::size_t>(size - beyond));
                continue;
            }
            if (beyond > 0) disbelieve_close(line.flow, half);
        }
        if (ahead == 0 && !half.joining) {
            half.progress_ns = line.now_ns;
            deliver(line, piece);
            return;
        }
        if (!waited && !half.joining) counters_.add(Counter::tcp_out_of_order_segments);
        waited = true;
        line.flow.uneven = true;
        if (hold(half, piece, line.now_ns)) {
            if (half.joining && half.held_bytes > limits_.join_bytes) give_up_hole(line);
            return;
        }
        if (half.held != nullptr) {
            give_up_hole(line);  // makes room; what is left of the piece is looked at again
        } else if (half.joining) {
            join(line, piece.seq, true);
        } else {
            counters_.add(Counter::tcp_held_full_bytes, piece.bytes.size());
            return;
        }
    }
}

// FIN and RST both end the stream at a place; a RST counts only in the window, as RFC 5961, section 3 asks.
template <class App>
void Reassembler<App>::note_close(
    AppHalf& half, const Segment& segment, Seq payload_seq, std::uint64_t now_ns) noexcept {
    if (!half.seen || half.close_known) return;
    Seq at = payload_seq;
    if (!segment.has(packet::TcpFlags::rst)) at += static_cast<Seq>(segment.payload.size()) + segment.missing;
    if (half.ignored) at = half.next_seq;  // its sequence isn't followed any more
    const std::int32_t ahead = seq_diff(at, half.next_seq);
    if (ahead < 0 || static_cast<std::uint32_t>(ahead) > limits_.max_distance) return;
    const std::uint64_t offset = half.offset + static_cast<std::uint64_t>(ahead);
    if (const Block* last = last_waiting(half); last != nullptr && end_of(*last) > offset)
        return;  // data waits behind it
    half.close_known = true;
    half.reset = segment.has(packet::TcpFlags::rst);
    half.close_seq = at;
    half.progress_ns = now_ns;
}

// Data behind a FIN or RST: it was forged, or not meant for whom the data is, and the other side went on. Ending the
// stream there would be an easy way to make an observer look away.
template <class App>
void Reassembler<App>::disbelieve_close(AppFlow& flow, AppHalf& half) noexcept {
    half.close_known = half.close_acked = half.ended = false;
    look_at_ends(flow);
    counters_.add(Counter::tcp_end_disbelieved);
}

// The peer has the FIN, which takes a sequence number: nothing it gets behind that is the stream's. Or it has what we
// wait for, which may still come, as the mirror's two directions are not in step; but not for long. Or it waits for the
// same bytes as we do.
template <class App>
void Reassembler<App>::note_ack(AppFlow& flow, AppHalf& half, Seq ack, std::uint64_t now_ns) noexcept {
    if (half.close_known && !half.reset && ack == half.close_seq + 1) half.close_acked = true;
    if (!has_hole(half) || half.joining) return;
    const std::int32_t ahead = seq_diff(ack, half.next_seq);
    if (ahead < 0 || static_cast<std::uint32_t>(ahead) > limits_.max_distance) return;
    const bool acked = half.acked_ns != 0 && seq_before(half.next_seq, half.acked_seq);
    if (acked && !seq_before(half.acked_seq, ack)) return;
    if (acked && half.held != nullptr && !seq_before(half.acked_seq, first_waiting(half)))
        return;  // one hole at a time
    if (is_awaited(half)) half.progress_ns = now_ns;
    half.acked_ns = now_ns;
    half.acked_seq = ack;
    half.awaited = ahead == 0;
    watch(flow, hole_deadline(half), now_ns);
}

// The stream begins at `start`.
template <class App>
template <class Sink>
void Reassembler<App>::begin(Line<Sink> line, Seq start, bool midstream) noexcept {
    line.half.seen = true;
    line.half.joining = false;
    line.half.progress_ns = line.now_ns;
    begin_at(line.half, start, midstream);
    look_at_ends(line.flow);
    tell(line, {.kind = StreamChunk::Kind::open, .midstream = midstream, .data = {}});
}

// What is in front of a stream that was picked up was somebody's, too.
template <class App>
void Reassembler<App>::begin_at(AppHalf& half, Seq start, bool midstream) const noexcept {
    half.next_seq = half.lost_to = start;
    half.lost_from = midstream ? start - limits_.max_distance : start;
}

// `first`: the place of the bytes that show it.
template <class App>
template <class Sink>
void Reassembler<App>::begin_midstream(Line<Sink> line, Seq first) noexcept {
    AppHalf& half = line.half;
    if (limits_.join_wait_ns == 0 || held_pool_.available() <= held_pool_.total() / 2) {
        begin(line, first, true);
        return;
    }
    half.seen = half.joining = true;
    half.progress_ns = line.now_ns;
    begin_at(half, first - std::min(limits_.join_reach, limits_.max_distance / 2), true);
}

// Ends the wait: the stream begins at `start`, which is at the first waiting byte or in front of it.
template <class App>
template <class Sink>
void Reassembler<App>::join(Line<Sink> line, Seq start, bool midstream) noexcept {
    const auto skipped = static_cast<std::uint32_t>(start - line.half.next_seq);
    for (Block* block = line.half.held; block != nullptr; block = block->next) block->offset -= skipped;
    begin(line, start, midstream);
    pass_ready(line);
}

// A new connection on the same endpoints: both directions start over, the other one with its SYN if that was here first.
template <class App>
template <class Sink>
void Reassembler<App>::restart(Line<Sink> line, Seq start) noexcept {
    const Side peer_side = packet::opposite(line.side);
    const Line<Sink> peer{line.flow, peer_side, line.flow.half(peer_side), line.now_ns, line.sink};
    const bool peer_began = peer.half.syn_pending;
    const Seq peer_start = peer.half.syn_start;
    for (const Line<Sink>& each : {line, peer}) {
        give_up_all(each);
        if (each.half.seen) close(each, CloseReason::ended);
        each.half = AppHalf{};
    }
    line.flow.established = false;
    counters_.add(Counter::flows_reused);
    counters_.add(Counter::flows_opened);
    watch(line.flow, idle_deadline(line.flow), line.now_ns);
    begin(line, start, false);
    if (peer_began) begin(peer, peer_start, false);
}

// After anything that moved the stream or told its end: note when the end is reached, else see to its hole in time.
template <class App>
template <class Sink>
void Reassembler<App>::settle(Line<Sink> line) noexcept {
    AppHalf& half = line.half;
    if (half.close_known && !half.ended && has_reached_end(half)) {
        reach_end(line.flow, half, line.now_ns);
    } else if (has_hole(half)) {
        watch(line.flow, hole_deadline(half), line.now_ns);
    }
}

// The stream's end, or the time for what is missing in front of it, has come. That hole stays open while the flow is
// there: if the end was false, what comes there is the stream's.
template <class App>
void Reassembler<App>::reach_end(AppFlow& flow, AppHalf& half, std::uint64_t now_ns) noexcept {
    half.ended = true;
    look_at_ends(flow);
    if (flow.lingering) watch(flow, idle_deadline(flow), now_ns);
}

template <class App>
void Reassembler<App>::look_at_ends(AppFlow& flow) noexcept {
    bool all = true;
    bool reset = false;
    for (const AppHalf& half : flow.halves) {
        all = all && (half.ended || !half.seen);
        reset = reset || (half.ended && half.reset);
    }
    flow.lingering = all || reset;
}

// ---- towards the sink ------------------------------------------------------------------------------------------

template <class App>
template <class Sink>
void Reassembler<App>::tell(Line<Sink> line, const StreamChunk& chunk) noexcept {
    if (line.half.ignored) return;
    if (line.sink(line.flow, line.side, chunk) == Appetite::nothing && chunk.kind != StreamChunk::Kind::close) {
        line.half.ignored = true;
        line.half.close_seq = line.half.next_seq;  // if it is known: what comes before it isn't waited for
        drop_held(line.half, Counter::tcp_ignored_bytes);
    }
}

template <class App>
template <class Sink>
void Reassembler<App>::pass(Line<Sink> line, Bytes bytes, bool segment_start, std::uint64_t time_ns) noexcept {
    const std::uint64_t offset = line.half.offset;
    line.half.offset += bytes.size();
    line.half.next_seq += static_cast<Seq>(bytes.size());
    counters_.add(Counter::tcp_delivered_bytes, bytes.size());
    tell(line, {.segment_start = segment_start, .offset = offset, .data = bytes, .time_ns = time_ns});
}

// `piece` begins at next_seq. It may reach into waiting bytes, which came first and so win.
template <class App>
template <class Sink>
void Reassembler<App>::deliver(Line<Sink> line, Piece piece) noexcept {
    AppHalf& half = line.half;
    while (!piece.bytes.empty() && !half.ignored) {
        std::size_t fresh = piece.bytes.size();
        if (half.held != nullptr) fresh = std::min<std::uint64_t>(fresh, half.held->offset - half.offset);
        if (fresh != 0) {
            pass(line, piece.bytes.first(fresh), piece.segment_start, line.now_ns);
            piece.skip(fresh);
        } else {
            const Bytes held = waiting(*half.held);
            const std::size_t overlap = std::min(held.size(), piece.bytes.size());
            count_overlap(held.first(overlap), piece.bytes.first(overlap));
            piece.skip(overlap);
            pass_first_held(line);
        }
    }
    counters_.add(Counter::tcp_ignored_bytes, piece.bytes.size());
    pass_ready(line);
}

template <class App>
template <class Sink>
void Reassembler<App>::pass_first_held(Line<Sink> line) noexcept {
    AppHalf& half = line.half;
    Block* block = half.held;
    half.held = block->next;
    if (half.held != nullptr) header(*half.held).previous = header(*block).previous;
    half.held_bytes -= static_cast<std::uint32_t>(waiting(*block).size());
    --half.held_blocks;
    pass(line, waiting(*block), header(*block).segment_start, header(*block).time_ns);
    held_pool_.give(block);
}

// What waited for nothing but the bytes in front of it.
template <class App>
template <class Sink>
void Reassembler<App>::pass_ready(Line<Sink> line) noexcept {
    const AppHalf& half = line.half;
    while (half.held != nullptr && half.held->offset == half.offset) pass_first_held(line);
}

// The bytes up to the first waiting one, or up to the known end, will not come; or `most` of them.
template <class App>
template <class Sink>
void Reassembler<App>::give_up_hole(Line<Sink> line, std::uint64_t most) noexcept {
    AppHalf& half = line.half;
    if (half.joining) {
        join(line, first_waiting(half), true);
        return;
    }
    const std::uint64_t hole = half.held != nullptr
                                   ? half.held->offset - half.offset
                                   : static_cast<std::uint64_t>(std::max(seq_diff(half.close_seq, half.next_seq), 0));
    const std::uint64_t gap = std::min(hole, most);
    counters_.add(Counter::tcp_gaps);
    counters_.add(Counter::tcp_gap_bytes, gap);
    const std::uint64_t offset = half.offset;
    if (half.lost_to != half.next_seq) half.lost_from = half.next_seq;
    half.offset += gap;
    half.next_seq += static_cast<Seq>(gap);
    half.lost_to = half.next_seq;
    tell(line, {.kind = StreamChunk::Kind::gap, .offset = offset, .data = {}, .gap_bytes = gap});
    pass_ready(line);
}

// Every hole of the stream, and the one in front of its known end.
template <class App>
template <class Sink>
void Reassembler<App>::give_up_all(Line<Sink> line) noexcept {
    AppHalf& half = line.half;
    while (half.held != nullptr) give_up_hole(line);
    if (!half.ignored && half.close_known && !has_reached_end(half)) give_up_hole(line);
}

// The stream goes on somewhere else: a hole of unknown size. A stream that waits to begin does so first, where its bytes are.
template <class App>
template <class Sink>
void Reassembler<App>::jump(Line<Sink> line, Seq seq) noexcept {
    if (line.half.joining) give_up_hole(line);
    drop_held(line.half, Counter::tcp_held_dropped_bytes);
    if (line.half.close_known) disbelieve_close(line.flow, line.half);
    line.half.jumped_from = line.half.next_seq;
    line.half.next_seq = line.half.lost_from = line.half.lost_to = seq;
    line.half.acked_ns = 0;
    counters_.add(Counter::tcp_gaps);
    tell(line, {.kind = StreamChunk::Kind::gap, .offset = line.half.offset, .data = {}, .gap_bytes = unknown_gap});
}

template <class App>
template <class Sink>
void Reassembler<App>::close(Line<Sink> line, CloseReason reason) noexcept {
    drop_held(line.half, Counter::tcp_held_dropped_bytes);
    tell(line, {.kind = StreamChunk::Kind::close, .reason = reason, .offset = line.half.offset, .data = {}});
}

// ---- bytes that wait --------------------------------------------------------------------------------------------

// The last waiting block that begins at `offset` or in front of it, or null: looked for from the nearer end, so that what
// comes near either costs little, however much waits between. False when that is past too many.
template <class App>
bool Reassembler<App>::find_place(
    const AppHalf& half, std::uint64_t offset, Block*& before, std::size_t& passed) const noexcept {
    before = last_waiting(half);
    if (before == nullptr || before->offset <= offset) return true;
    if (offset + offset > half.held->offset + before->offset) {
        for (; before->offset > offset; before = header(*before).previous) {
            if (++passed > limits_.held_search) return false;
        }
        return true;
    }
    before = nullptr;
    for (Block* next = half.held; next->offset <= offset; next = next->next) {
        if (++passed > limits_.held_search) return false;
        before = next;
    }
    return true;
}

// Copies what isn't waiting yet of `piece`, which is then behind what was kept. False when something was left for
// want of room.
template <class App>
bool Reassembler<App>::hold(AppHalf& half, Piece& piece, std::uint64_t time_ns) noexcept {
    std::uint64_t offset = half.offset + static_cast<std::uint64_t>(seq_diff(piece.seq, half.next_seq));
    std::size_t passed = 0;
    Block* before = nullptr;
    if (!find_place(half, offset, before, passed)) return false;
    while (!piece.bytes.empty()) {
        Block* const behind = before != nullptr ? before->next : half.held;
        std::size_t part = piece.bytes.size();
        if (before != nullptr && end_of(*before) > offset) {
            const Bytes overlap = waiting(*before).subspan(offset - before->offset);
            part = std::min(part, overlap.size());
            count_overlap(overlap.first(part), piece.bytes.first(part));
        } else if (behind != nullptr && behind->offset == offset) {
            if (++passed > limits_.held_search) return false;
            before = behind;
            continue;
        } else {
            if (behind != nullptr) part = std::min<std::uint64_t>(part, behind->offset - offset);
            part = std::min(part, held_pool_.block_capacity() - sizeof(HeldHeader));
            if (half.held_bytes + part > limits_.held_bytes_per_flow || !may_hold_more(half)) return false;
            Block* block = held_pool_.take();
            if (block == nullptr) return false;
            header(*block) = {time_ns, before != nullptr ? before : last_waiting(half), piece.segment_start};
            std::memcpy(block->data() + sizeof(HeldHeader), piece.bytes.data(), part);
            block->size = static_cast<std::uint32_t>(sizeof(HeldHeader) + part);
            block->offset = offset;
            block->next = behind;
            (before != nullptr ? before->next : half.held) = block;
            header(behind != nullptr ? *behind : *half.held).previous = block;
            half.held_bytes += static_cast<std::uint32_t>(part);
            ++half.held_blocks;
            before = block;
        }
        piece.skip(part);
        offset += part;
    }
    return true;
}

// Bytes behind the stream's position, seen before or missed.
template <class App>
void Reassembler<App>::count_behind(const AppHalf& half, Seq seq, std::int64_t size) noexcept {
    const auto within = [&](Seq place) { return std::clamp<std::int64_t>(seq_diff(place, seq), 0, size); };
    const std::int64_t late = std::max<std::int64_t>(within(half.lost_to) - within(half.lost_from), 0);
    counters_.add(Counter::tcp_late_bytes, static_cast<std::uint64_t>(late));
    counters_.add(Counter::tcp_duplicate_bytes, static_cast<std::uint64_t>(size - late));
}

template <class App>
void Reassembler<App>::drop_held(AppHalf& half, Counter reason) noexcept {
    while (half.held != nullptr) {
        Block* block = half.held;
        half.held = block->next;
        counters_.add(reason, waiting(*block).size());
        held_pool_.give(block);
    }
    half.held_bytes = 0;
    half.held_blocks = 0;
}

// ---- flows -----------------------------------------------------------------------------------------------------

template <class App>
template <class Sink>
auto Reassembler<App>::open_flow(const Segment& segment, std::uint64_t hash, std::uint64_t now_ns, Sink& sink) noexcept
    -> AppFlow& {
    AppFlow* flow = table_.insert(segment.key, hash);
    if (flow == nullptr) {
        evict_one(now_ns, sink);
        flow = table_.insert(segment.key, hash);
    }
    counters_.add(Counter::flows_opened);
    if (!segment.has(packet::TcpFlags::syn)) counters_.add(Counter::flows_midstream);
    flow->last_seen_ns = now_ns;
    wheel_.schedule(table_.index_of(*flow), turn(*flow), now_ns);
    return *flow;
}

// The flow whose turn is next is the one that is idle longest, once its turn is brought up to date. Those that wait
// for bytes have nearer deadlines, and are no candidates while there is another.
template <class App>
template <class Sink>
void Reassembler<App>::evict_one(std::uint64_t now_ns, Sink& sink) noexcept {
    const std::uint64_t behind_holes_ns =
        now_ns + std::min(limits_.gap_timeout_ns, limits_.linger_ns) + 2 * wheel_.tick_ns;
    std::uint32_t oldest = no_index;
    for (int candidate = 0; candidate < eviction_candidates; ++candidate) {
        const std::uint32_t index = wheel_.soonest(behind_holes_ns);
        AppFlow& flow = table_[index];
        if (oldest == no_index || flow.last_seen_ns < table_[oldest].last_seen_ns) oldest = index;
        const std::uint64_t turn_ns = turn(flow);
        if (!wheel_.sooner_than(index, turn_ns)) {
            oldest = index;
            break;
        }
        wheel_.schedule(index, turn_ns, now_ns);
    }
    end(table_[oldest], CloseReason::evicted, now_ns, sink);
}

template <class App>
template <class Sink>
void Reassembler<App>::expired(AppFlow& flow, std::uint64_t now_ns, Sink& sink) noexcept {
    if (now_ns >= idle_deadline(flow)) {
        end(flow, CloseReason::idle, now_ns, sink);
        return;
    }
    for (const Side side : {Side::low, Side::high}) {
        const Line<Sink> line{flow, side, flow.half(side), now_ns, sink};
        AppHalf& half = line.half;
        while (has_hole(half) && now_ns >= hole_deadline(half)) {
            if (half.held == nullptr) {
                reach_end(flow, half, now_ns);
            } else if (now_ns >= age_deadline(half) || !seq_before(half.acked_seq, first_waiting(half))) {
                give_up_hole(line);
            } else {
                give_up_hole(line, static_cast<std::uint64_t>(seq_diff(half.acked_seq, half.next_seq)));
                half.awaited = true;  // the rest of it
            }
            settle(line);
        }
    }
    const std::uint64_t turn_ns = turn(flow);
    const std::uint64_t again_ns = std::min(next_deadline(flow), now_ns + next_turn_ns);
    wheel_.schedule(table_.index_of(flow), turn_ns > now_ns ? turn_ns : again_ns, now_ns);
}

template <class App>
template <class Sink>
void Reassembler<App>::end(AppFlow& flow, CloseReason reason, std::uint64_t now_ns, Sink& sink) noexcept {
    if (flow.lingering) reason = CloseReason::ended;
    for (const Side side : {Side::low, Side::high}) {
        const Line<Sink> line{flow, side, flow.half(side), now_ns, sink};
        give_up_all(line);
        settle(line);
        if (line.half.seen) close(line, line.half.ended ? CloseReason::ended : reason);
    }
    switch (reason) {
    case CloseReason::ended: counters_.add(Counter::flows_closed); break;
    case CloseReason::idle: counters_.add(Counter::flows_idle); break;
    case CloseReason::evicted: counters_.add(Counter::flows_evicted); break;
    case CloseReason::drained: counters_.add(Counter::flows_drained); break;
    }
    wheel_.cancel(table_.index_of(flow));
    table_.erase(flow);
}

}  // namespace rebuilder::tcp
