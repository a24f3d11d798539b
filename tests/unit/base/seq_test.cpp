// SPDX-License-Identifier: Apache-2.0
// - differences around 0, 2^31 and 2^32, from every starting place
#include "base/seq.h"

#include <limits>

#include "support/catch.h"

using rebuilder::Seq;
using rebuilder::seq_before;
using rebuilder::seq_diff;

TEST_CASE("seq: distance is signed and wraps", "[seq]") {
    const Seq base = GENERATE(0u, 1u, 1000u, 0x7fffffffu, 0x80000000u, 0x80000001u, 0xfffffffeu, 0xffffffffu);
    CHECK(seq_diff(base, base) == 0);
    CHECK_FALSE(seq_before(base, base));
    for (const std::int32_t step : {1, 2, 1460, 65535, 16 << 20, std::numeric_limits<std::int32_t>::max()}) {
        const Seq ahead = base + static_cast<Seq>(step);
        INFO("base " << base << " step " << step);
        CHECK(seq_diff(ahead, base) == step);
        CHECK(seq_diff(base, ahead) == -step);
        CHECK(seq_before(base, ahead));
        CHECK_FALSE(seq_before(ahead, base));
    }
}

TEST_CASE("seq: at 2^31 apart each is behind the other", "[seq]") {
    // No order exists there; it must only be defined, and the same from both sides.
    const Seq base = GENERATE(0u, 12345u, 0xffffffffu);
    CHECK(seq_diff(base + 0x80000000u, base) == std::numeric_limits<std::int32_t>::min());
    CHECK(seq_diff(base, base + 0x80000000u) == std::numeric_limits<std::int32_t>::min());
}

TEST_CASE("seq: one past 2^31 is behind", "[seq]") {
    CHECK(seq_diff(0x80000001u, 0) == -std::numeric_limits<std::int32_t>::max());
    CHECK(seq_before(0x80000001u, 0));
    CHECK(seq_before(0xffffffffu, 0));
    CHECK(seq_before(0xffffffffu, 5));
    CHECK_FALSE(seq_before(5, 0xffffffffu));
}
