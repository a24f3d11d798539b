// SPDX-License-Identifier: Apache-2.0
// HpackDecoder against nghttp2's inflater: the same fields from the same header blocks, and an end at the same block. And
// against one that keeps only short fields: it passes over some, and its table stays the same.
//
// Input: options, then header blocks, each behind its length. Ours gets each in pieces, theirs whole.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/fuzz.h"
#include "fuzz/http_run.h"
#include "http/hpack.h"
#include "support/http2_peer.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
using http::HpackDecoder;

namespace {

using test::Inflater;
using Fields = Inflater::Fields;

class Ours {
  public:
    explicit Ours(std::uint32_t allowed, std::size_t longest = roomy) : memory_(1, 1, longest) {
        check(decoder_.open(memory_), "no table");
        decoder_.allow(allowed);
    }
    ~Ours() { decoder_.close(memory_); }
    Ours(const Ours&) = delete;
    Ours& operator=(const Ours&) = delete;

    std::size_t passed_over = 0;  // fields, in all
    bool lost = false;            // it can't know the table any more

    // In pieces of `step` bytes; what is left of one is looked at with the next.
    std::optional<Fields> block(Bytes bytes, std::size_t step) {
        Fields fields;
        decoder_.begin_block();
        std::size_t begin = 0, end = 0, needed = 0;
        while (end != bytes.size()) {
            end += std::min(step, bytes.size() - end);
            if (end - begin < needed) continue;
            needed = 0;
            const Copy piece(bytes.subspan(begin, end - begin));
            for (Bytes rest = piece.bytes();;) {
                const HpackDecoder::Step found = decoder_.next(rest, memory_);
                check(found.used <= rest.size(), "more used than there was");
                rest = rest.subspan(found.used);
                begin += found.used;
                if (found.found == HpackDecoder::Found::field) {
                    fields.emplace_back(found.field.name, found.field.value);
                    continue;
                }
                if (found.found == HpackDecoder::Found::end) break;
                if (found.found == HpackDecoder::Found::too_large) {
                    ++passed_over;
                    continue;
                }
                lost = found.found == HpackDecoder::Found::lost;
                if (found.found != HpackDecoder::Found::need_more) return std::nullopt;
                check(found.needed > rest.size(), "it has what it needs");
                needed = found.needed;
                break;
            }
        }
        if (begin != end || decoder_.in_field()) return std::nullopt;
        return fields;
    }

  private:
    static constexpr std::size_t roomy = 65'536;

    http::HpackMemory memory_;
    HpackDecoder decoder_;
};

std::string list_of(const std::optional<Fields>& fields) {
    if (!fields) return "  malformed\n";
    std::string text;
    for (const auto& [name, value] : *fields) text += "  " + printable(name) + ": " + printable(value) + '\n';
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::uint8_t options = input.byte();
    const std::uint32_t allowed = (options & 1) != 0 ? http::usual_table_bytes : http::most_table_bytes;
    const std::size_t step = 1 + (options >> 1);
    Inflater theirs;
    nghttp2_hd_inflate_change_table_size(theirs.inflater, allowed);
    Ours ours(allowed);
    constexpr std::size_t shortest = 40;  // so that a table of some hundred bytes has no room for what is longer
    Ours short_of_room(allowed, shortest);
    while (!input.empty()) {
        const Bytes block = input.take(input.word());
        const std::optional<Fields> expected = theirs(block);
        const std::optional<Fields> found = ours.block(block, step);
        if (found != expected) fail("ours\n" + list_of(found) + "nghttp2's\n" + list_of(expected));
        if (!expected) break;
        check(ours.passed_over == 0, "there was room for it");
        if (short_of_room.lost) continue;
        const std::size_t before = short_of_room.passed_over;
        const std::optional<Fields> some = short_of_room.block(block, step);
        if (short_of_room.lost) continue;
        const std::size_t passed = short_of_room.passed_over - before;
        if (!some || !is_part_of(*some, *expected) || some->size() + passed != expected->size()) {
            fail(std::to_string(passed) + " passed over, of the others\n" + list_of(some) + "there are\n" +
                 list_of(expected));
        }
    }
    return 0;
}
