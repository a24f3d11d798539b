// SPDX-License-Identifier: Apache-2.0
// LineScan: the lines of a header section, found by looking at 64 bytes at a time.
//
// In:    bytes, of which nothing outside is read.
// Out:   each line that ends in them: where, and where the token in front of it ends, which for a field line is its colon.
// How:   one pass over a block makes a bit for each byte that ends a line, is no token character, and so on (Langdale and
//        Lemire, "Parsing Gigabytes of JSON per Second", 2019); lines are then found bit by bit.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#    include <immintrin.h>
#elif defined(__aarch64__)
#    include <arm_neon.h>
#endif

#include "http/token.h"

namespace rebuilder::http {

// What stands at each of 64 bytes: bit n is byte n's.
struct Marks {
    std::uint64_t lf;
    std::uint64_t unusual;  // CR or NUL
    std::uint64_t odd;      // no token character: these, too

    bool operator==(const Marks&) const = default;
};

namespace detail {

inline constexpr std::size_t block = 64;

// The token characters by nibbles: bit h of entry l is about character h * 16 + l. None is beyond 127.
inline constexpr auto token_nibbles = [] {
    std::array<std::uint8_t, 16> table{};
    for (unsigned c = 0; c < 128; ++c) {
        if (token_chars[c]) table[c % 16] = static_cast<std::uint8_t>(table[c % 16] | 1U << (c / 16));
    }
    return table;
}();
inline constexpr std::array<std::uint8_t, 16> high_nibbles{1, 2, 4, 8, 16, 32, 64, 128};

inline Marks mark_portably(const char* from) noexcept {
    Marks marks{};
    for (std::size_t i = 0; i < block; ++i) {
        const auto bit = [i](bool set) { return std::uint64_t{set} << i; };
        marks.lf |= bit(from[i] == '\n');
        marks.unusual |= bit(from[i] == '\r' || from[i] == '\0');
        marks.odd |= bit(!is_token_char(from[i]));
    }
    return marks;
}

#if defined(__AVX2__)

inline Marks mark(const char* from) noexcept {
    const auto both = [](const std::array<std::uint8_t, 16>& table) {
        return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
    };
    const __m256i low_table = both(token_nibbles), high_table = both(high_nibbles);
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    const auto half = [&](const char* at) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
        const auto bits = [](__m256i set) {
            return std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(set))};
        };
        const auto equal = [&](char c) { return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c)); };
        const __m256i low = _mm256_shuffle_epi8(low_table, _mm256_and_si256(bytes, nibble));
        const __m256i high = _mm256_shuffle_epi8(high_table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
        return Marks{bits(equal('\n')), bits(_mm256_or_si256(equal('\r'), equal('\0'))),
            bits(_mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256()))};
    };
    const Marks first = half(from), second = half(from + 32);
    return {first.lf | second.lf << 32, first.unusual | second.unusual << 32, first.odd | second.odd << 32};
}

#elif defined(__aarch64__)

inline Marks mark(const char* from) noexcept {
    const uint8x16_t low_table = vld1q_u8(token_nibbles.data()), high_table = vld1q_u8(high_nibbles.data());
    const uint8x16_t weights = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    std::array<uint8x16_t, 4> bytes;
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = vld1q_u8(reinterpret_cast<const std::uint8_t*>(from) + i * 16);
    // Three pairwise additions fold the weights of 64 bytes into 64 bits.
    const auto bits = [&](auto test) {
        const uint8x16_t a = vpaddq_u8(vandq_u8(test(bytes[0]), weights), vandq_u8(test(bytes[1]), weights));
        const uint8x16_t b = vpaddq_u8(vandq_u8(test(bytes[2]), weights), vandq_u8(test(bytes[3]), weights));
        const uint8x16_t sums = vpaddq_u8(a, b);
        return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
    };
    const auto equal = [](uint8x16_t each, std::uint8_t c) { return vceqq_u8(each, vdupq_n_u8(c)); };
    return {bits([&](uint8x16_t each) { return equal(each, '\n'); }),
        bits([&](uint8x16_t each) { return vorrq_u8(equal(each, '\r'), equal(each, '\0')); }),
        bits([&](uint8x16_t each) {
            const uint8x16_t low = vqtbl1q_u8(low_table, vandq_u8(each, vdupq_n_u8(0x0f)));
            const uint8x16_t high = vqtbl1q_u8(high_table, vshrq_n_u8(each, 4));
            return vceqzq_u8(vandq_u8(low, high));
        })};
}

#else

inline Marks mark(const char* from) noexcept {
    return mark_portably(from);
}

#endif

}  // namespace detail

class LineScan {
  public:
    struct Line {
        const char* begin;
        const char* token_end;  // the first character that is none of a token; at the latest the line's end
        const char* end;        // behind the LF
        bool plain;             // it ends with CRLF, has no other CR, and no NUL
    };

    LineScan(const char* begin, const char* end) noexcept : block_(begin), end_(end) { load(); }

    // The next line; false when it doesn't end in the bytes.
    [[nodiscard]] bool next(Line& line) noexcept {
        line.begin = block_ + at_;
        while (marks_.odd == 0) {
            if (!go_on()) return false;
        }
        line.token_end = block_ + std::countr_zero(marks_.odd);
        std::uint64_t wrong = 0;
        while (marks_.lf == 0) {
            wrong |= wrong_;
            if (!go_on()) return false;
        }
        const auto lf = static_cast<unsigned>(std::countr_zero(marks_.lf));
        const std::uint64_t line_bits = (std::uint64_t{2} << lf) - 1;
        wrong |= wrong_ & line_bits;
        line.end = block_ + lf + 1;
        line.plain = wrong == 0 && line.end - line.begin > 1 && line.end[-2] == '\r';
        at_ = lf + 1;
        marks_.lf &= ~line_bits;
        marks_.odd &= ~line_bits;
        wrong_ &= ~line_bits;
        return true;
    }

  private:
    // The block behind this one.
    [[nodiscard]] bool go_on() noexcept {
        if (left() <= detail::block) return false;
        block_ += detail::block;
        at_ = 0;
        load();
        return true;
    }
    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - block_); }

    void load() noexcept {
        if (left() >= detail::block) [[likely]] {
            marks_ = detail::mark(block_);
        } else {
            std::array<char, detail::block> rest;
            rest.fill('a');                                             // marks nothing
            if (left() != 0) std::memcpy(rest.data(), block_, left());  // nowhere may be where nothing lies
            marks_ = detail::mark(rest.data());
        }
        // A CR that no LF follows, or a NUL. The last byte is judged with the first of the next block, which is of the same
        // line.
        constexpr std::uint64_t last = std::uint64_t{1} << 63;
        wrong_ = (marks_.unusual & ~(marks_.lf >> 1 | last)) | (cr_due_ & ~marks_.lf);
        cr_due_ = marks_.unusual >> 63;
    }

    const char* block_;
    const char* end_;
    unsigned at_ = 0;           // where in the block the next line begins; what is in front of it has no mark any more
    std::uint64_t cr_due_ = 0;  // the block before this one ended with a CR, or a NUL
    std::uint64_t wrong_ = 0;   // what keeps a line from being plain
    Marks marks_;
};

}  // namespace rebuilder::http
