// SPDX-License-Identifier: Apache-2.0
// HpackBlocks: an HpackDecoder that is given header blocks, whole or in pieces of memory of their own, and what came of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "http/hpack.h"
#include "support/catch.h"
#include "support/http2_client.h"

namespace rebuilder::test {

class HpackBlocks {
  public:
    using Found = http::HpackDecoder::Found;
    struct Read {
        h2::Fields fields;
        Found end = Found::end;  // or why not
    };
    static constexpr std::uint64_t first_dynamic = 62;

    explicit HpackBlocks(http::HpackMemory& memory) : memory_(memory) { REQUIRE(decoder_.open(memory)); }
    ~HpackBlocks() { decoder_.close(memory_); }
    HpackBlocks(const HpackBlocks&) = delete;
    HpackBlocks& operator=(const HpackBlocks&) = delete;

    void allow(std::uint32_t bytes) { decoder_.allow(bytes); }

    // A block in pieces that end at `ends`: what is left of one is looked at again when there's as much as was asked for.
    Read operator()(std::string_view block, std::vector<std::size_t> ends = {}) {
        decoder_.begin_block();
        ends.push_back(block.size());
        Read read;
        std::size_t begin = 0, needed = 0;
        passed_over = 0;
        for (const std::size_t end : ends) {
            if (end - begin < needed) {
                read.end = Found::need_more;
                continue;
            }
            read.end = next(block.substr(begin, end - begin), read.fields, begin, needed);
            if (read.end != Found::end && read.end != Found::need_more) return read;
        }
        return read;
    }

    [[nodiscard]] bool in_field() const { return decoder_.in_field(); }

    std::size_t passed_over = 0;  // fields of the last block

    // The dynamic table, the newest entry first.
    h2::Fields table() {
        h2::Fields entries;
        for (std::uint64_t index = first_dynamic;; ++index) {
            const Read read = (*this)(h2::indexed(index));
            if (read.end != Found::end) return entries;
            entries.push_back(read.fields.at(0));
        }
    }

  private:
    Found next(std::string_view piece, h2::Fields& fields, std::size_t& begin, std::size_t& needed) {
        const auto copy = std::make_unique<std::uint8_t[]>(piece.size());  // a read behind it is an address error
        std::copy(piece.begin(), piece.end(), copy.get());
        for (Bytes rest(copy.get(), piece.size());;) {
            const http::HpackDecoder::Step step = decoder_.next(rest, memory_);
            REQUIRE(step.used <= rest.size());
            rest = rest.subspan(step.used);
            begin += step.used;
            if (step.found == Found::field) {
                fields.emplace_back(step.field.name, step.field.value);
                continue;
            }
            if (step.found == Found::too_large) {
                ++passed_over;
                continue;
            }
            if (step.found == Found::end) CHECK(rest.empty());
            if (step.found == Found::need_more) CHECK(step.needed > rest.size());
            needed = step.found == Found::need_more ? step.needed : 0;
            return step.found;
        }
    }

    http::HpackMemory& memory_;
    http::HpackDecoder decoder_;
};

}  // namespace rebuilder::test
