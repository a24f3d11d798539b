// SPDX-License-Identifier: Apache-2.0
// A line of a section taken apart. What a whole section's lines say of a body is shown in h1_test.cpp.
#include "http/framing.h"

#include <string>
#include <string_view>

#include "http/field_line.h"
#include "support/catch.h"

using namespace rebuilder::http;
using namespace std::string_literals;

namespace {

std::string shown(const std::string& line) {
    const FieldLine parsed = parse_field_line(line);
    std::string text;
    switch (parsed.kind) {
    case FieldLine::Kind::end: text = "end"; break;
    case FieldLine::Kind::malformed: text = "malformed"; break;
    case FieldLine::Kind::fold: text = "fold"; break;
    case FieldLine::Kind::field: text = "<" + line.substr(0, parsed.name_size) + ">"; break;
    }
    const bool valued = parsed.kind == FieldLine::Kind::field || parsed.kind == FieldLine::Kind::fold;
    if (valued) text += "<" + line.substr(parsed.value_at, parsed.value_size) + ">";
    if (parsed.loose) text += " loose";
    if (parsed.unsendable) text += " unsendable";
    return text + (parsed.crlf ? "" : " lf");
}

}  // namespace

TEST_CASE("a field line is a name, a colon and a value", "[framing]") {
    CHECK(shown("A: b\r\n") == "<A><b>");
    CHECK(shown("A:b\n") == "<A><b> lf");
    CHECK(shown("A: \t b c \t\r\n") == "<A><b c>");
    CHECK(shown("A:\r\n") == "<A><>");
    CHECK(shown("A: : \r\n") == "<A><:>");
    CHECK(shown("\r\n") == "end");
    CHECK(shown("\n") == "end lf");
    CHECK(shown(" b \r\n") == "fold<b>");
    CHECK(shown("\t\r\n") == "fold<>");
}

TEST_CASE("a field line that is not as it should be is marked", "[framing]") {
    CHECK(shown("A : b\r\n") == "<A><b> loose");
    CHECK(shown("A\t \t:b\r\n") == "<A><b> loose");
    CHECK(shown("A b: c\r\n") == "<A b><c> unsendable");
    CHECK(shown("A b : c\r\n") == "<A b><c> loose unsendable");
    CHECK(shown(": c\r\n") == "<><c> unsendable");
    CHECK(shown("\x01: c\r\n") == "<\x01><c> unsendable");
    CHECK(shown("A\0: c\r\n"s) == "<A\0><c> unsendable"s);
    CHECK(shown("A\r\n") == "<A><> loose");
    CHECK(shown("A b\n") == "<A b><> loose unsendable lf");
}

TEST_CASE("a CR that ends no line is refused wherever it stands", "[framing]") {
    for (const char* line :
        {"\rA: b\r\n", "A\r: b\r\n", "A:\rb\r\n", "A: b\rc\r\n", "A: b\r\r\n", " \r\r\n", "\r\r\n", "A: b\rc\n"}) {
        INFO(line);
        CHECK(parse_field_line(line).kind == FieldLine::Kind::malformed);
    }
}
