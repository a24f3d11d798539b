// SPDX-License-Identifier: Apache-2.0
// HTTP/1 at its limits, one below, at and above each, however the bytes are split:
//   - fields, the size of the head, of the body (truncate, drop), of trailers
//   - blocks: with 0, 1, 2, ... of them nothing leaks, each request is whole or counted, and framing goes on
//   - messages: one for two streams
#include <string>
#include <vector>

#include "support/http_line.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

enum class Cut { whole, in_two, small_pieces, bytes };

constexpr auto all_cuts = {Cut::whole, Cut::in_two, Cut::small_pieces, Cut::bytes};

void feed(HttpLine& line, const std::string& text, Cut cut) {
    const std::size_t size = cut == Cut::whole          ? text.size()
                             : cut == Cut::in_two       ? text.size() / 2 + 1
                             : cut == Cut::small_pieces ? 7
                                                        : 1;
    for (std::size_t at = 0; at < text.size(); at += size) (void)line.data(text.substr(at, size));
}

// The request behind the one at the limit shows that framing went on.
const std::string next = "GET /next HTTP/1.1\r\n\r\n";
const std::string next_shown = "GET /next HTTP/1.1";

template <class Check>
void each_cut(const http::Limits& limits, const std::string& text, Check check) {
    for (const Cut cut : all_cuts) {
        INFO("cut " << static_cast<int>(cut));
        HttpLine line(limits);
        (void)line.open();
        feed(line, text, cut);
        line.finish();
        check(line);
    }
}

}  // namespace

TEST_CASE("as many fields as there are places for", "[h1]") {
    const auto with_fields = [](std::size_t headers, std::size_t trailers) {
        std::string text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n";
        for (std::size_t i = 1; i < headers; ++i) text += "a: b\r\n";
        text += "\r\n1\r\na\r\n0\r\n";
        for (std::size_t i = 0; i < trailers; ++i) text += "t: u\r\n";
        return text + "\r\n";
    };
    const auto headers_only = [](std::size_t headers) {
        std::string text = "GET / HTTP/1.1\r\n";
        for (std::size_t i = 0; i < headers; ++i) text += "a: b\r\n";
        return text + "\r\n";
    };
    for (const auto& text :
        {headers_only(http::max_fields - 1), headers_only(http::max_fields), with_fields(http::max_fields, 0),
            with_fields(http::max_fields - 1, 1), with_fields(1, http::max_fields - 1)}) {
        each_cut(HttpLine::small_limits(), text + next, [](const HttpLine& line) {
            CHECK(line.requests.size() == 2);
            CHECK(line.lost() == 0);
        });
    }
    for (const auto& text : {headers_only(http::max_fields + 1), with_fields(http::max_fields + 1, 0)}) {
        each_cut(HttpLine::small_limits(), text, [](const HttpLine& line) {
            CHECK(line.requests.empty());
            CHECK(line.count(Counter::requests_lost_too_many_fields) == 1);
            CHECK(line.lost() == 1);
        });
    }
    // Whatever trailers there are, they end at an empty line.
    for (const auto& text : {with_fields(http::max_fields, 1), with_fields(1, http::max_fields),
             with_fields(1, http::max_fields + 1), with_fields(1, 2 * http::max_fields)}) {
        each_cut(HttpLine::small_limits(), text + next, [](const HttpLine& line) {
            CHECK(line.requests == std::vector<std::string>{next_shown});
            CHECK(line.count(Counter::requests_lost_too_many_fields) == 1);
            CHECK(line.lost() == 1);
        });
    }
}

TEST_CASE("a head as large as the limit, in a short block, a large one, or in place", "[h1]") {
    const auto max_head = GENERATE(std::size_t{64}, std::size_t{4'072}, std::size_t{4'073}, std::size_t{20'000});
    http::Limits limits = HttpLine::small_limits();
    limits.max_head = max_head;
    const auto head_of = [](std::size_t size) {
        std::string text = "GET / HTTP/1.1\r\nA: \r\n\r\n";
        return text.insert(text.size() - 4, std::string(size - text.size(), 'a'));
    };
    INFO("max_head " << max_head);
    for (const std::size_t size : {max_head - 1, max_head}) {
        const std::string value(size - 23, 'a');
        each_cut(limits, head_of(size) + next, [&](const HttpLine& line) {
            CHECK(line.requests == std::vector<std::string>{"GET / HTTP/1.1 {A: " + value + "}", next_shown});
            CHECK(line.lost() == 0);
        });
    }
    for (const std::size_t size : {max_head + 1, max_head + 2, max_head + 100}) {
        each_cut(limits, head_of(size), [&](const HttpLine& line) {
            CHECK(line.requests.empty());
            CHECK(line.count(Counter::requests_lost_head_too_large) == 1);
            CHECK(line.lost() == 1);
        });
    }
}

TEST_CASE("a request line longer than the limit", "[h1]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_head = 64;
    const std::string text = "GET /0 HTTP/1.1\r\n\r\nGET /" + std::string(100, 'a') + " HTTP/1.1\r\n\r\n";
    each_cut(limits, text, [](const HttpLine& line) {
        CHECK(line.requests == std::vector<std::string>{"GET /0 HTTP/1.1"});
        CHECK(line.count(Counter::requests_lost_head_too_large) == 1);
        CHECK(line.lost() == 1);
    });
}

TEST_CASE("a first request line that is too long is a lost request, and the next is picked up", "[h1]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_head = GENERATE(std::size_t{64}, std::size_t{10'000});
    const std::string text = "GET /" + std::string(limits.max_head, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const std::size_t split :
        {std::size_t{0}, std::size_t{3}, std::size_t{30}, limits.max_head, text.size() - 2}) {
        INFO("split at " << split);
        HttpLine line(limits);
        (void)line.open();
        line.pieces(text, {split});
        (void)line.data(next);
        CHECK(line.requests == std::vector<std::string>{next_shown});
        CHECK(line.count(Counter::requests_lost_head_too_large) == 1);
        CHECK(line.lost() == 1);
        CHECK(line.count(Counter::streams_unknown) == 0);
        line.finish();
    }
}

TEST_CASE("trailers count towards the head", "[h1]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_head = 128;
    const std::string head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string fields = "T: \r\n\r\n";
    for (const std::size_t over : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100}}) {
        const std::string value(limits.max_head - head.size() - fields.size() + over, 'u');
        const std::string text = head + "1\r\na\r\n0\r\nT: " + value + "\r\n\r\n";
        each_cut(limits, text + next, [&](const HttpLine& line) {
            INFO(over << " bytes too many");
            CHECK(line.requests.size() == (over == 0 ? 2 : 1));
            CHECK(line.requests.back() == next_shown);
            CHECK(line.count(Counter::requests_lost_head_too_large) == (over == 0 ? 0 : 1));
            CHECK(line.lost() == (over == 0 ? 0 : 1));
        });
    }
}

TEST_CASE("a body as large as the limit, and larger ones", "[h1]") {
    constexpr std::size_t max_body = 10;
    const auto oversize = GENERATE(http::Oversize::truncate, http::Oversize::drop);
    const bool chunked = GENERATE(false, true);
    http::Limits limits = HttpLine::small_limits();
    limits.max_body = max_body;
    limits.oversize = oversize;
    for (const std::size_t size : {max_body - 1, max_body, max_body + 1, std::size_t{25}}) {
        const std::string body = std::string("0123456789abcdefghijklmnopqrstuvwxyz").substr(0, size);
        std::string text, shown;
        if (chunked) {
            text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" + body.substr(0, 4) + "\r\n";
            for (std::size_t i = 4; i < size; ++i) text += "1\r\n" + body.substr(i, 1) + "\r\n";
            text += "0\r\n\r\n";
            shown = "POST / HTTP/1.1 {Transfer-Encoding: chunked} chunked";
        } else {
            text = "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body;
            shown = "POST / HTTP/1.1 {Content-Length: " + std::to_string(size) + "} length";
        }
        shown += " <" + body.substr(0, max_body) + ">";
        const bool over = size > max_body;
        if (over) shown += " of " + std::to_string(size);
        const bool lost = over && oversize == http::Oversize::drop;
        each_cut(limits, text + next, [&](const HttpLine& line) {
            INFO("body of " << size);
            CHECK(line.requests ==
                  (lost ? std::vector<std::string>{next_shown} : std::vector<std::string>{shown, next_shown}));
            CHECK(line.count(Counter::requests_lost_body_too_large) == (lost ? 1 : 0));
            CHECK(line.count(Counter::requests_truncated) == (over && !lost ? 1 : 0));
            CHECK(line.count(Counter::request_body_bytes) == (lost ? 0 : size));
            CHECK(line.lost() == (lost ? 1 : 0));
        });
    }
}

TEST_CASE("with too few blocks each request is whole or counted, and framing goes on", "[h1]") {
    // Blocks of 104 bytes: heads need one each, or a large one; the bodies several.
    const std::string body(300, 'x');
    const std::string text =
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 300\r\n\r\n" + body +
        "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n12c\r\n" + body + "\r\n12c\r\n" + body +
        "\r\n0\r\nT: u\r\n\r\nGET /4 HTTP/1.1\r\nHost: " + std::string(200, 'h') + "\r\n\r\n" + next;
    std::vector<std::string> expected;
    {
        HttpLine line;
        (void)line.open();
        (void)line.data(text);
        line.finish();
        expected = line.requests;
        REQUIRE(expected.size() == 5);
    }
    for (const Cut cut : all_cuts) {
        std::vector<std::size_t> rebuilt_with;
        for (std::size_t blocks = 0; blocks <= 12; ++blocks) {
            INFO("cut " << static_cast<int>(cut) << ", " << blocks << " blocks");
            HttpLine line(HttpLine::small_limits(), {128, 16});
            (void)line.open();
            // Memory goes when the stream is known already: before that, nobody knows that a request was lost.
            (void)line.data("GET /0 HTTP/1.1\r\n\r\n");
            line.leave_blocks(blocks);
            feed(line, text, cut);
            CHECK(line.blocks_in_use() == 0);
            CHECK(line.in_assembly() == 0);
            line.finish();
            CHECK(line.lost() == line.count(Counter::requests_lost_no_memory));
            // Nothing that came out is other than it was sent, and in the same order.
            std::size_t at = 0;
            for (std::size_t i = 1; i < line.requests.size(); ++i) {
                while (at < expected.size() && expected[at] != line.requests[i]) ++at;
                CHECK(at++ < expected.size());
            }
            CHECK(line.requests.size() + line.lost() <= expected.size() + 1);
            // In bodies the framing survives; only the loss of a head costs what follows it, up to a segment's start.
            if (cut == Cut::whole) CHECK(line.requests.size() + line.lost() == expected.size() + 1);
            rebuilt_with.push_back(line.requests.size() - 1);
        }
        INFO("cut " << static_cast<int>(cut));
        CHECK(rebuilt_with.back() == expected.size());
        if (cut != Cut::whole) CHECK(rebuilt_with.front() < expected.size());
    }
}

TEST_CASE("a body that finds no block is followed to its end", "[h1]") {
    const bool chunked = GENERATE(false, true);
    const std::size_t blocks = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2});
    const std::string head = chunked ? "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n12c\r\n"
                                     : "POST / HTTP/1.1\r\nContent-Length: 300\r\n\r\n";
    const std::string end = chunked ? "\r\n0\r\nT: u\r\n\r\n" : "";
    HttpLine line(HttpLine::small_limits(), {128, 16});
    (void)line.open();
    line.leave_blocks(blocks);
    (void)line.data(head + std::string(50, 'x'));
    (void)line.data(std::string(200, 'x'));
    CHECK(line.blocks_in_use() <= 1);  // the head, at most: the body's part was given back
    (void)line.data(std::string(50, 'x') + end + next);
    CHECK(line.requests == std::vector<std::string>{next_shown});
    CHECK(line.count(Counter::requests_lost_no_memory) == 1);
    line.finish();
}

TEST_CASE("a lost request needs no memory for its trailers", "[h1]") {
    HttpLine line(HttpLine::small_limits(), {128, 16});
    (void)line.open();
    line.leave_blocks(0);
    (void)line.data("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n12c\r\n" + std::string(50, 'x'));
    (void)line.data(std::string(250, 'x') + "\r\n0\r\nT: ");
    (void)line.data("u\r\n\r\n" + next);
    CHECK(line.requests == std::vector<std::string>{next_shown});
    CHECK(line.count(Counter::requests_lost_no_memory) == 1);
    line.finish();
}

TEST_CASE("one message for two streams: the one that waits goes", "[h1]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_requests = 1;
    HttpLine line(limits);
    for (const std::size_t stream : {0u, 1u}) {
        (void)line.open(false, stream);
        (void)line.data("GET /0 HTTP/1.1\r\n\r\n", true, stream);
    }
    (void)line.data("GET /a HTTP/1.1\r\n", true, 0);
    CHECK(line.in_assembly() == 1);
    (void)line.data("GET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n", true, 1);
    CHECK(line.count(Counter::requests_lost_no_memory) == 1);
    (void)line.data("\r\n", true, 0);
    (void)line.data("GET /d HTTP/1.1\r\n\r\n", true, 1);
    CHECK(line.requests == std::vector<std::string>{"GET /0 HTTP/1.1", "GET /0 HTTP/1.1", "GET /b HTTP/1.1",
                               "GET /c HTTP/1.1", "GET /d HTTP/1.1"});
    (void)line.data("GET /e HTTP/1.1\r\n\r\n", true, 0);  // and is picked up again
    CHECK(line.requests.back() == "GET /e HTTP/1.1");
    CHECK(line.count(Counter::requests_lost_no_memory) == 1);
    CHECK(line.count(Counter::requests_started) == 7);
    line.finish();
}

TEST_CASE("a stream's first request that finds no memory is counted, too", "[h1]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_requests = 1;
    HttpLine line(limits);
    (void)line.open(false, 0);
    (void)line.open(GENERATE(false, true), 1);
    (void)line.data("GET /a HTTP/1.1\r\n", true, 0);
    (void)line.data("GET /b HTTP/1.1\r\n\r\n", true, 1);
    CHECK(line.count(Counter::requests_lost_no_memory) == 1);
    line.finish();
}
