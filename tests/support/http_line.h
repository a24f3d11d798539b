// SPDX-License-Identifier: Apache-2.0
// HttpLine: an HttpStage with its pools and counters, fed by hand, and what came out of it as text.
//
// Each piece of data is copied into memory of its own, which is gone when the call returns: a pointer kept into it, or
// a read outside of it, is an address error. finish() checks what holds at the end of every run: nothing is left in
// any pool, and requests started = rebuilt + lost.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "http/stream.h"
#include "support/catch.h"
#include "support/request_text.h"

namespace rebuilder::test {

using tcp::Appetite;
using tcp::CloseReason;
using tcp::StreamChunk;

class HttpLine {
  public:
    struct Memory {
        std::size_t block_bytes = 4096;
        std::size_t blocks = 64;
    };

    static http::Limits small_limits() {
        http::Limits limits;
        limits.max_requests = 64;
        limits.large_heads = 4;
        limits.h2_connections = 8;
        limits.h2_large_tables = 2;
        return limits;
    }

    // Two constructors: a default argument that is a nested aggregate isn't complete in time.
    explicit HttpLine(const http::Limits& limits = small_limits()) : HttpLine(limits, Memory{}) {}
    HttpLine(const http::Limits& limits, Memory memory)
        : limits_(limits)
        , blocks_(memory.block_bytes, memory.blocks)
        , stage_(limits, blocks_, counters_) {}

    // ---- input: one stream, or several by their number ----

    Appetite open(bool midstream = false, std::size_t stream = 0) {
        return feed({.kind = StreamChunk::Kind::open, .midstream = midstream, .data = {}}, stream);
    }
    Appetite data(std::string_view text, bool segment_start = true, std::size_t stream = 0) {
        const auto copy = std::make_unique<std::uint8_t[]>(text.size());
        std::copy(text.begin(), text.end(), copy.get());
        return feed({.segment_start = segment_start, .data = {copy.get(), text.size()}, .time_ns = time_ns}, stream);
    }
    Appetite gap(std::uint64_t bytes, std::size_t stream = 0) {
        return feed({.kind = StreamChunk::Kind::gap, .data = {}, .gap_bytes = bytes}, stream);
    }
    void close(CloseReason reason = CloseReason::ended, std::size_t stream = 0) {
        (void)feed({.kind = StreamChunk::Kind::close, .reason = reason, .data = {}}, stream);
    }

    // The other direction of all streams: nobody is heard there until something is said.
    void answer(std::string_view text) {
        (void)feed_peer({.kind = StreamChunk::Kind::open, .data = {}});
        (void)feed_peer({.segment_start = true, .data = as_bytes(text)});
    }

    // Data in pieces that end at `ends` (ascending).
    void pieces(std::string_view text, const std::vector<std::size_t>& ends) {
        std::size_t begin = 0;
        for (const std::size_t end : ends) {
            if (end > begin) (void)data(text.substr(begin, end - begin));
            begin = end;
        }
        if (begin < text.size()) (void)data(text.substr(begin));
    }
    void byte_by_byte(std::string_view text) {
        for (std::size_t i = 0; i < text.size(); ++i) (void)data(text.substr(i, 1));
    }

    // Takes blocks away until only `left` are there. finish() gives them back.
    void leave_blocks(std::size_t left) {
        while (blocks_.available() > left) taken_.push(blocks_.take());
    }

    // Ends every stream and checks what always holds.
    void finish() {
        for (std::size_t i = 0; i < streams_.size(); ++i) {
            if (open_[i]) close(CloseReason::ended, i);
        }
        (void)feed_peer({.kind = StreamChunk::Kind::close, .data = {}});
        taken_.release(blocks_);
        CHECK(stage_.http2_connections() == 0);
        CHECK(stage_.requests_in_assembly() == 0);
        CHECK(blocks_.available() == blocks_.total());
        CHECK(sum(CounterRole::request_start) == sum(CounterRole::request_rebuilt) + sum(CounterRole::request_lost));
        CHECK(count(Counter::requests_rebuilt) == requests.size());
    }

    // ---- output ----

    [[nodiscard]] std::uint64_t count(Counter which) const { return counters_[which]; }
    [[nodiscard]] std::uint64_t sum(CounterRole role) const { return counters_.read().sum(role); }
    [[nodiscard]] std::uint64_t lost() const { return sum(CounterRole::request_lost); }
    // Counters that aren't zero, as "name=value name=value"; of those whose names begin so only.
    [[nodiscard]] std::string counted(const std::vector<std::string_view>& beginnings = {""}) const {
        std::string text;
        for (std::size_t i = 0; i < counter_count; ++i) {
            const std::uint64_t value = counters_.read().values[i];
            const std::string_view name = counter_table[i].name;
            const auto begins = [name](std::string_view beginning) { return name.starts_with(beginning); };
            if (value == 0 || std::none_of(beginnings.begin(), beginnings.end(), begins)) continue;
            if (!text.empty()) text += ' ';
            text.append(name).append("=").append(std::to_string(value));
        }
        return text;
    }
    [[nodiscard]] http::Stream& stream(std::size_t number = 0) { return streams_.at(number); }
    [[nodiscard]] std::size_t in_assembly() const { return stage_.requests_in_assembly(); }
    [[nodiscard]] std::size_t blocks_in_use() const { return blocks_.total() - blocks_.available() - taken_.blocks; }
    [[nodiscard]] BlockPool& pool() { return blocks_; }

    std::vector<std::string> requests;
    std::function<void(http::Request&)> on_request;  // sees each request while it lives
    std::uint64_t time_ns = 1'000;

  private:
    Appetite feed(const StreamChunk& chunk, std::size_t number) {
        if (number >= streams_.size()) {
            streams_.resize(number + 1);
            open_.resize(number + 1);
        }
        // What the reassembler does: nothing more of a stream that is ignored, until it is opened again.
        if (chunk.kind == StreamChunk::Kind::open) {
            open_[number] = true;
        } else if (!open_[number]) {
            return Appetite::nothing;
        }
        const Appetite appetite = stage_.feed(streams_[number], peer_, chunk, [this](http::Request& request) {
            requests.push_back(show(request));
            if (on_request) on_request(request);
        });
        if (chunk.kind == StreamChunk::Kind::close || appetite == Appetite::nothing) open_[number] = false;
        return appetite;
    }

    Appetite feed_peer(const StreamChunk& chunk) {
        return stage_.feed(peer_, http::Stream{}, chunk, [](http::Request&) { FAIL("a server sent a request"); });
    }

    http::Limits limits_;
    Counters counters_;
    BlockPool blocks_;
    http::HttpStage stage_;
    http::Stream peer_;
    std::deque<http::Stream> streams_;  // a stream stays where it is, as in the flow table
    std::vector<bool> open_;
    Chain taken_;
};

}  // namespace rebuilder::test
