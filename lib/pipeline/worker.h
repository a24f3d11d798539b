// SPDX-License-Identifier: Apache-2.0
// Worker: one line, from frames to slots.
//
//   frames ─► Decapsulator ─► Reassembler ─► HttpStage ─► Selection ─► write_wire / RecordWriter ─► Channels
//
// In:    on_burst() takes frames as they came; on_tick() the time, several times a second; drain() the end of the run.
// Out:   slots, offered to the channels it was given.
// Owns:  its flow table, parsers, pools and counters; shares nothing but the channels. One thread at a time.
// Never: blocks, allocates after construction, throws, reads a clock, or keeps a pointer into a frame; but
//        the expressions of --allow and --deny fill their caches (forward/selection.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "base/siphash.h"
#include "forward/handoff.h"
#include "forward/output.h"
#include "forward/record.h"
#include "forward/rewriting.h"
#include "forward/selection.h"
#include "http/limits.h"
#include "http/stream.h"
#include "packet/decap.h"
#include "pipeline/observer.h"
#include "pipeline/own_outputs.h"
#include "tcp/reassembler.h"

namespace rebuilder::pipeline {

struct WorkerConfig {
    packet::DecapConfig decap;
    packet::FragmentLimits fragments;
    tcp::Limits tcp;
    http::Limits http;
    forward::Rewriting rewriting;
    HashSecret secret;
    std::size_t buffer_bytes = 128 << 20;  // requests in assembly and on their way out
    bool record_bodies = false;
    forward::SelectionConfig selection;
    std::uint64_t seed = 0;  // of what is drawn by lot
};

// One output, seen from a worker. The channel outlives the worker.
struct OutputLink {
    forward::Form form;
    forward::Channel* channel;
    const forward::EndpointBoard* addresses = nullptr;  // where it sends to, if it does
};

// Who can wait for an output. The appliance has nobody: what finds its channel full is shed.
class Patience {
  public:
    // Comes back when the channel has room for the slot, or will never have. May call the worker's reclaim(), nothing else of it.
    virtual void wait(const forward::Channel& channel, const forward::Slot& slot) noexcept = 0;

  protected:
    ~Patience() = default;
};

class Worker {
  public:
    static constexpr std::size_t max_burst = 64;
    static constexpr std::size_t block_bytes = 4096;

    Worker(const WorkerConfig& config, std::vector<OutputLink> outputs);

    // At most max_burst frames, in the order of their arrival.
    void on_burst(std::span<const packet::Frame> frames) noexcept;
    void on_tick(std::uint64_t now_ns) noexcept;
    // Ends every flow: what is whole is handed off, what isn't is counted as lost.
    void drain() noexcept;
    // Takes back the blocks of slots that outputs are done with. on_burst() and on_tick() do, too.
    void reclaim() noexcept;
    // From now on `observer` is told what happens. It outlives the worker.
    void observe(Observer& observer) noexcept { observer_ = &observer; }
    // From now on a full channel is waited for. `patience` outlives the worker's use.
    void wait_with(Patience& patience) noexcept { patience_ = &patience; }

    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
    [[nodiscard]] std::size_t flows() const noexcept { return reassembler_.flows(); }
    // What isn't in its pool: zero after drain(), and once the outputs have given everything back.
    [[nodiscard]] std::size_t blocks_in_use() const noexcept {
        return blocks_.total() - blocks_.available() + reassembler_.held_blocks() + fragments_.in_use();
    }
    // The most memory this worker can come to use, in bytes.
    [[nodiscard]] std::size_t mapped_bytes() const noexcept;

  private:
    using AppFlow = tcp::Flow<http::Stream>;

    [[nodiscard]] auto stream_sink() noexcept;
    void on_request(AppFlow& flow, packet::Side sender, http::Request& request) noexcept;
    void count_rewritten(const http::Request& request) noexcept;
    void hand_off(forward::Form form, http::Request& request) noexcept;
    void release(Block* first) noexcept;

    HashSecret secret_;
    std::vector<OutputLink> outputs_;
    Counters counters_;  // worker: w, control: r
    packet::Decapsulator decapsulator_;
    packet::FragmentTable fragments_;
    tcp::Reassembler<http::Stream> reassembler_;
    BlockPool blocks_;
    http::HttpStage http_;
    forward::Selection selection_;
    forward::Rewriting rewriting_;
    std::optional<forward::RecordWriter> record_writer_;  // some output wants records
    OwnOutputs own_outputs_;
    std::uint64_t now_ns_ = 0;
    bool wires_ = false;  // some output wants the wire form
    Observer* observer_ = nullptr;
    Patience* patience_ = nullptr;
};

}  // namespace rebuilder::pipeline
