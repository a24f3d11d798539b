// SPDX-License-Identifier: Apache-2.0
// The chunked coding, each case whole, split at every place, and byte by byte:
//   - sizes: upper case, leading zeros, the largest; extensions; LF alone
//   - what is malformed, and where
//   - skip(): inside the data of a chunk, up to its end, and nowhere else
#include "http/chunked.h"

#include <string>
#include <string_view>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::http;
using namespace std::string_view_literals;

namespace {

using Found = ChunkedDecoder::Found;

struct Decoded {
    std::string body;
    Found end = Found::need_more;
    std::size_t used = 0;

    bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view text, const std::vector<std::size_t>& ends) {
    ChunkedDecoder decoder;
    Decoded result;
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
        Bytes piece = as_bytes(text.substr(begin, end - begin));
        begin = end;
        do {
            const ChunkedDecoder::Step step = decoder.step(piece);
            result.used += step.used;
            result.body += as_text(step.data);
            result.end = step.found;
            piece = piece.subspan(step.used);
            if (step.found == Found::last_chunk || step.found == Found::malformed) return result;
            if (step.found == Found::need_more) CHECK(piece.empty());
        } while (!piece.empty());
    }
    if (result.end == Found::data) result.end = Found::need_more;
    return result;
}

}  // namespace

TEST_CASE("the chunked coding is taken off, however it is split", "[chunked]") {
    struct Case {
        const char* name;
        std::string_view text;
        Decoded expected;
    };
    const std::string far = "0000000000000003\r\nabc\r\n0\r\n";
    const std::vector<Case> cases{
        {"one chunk", "3\r\nabc\r\n0\r\n", {"abc", Found::last_chunk, 11}},
        {"two chunks", "3\r\nabc\r\n2\r\nde\r\n0\r\n", {"abcde", Found::last_chunk, 18}},
        {"only the last", "0\r\n", {"", Found::last_chunk, 3}},
        {"what follows stays", "1\r\na\r\n0\r\nT: x\r\n\r\n", {"a", Found::last_chunk, 9}},
        {"upper and lower case", "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n",
            {"01234567890123456789a", Found::last_chunk, 34}},
        {"leading zeros", "003\r\nabc\r\n000\r\n", {"abc", Found::last_chunk, 15}},
        {"16 digits", far, {"abc", Found::last_chunk, 26}},
        {"extensions", "3;a=b;c=\"d;e\"\r\nabc\r\n0;x\r\n", {"abc", Found::last_chunk, 25}},
        {"space behind the size", "3 \r\nabc\r\n0\t\r\n", {"abc", Found::last_chunk, 13}},
        {"LF alone", "3\nabc\n0\n", {"abc", Found::last_chunk, 8}},
        {"line ends in the data", "4\r\n\r\n\r\n\r\n0\r\n", {"\r\n\r\n", Found::last_chunk, 12}},
        {"cut in a size", "3\r\nabc\r\n1", {"abc", Found::need_more, 9}},
        {"cut in an extension", "3;ab", {"", Found::need_more, 4}},
        {"cut in the data", "3\r\nab", {"ab", Found::need_more, 5}},
        {"the largest", "ffffffffffffffff\r\nab", {"ab", Found::need_more, 20}},
        {"no size", "\r\n3\r\nabc\r\n", {"", Found::malformed, 0}},
        {"no hexadecimal digit", "g\r\n", {"", Found::malformed, 0}},
        {"a sign", "-3\r\n", {"", Found::malformed, 0}},
        {"0x", "0x3\r\n", {"", Found::malformed, 1}},
        {"17 digits that count", "10000000000000003\r\n", {"", Found::malformed, 16}},
        {"CR without LF behind the size", "3\rabc\r\n", {"", Found::malformed, 2}},
        {"CR without LF behind a space", "3 \r \nabc\r\n", {"", Found::malformed, 3}},
        {"CR in an extension", "3;a\rb\r\nabc\r\n", {"", Found::malformed, 4}},
        {"two CR behind the size", "3\r\r\nabc\r\n", {"", Found::malformed, 2}},
        {"CR behind the last size", "0;\ra\r\n\r\n", {"", Found::malformed, 3}},
        {"data longer than its size", "3\r\nabcd\r\n", {"abc", Found::malformed, 6}},
        {"no line end behind the data", "3\r\nabc0\r\n", {"abc", Found::malformed, 6}},
        {"a space behind the data", "3\r\nabc \n0\r\n", {"abc", Found::malformed, 6}},
        {"CR without LF behind the data", "3\r\nabc\r0\r\n", {"abc", Found::malformed, 7}},
    };
    for (const Case& test : cases) {
        INFO(test.name);
        const std::size_t size = test.text.size();
        CHECK(decode(test.text, {size}) == test.expected);
        for (std::size_t split = 0; split <= size; ++split) {
            INFO("split at " << split);
            CHECK(decode(test.text, {split, size}) == test.expected);
        }
        std::vector<std::size_t> each;
        for (std::size_t end = 1; end <= size; ++end) each.push_back(end);
        CHECK(decode(test.text, each) == test.expected);
    }
}

TEST_CASE("leading zeros of a size do not count, as they don't for nginx", "[chunked]") {
    const std::string text = std::string(40, '0') + "3\r\nabc\r\n0\r\n";
    CHECK(decode(text, {text.size()}) == Decoded{"abc", Found::last_chunk, text.size()});
}

TEST_CASE("a hole inside the data of a chunk does not cost the framing", "[chunked]") {
    const auto before = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{5});
    const auto hole = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{5});
    ChunkedDecoder decoder;
    const std::string first = "A\r\n" + std::string(before, 'a');
    for (Bytes left = as_bytes(first); !left.empty();) left = left.subspan(decoder.step(left).used);
    CHECK_FALSE(decoder.skip(10 - before + 1));
    REQUIRE(decoder.skip(hole));
    const std::string rest = std::string(10 - before - hole, 'b') + "\r\n0\r\n";
    Bytes left = as_bytes(rest);
    std::string body;
    for (;;) {
        const ChunkedDecoder::Step step = decoder.step(left);
        left = left.subspan(step.used);
        body += as_text(step.data);
        if (step.found == Found::data) continue;
        CHECK(step.found == Found::last_chunk);
        break;
    }
    CHECK(body == std::string(10 - before - hole, 'b'));
    CHECK(left.empty());
}

TEST_CASE("a hole anywhere else does", "[chunked]") {
    for (const std::string_view before :
        {""sv, "3"sv, "3;a"sv, "3\r"sv, "3\r\nabc"sv, "3\r\nabc\r"sv, "3\r\nabc\r\n"sv}) {
        ChunkedDecoder decoder;
        for (Bytes left = as_bytes(before); !left.empty();) left = left.subspan(decoder.step(left).used);
        INFO(before);
        CHECK_FALSE(decoder.skip(1));
    }
}
