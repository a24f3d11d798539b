// SPDX-License-Identifier: Apache-2.0
#include "replay.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "capture_reader.h"
#include "explain.h"
#include "outputs.h"
#include "report.h"
#include "why.h"

namespace rebuilder {
namespace {

constexpr std::uint64_t tick_ns = 100'000'000;

// Requests that may wait for an output before the capture does: more of them would only leave the CPU's cache and come back.
constexpr std::size_t queue = 2048;
// What gathers before the outputs get to work, so that they can send some together; but they are not let wait for long.
constexpr std::size_t batch = 128;
constexpr unsigned batch_bursts = 64;  // a millisecond or two

// Every second a line to a person who waits.
class ProgressLine {
  public:
    void update(const CaptureReader& reader, const std::string& file, std::uint64_t requests) {
        if (!shown_) return;
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::seconds(1)) return;
        last_ = now;
        fmt::print(stderr, "\r{}: {:3.0f} %, {} requests", file, reader.progress() * 100, requests);
        std::fflush(stderr);
        written_ = true;
    }
    void clear() {
        if (written_) fmt::print(stderr, "\r\033[K");
        written_ = false;
    }
    ~ProgressLine() { clear(); }

  private:
    bool shown_ = ::isatty(STDERR_FILENO) == 1;
    bool written_ = false;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// Whether the verdict of a decapsulator that takes tunnels only shows that there was one.
bool came_through_tunnel(Counter verdict) {
    switch (verdict) {
    case Counter::frame_not_tunnel:
    case Counter::frame_outer_truncated:
    case Counter::frame_outer_fragment:
    case Counter::frame_tunnel_truncated:
    case Counter::frame_vxlan_no_vni:
    case Counter::frame_geneve_unsupported: return false;
    default: return true;
    }
}

// Whether none of the first frames of any file came through a tunnel: a capture of a server's own traffic. In a mirror's
// capture, frames outside the tunnel are the appliance's own, and no requests of anybody's clients.
bool captures_are_plain(const Config& config) {
    constexpr int frames_examined = 1000;
    const packet::Decapsulator tunnels(config.decap);
    Counters unused;
    packet::FragmentTable fragments({}, {}, unused);
    for (const std::string& file : config.files) {
        std::error_code unknown;
        const auto kind = std::filesystem::status(file, unknown).type();
        if (kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::character) {
            throw Error(ExitStatus::usage,
                fmt::format("{}: can be read only once, so --tunnel has to say what its frames are wrapped in", file));
        }
        CaptureReader reader(file);
        for (int i = 0; i < frames_examined; ++i) {
            const auto frames = reader.read(1, CaptureReader::no_time);
            if (frames.empty()) break;
            packet::Segment segment;
            fragments.release();
            if (came_through_tunnel(tunnels.decap(frames[0], segment, &fragments))) return false;
        }
    }
    return true;
}

pipeline::WorkerConfig replay_worker_config(const Config& config) {
    pipeline::WorkerConfig worker = worker_config(config, 1);
    if (!config.tunnel_given) worker.decap.accept_plain = captures_are_plain(config);
    return worker;
}

class Replay final : private pipeline::Patience {
  public:
    explicit Replay(const Config& config) : config_(config), outputs_(config, 1, queue) {
        workers_[0] = std::make_unique<pipeline::Worker>(replay_worker_config(config), outputs_.links(0));
        worker().wait_with(*this);
        if (config.why) worker().observe(log_.emplace(worker().counters()));
    }

    void file(const std::string& path) {
        CaptureReader reader(path);
        while (reader.peek_time() != CaptureReader::no_time) {
            if (next_tick_ == 0) next_tick_ = reader.peek_time() + tick_ns;
            // A tick stands between the frames before it and those after it, as in the appliance.
            while (reader.peek_time() >= next_tick_) tick(reader.peek_time());
            const auto frames = reader.read(config_.explain || log_ ? 1 : pipeline::Worker::max_burst, next_tick_);
            if (config_.explain) {
                explain_.frame(frames[0], worker(), [&] { worker().on_burst(frames); });
            } else {
                worker().on_burst(frames);
            }
            settle(reader);
            progress_.update(reader, path, worker().counters()[Counter::requests_rebuilt]);
        }
        if (!reader.problem().empty()) problems_.push_back(reader.problem());
    }

    int finish() {
        if (config_.explain) {
            explain_.end(worker(), [&] { worker().drain(); });
        } else {
            worker().drain();
        }
        outputs_.drain(config_.drain_timeout_ns);
        worker().reclaim();
        progress_.clear();
        const Ledger ledger = outputs_.ledger(workers_);
        if (log_) fmt::print("{}", why(*log_, ledger.workers));
        for (std::string& trouble : outputs_.troubles()) problems_.push_back(std::move(trouble));
        return report_end(config_, ledger, worker().blocks_in_use(), problems_);
    }

  private:
    [[nodiscard]] pipeline::Worker& worker() noexcept { return *workers_[0]; }

    void tick(std::uint64_t next_frame_ns) {
        // A long silence needs no tick for each of its tenths of a second.
        constexpr std::uint64_t silence = 600 * tcp::second_ns;
        if (next_frame_ns - next_tick_ > silence) next_tick_ = next_frame_ns - silence;
        if (config_.explain) {
            explain_.tick(next_tick_, worker(), [&] { worker().on_tick(next_tick_); });
        } else {
            worker().on_tick(next_tick_);
        }
        next_tick_ += tick_ns;
    }

    // Lets the outputs work, now and then; and waits for them while they hold too much.
    void settle(CaptureReader& reader) {
        const std::size_t many_blocks = config_.buffer_bytes / pipeline::Worker::block_bytes / 4;
        const auto holds_more_than = [&](std::size_t requests) {
            return outputs_.waiting() > requests || worker().blocks_in_use() > many_blocks;
        };
        const bool gathers = !config_.explain && reader.at_hand() && ++gathered_bursts_ < batch_bursts;
        if (gathers && !holds_more_than(batch)) return;
        gathered_bursts_ = 0;
        outputs_.step(0);
        worker().reclaim();
        while (holds_more_than(queue / 2)) {
            if (!outputs_.step(1'000'000)) break;
            worker().reclaim();
        }
    }

    // In the middle of a burst, too: one that ends a hole, or a tick, may bring more requests than any queue holds.
    void wait(const forward::Channel& channel, const forward::Slot& slot) noexcept override {
        for (bool left = true; left && !channel.has_room(slot);) {
            left = outputs_.step(1'000'000);
            worker().reclaim();
        }
    }

    const Config& config_;
    Outputs outputs_;
    std::array<std::unique_ptr<pipeline::Worker>, 1> workers_;
    Explain explain_;
    std::optional<ConnectionLog> log_;
    ProgressLine progress_;
    std::vector<std::string> problems_;
    std::uint64_t next_tick_ = 0;
    unsigned gathered_bursts_ = 0;
};

}  // namespace

int replay(const Config& config) {
    check_ledger_file(config);
    Replay replay(config);
    try {
        for (const std::string& file : config.files) replay.file(file);
    } catch (const Error& error) {
        // What came before this file is delivered and counted all the same.
        fmt::print(stderr, "rebuilder: {}\n", error.what());
        replay.finish();
        return static_cast<int>(error.exit_status);
    }
    return replay.finish();
}

}  // namespace rebuilder
