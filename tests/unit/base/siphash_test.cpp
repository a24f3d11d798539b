// SPDX-License-Identifier: Apache-2.0
// - a plain byte-wise reference, held to published vectors of SipHash-2-4 and SipHash-1-3
// - siphash13() against it. Ours takes whole words of a number known at compile time, and so leaves out the last
//   block of the specification, which holds the input's length: it equals the reference without that block.
// - every input bit and every key bit matters
#include "base/siphash.h"

#include <array>
#include <cstdint>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "support/catch.h"

using rebuilder::HashSecret;
using rebuilder::siphash13;

namespace {

std::uint64_t rotate(std::uint64_t value, unsigned bits) {
    return (value << bits) | (value >> (64 - bits));
}

struct Reference {
    std::array<std::uint64_t, 4> v;

    void rounds(int count) {
        for (; count > 0; --count) {
            v[0] += v[1];
            v[1] = rotate(v[1], 13);
            v[1] ^= v[0];
            v[0] = rotate(v[0], 32);
            v[2] += v[3];
            v[3] = rotate(v[3], 16);
            v[3] ^= v[2];
            v[0] += v[3];
            v[3] = rotate(v[3], 21);
            v[3] ^= v[0];
            v[2] += v[1];
            v[1] = rotate(v[1], 17);
            v[1] ^= v[2];
            v[2] = rotate(v[2], 32);
        }
    }
};

std::uint64_t little_endian(const std::uint8_t* from, std::size_t size) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < size; ++i) word |= static_cast<std::uint64_t>(from[i]) << (8 * i);
    return word;
}

// Section 2 of the paper, for any number of rounds.
std::uint64_t reference(int compression, int finalization, HashSecret key, const std::vector<std::uint8_t>& message,
    bool with_length_block) {
    Reference state{{key.k0 ^ 0x736f6d6570736575u, key.k1 ^ 0x646f72616e646f6du, key.k0 ^ 0x6c7967656e657261u,
        key.k1 ^ 0x7465646279746573u}};
    const auto absorb = [&](std::uint64_t word) {
        state.v[3] ^= word;
        state.rounds(compression);
        state.v[0] ^= word;
    };
    std::size_t at = 0;
    for (; at + 8 <= message.size(); at += 8) absorb(little_endian(message.data() + at, 8));
    if (with_length_block) {
        const std::uint64_t length = static_cast<std::uint64_t>(message.size() & 0xff) << 56;
        absorb(length | little_endian(message.data() + at, message.size() - at));
    }
    state.v[2] ^= 0xff;
    state.rounds(finalization);
    return state.v[0] ^ state.v[1] ^ state.v[2] ^ state.v[3];
}

constexpr HashSecret published_key{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::vector<std::uint8_t> counting(std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    return bytes;
}

}  // namespace

TEST_CASE("siphash: the reference of this test gives the published values", "[siphash]") {
    CHECK(reference(2, 4, published_key, counting(15), true) == 0xa129ca6149be45e5);  // the paper, appendix A
    CHECK(reference(2, 4, published_key, counting(0), true) == 0x726fdb47dd0e0e31);
    CHECK(reference(1, 3, published_key, counting(0), true) == 0xabac0158050fc4dc);
}

TEST_CASE("siphash: as the reference without its length block", "[siphash]") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 200; ++i) {
        const HashSecret key{random(), random()};
        std::array<std::uint64_t, 5> words;
        std::vector<std::uint8_t> message;
        for (std::uint64_t& word : words) {
            word = random();
            for (unsigned shift = 0; shift < 64; shift += 8)
                message.push_back(static_cast<std::uint8_t>(word >> shift));
        }
        CHECK(siphash13<5>(key, words) == reference(1, 3, key, message, false));
        CHECK(siphash13<5>(key, words) != reference(1, 3, key, message, true));
        message.resize(8);
        CHECK(
            siphash13(key, std::span<const std::uint64_t, 1>(words.data(), 1)) == reference(1, 3, key, message, false));
        CHECK(siphash13(key, std::span<const std::uint64_t>()) == reference(1, 3, key, {}, false));
    }
}

TEST_CASE("siphash: every bit of input and key matters", "[siphash]") {
    std::array<std::uint64_t, 5> words{1, 2, 3, 4, 5};
    HashSecret key{6, 7};
    std::set<std::uint64_t> seen{siphash13<5>(key, words)};
    for (std::size_t bit = 0; bit < 5 * 64; ++bit) {
        words[bit / 64] ^= 1ull << (bit % 64);
        seen.insert(siphash13<5>(key, words));
        words[bit / 64] ^= 1ull << (bit % 64);
    }
    for (unsigned bit = 0; bit < 64; ++bit) {
        seen.insert(siphash13<5>(HashSecret{key.k0 ^ (1ull << bit), key.k1}, words));
        seen.insert(siphash13<5>(HashSecret{key.k0, key.k1 ^ (1ull << bit)}, words));
    }
    CHECK(seen.size() == 1 + 5 * 64 + 2 * 64);
}
