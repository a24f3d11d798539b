// SPDX-License-Identifier: Apache-2.0
// - zeroed, writable to its last byte, larger than memory when untouched
// - moved from: empty; moved to: the same bytes; refusal is an Error
#include "base/mapping.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "support/catch.h"

using rebuilder::Mapping;

TEST_CASE("mapping: zeroed and writable", "[mapping]") {
    const std::size_t size = GENERATE(std::size_t{1}, std::size_t{4096}, std::size_t{(2u << 20) + 17});
    Mapping mapping(size);
    REQUIRE(mapping.data() != nullptr);
    CHECK(mapping.size() == size);
    CHECK(std::all_of(mapping.data(), mapping.data() + size, [](std::uint8_t byte) { return byte == 0; }));
    std::fill(mapping.data(), mapping.data() + size, std::uint8_t{0xff});
}

TEST_CASE("mapping: none", "[mapping]") {
    const Mapping mapping(0);
    CHECK(mapping.data() == nullptr);
    CHECK(mapping.size() == 0);
}

TEST_CASE("mapping: untouched memory costs nothing", "[mapping]") {
    Mapping mapping(std::size_t{64} << 30);
    mapping.data()[mapping.size() - 1] = 1;
    CHECK(mapping.data()[mapping.size() / 2] == 0);
}

TEST_CASE("mapping: moves", "[mapping]") {
    Mapping first(4096);
    std::uint8_t* data = first.data();
    data[7] = 42;
    Mapping second(std::move(first));
    CHECK(second.data() == data);
    CHECK(second.size() == 4096);
    CHECK(first.data() == nullptr);  // NOLINT(bugprone-use-after-move): what it promises
    CHECK(first.size() == 0);

    Mapping third(8192);
    third = std::move(second);
    CHECK(third.data() == data);
    CHECK(third.size() == 4096);
    CHECK(third.data()[7] == 42);
}

TEST_CASE("mapping: a refusal is an error with a sentence", "[mapping]") {
    try {
        const Mapping mapping(std::numeric_limits<std::size_t>::max() / 2);
        FAIL("the kernel gave half of the address space");
    } catch (const rebuilder::Error& error) {
        CHECK(error.exit_status == rebuilder::ExitStatus::runtime);
        CHECK(std::string(error.what()).find("bytes") != std::string::npos);
    }
}
