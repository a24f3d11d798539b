// SPDX-License-Identifier: Apache-2.0
// Huffman codes against nghttp2's encoder, and against a decoder that goes bit by bit through the codes so learned:
//   - every symbol, all pairs, random strings of up to 64 symbols
//   - all strings of one and two bytes, random ones of up to 64, also such that are no code
//   - the end: 0 to 7 ones are right; 8, zero bits, and EOS are not
#include "http/huffman.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "support/catch.h"
#include "support/http2_client.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

// From and to memory that has not a byte too much.
std::optional<std::string> decoded(std::string_view coded) {
    const auto from = std::make_unique<std::uint8_t[]>(coded.size());
    std::copy(coded.begin(), coded.end(), from.get());
    const auto to = std::make_unique<char[]>(http::most_huffman_decoded(coded.size()));
    const std::optional<std::size_t> size = http::huffman_decode({from.get(), coded.size()}, to.get());
    if (!size) return std::nullopt;
    return std::string(to.get(), *size);
}

// nghttp2 codes what gets shorter by it only, so there is enough in front that does: 8 times 'a' are 5 whole bytes.
std::string coded(const std::string& text) {
    static h2::Deflater deflater(0);  // it enters nothing, so all blocks but the first begin in the same way
    static const std::size_t name_size = (deflater({}), deflater({{"via", "a"}}).size() - 2);
    const std::size_t eights = text.size() + 4;
    const std::string block = deflater({{"via", std::string(8 * eights, 'a') + text}});
    std::size_t at = name_size + 1;
    REQUIRE((block[name_size] & 0x80) != 0);
    if ((block[name_size] & 0x7f) == 0x7f) {
        while ((block[at++] & 0x80) != 0) {
        }
    }
    return block.substr(at + 5 * eights);
}

std::string bits_of(std::string_view bytes) {
    std::string bits;
    for (const char c : bytes) {
        for (int bit = 7; bit >= 0; --bit) bits += (c >> bit & 1) != 0 ? '1' : '0';
    }
    return bits;
}

std::string bytes_of(const std::string& bits) {
    REQUIRE(bits.size() % 8 == 0);
    std::string bytes;
    for (std::size_t at = 0; at < bits.size(); at += 8) {
        bytes += static_cast<char>(std::stoi(bits.substr(at, 8), nullptr, 2));
    }
    return bytes;
}

constexpr int eos = 256;

const std::map<std::string, int>& codes() {
    static const std::map<std::string, int> made = [] {
        std::map<std::string, int> codes{{std::string(30, '1'), eos}};
        for (int symbol = 0; symbol < eos; ++symbol) {
            // An 'a' behind it, which is 00011, shows where it ends.
            std::string bits = bits_of(coded(std::string{static_cast<char>(symbol), 'a'}));
            bits.erase(bits.find_last_of('0') - 2);
            codes[bits] = symbol;
        }
        return codes;
    }();
    return made;
}

std::optional<std::string> decoded_bit_by_bit(std::string_view coded) {
    std::string text, code;
    for (const char bit : bits_of(coded)) {
        const auto found = codes().find(code += bit);
        if (found == codes().end()) continue;
        if (found->second == eos) return std::nullopt;
        text += static_cast<char>(found->second);
        code.clear();
    }
    if (code.size() > 7 || code.find('0') != code.npos) return std::nullopt;
    return text;
}

std::string random_bytes(Random& random, std::size_t size) {
    std::string bytes;
    // Ones are what long codes are made of, and what no code is.
    while (bytes.size() < size) bytes += random.one_in(3) ? '\xff' : static_cast<char>(random.below(256));
    return bytes;
}

}  // namespace

TEST_CASE("every symbol and every pair is decoded from what nghttp2 makes of it", "[huffman]") {
    CHECK(codes().size() == 257);
    CHECK(decoded("") == "");
    std::size_t wrong = 0;  // a CHECK each takes longer than all else
    for (int first = 0; first < 256; ++first) {
        const std::string one{static_cast<char>(first)};
        CHECK(decoded(coded(one)) == one);
        for (int second = 0; second < 256; ++second) {
            const std::string pair = one + static_cast<char>(second);
            wrong += decoded(coded(pair)) != pair;
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("strings of every length are decoded from what nghttp2 makes of them", "[huffman]") {
    Random random(20240901);
    INFO(random.seed());
    for (std::size_t size = 0; size <= 64; ++size) {
        for (int round = 0; round < 20; ++round) {
            const std::string any = random_bytes(random, size);
            CHECK(decoded(coded(any)) == any);
            std::string text;  // of short codes, which the rare long one interrupts
            while (text.size() < size) text += random.one_in(9) ? '\x16' : "aeiost012"[random.below(9)];
            CHECK(decoded(coded(text)) == text);
        }
    }
}

TEST_CASE("any bytes are decoded as bit by bit, or refused", "[huffman]") {
    Random random(20240902);
    INFO(random.seed());
    std::size_t wrong = 0, good = 0;
    const auto compare = [&](const std::string& bytes) {
        const std::optional<std::string> expected = decoded_bit_by_bit(bytes);
        wrong += decoded(bytes) != expected;
        good += expected.has_value();
    };
    for (int first = 0; first < 256; ++first) {
        const std::string one{static_cast<char>(first)};
        compare(one);
        for (int second = 0; second < 256; ++second) compare(one + static_cast<char>(second));
    }
    for (std::size_t size = 3; size <= 64; ++size) {
        for (int round = 0; round < 100; ++round) {
            std::string bytes = random_bytes(random, size);
            compare(bytes);
            // As it stands few end well.
            bytes = coded(bytes);
            compare(bytes);
            bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
            compare(bytes);
        }
    }
    CHECK(wrong == 0);
    CHECK(good > 10'000);
}

TEST_CASE("a string ends in less than 8 ones", "[huffman]") {
    for (std::size_t size = 0; size < 40; ++size) {
        const std::string text(size, 'a');
        std::string bits;
        for (std::size_t i = 0; i < size; ++i) bits += "00011";
        const std::size_t padding = (8 - bits.size() % 8) % 8;
        INFO(size << " symbols, padding of " << padding);
        CHECK(decoded(bytes_of(bits + std::string(padding, '1'))) == text);
        for (const std::size_t more : {8u, 16u, 24u, 32u, 64u}) {
            CHECK(decoded(bytes_of(bits + std::string(padding + more, '1'))) == std::nullopt);
        }
        for (std::size_t zero = 0; zero < padding; ++zero) {
            std::string end(padding, '1');
            end[zero] = '0';
            const std::string bytes = bytes_of(bits + end);
            CHECK(decoded(bytes) == decoded_bit_by_bit(bytes));
            if (padding < 5) CHECK(decoded(bytes) == std::nullopt);  // too short for any symbol
        }
    }
}

TEST_CASE("EOS is no symbol of a string", "[huffman]") {
    const std::string end_of_string(30, '1');
    for (std::size_t before = 0; before < 24; ++before) {
        for (std::size_t behind = 0; behind < 24; ++behind) {
            std::string bits;
            for (std::size_t i = 0; i < before; ++i) bits += "00011";
            bits += end_of_string;
            for (std::size_t i = 0; i < behind; ++i) bits += "00011";
            bits += std::string((8 - bits.size() % 8) % 8, '1');
            CHECK(decoded(bytes_of(bits)) == std::nullopt);
        }
    }
}
