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
// What may change while it runs is in its Settings, which change() replaces.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "base/siphash.h"
#include "forward/handoff.h"
#include "http/stream.h"
#include "packet/fragments.h"
#include "pipeline/observer.h"
#include "pipeline/settings.h"
#include "pipeline/source_table.h"
#include "tcp/reassembler.h"

namespace rebuilder::pipeline {

// How much a worker has in hand, or can have.
struct WorkerUsage {
    std::size_t flows = 0;
    std::size_t buffers = 0;  // blocks of requests in assembly, and of slots
    std::size_t held = 0;     // blocks of bytes behind holes
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
    static constexpr std::size_t max_burst = 64;  // as many as on_burst() can answer for
    static constexpr std::size_t block_bytes = 4096;

    Worker(const WorkerConfig& config, std::vector<OutputLink> outputs);
    ~Worker();

    // At most max_burst frames, in the order of their arrival. Answers which of them aren't the mirror's
    // (frame_not_tunnel): a bit for each, the lowest for the first.
    std::uint64_t on_burst(std::span<const packet::Frame> frames) noexcept;
    void on_tick(std::uint64_t now_ns) noexcept;
    // Ends every flow: what is whole is handed off, what isn't is counted as lost.
    void drain() noexcept;
    // Takes back the blocks of slots that outputs are done with. on_burst() and on_tick() do, too.
    void reclaim() noexcept;
    // From now on `observer` is told what happens. It outlives the worker.
    void observe(Observer& observer) noexcept { observer_ = &observer; }
    // From now on a full channel is waited for. `patience` outlives the worker's use.
    void wait_with(Patience& patience) noexcept { patience_ = &patience; }

    // Control: from the next on_tick() on, `next` counts. What waits in the channels of outputs that it has no more stays
    // there. Not before an earlier change was retired.
    void change(std::unique_ptr<Settings> next) noexcept;
    // Control: whether it counts already. Then nothing is offered any more to outputs that it doesn't have.
    [[nodiscard]] bool changed() const noexcept { return next_.load(std::memory_order_acquire) == nullptr; }
    // Control: the settings before, once it has changed and every block is back from the outputs that are gone; else null.
    [[nodiscard]] std::unique_ptr<Settings> retire() noexcept;
    // What on_tick() does of that, for a worker whose ticks have ended.
    void take_change() noexcept;

    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
    [[nodiscard]] const SourceTable& sources() const noexcept { return sources_; }
    [[nodiscard]] std::size_t flows() const noexcept { return reassembler_.flows(); }
    // What isn't in its pool: zero after drain(), and once the outputs have given everything back.
    [[nodiscard]] std::size_t blocks_in_use() const noexcept {
        return blocks_.total() - blocks_.available() + reassembler_.held_blocks() + fragments_.in_use();
    }
    // The worker's own thread only.
    [[nodiscard]] WorkerUsage usage() const noexcept {
        return {reassembler_.flows(), blocks_.total() - blocks_.available(), reassembler_.held_blocks()};
    }
    [[nodiscard]] WorkerUsage most_usage() const noexcept {
        return {reassembler_.most_flows(), blocks_.total(), reassembler_.most_held_blocks()};
    }
    // The most memory this worker can come to use, in bytes; the expressions are those of its first settings.
    [[nodiscard]] std::size_t mapped_bytes() const noexcept { return mapped_bytes_; }

  private:
    using AppFlow = tcp::Flow<http::Stream>;

    [[nodiscard]] auto stream_sink() noexcept;
    void on_request(AppFlow& flow, packet::Side sender, http::Request& request) noexcept;
    void count_rewritten(const http::Request& request) noexcept;
    void hand_off(forward::Form form, http::Request& request) noexcept;
    void release(Block* first) noexcept;
    void reclaim(Settings& settings) noexcept;
    [[nodiscard]] std::uint64_t selected() const noexcept;

    HashSecret secret_;
    Counters counters_;  // worker: w, control: r
    packet::FragmentTable fragments_;
    tcp::Reassembler<http::Stream> reassembler_;
    BlockPool blocks_;
    http::HttpStage http_;
    std::unique_ptr<Settings> settings_;       // that count
    std::unique_ptr<Settings> last_;           // before them, while outputs that only they have hold blocks
    std::atomic<Settings*> next_{nullptr};     // control: w, worker: takes it
    std::atomic<Settings*> retired_{nullptr};  // worker: w, control: takes it
    std::size_t mapped_bytes_;
    SourceTable sources_;
    std::uint64_t now_ns_ = 0;
    Observer* observer_ = nullptr;
    Patience* patience_ = nullptr;
};

}  // namespace rebuilder::pipeline
