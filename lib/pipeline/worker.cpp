// SPDX-License-Identifier: Apache-2.0
#include "pipeline/worker.h"

#include <algorithm>
#include <array>

#include "forward/wire.h"

namespace rebuilder::pipeline {

using forward::Form;
using packet::Segment;
using packet::Side;

// An idle flow is to cost at most 320 bytes: the record, and two index entries of a table that is half full.
static_assert(sizeof(tcp::Flow<http::Stream>) + 2 * 8 <= 320);

namespace {

packet::Endpoint destination(const Segment& segment) noexcept {
    return segment.key.endpoint(packet::opposite(segment.sender));
}

}  // namespace

Worker::Worker(const WorkerConfig& config, std::vector<OutputLink> outputs)
    : secret_(config.secret)
    , outputs_(std::move(outputs))
    , decapsulator_(config.decap)
    , fragments_(config.fragments, config.secret, counters_)
    , reassembler_(config.tcp, counters_)
    , blocks_(block_bytes, config.buffer_bytes / block_bytes)
    , http_(config.http, blocks_, counters_)
    , selection_(config.selection, config.seed)
    , rewriting_(config.rewriting) {
    for (const OutputLink& output : outputs_) {
        if (output.form == Form::wire) {
            wires_ = true;
        } else if (!record_writer_) {
            record_writer_.emplace(config.record_bodies);
        }
        if (output.addresses != nullptr) own_outputs_.add(*output.addresses);
    }
    own_outputs_.refresh();
}

auto Worker::stream_sink() noexcept {
    return [this](AppFlow& flow, Side side, const tcp::StreamChunk& chunk) noexcept {
        const tcp::Appetite appetite = http_.feed(flow.half(side).app, flow.half(packet::opposite(side)).app, chunk,
            [&](http::Request& request) noexcept { on_request(flow, side, request); });
        if (observer_ != nullptr) observer_->on_chunk(flow.key, side, chunk);
        return appetite;
    };
}

void Worker::on_burst(std::span<const packet::Frame> frames) noexcept {
    struct Arrival {
        Segment segment;
        std::uint64_t hash;
    };
    std::array<Arrival, max_burst> arrivals;
    std::size_t segments = 0;

    // First find every segment's place in the flow table and ask for it, then for the flow that it shows, then visit them:
    // the misses overlap.
    counters_.add(Counter::frames, frames.size());
    constexpr std::size_t headers_ahead = 4, flows_ahead = 8, payloads_ahead = 3;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const packet::Frame& frame = frames[i];
        if (i + headers_ahead < frames.size()) prefetch(frames[i + headers_ahead].bytes, packet::usual_headers);
        counters_.add(Counter::frame_bytes, frame.bytes.size());
        Arrival& arrival = arrivals[segments];
        Counter verdict = decapsulator_.decap(frame, arrival.segment, &fragments_);
        if (verdict == Counter::segments && own_outputs_.holds(destination(arrival.segment))) {
            verdict = Counter::frame_to_output;
        }
        counters_.add(verdict);
        if (verdict != Counter::segments) continue;
        arrival.hash = arrival.segment.key.hash(secret_);
        reassembler_.prefetch(arrival.hash);
        ++segments;
    }
    for (std::size_t i = 0; i < segments; ++i) {
        const Arrival& arrival = arrivals[i];
        if (i + flows_ahead < segments) {
            const Arrival& next = arrivals[i + flows_ahead];
            reassembler_.prefetch_flow(next.hash, next.segment.sender);
        }
        if (i + payloads_ahead < segments) prefetch(arrivals[i + payloads_ahead].segment.payload);
        now_ns_ = std::max(now_ns_, arrival.segment.time_ns);
        reassembler_.push(arrival.segment, arrival.hash, now_ns_, stream_sink());
        if (observer_ != nullptr) observer_->on_segment(arrival.segment);
    }
    fragments_.release();
    reclaim();
}

void Worker::on_tick(std::uint64_t now_ns) noexcept {
    now_ns_ = std::max(now_ns_, now_ns);
    own_outputs_.refresh();
    fragments_.expire(now_ns_);
    reassembler_.tick(now_ns_, stream_sink());
    reclaim();
}

void Worker::drain() noexcept {
    fragments_.drain();
    reassembler_.drain(now_ns_, stream_sink());
}

void Worker::on_request(AppFlow& flow, Side sender, http::Request& request) noexcept {
    request.source = flow.key.endpoint(sender);
    request.destination = flow.key.endpoint(packet::opposite(sender));
    const http::Stream& stream = flow.half(sender).app;
    request.client = stream.proxied ? stream.client : request.source.address;
    request.vni = flow.key.vni;
    if (const auto refused = selection_.refuse(request, now_ns_)) {
        counters_.add(*refused);
        return;
    }
    if (rewriting_.has_rules()) count_rewritten(request);
    if (record_writer_) hand_off(Form::record, request);
    if (wires_) hand_off(Form::wire, request);  // takes the body, so it comes last
}

// Once for all outputs, since these rules hold for each of them.
void Worker::count_rewritten(const http::Request& request) noexcept {
    using Action = forward::FieldRule::Action;
    for (const std::span<const http::Field> fields : {request.headers, request.trailers}) {
        for (const http::Field& field : fields) {
            const forward::FieldRule* rule = rewriting_.find(request.name(field));
            if (rule == nullptr || rule->action == Action::set) continue;
            counters_.add(
                rule->action == Action::remove ? Counter::request_fields_removed : Counter::request_fields_redacted);
        }
    }
}

void Worker::hand_off(Form form, http::Request& request) noexcept {
    forward::Slot slot;
    const Counter written = form == Form::record ? record_writer_->write(request, rewriting_, blocks_, slot)
                                                 : forward::write_wire(request, rewriting_, blocks_, slot);
    // Outputs of the same form share the blocks; the first block counts them. Only this thread touches the count.
    std::uint64_t holders = 0;
    for (const OutputLink& output : outputs_) holders += output.form == form;
    if (written == Counter::handed_off) slot.first->offset = holders;
    for (const OutputLink& output : outputs_) {
        if (output.form != form) continue;
        if (written != Counter::handed_off) {
            output.channel->handing().add(written);
            continue;
        }
        if (patience_ != nullptr && !output.channel->has_room(slot)) patience_->wait(*output.channel, slot);
        if (output.channel->offer(slot) != Counter::handed_off) release(slot.first);
    }
}

void Worker::reclaim() noexcept {
    forward::Slot slot;
    for (const OutputLink& output : outputs_) {
        while (output.channel->reclaim(slot)) release(slot.first);
    }
}

// One holder less; the last one's blocks go back to the pool.
void Worker::release(Block* first) noexcept {
    if (--first->offset != 0) return;
    for (Block* block = first; block != nullptr;) {
        Block* next = block->next;
        blocks_.give(block);
        block = next;
    }
}

std::size_t Worker::mapped_bytes() const noexcept {
    return fragments_.mapped_bytes() + reassembler_.mapped_bytes() + http_.mapped_bytes() +
           blocks_.total() * block_bytes + selection_.bytes();
}

}  // namespace rebuilder::pipeline
