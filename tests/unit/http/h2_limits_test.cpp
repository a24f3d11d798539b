// SPDX-License-Identifier: Apache-2.0
// HTTP/2 at its limits, at and above each: the counter, what is lost, and that the rest goes on:
//   - fields, the size of the head, of one field, of the body (truncate, drop); CONTINUATIONs; open streams
//   - resets: a burst, and how it is forgiven
//   - connections, large tables, messages, blocks: who is slow makes room; with 0, 1, 2, ... blocks nothing leaks
#include <algorithm>
#include <string>
#include <vector>

#include "support/http2_client.h"
#include "support/http_line.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;
using h2::continuation;
using h2::data;
using h2::Fields;
using h2::headers;
using h2::headers_begin;
using h2::indexed;
using h2::Literal;
using h2::literals;
using h2::request;
using Requests = std::vector<std::string>;

namespace {

const std::string start = h2::preface + h2::settings();
const std::string get_block = literals(request("GET", "/g"));
const std::string post_block = literals(request("POST", "/p"));
const std::string get = "GET /g HTTP/2 {Host: a.example}";
const std::string post = "POST /p HTTP/2 {Host: a.example} length";
const std::string entered = literals({{"kept", "in the table"}}, Literal::entered);
const std::string last = headers(1001, get_block + indexed(62));
const std::string last_shown = get + " {kept: in the table}";
const std::string text_of_get = "GET /g HTTP/1.1\r\nHost: a.example\r\n";

std::string troubles(const HttpLine& line) {
    return line.counted({"http2_", "requests_lost_"});
}

// Whole, and in pieces. The frames enter a field, which `last` has.
template <class Check>
void each_cut(const http::Limits& limits, const std::string& frames, Check check, bool goes_on = true) {
    const std::string bytes = start + frames + last;
    for (const std::size_t step : {bytes.size(), std::size_t{1000}, std::size_t{7}, std::size_t{1}}) {
        INFO("in pieces of " << step);
        HttpLine line(limits);
        (void)line.open();
        for (std::size_t at = 0; at < bytes.size(); at += step) (void)line.data(bytes.substr(at, step));
        line.finish();
        if (goes_on) {
            REQUIRE_FALSE(line.requests.empty());
            CHECK(line.requests.back() == last_shown);
            line.requests.pop_back();
        }
        check(line);
    }
}

http::Limits with_max_head(std::size_t bytes) {
    http::Limits limits = HttpLine::small_limits();
    limits.max_head = bytes;
    return limits;
}

}  // namespace

// ---- of a request ----------------------------------------------------------------------------------------

TEST_CASE("as many fields of HTTP/2 as there are places for", "[h2]") {
    const auto many = [](std::size_t count) { return literals(Fields(count, {"a", "b"})); };
    const std::size_t most = http::max_fields - 2;  // with Host, and the entered one
    for (const std::size_t over : {0u, 1u, 300u}) {
        INFO(over);
        const auto check = [&](const HttpLine& line) {
            CHECK(line.requests.size() == (over == 0 ? 1 : 0));
            CHECK(line.count(Counter::requests_lost_too_many_fields) == (over == 0 ? 0 : 1));
            CHECK(line.lost() == (over == 0 ? 0 : 1));
        };
        each_cut(HttpLine::small_limits(), headers(1, get_block + many(most + over) + entered), check);
        each_cut(HttpLine::small_limits(),
            headers(1, post_block + many(most - 10), false) + data(1, "a", false) +
                headers(1, many(10 + over) + entered),
            check);
    }
}

TEST_CASE("a head of HTTP/2 as large as the limit", "[h2]") {
    const auto max_head = GENERATE(std::size_t{200}, std::size_t{4'072}, std::size_t{4'073}, std::size_t{20'000});
    INFO(max_head);
    const std::string in_table = "kept: in the table\r\n";
    const std::size_t most = max_head - (text_of_get + in_table + "a: \r\n").size();
    for (const std::size_t over : {0u, 1u, 2u}) {
        const std::string value(most + over, 'a');
        each_cut(with_max_head(max_head), headers(1, get_block + literals({{"a", value}}) + entered),
            [&](const HttpLine& line) {
                if (over == 0) {
                    CHECK(line.requests == Requests{get + " {a: " + value + "} {kept: in the table}"});
                    CHECK(troubles(line).empty());
                } else {
                    CHECK(line.requests.empty());
                    CHECK(troubles(line) == "requests_lost_head_too_large=1");
                }
            });
    }
}

TEST_CASE("trailers of HTTP/2 count towards the head", "[h2]") {
    const std::size_t max_head = 200;
    const std::string head = "POST /p HTTP/1.1\r\nHost: a.example\r\nkept: in the table\r\nt: \r\n";
    for (const std::size_t over : {0u, 1u}) {
        const std::string trailer = literals({{"t", std::string(max_head - head.size() + over, 't')}});
        each_cut(with_max_head(max_head), headers(1, post_block + entered, false) + headers(1, trailer),
            [&](const HttpLine& line) {
                CHECK(line.requests.size() == 1 - over);
                CHECK(line.count(Counter::requests_lost_head_too_large) == over);
                CHECK(line.lost() == over);
            });
    }
}

TEST_CASE("a few bytes that stand for many are no larger than others", "[h2]") {
    std::string bomb = get_block + literals({{"bomb", std::string(3000, 'b')}}, Literal::entered);
    for (int i = 0; i < 2000; ++i) bomb += indexed(62);
    each_cut(HttpLine::small_limits(), headers(1, bomb + entered), [](const HttpLine& line) {
        CHECK(line.requests.empty());
        CHECK(troubles(line) == "requests_lost_head_too_large=1");
    });
}

TEST_CASE("a field larger than the largest head costs its request, and no other", "[h2]") {
    const std::size_t max_head = 1000;
    for (const auto& [name, value] :
        std::vector<std::pair<std::size_t, std::size_t>>{{1, 1001}, {1, 5000}, {1001, 1}, {5000, 0}, {600, 600}}) {
        INFO(name << " and " << value);
        const Fields large{{std::string(name, 'n'), std::string(value, 'v')}, {"behind", "it"}};
        const std::string block = get_block + literals(large);
        each_cut(with_max_head(max_head),
            headers(1, post_block + entered, false) + headers(3, block) + headers(5, get_block) + data(1, "abc"),
            [](const HttpLine& line) {
                CHECK(line.requests.size() == 2);
                CHECK(troubles(line) == "requests_lost_head_too_large=1");
            });
        // Trailers, too.
        each_cut(with_max_head(max_head),
            headers(1, post_block, false) + headers(1, literals(large) + entered) + headers(3, get_block),
            [](const HttpLine& line) {
                CHECK(line.requests.size() == 1);
                CHECK(troubles(line) == "requests_lost_head_too_large=1");
            });
        // Where the table has room for it, it may be there now.
        const bool room = name + value < 4000;
        const std::string enters = get_block + literals(large, Literal::entered) + entered;
        each_cut(
            with_max_head(max_head), headers(1, post_block, false) + headers(3, enters),
            [room](const HttpLine& line) {
                CHECK(line.requests.empty());
                CHECK(troubles(line) == (room ? "http2_lost_compression=1 requests_lost_head_too_large=2"
                                              : "requests_lost_to_close=1 requests_lost_head_too_large=1"));
            },
            !room);
        // A header block can't end inside of it.
        each_cut(
            with_max_head(max_head), headers(1, (get_block + literals(large)).substr(0, get_block.size() + 1100)),
            [](const HttpLine& line) {
                CHECK(line.requests.empty());
                CHECK(line.count(Counter::http2_lost_compression) == 1);
            },
            false);
    }
}

TEST_CASE("a header block may be continued so often", "[h2]") {
    http::Limits limits = HttpLine::small_limits();
    limits.h2_continuations = 5;
    const auto continued = [](std::uint32_t stream, std::size_t count, bool end) {
        std::string frames = headers_begin(stream, get_block, end);
        for (std::size_t i = 1; i < count; ++i) frames += continuation(stream, "", false);
        return frames + continuation(stream, entered);
    };
    each_cut(limits, continued(1, 5, true) + continued(3, 5, true), [](const HttpLine& line) {
        CHECK(line.requests == Requests{last_shown, last_shown});
        CHECK(line.lost() == 0);
    });
    each_cut(limits, continued(1, 6, true) + continued(3, 100, false) + data(3, "abc"), [](const HttpLine& line) {
        CHECK(line.requests.empty());
        CHECK(troubles(line) == "http2_ignored_data_bytes=3 requests_lost_continuations=2");
    });
}

TEST_CASE("a body of HTTP/2 as large as the limit, and larger ones", "[h2]") {
    constexpr std::size_t max_body = 10;
    const auto oversize = GENERATE(http::Oversize::truncate, http::Oversize::drop);
    http::Limits limits = HttpLine::small_limits();
    limits.max_body = max_body;
    limits.oversize = oversize;
    for (const std::size_t size : {max_body, max_body + 1, std::size_t{25}}) {
        const std::string body = std::string("0123456789abcdefghijklmnopqrstuvwxyz").substr(0, size);
        const bool over = size > max_body;
        const bool lost = over && oversize == http::Oversize::drop;
        each_cut(limits,
            headers(1, post_block + entered, false) + data(1, body.substr(0, 7), false) + data(1, body.substr(7)),
            [&](const HttpLine& line) {
                const std::string shown = "POST /p HTTP/2 {Host: a.example} {kept: in the table} length <" +
                                          body.substr(0, max_body) + ">" + (over ? " of " + std::to_string(size) : "");
                CHECK(line.requests == (lost ? Requests{} : Requests{shown}));
                CHECK(line.count(Counter::requests_lost_body_too_large) == (lost ? 1 : 0));
                CHECK(line.count(Counter::requests_truncated) == (over && !lost ? 1 : 0));
                CHECK(line.lost() == (lost ? 1 : 0));
            });
    }
}

// ---- of a connection -------------------------------------------------------------------------------------

TEST_CASE("so many streams may be open, and the newest beyond is refused", "[h2]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_requests = 400;
    HttpLine line(limits, {4096, 1024});
    (void)line.open();
    (void)line.data(start);
    std::uint32_t stream = 1;
    for (std::size_t i = 0; i < http::max_open_streams; ++i, stream += 2)
        (void)line.data(headers(stream, post_block, false));
    CHECK(line.in_assembly() == http::max_open_streams);
    CHECK(line.lost() == 0);
    (void)line.data(headers(stream, post_block + entered, false) + data(stream, "abc"));
    CHECK(troubles(line) == "http2_ignored_data_bytes=3 requests_lost_refused=1");
    // One that ends at once takes no place, and one that ends gives its own.
    (void)line.data(headers(stream + 2, get_block + indexed(62)));
    CHECK(line.requests == Requests{last_shown});
    (void)line.data(data(301, "a") + headers(stream + 4, post_block, false));
    CHECK(line.requests.back() == post + " <a>");
    (void)line.data(headers(stream + 6, post_block, false));
    CHECK(line.count(Counter::requests_lost_refused) == 2);
    for (std::uint32_t open = 1; open <= stream + 4; open += 2) (void)line.data(data(open, "b"));
    CHECK(line.requests.size() == http::max_open_streams + 2);
    CHECK(line.in_assembly() == 0);
    line.finish();
}

TEST_CASE("who resets streams faster than the limit loses requests until time has passed", "[h2]") {
    http::Limits limits = HttpLine::small_limits();
    limits.h2_reset_burst = 5;
    limits.h2_reset_ns = 1'000;
    HttpLine line(limits);
    line.time_ns = 1'000'000;
    (void)line.open();
    (void)line.data(start);
    std::uint32_t stream = 1;
    const auto reset_one = [&] {
        (void)line.data(headers(stream, get_block) + h2::reset(stream));
        stream += 2;
    };
    const auto lost = [&] { return line.count(Counter::requests_lost_reset_flood); };
    // Streams that never were don't count.
    for (int i = 0; i < 10; ++i) (void)line.data(h2::reset(999) + h2::reset(0));
    for (int i = 0; i < 5; ++i) reset_one();
    CHECK(line.requests.size() == 5);
    CHECK(lost() == 0);
    (void)line.data(headers(stream, post_block + entered, false) + data(stream, "abc"));
    stream += 2;
    CHECK(lost() == 1);
    CHECK(line.count(Counter::http2_ignored_data_bytes) == 3);
    // More resets of streams that were lost don't make it longer than the burst.
    for (int i = 0; i < 20; ++i) reset_one();
    CHECK(lost() == 21);
    line.time_ns += 999;
    reset_one();
    CHECK(lost() == 22);
    line.time_ns += 1'000;
    (void)line.data(headers(stream, get_block + indexed(62)));
    CHECK(line.requests.back() == last_shown);
    CHECK(lost() == 22);
    // After a long time all of the burst is there again, and not more.
    line.time_ns += 1'000'000;
    for (int i = 0; i < 5; ++i) {
        stream += 2;
        (void)line.data(headers(stream, get_block) + h2::reset(stream));
    }
    CHECK(lost() == 22);
    (void)line.data(headers(stream + 2, get_block));
    CHECK(lost() == 23);
    line.finish();
}

// ---- of all ----------------------------------------------------------------------------------------------

TEST_CASE("when there are too many connections the one idle for longest goes", "[h2]") {
    http::Limits limits = HttpLine::small_limits();
    limits.h2_connections = 2;
    HttpLine line(limits);
    for (const std::size_t connection : {0u, 1u}) {
        line.time_ns += 1'000;
        (void)line.open(false, connection);
        (void)line.data(start + headers(1, post_block, false) + headers(3, post_block, false), true, connection);
    }
    line.time_ns += 1'000;
    (void)line.data(data(1, "a", false), true, 0);
    line.time_ns += 1'000;
    (void)line.open(false, 2);
    (void)line.data(start + headers(1, get_block), true, 2);
    CHECK(line.requests == Requests{get});
    CHECK(troubles(line) == "http2_lost_no_memory=1 requests_lost_no_memory=2");
    CHECK(line.stream(1).mode == http::Stream::Mode::ignored);
    (void)line.data(data(1, "b"), true, 0);
    CHECK(line.requests.back() == post + " <ab>");
    (void)line.data(data(1, "c"), true, 1);
    CHECK(line.requests.size() == 2);
    line.finish();
}

TEST_CASE("where no connection fits, none is followed", "[h2]") {
    http::Limits limits = HttpLine::small_limits();
    limits.h2_connections = 0;
    HttpLine line(limits);
    (void)line.open();
    CHECK(line.data(start + headers(1, get_block)) == Appetite::nothing);
    CHECK(line.counted() == "streams_http2=1 http2_lost_no_memory=1");
    line.finish();
}

TEST_CASE("when there are too many large tables the newest goes with its connection", "[h2]") {
    http::Limits limits = HttpLine::small_limits();
    limits.h2_large_tables = 1;
    HttpLine line(limits);
    const std::string grows = headers(3, h2::table_size(65'536) + get_block);
    for (const std::size_t connection : {0u, 1u}) {
        (void)line.open(false, connection);
        (void)line.data(start + headers(1, post_block, false), true, connection);
    }
    CHECK(line.data(grows, true, 0) == Appetite::more);
    CHECK(line.requests == Requests{get});
    CHECK(line.data(grows, true, 1) == Appetite::nothing);
    CHECK(troubles(line) == "http2_lost_no_memory=1 requests_lost_no_memory=2");
    line.close(CloseReason::ended, 0);
    (void)line.open(false, 2);
    CHECK(line.data(start + grows, true, 2) == Appetite::more);
    CHECK(line.requests == Requests{get, get});
    line.finish();
}

TEST_CASE("a slow stream makes room for others, and its connection goes on", "[h2]") {
    const bool blocks = GENERATE(false, true);
    http::Limits limits = HttpLine::small_limits();
    if (!blocks) limits.max_requests = 2;
    HttpLine line(limits);
    (void)line.open(false, 0);
    (void)line.open(false, 1);
    (void)line.data(start + headers(1, post_block, false), true, 0);
    line.time_ns += 1'000;
    (void)line.data(data(1, "a", false) + headers(3, post_block, false) + data(3, "b", false), true, 0);
    line.time_ns += 1'000;
    (void)line.data(data(1, "c", false), true, 0);
    if (blocks) line.leave_blocks(1);
    (void)line.data(start + headers(1, post_block, false) + data(1, "x"), true, 1);
    CHECK(line.requests == Requests{post + " <x>"});
    CHECK(line.count(Counter::requests_lost_no_memory) >= 1);
    // The stalest was stream 3, or with it the other one where blocks have to be found.
    (void)line.data(data(3, "d") + headers(5, get_block), true, 0);
    CHECK(line.requests.back() == get);
    if (!blocks) {
        (void)line.data(data(1, "e"), true, 0);
        CHECK(line.requests.back() == post + " <ace>");
        CHECK(line.lost() == 1);
    }
    line.finish();
}

TEST_CASE("more requests than messages in one piece: those that find one are rebuilt", "[h2]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_requests = 2;
    HttpLine line(limits);
    (void)line.open();
    (void)line.data(start + headers(1, post_block, false) + headers(3, post_block, false) +
                    headers(5, post_block + entered, false) + data(5, "abc") + data(1, "a") +
                    headers(7, get_block + indexed(62)) + data(3, "b"));
    CHECK(line.requests == Requests{post + " <a>", last_shown, post + " <b>"});
    CHECK(troubles(line) == "http2_ignored_data_bytes=3 requests_lost_no_memory=1");
    line.finish();
}

TEST_CASE("half a field that finds no block ends the connection, a head only its request", "[h2]") {
    HttpLine line(HttpLine::small_limits(), {128, 16});
    (void)line.open();
    (void)line.data(start);
    line.leave_blocks(0);
    (void)line.data(headers(1, get_block + entered));
    CHECK(troubles(line) == "requests_lost_no_memory=1");
    const std::string half = headers(3, get_block);
    CHECK(line.data(half.substr(0, 12)) == Appetite::nothing);
    CHECK(troubles(line) == "http2_lost_no_memory=1 requests_lost_no_memory=2");
    line.finish();
}

TEST_CASE("with too few blocks each request of HTTP/2 is whole or counted, and nothing leaks", "[h2]") {
    // Blocks of 104 bytes: heads need one each, or a large one; the bodies several.
    const std::string body(300, 'x');
    const std::string frames = headers(1, post_block, false) + data(1, body.substr(0, 200), false) +
                               data(1, body.substr(200)) +
                               headers(3, get_block + literals({{"long", std::string(200, 'l')}})) +
                               headers(5, post_block, false) + data(5, body, false) + headers(7, post_block, false) +
                               data(7, "a") + headers(5, literals({{"t", "u"}})) + headers(9, get_block);
    HttpLine enough;
    (void)enough.open();
    (void)enough.data(start + frames);
    enough.finish();
    REQUIRE(enough.requests.size() == 5);
    for (const std::size_t step : {frames.size(), std::size_t{50}, std::size_t{7}, std::size_t{1}}) {
        std::size_t rebuilt = 0;
        for (std::size_t blocks = 0; blocks <= 20; ++blocks) {
            INFO("in pieces of " << step << ", " << blocks << " blocks");
            HttpLine line(HttpLine::small_limits(), {128, 32});
            (void)line.open();
            (void)line.data(start);
            line.leave_blocks(blocks);
            for (std::size_t at = 0; at < frames.size(); at += step) (void)line.data(frames.substr(at, step));
            line.close();
            CHECK(line.blocks_in_use() == 0);
            for (const std::string& shown : line.requests) {
                CHECK(std::count(enough.requests.begin(), enough.requests.end(), shown) == 1);
            }
            CHECK(line.lost() == line.count(Counter::requests_lost_no_memory));
            rebuilt = line.requests.size();
            line.finish();
        }
        CHECK(rebuilt == enough.requests.size());
    }
}
