// SPDX-License-Identifier: Apache-2.0
#include "http/line_scan.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::http;

namespace {

struct Found {
    std::string text;
    std::size_t token_size;
    bool plain;

    bool operator==(const Found&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Found& found) {
    return out << '"' << found.text << "\" " << found.token_size << (found.plain ? " plain" : "");
}

// A copy of its own, so that the sanitizers see each read outside.
std::vector<Found> scanned(const std::string& text) {
    const std::vector<char> bytes(text.begin(), text.end());
    LineScan scan(bytes.data(), bytes.data() + bytes.size());
    std::vector<Found> lines;
    for (LineScan::Line line; scan.next(line);) {
        lines.push_back(
            {std::string(line.begin, line.end), static_cast<std::size_t>(line.token_end - line.begin), line.plain});
    }
    return lines;
}

std::vector<Found> expected(std::string_view text) {
    std::vector<Found> lines;
    for (std::size_t lf = text.find('\n'); lf != text.npos; lf = text.find('\n')) {
        const std::string_view line = text.substr(0, lf + 1);
        text.remove_prefix(lf + 1);
        const std::string_view content = line.substr(0, line.size() - std::min<std::size_t>(line.size(), 2));
        const bool plain = line.ends_with("\r\n") && content.find_first_of(std::string_view("\r\0", 2)) == content.npos;
        lines.push_back({std::string(line), token_size(line), plain});
    }
    return lines;
}

}  // namespace

TEST_CASE("line scan: the marks of 64 bytes are those of each byte", "[http]") {
    for (unsigned shift = 0; shift < 256; ++shift) {
        std::string bytes(64, '\0');
        for (unsigned i = 0; i < 64; ++i) bytes[i] = static_cast<char>(i * 5 + shift);
        REQUIRE(detail::mark(bytes.data()) == detail::mark_portably(bytes.data()));
    }
    const Marks marks = detail::mark_portably((std::string(10, 'a') + "\n:\r" + '\0' + std::string(50, 'a')).data());
    CHECK(marks.lf == 1u << 10);
    CHECK(marks.unusual == 3u << 12);
    CHECK(marks.odd == 15u << 10);
}

TEST_CASE("line scan: lines end wherever they do in a block", "[http]") {
    for (std::size_t size = 0; size < 200; ++size) {
        const std::string line(size, 'x');
        for (const std::string& text : {line + "\r\n", line + ": y\r\nz: 1\r\n\r\n", line + "\n" + line + "\r\n",
                 line + "\r", line + "\ra\r\n\r\n", line + std::string("\0\r\n", 3),
                 line + std::string("\0\n", 2) + "a: b\r\n", "\r\n" + line + "\r\r\n" + line + "\r\n", line}) {
            INFO(size << ' ' << text);
            REQUIRE(scanned(text) == expected(text));
        }
    }
}

TEST_CASE("line scan: finds in any bytes what a naive search finds", "[http]") {
    test::Random random(11);
    INFO(random.seed());
    for (int i = 0; i < 20'000; ++i) {
        std::string text(random.below(300), '\0');
        const std::string_view letters("\r\r\n\n: ab\0\x80;", 11);
        const std::size_t density = 1 + random.below(40);
        for (char& c : text) c = random.below(density) == 0 ? letters[random.below(letters.size())] : 'k';
        for (std::size_t at = 0; at + 1 < text.size(); at += 1 + random.below(90)) text.replace(at, 2, "\r\n");
        REQUIRE(scanned(text) == expected(text));
    }
}
