// SPDX-License-Identifier: Apache-2.0
// Header blocks, decoded:
//   - the examples of RFC 7541, appendix C, with what they leave in the table
//   - representations: indexes, integers, strings
//   - the table: evictions, size updates, entries too large, names that go as their field comes
//   - blocks in pieces: what is missing is asked for, and never more
//   - thousands of insertions against nghttp2's inflater, which shows its table
//   - memory: large tables are taken and given back
// Fields at their limit: hpack_long_test.cpp.
#include "http/hpack.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/hpack_decoder.h"
#include "support/http2_client.h"
#include "support/http2_peer.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;
using h2::Fields;
using h2::indexed;
using h2::Literal;
using h2::literal;
using h2::named;
using h2::table_size;
using http::HpackDecoder;
using http::HpackMemory;
using http::most_table_bytes;
using http::usual_table_bytes;
using Found = HpackDecoder::Found;
using Decoder = HpackBlocks;
using Read = HpackBlocks::Read;

namespace {

constexpr std::size_t longest = 1000;

std::size_t size_of(const Fields& table) {
    std::size_t size = 0;
    for (const auto& [name, value] : table) size += 32 + name.size() + value.size();
    return size;
}

std::string bytes(std::string_view hex) {
    std::string text, digits;
    for (const char c : hex) {
        if (c != ' ') digits += c;
        if (digits.size() < 2) continue;
        text += static_cast<char>(std::stoi(digits, nullptr, 16));
        digits.clear();
    }
    return text;
}

// A name and a value that take `bytes` of the table.
std::pair<std::string, std::string> entry_of(std::size_t bytes, char name) {
    return {std::string(1, name), std::string(bytes - 33, 'v')};
}
std::string enter(const std::pair<std::string, std::string>& field) {
    return literal(field.first, field.second, Literal::entered);
}

}  // namespace

// ---- the examples ----------------------------------------------------------------------------------------

namespace {

struct Example {
    std::string hex;
    Fields fields;
    Fields table;
    std::size_t size;
};

const Fields www{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}};
const Fields no_cache{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"},
    {"cache-control", "no-cache"}};
const Fields custom{{":method", "GET"}, {":scheme", "https"}, {":path", "/index.html"},
    {":authority", "www.example.com"}, {"custom-key", "custom-value"}};

std::vector<Example> requests(const std::string& first, const std::string& second, const std::string& third) {
    return {
        {first, www, {{":authority", "www.example.com"}}, 57},
        {second, no_cache, {{"cache-control", "no-cache"}, {":authority", "www.example.com"}}, 110},
        {third, custom,
            {{"custom-key", "custom-value"}, {"cache-control", "no-cache"}, {":authority", "www.example.com"}}, 164},
    };
}

// With a table of 256 bytes, so that the second and the third evict.
std::vector<Example> responses(const std::string& first, const std::string& second, const std::string& third) {
    const std::pair cache("cache-control"s, "private"s), location("location"s, "https://www.example.com"s);
    const std::pair date("date"s, "Mon, 21 Oct 2013 20:13:21 GMT"s), later("date"s, "Mon, 21 Oct 2013 20:13:22 GMT"s);
    const std::pair gzip("content-encoding"s, "gzip"s);
    const std::pair cookie("set-cookie"s, "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"s);
    const std::pair found(":status"s, "302"s), moved(":status"s, "307"s), ok(":status"s, "200"s);
    return {
        {first, {found, cache, date, location}, {location, date, cache, found}, 222},
        {second, {moved, cache, date, location}, {moved, location, date, cache}, 222},
        {third, {ok, cache, later, location, gzip, cookie}, {cookie, gzip, later}, 215},
    };
}

void check(const std::vector<Example>& examples, const std::string& before = {}) {
    for (std::size_t step = 1; step < 200; ++step) {
        HpackMemory memory(1, 0, longest);
        Decoder decoder(memory);
        if (!before.empty()) CHECK(decoder(before).end == Found::end);
        for (const Example& example : examples) {
            INFO(example.hex << ", in pieces of " << step);
            const std::string block = bytes(example.hex);
            std::vector<std::size_t> ends;
            for (std::size_t end = step; end < block.size(); end += step) ends.push_back(end);
            const Read read = decoder(block, ends);
            CHECK(read.end == Found::end);
            CHECK(read.fields == example.fields);
            CHECK(decoder.table() == example.table);
            CHECK(size_of(example.table) == example.size);
        }
    }
}

}  // namespace

TEST_CASE("RFC 7541, C.2: representations", "[hpack]") {
    check({{"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", {{"custom-key", "custom-header"}},
        {{"custom-key", "custom-header"}}, 55}});
    check({{"040c 2f73 616d 706c 652f 7061 7468", {{":path", "/sample/path"}}, {}, 0}});
    check({{"1008 7061 7373 776f 7264 0673 6563 7265 74", {{"password", "secret"}}, {}, 0}});
    check({{"82", {{":method", "GET"}}, {}, 0}});
}

TEST_CASE("RFC 7541, C.3 and C.4: requests, without and with Huffman codes", "[hpack]") {
    check(requests("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"));
    check(requests("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"));
}

TEST_CASE("RFC 7541, C.5 and C.6: responses, in a table that evicts", "[hpack]") {
    check(responses("4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 "
                    "3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
              "4803 3330 37c1 c0bf",
              "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 "
              "7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 "
              "6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31"),
        table_size(256));
    check(responses("4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d "
                    "29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
              "4883 640e ffc1 c0bf",
              "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 "
              "e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07"),
        table_size(256));
}

// ---- representations -------------------------------------------------------------------------------------

TEST_CASE("the static table is nghttp2's", "[hpack]") {
    HpackMemory memory(1, 0, longest);
    Decoder decoder(memory);
    Inflater inflater;
    for (std::uint64_t index = 1; index < Decoder::first_dynamic; ++index) {
        const Read read = decoder(indexed(index));
        CHECK(read.end == Found::end);
        CHECK(read.fields == inflater(as_bytes(indexed(index))).value());
    }
    CHECK(decoder.table().empty());
}

TEST_CASE("an index of nothing can't be followed", "[hpack]") {
    for (const std::uint64_t entries : {0u, 1u, 5u}) {
        const std::uint64_t behind = Decoder::first_dynamic + entries;
        for (const std::uint64_t index : {std::uint64_t{0}, behind, behind + 1, std::uint64_t{UINT32_MAX}}) {
            for (const std::string& block : {indexed(index), named(index, "v"), named(index, "v", Literal::entered),
                     named(index, "v", Literal::never_indexed)}) {
                // 0 in a literal says that its name follows.
                if (index == 0 && block != indexed(0)) continue;
                INFO(entries << " entries, index " << index);
                HpackMemory memory(1, 0, longest);
                Decoder decoder(memory);
                for (std::uint64_t i = 0; i < entries; ++i) (void)decoder(enter(entry_of(40, 'n')));
                CHECK(decoder(indexed(behind - 1)).end == Found::end);
                CHECK(decoder(block).end == Found::malformed);
            }
        }
    }
}

TEST_CASE("an integer has 32 bits, in at most 5 bytes behind its prefix", "[hpack]") {
    struct Case {
        std::string integer;  // a string's size
        Found found;
    };
    for (const auto& [integer, found] : std::vector<Case>{
             {"\x7f\x00"s, Found::need_more},                      // 127
             {"\x7f\x80\x80\x80\x80\x00"s, Found::need_more},      // the same, as long as can be
             {"\x7f\x80\x80\x80\x80\x80"s, Found::malformed},      // longer than can be
             {"\x7f\x80\x80\x80\x80\x80\x00"s, Found::malformed},  //
             {"\x7f\x80\xff\xff\xff\x0f"s, Found::end},            // 2^32 - 1, of which none is there
             {"\x7f\x81\xff\xff\xff\x0f"s, Found::malformed},      // 2^32
             {"\x7f\xff\xff\xff\xff\x7f"s, Found::malformed},
             {"\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, Found::malformed},
         }) {
        HpackMemory memory(1, 0, longest);
        CHECK(Decoder(memory)("\x00"s + integer).end == found);
        CHECK(Decoder(memory)("\x04"s + integer).end == found);
        CHECK(Decoder(memory)("\x00\x01n"s + integer).end == found);
    }
}

TEST_CASE("a string that is no Huffman code can't be followed", "[hpack]") {
    HpackMemory memory(1, 0, longest);
    CHECK(Decoder(memory)("\x00\x81\xff\x01v"s).end == Found::malformed);
    CHECK(Decoder(memory)("\x00\x01n\x84\xff\xff\xff\xff"s).end == Found::malformed);
}

// ---- the table -------------------------------------------------------------------------------------------

TEST_CASE("an entry as large as the table fits, a larger one empties it, and is a field all the same", "[hpack]") {
    for (const std::size_t size : {std::size_t{33}, std::size_t{100}, std::size_t{1000}}) {
        for (const std::size_t over : {0u, 1u, 500u}) {
            HpackMemory memory(1, 0, 2 * longest);
            Decoder decoder(memory);
            (void)decoder(table_size(size) + enter({"", ""}));
            CHECK(decoder.table() == Fields{{"", ""}});
            const auto entry = entry_of(size + over, 'n');
            CHECK(decoder(enter(entry)).fields == Fields{entry});
            CHECK(decoder.table() == (over == 0 ? Fields{entry} : Fields{}));
            (void)decoder(enter({"", ""}));
            CHECK(decoder.table() == Fields{{"", ""}});
        }
    }
}

TEST_CASE("a field may have the name of an entry that it evicts", "[hpack]") {
    const std::string name = "the-name-of-an-old-entry";
    for (std::size_t value_size = 0; value_size < 200; ++value_size) {
        INFO(value_size);
        HpackMemory memory(1, 0, longest);
        Decoder decoder(memory);
        (void)decoder(table_size(160) + literal(name, "1", Literal::entered) + literal("b", "2", Literal::entered));
        const std::string value(value_size, 'v');
        const Read read = decoder(named(Decoder::first_dynamic + 1, value, Literal::entered));
        CHECK(read.fields == Fields{{name, value}});
        Fields left{{name, value}, {"b", "2"}, {name, "1"}};
        while (!left.empty() && size_of(left) > 160) left.pop_back();
        if (size_of({{name, value}}) > 160) left.clear();
        CHECK(decoder.table() == left);
    }
}

TEST_CASE("a field may have the name of an entry that is moved to make room", "[hpack]") {
    const std::string name = "the-name-of-an-old-entry", value(100, 'v'), next(104, 'w');
    for (std::size_t filler = 0; filler < 128; ++filler) {
        INFO(filler);
        HpackMemory memory(1, 0, longest);
        Decoder decoder(memory);
        (void)decoder(table_size(160) + literal("", std::string(filler, 'f'), Literal::entered));
        (void)decoder(literal(name, value, Literal::entered));
        CHECK(decoder(named(Decoder::first_dynamic, next, Literal::entered)).fields == Fields{{name, next}});
        CHECK(decoder.table() == Fields{{name, next}});
    }
}

TEST_CASE("the table's size changes at the beginning of a block only, and as far as it is allowed", "[hpack]") {
    HpackMemory memory(1, 1, longest);
    for (const std::string& late :
        {indexed(2) + table_size(100), enter({"a", "b"}) + table_size(0), literal("a", "b") + table_size(4096)}) {
        const Read read = Decoder(memory)(late);
        CHECK(read.end == Found::malformed);
        CHECK(read.fields.size() == 1);
    }
    for (const std::uint32_t allowed : {0u, 100u, usual_table_bytes, 5000u, most_table_bytes, 1u << 20}) {
        const std::uint32_t most = std::min(allowed, most_table_bytes);
        INFO(allowed);
        Decoder decoder(memory);
        decoder.allow(allowed);
        CHECK(decoder(table_size(most) + indexed(2)).end == Found::end);
        CHECK(decoder(table_size(0) + table_size(most) + indexed(2)).fields == Fields{{":method", "GET"}});
        CHECK(decoder(table_size(most + std::uint64_t{1}) + indexed(2)).end == Found::malformed);
    }
    // Unless somebody said something, everything that can be followed is allowed.
    CHECK(Decoder(memory)(table_size(most_table_bytes)).end == Found::end);
}

TEST_CASE("a size update evicts at once, and 0 then back leaves nothing", "[hpack]") {
    HpackMemory memory(1, 0, longest);
    Decoder decoder(memory);
    const auto a = entry_of(100, 'a'), b = entry_of(100, 'b'), c = entry_of(100, 'c');
    (void)decoder(enter(a) + enter(b) + enter(c));
    CHECK(decoder.table() == Fields{c, b, a});
    (void)decoder(table_size(300));
    CHECK(decoder.table() == Fields{c, b, a});
    (void)decoder(table_size(299));
    CHECK(decoder.table() == Fields{c, b});
    (void)decoder(table_size(100) + table_size(250) + enter(a));
    CHECK(decoder.table() == Fields{a, c});
    (void)decoder(enter(b));
    CHECK(decoder.table() == Fields{b, a});
    (void)decoder(table_size(0) + table_size(usual_table_bytes));
    CHECK(decoder.table().empty());
    CHECK(decoder(table_size(0) + enter({"", ""})).fields == Fields{{"", ""}});
    CHECK(decoder.table().empty());
    (void)decoder(table_size(usual_table_bytes));
    (void)decoder(enter(a));
    CHECK(decoder.table() == Fields{a});
}

TEST_CASE("a table that grows keeps all, and one that shrinks what fits", "[hpack]") {
    HpackMemory memory(1, 1, longest);
    Decoder decoder(memory);
    Fields table;
    const auto fill = [&](std::size_t most) {
        for (int i = 0; i < 400; ++i) {
            const auto entry = entry_of(40 + static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
            CHECK(decoder(enter(entry)).fields == Fields{entry});
            table.insert(table.begin(), entry);
        }
        while (size_of(table) > most) table.pop_back();
        CHECK(decoder.table() == table);
    };
    fill(usual_table_bytes);
    for (const std::uint32_t size :
        {most_table_bytes, 300u, 20'000u, usual_table_bytes, usual_table_bytes + 1, 4000u}) {
        INFO(size);
        // It is at the start of its block that the size changed, and stays there.
        CHECK(decoder(table_size(size) + table_size(size) + indexed(2)).fields == Fields{{":method", "GET"}});
        while (size_of(table) > size) table.pop_back();
        CHECK(decoder.table() == table);
        fill(size);
    }
}

// ---- in pieces -------------------------------------------------------------------------------------------

TEST_CASE("what is missing of a field is asked for, and never more", "[hpack]") {
    const std::string longer(300, 'x');
    std::string entries;
    for (int i = 0; i < 120; ++i) entries += enter({"", ""});
    const std::uint64_t far = Decoder::first_dynamic + 100;  // two bytes
    for (const std::string& field : {indexed(2), indexed(far), named(4, "/a"), named(60, longer, Literal::entered),
             named(far, "v"), named(far, longer, Literal::entered), literal("name", "value"), literal("", ""),
             literal(longer, longer, Literal::entered), literal("n", longer, Literal::never_indexed),
             h2::Deflater()({{"custom-key", "custom-value"}})}) {
        for (const std::string& before : {""s, table_size(4000), table_size(4000) + table_size(4096)}) {
            HpackMemory memory(1, 0, longest);
            HpackDecoder decoder{};
            REQUIRE(decoder.open(memory));
            decoder.begin_block();
            for (Bytes rest = as_bytes(entries); !rest.empty();) rest = rest.subspan(decoder.next(rest, memory).used);
            decoder.begin_block();
            const std::string block = before + field;
            std::size_t begin = 0, wanted = 0;
            for (std::size_t end = 1; end <= block.size(); ++end) {
                INFO(end << " bytes of " << block.size());
                const auto piece = std::make_unique<std::uint8_t[]>(end - begin);
                std::copy_n(block.data() + begin, end - begin, piece.get());
                const HpackDecoder::Step step = decoder.next({piece.get(), end - begin}, memory);
                begin += step.used;
                if (step.found == Found::end) continue;  // behind a size update
                if (step.found == Found::field) {
                    CHECK(begin == block.size());
                    CHECK(end == block.size());
                    continue;
                }
                REQUIRE(step.found == Found::need_more);
                const std::size_t whole_at = begin + step.needed;
                CHECK(whole_at > end);
                CHECK(whole_at <= block.size());
                CHECK(whole_at >= wanted);
                wanted = whole_at;
            }
            CHECK(begin == block.size());
            decoder.close(memory);
        }
    }
}

// ---- against nghttp2 -------------------------------------------------------------------------------------

namespace {

Fields table_of(const Inflater& inflater) {
    Fields entries;
    const std::size_t behind = nghttp2_hd_inflate_get_num_table_entries(inflater.inflater);
    for (std::size_t index = Decoder::first_dynamic; index <= behind; ++index) {
        const nghttp2_nv& field = *nghttp2_hd_inflate_get_table_entry(inflater.inflater, index);
        entries.emplace_back(as_text({field.name, field.namelen}), as_text({field.value, field.valuelen}));
    }
    return entries;
}

std::vector<std::size_t> cuts(Random& random, std::size_t size) {
    std::vector<std::size_t> ends;
    for (std::size_t end = 1; end < size; ++end) {
        if (random.one_in(20)) ends.push_back(end);
    }
    return ends;
}

}  // namespace

TEST_CASE("thousands of insertions, in tables of all sizes, leave what nghttp2 has", "[hpack]") {
    Random random(20240903);
    INFO(random.seed());
    for (const std::uint32_t most : {64u, 200u, usual_table_bytes, most_table_bytes}) {
        HpackMemory memory(1, 1, longest);
        Decoder decoder(memory);
        Inflater inflater;
        nghttp2_hd_inflate_change_table_size(inflater.inflater, most_table_bytes);
        std::string block = table_size(most);
        for (int round = 0; round < 600; ++round) {
            if (random.one_in(50)) block += table_size(random.below(most + 1));
            // Entries are named in front of all insertions, where they are still there.
            const std::size_t known = block.empty() ? nghttp2_hd_inflate_get_num_table_entries(inflater.inflater)
                                                    : Decoder::first_dynamic - 1;
            block += random.one_in(2) ? indexed(1 + random.below(known))
                                      : named(1 + random.below(known), "again", Literal::entered);
            for (std::size_t left = random.below(8); left > 0; --left) {
                const std::string value(
                    random.below(random.one_in(4) ? longest - 50 : 40), static_cast<char>('a' + left));
                const std::string name(random.below(30), static_cast<char>('A' + left));
                block += random.one_in(2)
                             ? literal(name, value, Literal::entered)
                             : named(1 + random.below(Decoder::first_dynamic - 1), value, Literal::entered);
            }
            INFO("table of " << most << ", round " << round);
            const Read read = decoder(block, cuts(random, block.size()));
            REQUIRE(read.end == Found::end);
            REQUIRE(read.fields == inflater(as_bytes(block)));
            if (round % 10 == 0) REQUIRE(decoder.table() == table_of(inflater));
            block.clear();
        }
    }
}

TEST_CASE("what nghttp2 deflates is read, while the table changes its size", "[hpack]") {
    Random random(20240904);
    INFO(random.seed());
    HpackMemory memory(1, 1, longest);
    Decoder decoder(memory);
    h2::Deflater deflater(most_table_bytes);
    for (int round = 0; round < 1000; ++round) {
        if (random.one_in(20))
            deflater.change_table_size(random.of(std::vector<std::size_t>{0, 100, 4096, 4097, 65'536}));
        Fields fields;
        for (std::size_t left = 1 + random.below(6); left > 0; --left) {
            std::string value;
            for (std::size_t size = random.below(60); size > 0; --size) value += static_cast<char>(random.below(128));
            fields.emplace_back("x-" + std::to_string(random.below(200)), random.one_in(2) ? "again" : value);
        }
        const std::string block = deflater(fields);
        const Read read = decoder(block, cuts(random, block.size()));
        REQUIRE(read.end == Found::end);
        REQUIRE(read.fields == fields);
    }
}

// ---- memory ----------------------------------------------------------------------------------------------

TEST_CASE("there are as many tables as were made, and each is given back", "[hpack]") {
    HpackMemory memory(2, 0, longest);
    for (int round = 0; round < 3; ++round) {
        Decoder first(memory), second(memory);
        HpackDecoder third{};
        CHECK_FALSE(third.open(memory));
        third.close(memory);  // holds nothing
        (void)first(enter({"a", "b"}));
        CHECK(second.table().empty());  // whatever was in it before
    }
}

TEST_CASE("a large table is another's when it isn't needed any more", "[hpack]") {
    HpackMemory memory(3, 1, longest);
    Decoder first(memory), second(memory);
    (void)first(enter({"a", "b"}));
    CHECK(first(table_size(5000)).end == Found::end);
    CHECK(second(table_size(5000)).end == Found::no_memory);
    CHECK(first(table_size(4096)).end == Found::end);
    CHECK(first.table() == Fields{{"a", "b"}});
    Decoder third(memory);
    CHECK(third(table_size(5000)).end == Found::end);
}

TEST_CASE("a large table is given back by who closes with it, and the usual one by who grows", "[hpack]") {
    HpackMemory memory(1, 1, longest);
    for (int round = 0; round < 3; ++round) {
        Decoder first(memory);
        CHECK(first(table_size(most_table_bytes) + enter({"a", "b"})).end == Found::end);
        Decoder second(memory);
        // There is no usual one to go back to: it keeps the large one, at the size that was said.
        const auto entry = entry_of(1000, 'n');
        for (int i = 0; i < 10; ++i) CHECK(first(enter(entry)).end == Found::end);
        CHECK(first(table_size(4096)).end == Found::end);
        CHECK(first.table() == Fields(4, entry));
        CHECK(second(table_size(5000)).end == Found::no_memory);
        CHECK(first(table_size(65'536)).end == Found::end);
        for (int i = 0; i < 100; ++i) CHECK(first(enter(entry)).end == Found::end);
        CHECK(first.table() == Fields(65, entry));
    }
}
