// SPDX-License-Identifier: Apache-2.0
#include "pipeline/worker.h"

#include <algorithm>
#include <array>
#include <utility>

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
    , fragments_(config.fragments, config.secret, counters_)
    , reassembler_(config.tcp, counters_)
    , blocks_(block_bytes, config.buffer_bytes / block_bytes)
    , http_(config.http, blocks_, counters_)
    , settings_(std::make_unique<Settings>(config, std::move(outputs)))
    , mapped_bytes_(fragments_.mapped_bytes() + reassembler_.mapped_bytes() + http_.mapped_bytes() +
                    blocks_.total() * block_bytes + settings_->selection.bytes())
    , sources_(config.secret) {}

Worker::~Worker() {
    delete next_.load();
    delete retired_.load();
}

auto Worker::stream_sink() noexcept {
    return [this](AppFlow& flow, Side side, const tcp::StreamChunk& chunk) noexcept {
        const tcp::Appetite appetite = http_.feed(flow.half(side).app, flow.half(packet::opposite(side)).app, chunk,
            [&](http::Request& request) noexcept { on_request(flow, side, request); });
        if (observer_ != nullptr) observer_->on_chunk(flow.key, side, chunk);
        return appetite;
    };
}

std::uint64_t Worker::on_burst(std::span<const packet::Frame> frames) noexcept {
    struct Arrival {
        Segment segment;
        std::uint64_t hash;
    };
    std::array<Arrival, max_burst> arrivals;
    std::size_t segments = 0;
    const Settings& settings = *settings_;
    std::size_t bytes = 0;
    SourceTable::Run sources(sources_);
    std::uint64_t not_mirrored = 0;

    // First find every segment's place in the flow table and ask for it, then for the flow that it shows, then visit them:
    // the misses overlap.
    counters_.add(Counter::frames, frames.size());
    constexpr std::size_t headers_ahead = 4, flows_ahead = 8, payloads_ahead = 3;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const packet::Frame& frame = frames[i];
        if (i + headers_ahead < frames.size()) prefetch(frames[i + headers_ahead].bytes, packet::usual_headers);
        bytes += frame.bytes.size();
        Arrival& arrival = arrivals[segments];
        packet::Origin origin;
        Counter verdict = settings.decapsulator.decap(frame, arrival.segment, &fragments_, &origin);
        sources.count(origin, frame.bytes.size());
        if (verdict == Counter::segments && settings.own_outputs.holds(destination(arrival.segment))) {
            verdict = Counter::frame_to_output;
        }
        counters_.add(verdict);
        if (verdict != Counter::segments) {
            not_mirrored |= std::uint64_t{verdict == Counter::frame_not_tunnel} << i;
            continue;
        }
        arrival.hash = arrival.segment.key.hash(secret_);
        reassembler_.prefetch(arrival.hash);
        ++segments;
    }
    counters_.add(Counter::frame_bytes, bytes);
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
    return not_mirrored;
}

void Worker::on_tick(std::uint64_t now_ns) noexcept {
    now_ns_ = std::max(now_ns_, now_ns);
    take_change();
    settings_->own_outputs.refresh();
    sources_.tick(now_ns_);
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
    if (const auto refused = settings_->selection.refuse(request, now_ns_)) {
        counters_.add(*refused);
        return;
    }
    if (settings_->rewriting.has_rules()) count_rewritten(request);
    if (settings_->record_writer) hand_off(Form::record, request);
    if (settings_->wires) hand_off(Form::wire, request);  // takes the body, so it comes last
}

// Once for all outputs, since these rules hold for each of them.
void Worker::count_rewritten(const http::Request& request) noexcept {
    using Action = forward::FieldRule::Action;
    for (const std::span<const http::Field> fields : {request.headers, request.trailers}) {
        for (const http::Field& field : fields) {
            const forward::FieldRule* rule = settings_->rewriting.find(request.name(field));
            if (rule == nullptr || rule->action == Action::set) continue;
            counters_.add(
                rule->action == Action::remove ? Counter::request_fields_removed : Counter::request_fields_redacted);
        }
    }
}

void Worker::hand_off(Form form, http::Request& request) noexcept {
    Settings& settings = *settings_;
    forward::Slot slot;
    const Counter written = form == Form::record
                                ? settings.record_writer->write(request, settings.rewriting, blocks_, slot)
                                : forward::write_wire(request, settings.rewriting, blocks_, slot);
    // Outputs of the same form share the blocks; the first block counts them. Only this thread touches the count.
    std::uint64_t holders = 0;
    for (const OutputLink& output : settings.outputs) holders += output.form == form;
    if (written == Counter::handed_off) slot.first->offset = holders;
    for (const OutputLink& output : settings.outputs) {
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
    reclaim(*settings_);
    if (last_ != nullptr) reclaim(*last_);
}

void Worker::reclaim(Settings& settings) noexcept {
    forward::Slot slot;
    for (const OutputLink& output : settings.outputs) {
        while (output.channel->reclaim(slot)) release(slot.first);
    }
}

// ---- a change of what may change ----

void Worker::change(std::unique_ptr<Settings> next) noexcept {
    next_.store(next.release(), std::memory_order_release);
}

std::unique_ptr<Settings> Worker::retire() noexcept {
    return std::unique_ptr<Settings>(retired_.exchange(nullptr, std::memory_order_acquire));
}

void Worker::take_change() noexcept {
    if (next_.load(std::memory_order_relaxed) != nullptr && last_ == nullptr) {
        std::unique_ptr<Settings> next(next_.load(std::memory_order_acquire));
        for (const OutputLink& output : next->outputs) {
            if (output.quota_blocks != 0) output.channel->set_quota(output.quota_blocks);
            if (!settings_->has(output.channel)) output.channel->handing().add(Counter::requests_absent, selected());
        }
        // Of the last settings only the outputs that are gone are needed, until they have given back what they hold.
        last_ = std::exchange(settings_, std::move(next));
        std::erase_if(last_->outputs, [this](const OutputLink& output) { return settings_->has(output.channel); });
        for (const OutputLink& output : last_->outputs) output.channel->leave(selected());
        reassembler_.adopt(settings_->tcp);
        http_.adopt(settings_->http);
        next_.store(nullptr, std::memory_order_release);
    }
    if (last_ == nullptr) return;
    reclaim(*last_);
    for (const OutputLink& output : last_->outputs) {
        if (output.channel->blocks_out() != 0) return;
    }
    retired_.store(last_.release(), std::memory_order_release);
}

// Requests that every output was offered, or would have been.
std::uint64_t Worker::selected() const noexcept {
    const CounterValues values = counters_.read();
    return values.sum(CounterRole::request_rebuilt) - values.sum(CounterRole::request_filtered);
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

}  // namespace rebuilder::pipeline
