// SPDX-License-Identifier: Apache-2.0
// Fields of HPACK at the longest that is kept, and longer ones:
//   - these are passed over, however their bytes are split
//   - one that would be entered empties the table if it's certain that it has no room; else the table is lost
//   - whatever is passed over, the table is nghttp2's
#include <string>
#include <utility>
#include <vector>

#include "http/hpack.h"
#include "support/catch.h"
#include "support/hpack_decoder.h"
#include "support/http2_client.h"
#include "support/http2_peer.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::test;
using h2::Fields;
using h2::indexed;
using h2::Literal;
using h2::literal;
using h2::named;
using h2::table_size;
using http::HpackMemory;
using Decoder = HpackBlocks;
using Read = HpackBlocks::Read;
using Found = HpackBlocks::Found;

namespace {

constexpr std::size_t longest = 1000;

std::string enter(const std::pair<std::string, std::string>& field) {
    return literal(field.first, field.second, Literal::entered);
}

}  // namespace

TEST_CASE("fields up to the longest are read, and longer ones passed over", "[hpack]") {
    HpackMemory memory(1, 0, longest);
    const std::string behind = literal("a", "b");
    for (const std::size_t name_size : {std::size_t{0}, std::size_t{200}, longest - 5, longest, 2 * longest}) {
        for (const Literal kind : {Literal::plain, Literal::never_indexed, Literal::entered}) {
            const std::string name(name_size, 'n');
            std::string value;
            while (literal(name, value).size() < longest) value += 'v';
            const std::string fits = literal(name, value, kind), longer = literal(name, value + 'v', kind);
            const bool may_fit = fits.size() == longest;
            if (may_fit) {
                CHECK(Decoder(memory)(fits).fields == Fields{{name, value}});
                // Another one doesn't count to it.
                CHECK(Decoder(memory)(table_size(4096) + fits + fits).fields.size() == 2);
            }
            if (kind == Literal::entered) {
                CHECK(Decoder(memory)(longer).end == Found::lost);
                continue;
            }
            for (std::size_t split = 0; split <= longer.size(); split += split < 20 ? 1 : 97) {
                INFO("split at " << split);
                Decoder decoder(memory);
                CHECK(decoder(longer + behind, {split, split + 1, split + 2}).fields == Fields{{"a", "b"}});
                CHECK(decoder.passed_over == 1);
                CHECK_FALSE(decoder.in_field());
            }
            Decoder decoder(memory);
            CHECK(decoder(longer.substr(0, longer.size() - 1)).end == Found::end);
            CHECK(decoder.in_field());
        }
    }
}

TEST_CASE("a long field that would be entered empties the table when it's certain that it has no room", "[hpack]") {
    HpackMemory memory(1, 1, longest);
    const std::string value(longest + 100, 'v');
    h2::Deflater deflater;
    const std::string coded = deflater({{"n", std::string(3 * longest, 'a')}});
    const std::size_t coded_size = coded.size() - 6;  // of the value
    struct Case {
        std::string field;
        std::size_t least;  // that it can take of a table
    };
    for (const auto& [field, least] : std::vector<Case>{
             {literal("n", value, Literal::entered), 32 + 1 + value.size()},
             {literal(value, "", Literal::entered), 32 + value.size()},
             {named(1, value, Literal::entered), 32 + std::string(":authority").size() + value.size()},
             {coded, 32 + 1 + (coded_size * 8 - 7) / 30},
         }) {
        for (const bool room : {false, true}) {
            Decoder decoder(memory);
            (void)decoder(table_size(least - (room ? 0 : 1)) + enter({"before", "it"}));
            CHECK(decoder.table() == Fields{{"before", "it"}});
            const Read read = decoder(field + enter({"behind", "it"}));
            CHECK(read.end == (room ? Found::lost : Found::end));
            if (!room) CHECK(decoder.table() == Fields{{"behind", "it"}});
        }
    }
}

TEST_CASE("whatever is passed over, the table is nghttp2's", "[hpack]") {
    Random random(7541);
    INFO(random.seed());
    for (int run = 0; run < 300; ++run) {
        HpackMemory memory(1, 0, longest);
        Decoder decoder(memory);
        Inflater inflater;
        const std::size_t table_bytes = random.below(longest);
        std::string block = table_size(table_bytes);
        Fields expected;
        for (std::size_t i = random.below(20); i != 0; --i) {
            const auto size = [&] { return random.below(4) == 0 ? random.below(2 * longest) : random.below(60); };
            const std::string name(1 + size(), static_cast<char>('a' + i)), value(size(), 'v');
            const Literal kind = random.below(2) == 0 ? Literal::entered : Literal::plain;
            const std::string field = literal(name, value, kind);
            block += field;
            if (field.size() <= longest) expected.emplace_back(name, value);
        }
        std::vector<std::size_t> ends;
        for (std::size_t end = 0; end < block.size(); end += 1 + random.below(300)) ends.push_back(end);
        INFO("run " << run << ", table of " << table_bytes);
        CHECK(inflater(as_bytes(block)).has_value());
        CHECK(decoder(block, ends).fields == expected);
        Fields table;
        for (std::uint64_t index = Decoder::first_dynamic;; ++index) {
            const auto entry = inflater(as_bytes(indexed(index)));
            if (!entry) break;
            table.push_back(entry->at(0));
        }
        CHECK(decoder.table() == table);
    }
}

TEST_CASE("a Huffman code may be as long as the longest field, and its text longer", "[hpack]") {
    HpackMemory memory(1, 0, longest);
    Decoder decoder(memory);
    h2::Deflater deflater;
    const std::string text((longest - 6) * 8 / 5, 'a');
    const std::string block = deflater({{"x", text}});
    CHECK(decoder(block).fields == Fields{{"x", text}});
    CHECK(decoder(deflater({{"y", text + "12345678"}})).end == Found::lost);
}
