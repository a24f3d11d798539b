// SPDX-License-Identifier: Apache-2.0
// HttpRun: one stream through an HttpStage with pools and counters of its own, and what must hold at its end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "fuzz/fuzz.h"
#include "http/stream.h"

namespace rebuilder::fuzz {

using tcp::StreamChunk;

// Memory for all that an input can hold, so that nothing depends on how it is cut.
inline constexpr std::size_t longest_stream = 32 << 10;
inline constexpr std::size_t roomy_blocks = 1024;

class HttpRun {
  public:
    static http::Limits roomy() {
        http::Limits limits;
        limits.max_requests = http::max_open_streams + 2;  // one is refused, and none is given up for it
        limits.large_heads = 4;
        limits.h2_connections = 1;
        limits.h2_large_tables = 1;
        return limits;
    }

    explicit HttpRun(const http::Limits& limits, std::size_t blocks = roomy_blocks, std::size_t block_bytes = 4096)
        : blocks_(block_bytes, blocks)
        , stage_(limits, blocks_, counters_) {}

    std::function<void(http::Request&)> on_request;

    void open(bool midstream) { feed({.kind = StreamChunk::Kind::open, .midstream = midstream, .data = {}}); }
    void data(Bytes bytes, bool segment_start) {
        if (bytes.empty()) return;  // the reassembler never says so
        const Copy copy(bytes);
        feed({.segment_start = segment_start, .data = copy.bytes(), .time_ns = 1});
    }
    void gap(std::uint64_t bytes) { feed({.kind = StreamChunk::Kind::gap, .data = {}, .gap_bytes = bytes}); }

    // Every request begun is in one counter, and every block is back.
    void close(tcp::CloseReason reason) {
        feed({.kind = StreamChunk::Kind::close, .reason = reason, .data = {}});
        const CounterValues values = counters_.read();
        check(values[Counter::requests_rebuilt] == rebuilt_, "requests_rebuilt is not the number of requests");
        Ledger ledger;
        ledger.workers = values;
        check_laws(ledger);
        check(stage_.requests_in_assembly() == 0, "a message is left");
        check(blocks_.available() == blocks_.total(), "a block is left");
    }

    [[nodiscard]] CounterValues counters() const { return counters_.read(); }
    [[nodiscard]] BlockPool& pool() { return blocks_; }

  private:
    // What the reassembler does: nothing more of a stream that is ignored.
    void feed(const StreamChunk& chunk) {
        if (ignored_) return;
        const auto appetite = stage_.feed(stream_, peer_, chunk, [this](http::Request& request) {
            ++rebuilt_;
            if (on_request) on_request(request);
        });
        ignored_ = appetite == tcp::Appetite::nothing;
    }

    Counters counters_;
    BlockPool blocks_;
    http::HttpStage stage_;
    http::Stream stream_;
    http::Stream peer_;
    std::uint64_t rebuilt_ = 0;
    bool ignored_ = false;
};

// Whether all of `some` are in `all`, in their order.
template <class T>
bool is_part_of(const std::vector<T>& some, const std::vector<T>& all) {
    auto next = all.begin();
    for (const T& one : some) {
        next = std::find(next, all.end(), one);
        if (next == all.end()) return false;
        ++next;
    }
    return true;
}

}  // namespace rebuilder::fuzz
