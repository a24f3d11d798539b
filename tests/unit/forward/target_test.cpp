// SPDX-License-Identifier: Apache-2.0
#include "forward/target.h"

#include <algorithm>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/random.h"

using namespace rebuilder;

namespace {

// A copy of its own, so that the sanitizers see each read outside.
bool any(const std::string& text) {
    const std::vector<char> bytes(text.begin(), text.end());
    return forward::any_needs_encoding({bytes.data(), bytes.size()});
}

}  // namespace

TEST_CASE("target: one byte that needs encoding is found wherever it stands", "[forward]") {
    for (std::size_t size = 0; size < 40; ++size) {
        CHECK_FALSE(any(std::string(size, '/')));
        for (std::size_t at = 0; at < size; ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string text(size, at % 2 == 0 ? '!' : '\x80');
                text[at] = static_cast<char>(byte);
                REQUIRE(any(text) == forward::needs_encoding(text[at]));
            }
        }
    }
}

TEST_CASE("target: what needs encoding among any bytes", "[forward]") {
    test::Random random(5);
    INFO(random.seed());
    for (int i = 0; i < 20'000; ++i) {
        std::string text(random.below(30), '\0');
        for (char& c : text) c = static_cast<char>(random.one_in(30) ? random.below(256) : random.between(0x1f, 0x81));
        REQUIRE(any(text) == std::any_of(text.begin(), text.end(), forward::needs_encoding));
    }
}
