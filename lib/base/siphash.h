// SPDX-License-Identifier: Apache-2.0
// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) over whole 64 bit words.
// A keyed hash: who does not know the secret cannot aim flows at one bucket. The input length is fixed by the
// caller's type, so it is not mixed in.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace rebuilder {

struct HashSecret {
    std::uint64_t k0 = 0;
    std::uint64_t k1 = 0;
};

template <std::size_t words>
inline std::uint64_t siphash13(const HashSecret& secret, std::span<const std::uint64_t, words> input) noexcept {
    std::uint64_t v0 = secret.k0 ^ 0x736f6d6570736575;
    std::uint64_t v1 = secret.k1 ^ 0x646f72616e646f6d;
    std::uint64_t v2 = secret.k0 ^ 0x6c7967656e657261;
    std::uint64_t v3 = secret.k1 ^ 0x7465646279746573;
    const auto round = [&]() noexcept {
        v0 += v1;
        v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = std::rotl(v1, 17) ^ v2;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 = std::rotl(v2, 32);
    };
    for (const std::uint64_t word : input) {
        v3 ^= word;
        round();
        v0 ^= word;
    }
    v2 ^= 0xff;
    round();
    round();
    round();
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace rebuilder
