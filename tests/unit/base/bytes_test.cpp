// SPDX-License-Identifier: Apache-2.0
// - load_be*: byte order, and the top bit does not become a sign
// - Cursor: take to the exact end, one more, nothing; limit in, at and behind the end
#include "base/bytes.h"

#include <array>
#include <string_view>

#include "support/catch.h"

using namespace rebuilder;

TEST_CASE("bytes: network order", "[bytes]") {
    const std::array<std::uint8_t, 8> bytes{0xf1, 0xe2, 0xd3, 0xc4, 0xb5, 0xa6, 0x97, 0x88};
    CHECK(load_be16(bytes.data()) == 0xf1e2);
    CHECK(load_be24(bytes.data()) == 0xf1e2d3);
    CHECK(load_be32(bytes.data()) == 0xf1e2d3c4);
    CHECK(load_be64(bytes.data()) == 0xf1e2d3c4b5a69788);
    const std::array<std::uint8_t, 8> small{0, 0, 0, 1, 0, 0, 0, 2};
    CHECK(load_be16(small.data()) == 0);
    CHECK(load_be24(small.data() + 1) == 1);
    CHECK(load_be32(small.data()) == 1);
    CHECK(load_be64(small.data()) == 0x100000002);
}

TEST_CASE("bytes: text and back", "[bytes]") {
    const std::string_view text("a\0\xff", 3);
    CHECK(as_bytes(text).size() == 3);
    CHECK(as_bytes(text)[2] == 0xff);
    CHECK(as_text(as_bytes(text)) == text);
    CHECK(as_text(Bytes{}).empty());
}

TEST_CASE("bytes: a cursor never passes its end", "[bytes]") {
    const std::array<std::uint8_t, 5> bytes{1, 2, 3, 4, 5};
    Cursor cursor{Bytes(bytes)};
    CHECK(cursor.left() == 5);
    CHECK(cursor.take(6) == nullptr);
    CHECK(cursor.left() == 5);
    CHECK(cursor.take(2) == bytes.data());
    CHECK(cursor.left() == 3);
    CHECK(cursor.rest().data() == bytes.data() + 2);
    CHECK(cursor.take(4) == nullptr);
    CHECK(cursor.take(static_cast<std::size_t>(-1)) == nullptr);
    CHECK(cursor.take(0) == bytes.data() + 2);
    CHECK(cursor.take(3) == bytes.data() + 2);
    CHECK(cursor.left() == 0);
    CHECK(cursor.take(1) == nullptr);
}

TEST_CASE("bytes: a limit only ever shortens", "[bytes]") {
    const std::array<std::uint8_t, 5> bytes{1, 2, 3, 4, 5};
    Cursor cursor{Bytes(bytes)};
    cursor.limit(6);
    CHECK(cursor.left() == 5);
    cursor.limit(5);
    CHECK(cursor.left() == 5);
    REQUIRE(cursor.take(1) != nullptr);
    cursor.limit(3);
    CHECK(cursor.left() == 3);
    CHECK(cursor.rest()[0] == 2);
    cursor.limit(4);
    CHECK(cursor.left() == 3);
    CHECK(cursor.take(4) == nullptr);
    cursor.limit(0);
    CHECK(cursor.left() == 0);
    CHECK(cursor.take(1) == nullptr);
}
