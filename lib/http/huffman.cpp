// SPDX-License-Identifier: Apache-2.0
#include "http/huffman.h"

#include <array>
#include <cstdint>

namespace rebuilder::http {
namespace {

constexpr std::size_t symbol_count = 257;
constexpr unsigned end_of_string = 256;
constexpr unsigned longest_code = 30;
constexpr unsigned short_bits = 8;  // all letters, digits and most marks have codes of at most so many

// The code is canonical: ordered by their lengths, then by themselves, the symbols have consecutive codes. So the
// lengths say it all.
constexpr std::array<std::uint8_t, symbol_count> code_lengths{
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,  // 0x00
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,  // 0x10
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,          // space
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,               // 0
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,                 // @
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,              // P
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,                 // `
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,             // p
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,  // 0x80
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,  // 0x90
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,  // 0xa0
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,  // 0xb0
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,  // 0xc0
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,  // 0xd0
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,  // 0xe0
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,  // 0xf0
    30,                                                              // EOS
};

struct ShortCode {
    std::uint8_t symbol = 0;
    std::uint8_t length = 0;  // 0: a longer code begins so
};

// The codes of one length, as the first bits of 32.
struct Length {
    std::uint64_t end = 0;  // behind the last of them
    std::uint32_t begin = 0;
    std::uint32_t first_symbol = 0;  // in `symbols`
};

struct Code {
    std::array<ShortCode, 1 << short_bits> shorts{};
    std::array<Length, longest_code + 1> lengths{};
    std::array<std::uint16_t, symbol_count> symbols{};
};

constexpr Code code = [] {
    Code made;
    std::uint64_t next = 0;  // as the first bits of 32
    std::uint32_t placed = 0;
    for (unsigned length = 1; length <= longest_code; ++length) {
        made.lengths[length].begin = static_cast<std::uint32_t>(next);
        made.lengths[length].first_symbol = placed;
        for (unsigned symbol = 0; symbol < symbol_count; ++symbol) {
            if (code_lengths[symbol] != length) continue;
            made.symbols[placed++] = static_cast<std::uint16_t>(symbol);
            if (length <= short_bits) {
                const auto from = static_cast<std::size_t>(next >> (32 - short_bits));
                for (std::size_t i = 0; i < std::size_t{1} << (short_bits - length); ++i) {
                    made.shorts[from + i] = {static_cast<std::uint8_t>(symbol), static_cast<std::uint8_t>(length)};
                }
            }
            next += std::uint64_t{1} << (32 - length);
        }
        made.lengths[length].end = next;
    }
    return made;
}();
static_assert(code.lengths[longest_code].end == std::uint64_t{1} << 32, "the code is complete");

struct Symbol {
    unsigned symbol;
    unsigned length;
};

Symbol find_long(std::uint32_t bits) noexcept {
    unsigned length = short_bits + 1;
    while (bits >= code.lengths[length].end) ++length;
    const Length& found = code.lengths[length];
    return {code.symbols[found.first_symbol + ((bits - found.begin) >> (32 - length))], length};
}

}  // namespace

std::optional<std::size_t> huffman_decode(Bytes coded, char* to) noexcept {
    const char* const begin = to;
    const std::uint8_t* at = coded.data();
    const std::uint8_t* const end = at + coded.size();
    std::uint64_t bits = 0;  // the next of them, from the top
    unsigned held = 0;
    for (;;) {
        if (end - at >= 8) {
            bits |= load_be64(at) >> held;
            at += (63 - held) / 8;
            held |= 56;
        } else {
            for (; held <= 56 && at != end; held += 8) bits |= std::uint64_t{*at++} << (56 - held);
            if (held < longest_code) break;
        }
        while (held >= longest_code) {
            const ShortCode known = code.shorts[bits >> (64 - short_bits)];
            Symbol symbol{known.symbol, known.length};
            if (known.length == 0) {
                symbol = find_long(static_cast<std::uint32_t>(bits >> 32));
                if (symbol.symbol == end_of_string) return std::nullopt;
            }
            *to++ = static_cast<char>(symbol.symbol);
            bits <<= symbol.length;
            held -= symbol.length;
        }
    }
    // What is left ends in the first bits of EOS, which is all ones.
    for (;;) {
        const auto next = static_cast<std::uint32_t>((bits | (~std::uint64_t{0} >> held)) >> 32);
        const ShortCode known = code.shorts[next >> (32 - short_bits)];
        const Symbol symbol = known.length != 0 ? Symbol{known.symbol, known.length} : find_long(next);
        if (symbol.length > held) {
            const bool padding = held < 8 && next == ~std::uint32_t{0};
            return padding ? std::optional(static_cast<std::size_t>(to - begin)) : std::nullopt;
        }
        if (symbol.symbol == end_of_string) return std::nullopt;
        *to++ = static_cast<char>(symbol.symbol);
        bits <<= symbol.length;
        held -= symbol.length;
    }
}

}  // namespace rebuilder::http
