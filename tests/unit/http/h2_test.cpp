// SPDX-License-Identifier: Apache-2.0
// HTTP/2 requests from their bytes, through HttpStage. What comes out must not depend on how the bytes were cut, so each
// case runs whole, split at every place, and byte by byte; and each ends with a request that shows that it went on.
//   - requests: bodies, trailers, padding, priorities, CONTINUATION, frames between, streams side by side, odd values
//   - what is refused of one request only, with the header table followed on
//   - CONNECT, extended CONNECT, false lengths, resets, HEADERS and DATA of no open stream
//   - what ends the connection
// Holes, ends, and beginnings: h2_parts_test.cpp. Limits and memory: h2_limits_test.cpp.
#include "http/h2.h"

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
using h2::frame;
using h2::headers;
using h2::headers_begin;
using h2::indexed;
using h2::Literal;
using h2::literals;
using h2::padded;
using h2::request;
using Requests = std::vector<std::string>;

namespace {

constexpr int ends_stream = NGHTTP2_FLAG_END_STREAM;
constexpr int ends_headers = NGHTTP2_FLAG_END_HEADERS;
constexpr int with_padding = NGHTTP2_FLAG_PADDED;
constexpr int with_priority = NGHTTP2_FLAG_PRIORITY;
const std::string priority = "\0\0\0\0\x10"s;

const std::string start = h2::preface + h2::settings({{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}}) + h2::settings_ack();
const std::string get_block = literals(request("GET", "/g"));
const std::string post_block = literals(request("POST", "/p"));
const std::string get = "GET /g HTTP/2 {Host: a.example}";
const std::string post = "POST /p HTTP/2 {Host: a.example} length";
const std::string last = headers(101, literals(request("GET", "/last")));
const std::string last_shown = "GET /last HTTP/2 {Host: a.example}";

struct Case {
    const char* name;
    std::string frames;
    Requests requests;
    std::string troubles = "";  // "counter=value ..."
};

std::string troubles(const HttpLine& line) {
    return line.counted({"http2_", "requests_lost_"});
}

// With a connection that is left there's nothing behind it.
void check(const Case& test, bool goes_on = true) {
    const std::string bytes = start + test.frames + last;
    Requests expected = test.requests;
    if (goes_on) expected.push_back(last_shown);
    const auto run = [&](const char* how, const std::vector<std::size_t>& ends) {
        INFO(test.name << ", " << how << (ends.empty() ? 0 : ends.front()));
        HttpLine line;
        (void)line.open();
        line.pieces(bytes, ends);
        line.finish();
        CHECK(line.requests == expected);
        CHECK(troubles(line) == test.troubles);
        CHECK(line.counted({"streams_"}) == "streams_http2=1");
    };
    run("whole", {});
    for (std::size_t split = 1; split < bytes.size(); ++split) run("split at ", {split});
    std::vector<std::size_t> each;
    for (std::size_t end = 1; end <= bytes.size(); ++end) each.push_back(end);
    run("byte by byte", each);
}

}  // namespace

// ---- requests --------------------------------------------------------------------------------------------

TEST_CASE("requests of HTTP/2 come out as they were sent", "[h2]") {
    h2::Deflater deflater;
    const Fields agent{{"user-agent", "a browser"}, {"cookie", "a=1"}, {"cookie", "b=2"}};
    std::string deflated = headers(1, deflater(request("GET", "/g", agent)));
    deflated += headers(3, deflater(request("GET", "/g", agent)));
    for (const Case& test :
        std::vector<Case>{
            {"nothing", "", {}},
            {"GET", headers(1, get_block), {get}},
            {"two", headers(1, get_block) + headers(3, get_block), {get, get}},
            {"streams left out", headers(7, get_block) + headers(99, get_block), {get, get}},
            {"POST", headers(1, post_block, false) + data(1, "abc"), {post + " <abc>"}},
            {"DATA in parts", headers(1, post_block, false) + data(1, "ab", false) + data(1, "", false) + data(1, "c"),
                {post + " <abc>"}},
            {"an end of its own", headers(1, post_block, false) + data(1, "abc", false) + data(1, ""),
                {post + " <abc>"}},
            {"empty DATA", headers(1, post_block, false) + data(1, ""), {post}},
            {"POST of nothing", headers(1, post_block), {"POST /p HTTP/2 {Host: a.example}"}},
            {"GET with DATA", headers(1, get_block, false) + data(1, "abc"), {get + " length <abc>"}},
            {"a length", headers(1, literals(request("POST", "/p", {{"content-length", "3"}})), false) + data(1, "abc"),
                {"POST /p HTTP/2 {Host: a.example} {content-length: 3} length <abc>"}},
            {"a length of nothing", headers(1, literals(request("POST", "/p", {{"content-length", "0"}}))),
                {"POST /p HTTP/2 {Host: a.example} {content-length: 0} length"}},
            {"trailers",
                headers(1, post_block, false) + data(1, "abc", false) + headers(1, literals({{"t", "u"}, {"v", ""}})),
                {"POST /p HTTP/2 {Host: a.example} +{t: u} +{v: } length <abc>"}},
            {"trailers only", headers(1, post_block, false) + headers(1, literals({{"t", "u"}})),
                {"POST /p HTTP/2 {Host: a.example} +{t: u} length"}},
            {"trailers of nothing", headers(1, post_block, false) + data(1, "a", false) + headers(1, ""),
                {post + " <a>"}},
            // Padding and priorities.
            {"padded",
                frame(NGHTTP2_HEADERS, ends_headers | with_padding, 1, padded(post_block, 7)) +
                    frame(NGHTTP2_DATA, with_padding, 1, padded("ab", 255)) +
                    frame(NGHTTP2_DATA, with_padding, 1, padded("", 3)) +
                    frame(NGHTTP2_DATA, with_padding, 1, padded("c", 0)) +
                    frame(NGHTTP2_DATA, with_padding | ends_stream, 1, padded("", 9)),
                {post + " <abc>"}},
            {"padded at the end",
                headers(1, post_block, false) + frame(NGHTTP2_DATA, with_padding | ends_stream, 1, padded("abc", 5)),
                {post + " <abc>"}},
            {"padding like a frame",
                frame(NGHTTP2_HEADERS, ends_headers | ends_stream | with_padding, 1,
                    static_cast<char>(last.size()) + get_block + last),
                {get}},
            {"a priority", frame(NGHTTP2_HEADERS, ends_headers | ends_stream | with_priority, 1, priority + get_block),
                {get}},
            {"both",
                frame(NGHTTP2_HEADERS, ends_headers | ends_stream | with_priority | with_padding, 1,
                    padded(priority + get_block, 4)),
                {get}},
            // CONTINUATION.
            {"continued", headers_begin(1, get_block.substr(0, 10)) + continuation(1, get_block.substr(10)), {get}},
            {"continued often",
                headers_begin(1, "") + continuation(1, get_block.substr(0, 1), false) + continuation(1, "", false) +
                    continuation(1, get_block.substr(1, 20), false) + continuation(1, get_block.substr(21), false) +
                    continuation(1, ""),
                {get}},
            {"continued, padded, with a body",
                frame(
                    NGHTTP2_HEADERS, with_priority | with_padding, 1, padded(priority + post_block.substr(0, 13), 6)) +
                    continuation(1, post_block.substr(13)) + data(1, "abc"),
                {post + " <abc>"}},
            {"trailers continued",
                headers(1, post_block, false) + headers_begin(1, literals({{"t", "u"}})) +
                    continuation(1, literals({{"v", "w"}})),
                {"POST /p HTTP/2 {Host: a.example} +{t: u} +{v: w} length"}},
            // Frames between.
            {"other frames",
                frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\1\0\0"s) + frame(NGHTTP2_PING, 0, 0, "12345678") +
                    frame(NGHTTP2_PRIORITY, 0, 3, priority) + headers(1, post_block, false) +
                    frame(NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\1\0\0"s) + frame(0x42, 0xff, 1, "abc") +
                    frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "12345678") + data(1, "ab", false) +
                    frame(0xff, 0x09, 1, "") + h2::settings({{0x99, 1}}) + data(1, "c") +
                    frame(NGHTTP2_GOAWAY, 0, 0, std::string(8, '\0') + "bye") + frame(0x10, 0, 0, "0000u=1"),
                {post + " <abc>"}},
            {"flags that mean nothing",
                frame(NGHTTP2_HEADERS, 0xd2 | ends_headers, 1, post_block) +
                    frame(NGHTTP2_DATA, 0xf6 | ends_stream, 1, "abc"),
                {post + " <abc>"}},
            {"the reserved bit", headers(0x80000001, post_block, false) + data(1, "a", false) + data(0x80000001, "b"),
                {post + " <ab>"}},
            // Streams side by side: in the order of their ends.
            {"interleaved",
                headers(1, literals(request("PUT", "/1")), false) + headers(3, literals(request("PUT", "/3")), false) +
                    data(1, "a", false) + data(3, "x", false) + headers(5, get_block) + data(1, "b", false) +
                    data(3, "y") + headers(1, literals({{"t", "u"}})),
                {get, "PUT /3 HTTP/2 {Host: a.example} length <xy>",
                    "PUT /1 HTTP/2 {Host: a.example} +{t: u} length <ab>"}},
            // Header blocks.
            {"deflated", deflated,
                {get + " {user-agent: a browser} {cookie: a=1} {cookie: b=2}",
                    get + " {user-agent: a browser} {cookie: a=1} {cookie: b=2}"}},
            {"entered, then indexed",
                headers(1, literals(request("GET", "/g"), Literal::entered)) +
                    headers(3, indexed(65) + indexed(64) + indexed(63) + indexed(62)),
                {get, get}},
            {"pseudo-header fields in another order",
                headers(1,
                    literals({{":path", "/g"}, {":authority", "a.example"}, {":scheme", "http"}, {":method", "GET"}})),
                {get}},
            {"no authority",
                headers(1, literals({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "b"}})),
                {"GET / HTTP/2 {host: b}"}},
            {"odd values",
                headers(1, literals({{":method", "g~"}, {":scheme", ""}, {":authority", "a\r\nb"}, {":path", "x y\n"},
                               {"a", "\r\n\0\xff"s}, {"b c", " d "}, {"\xe9", ""}, {"e:", "f"}})),
                {"g~ x y\n HTTP/2 {Host: a\r\nb} {a: \r\n\0\xff} {b c:  d } {\xe9: } {e:: f}"s}},
            {"nothing in them",
                headers(1, literals({{":method", "GET"}, {":scheme", ""}, {":authority", ""}, {":path", ""}})),
                {"GET  HTTP/2 {Host: }"}},
            {"fields for one hop pass",
                headers(1, literals(request("GET", "/g", {{"connection", "x"}, {"te", "gzip"}}))),
                {get + " {connection: x} {te: gzip}"}},
        }) {
        check(test);
    }
}

TEST_CASE("a request has the time of its first byte", "[h2]") {
    HttpLine line;
    std::uint64_t time_ns = 0;
    line.on_request = [&](http::Request& it) { time_ns = it.time_ns; };
    (void)line.open();
    (void)line.data(start + headers(1, post_block, false).substr(0, 5));
    line.time_ns = 2'000;
    (void)line.data(headers(1, post_block, false).substr(5) + data(1, "a", false));
    line.time_ns = 3'000;
    (void)line.data(data(1, "b"));
    CHECK(time_ns == 1'000);
    line.finish();
}

// ---- refused ---------------------------------------------------------------------------------------------

namespace {

// The fields without those named so.
Fields without(const std::string& name, Fields fields) {
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
    return fields;
}

std::vector<Fields> refused_headers() {
    const Fields good = request("GET", "/");
    std::vector<Fields> all{
        {},
        {{"a", "b"}},
        request("GET", "/", {{"Upper", "case"}}),
        request("GET", "/", {{"uppeR", ""}}),
        request("GET", "/", {{"", "no name"}}),
        request("GET", "/", {{":", "c"}}),
        request("GET", "/", {{":status", "200"}}),
        request("GET", "/", {{":Method", "GET"}}),
        request("GET", "/", {{":protocol", "websocket"}}),
        request("GET", "/", {{"a", "b"}, {":late", "c"}}),
        request("", "/"),
        request("G T", "/"),
        request("G\xe9T", "/"),
        request("GET\r", "/"),
        {{":method", "CONNECT"}},
        {{":method", "CONNECT"}, {":authority", "a"}, {":path", "/"}},
        {{":method", "CONNECT"}, {":authority", "a"}, {":scheme", "http"}},
        request("CONNECT", "/"),
        {{":method", "CONNECT"}, {":authority", "a"}, {":protocol", "x"}, {":path", "/"}},
        {{":method", "CONNECT"}, {":authority", "a"}, {":protocol", "x"}, {":scheme", "http"}},
        {{":method", "CONNECT"}, {":protocol", "x"}, {":protocol", "x"}, {":scheme", "http"}, {":path", "/"}},
    };
    for (const char* name : {":method", ":scheme", ":path"}) all.push_back(without(name, good));
    for (const auto& [name, value] : good) {
        Fields twice = good, late = without(name, good);
        twice.emplace_back(name, value);
        late.emplace_back("a", "b");
        late.emplace_back(name, value);
        all.push_back(twice);
        all.push_back(late);
    }
    return all;
}

}  // namespace

TEST_CASE("what no server takes is refused, and the header table followed on", "[h2]") {
    for (const Fields& fields : refused_headers()) {
        const std::string block = literals(fields) + literals({{"kept", "in the table"}}, Literal::entered);
        const std::string next = headers(3, get_block + indexed(62));
        const Requests requests{get + " {kept: in the table}"};
        INFO((fields.empty() ? "no field" : fields.back().first + ": " + fields.back().second));
        check({"refused", headers(1, block) + next, requests, "requests_lost_http2_malformed=1"});
        HttpLine line;
        (void)line.open();
        (void)line.data(start + headers(1, block, false) + data(1, "abc") + next);
        CHECK(line.requests == requests);
        CHECK(troubles(line) == "http2_ignored_data_bytes=3 requests_lost_http2_malformed=1");
        line.finish();
    }
}

TEST_CASE("trailers that no server takes cost their request", "[h2]") {
    const std::string entered = literals({{"kept", "in the table"}}, Literal::entered);
    const std::string next = headers(3, get_block + indexed(62));
    const Requests requests{get + " {kept: in the table}"};
    for (const Fields& fields :
        std::vector<Fields>{{{":path", "/"}}, {{"t", "u"}, {":x", ""}}, {{"T", ""}}, {{"", ""}}}) {
        check({"trailers",
            headers(1, post_block, false) + data(1, "abc", false) + headers(1, literals(fields) + entered) + next,
            requests, "requests_lost_http2_malformed=1"});
    }
    check({"trailers that end nothing",
        headers(1, post_block, false) + headers(1, literals({{"t", "u"}}) + entered, false) + data(1, "abc") + next,
        requests, "http2_ignored_data_bytes=3 requests_lost_http2_malformed=1"});
}

TEST_CASE("impossible padding of DATA costs its request only", "[h2]") {
    const std::string bad = frame(NGHTTP2_DATA, with_padding | ends_stream, 1,
        "\x04"
        "abc");
    const std::string none = frame(NGHTTP2_DATA, with_padding | ends_stream, 1);
    check({"too much", headers(1, post_block, false) + bad, {}, "requests_lost_http2_malformed=1"});
    check({"no byte for it", headers(1, post_block, false) + none, {}, "requests_lost_http2_malformed=1"});
    check({"of no stream", bad + none, {}});
}

// ---- streams ---------------------------------------------------------------------------------------------

TEST_CASE("CONNECT is whole with its header section, and what follows is a tunnel", "[h2]") {
    const std::string connect = literals({{":method", "CONNECT"}, {":authority", "b.example:443"}, {"a", "b"}});
    const std::string shown = "CONNECT b.example:443 HTTP/2 {Host: b.example:443} {a: b}";
    const std::string socket = literals({{":method", "CONNECT"}, {":scheme", "http"}, {":path", "/chat"},
        {":protocol", "websocket"}, {":authority", "b"}, {"sec-websocket-version", "13"}});
    const std::string socket_shown = "CONNECT /chat HTTP/2 {Upgrade: websocket} {Host: b} {sec-websocket-version: 13}";
    for (const Case& test : std::vector<Case>{
             {"alone", headers(1, connect), {shown}, "http2_tunnels=1"},
             {"with a tunnel", headers(1, connect, false) + data(1, "12345", false) + h2::reset(1), {shown},
                 "http2_tunnels=1 http2_ignored_data_bytes=5"},
             {"authority first", headers(1, literals({{":authority", "b:1"}, {":method", "CONNECT"}}), false),
                 {"CONNECT b:1 HTTP/2 {Host: b:1}"}, "http2_tunnels=1"},
             {"extended", headers(1, socket, false) + data(1, "123"), {socket_shown},
                 "http2_tunnels=1 http2_ignored_data_bytes=3"},
             {"not in capitals", headers(1, literals(request("connect", "/"))), {"connect / HTTP/2 {Host: a.example}"}},
         }) {
        check(test);
    }
}

TEST_CASE("a false content-length is counted, and DATA is what counts", "[h2]") {
    for (const char* length : {"2", "4", "", "x", "3, 3", "99999999999999999999"}) {
        const std::string block = literals(request("POST", "/p", {{"content-length", length}}));
        const std::string shown =
            "POST /p HTTP/2 {Host: a.example} {content-length: " + std::string(length) + "} length";
        check({length, headers(1, block, false) + data(1, "abc"), {shown + " <abc>"}, "http2_length_mismatches=1"});
        check({length, headers(1, block), {shown}, "http2_length_mismatches=1"});
    }
    const std::string twice = "{content-length: 3} {content-length: ";
    for (const char* second : {"3", "4"}) {
        const std::string block =
            literals(request("POST", "/p", {{"content-length", "3"}, {"content-length", second}}));
        check({"twice", headers(1, block, false) + data(1, "abc"),
            {"POST /p HTTP/2 {Host: a.example} " + twice + second + "} length <abc>"},
            second == "3"s ? "" : "http2_length_mismatches=1"});
    }
}

TEST_CASE("a request that is reset before its end is lost, and no other", "[h2]") {
    for (const Case& test : std::vector<Case>{
             {"at once", headers(1, post_block, false) + h2::reset(1), {}, "requests_lost_cancelled=1"},
             {"in its DATA", headers(1, post_block, false) + data(1, "abc", false) + h2::reset(1) + data(1, "de"), {},
                 "http2_ignored_data_bytes=2 requests_lost_cancelled=1"},
             {"twice", headers(1, post_block, false) + h2::reset(1) + h2::reset(1), {}, "requests_lost_cancelled=1"},
             {"behind its end", headers(1, post_block, false) + data(1, "a") + h2::reset(1), {post + " <a>"}},
             {"before it began", h2::reset(1) + headers(1, get_block), {get}},
             {"the connection", headers(1, post_block, false) + h2::reset(0) + data(1, "a"), {post + " <a>"}},
             {"the other one",
                 headers(1, post_block, false) + headers(3, post_block, false) + h2::reset(1) + data(3, "b"),
                 {post + " <b>"}, "requests_lost_cancelled=1"},
         }) {
        check(test);
    }
}

TEST_CASE("HEADERS and DATA of no open stream are nobody's, but the header table's", "[h2]") {
    const std::string entered = get_block + literals({{"kept", "in the table"}}, Literal::entered);
    const std::string next = headers(9, get_block + indexed(62));
    const std::string kept = get + " {kept: in the table}";
    for (const Case& test : std::vector<Case>{
             {"a server's stream", headers(2, entered) + next, {kept}, "http2_stray_headers=1"},
             {"an older stream", headers(5, get_block) + headers(3, entered) + next, {get, kept},
                 "http2_stray_headers=1"},
             {"one that ended", headers(5, get_block) + headers(5, entered, false) + next, {get, kept},
                 "http2_stray_headers=1"},
             {"one that was reset", headers(5, post_block, false) + h2::reset(5) + headers(5, entered) + next, {kept},
                 "http2_stray_headers=1 requests_lost_cancelled=1"},
             {"continued", headers_begin(2, entered.substr(0, 8)) + continuation(2, entered.substr(8)) + next, {kept},
                 "http2_stray_headers=1"},
             {"DATA", data(1, "abc") + headers(1, get_block) + data(1, "defg") + data(0, "h") + data(2, "i"), {get},
                 "http2_ignored_data_bytes=9"},
         }) {
        check(test);
    }
}

// ---- the connection's end --------------------------------------------------------------------------------

TEST_CASE("where nobody can tell how it goes on the connection is left", "[h2]") {
    const std::string coming = headers(1, post_block, false);
    const std::string begun = headers_begin(3, get_block);
    const auto bad_padding = [](int flags, const std::string& payload) {
        return frame(NGHTTP2_HEADERS, ends_headers | ends_stream | flags, 3, payload);
    };
    struct Broken {
        const char* name;
        std::string frames;
        std::string counter;
        int lost;
    };
    for (const auto& [name, frames, counter, lost] : std::vector<Broken>{
             {"an index of nothing", coming + headers(3, get_block + indexed(100)), "http2_lost_compression", 2},
             {"an index of 0", coming + headers(3, "\x80"), "http2_lost_compression", 2},
             {"a late size update", coming + headers(3, get_block + h2::table_size(0)), "http2_lost_compression", 2},
             {"half a field", coming + headers(3, get_block.substr(0, get_block.size() - 1)), "http2_lost_compression",
                 2},
             {"half a field of a stray block", coming + headers(2, get_block.substr(0, 9)),
                 "http2_lost_compression=1 http2_stray_headers", 1},
             {"trailers that don't decode", coming + headers(1, "\x80"), "http2_lost_compression", 1},
             {"DATA in a block", coming + begun + data(1, "a"), "http2_lost_framing", 2},
             {"HEADERS in a block", coming + begun + headers(5, get_block), "http2_lost_framing", 2},
             {"SETTINGS in a block", coming + begun + h2::settings(), "http2_lost_framing", 2},
             {"an unknown frame in a block", coming + begun + frame(0x42, 0, 3), "http2_lost_framing", 2},
             {"CONTINUATION of another", coming + begun + continuation(1, ""), "http2_lost_framing", 2},
             {"CONTINUATION of nothing", coming + continuation(1, ""), "http2_lost_framing", 1},
             {"HEADERS of no stream", coming + headers(0, get_block), "http2_lost_framing", 1},
             {"PUSH_PROMISE", coming + frame(NGHTTP2_PUSH_PROMISE, ends_headers, 1, "\0\0\0\2"s + get_block),
                 "http2_lost_framing", 1},
             {"too much padding",
                 coming + bad_padding(with_padding, "\x04"
                                                    "abc"),
                 "http2_lost_framing", 2},
             {"no byte of padding", coming + bad_padding(with_padding, ""), "http2_lost_framing", 2},
             {"half a priority", coming + bad_padding(with_priority, "1234"), "http2_lost_framing", 2},
             {"padding into the priority", coming + bad_padding(with_padding | with_priority, "\1" + priority),
                 "http2_lost_framing", 2},
         }) {
        check({name, frames, {}, counter + "=1 requests_lost_http2_broken="s + std::to_string(lost)}, false);
        HttpLine line;
        (void)line.open();
        CHECK(line.data(start + frames) == Appetite::nothing);
        CHECK(line.in_assembly() == 0);
        line.finish();
    }
}

TEST_CASE("a preface that goes wrong at its end is the end", "[h2]") {
    for (const char* end : {"\r\n\r\nSM\r\n\r\r", "\r\n\r\nXX\r\n\r\n", "\r\nHost: a\r\n\r\n"}) {
        const std::string bytes = "PRI * HTTP/2.0"s + end + headers(1, get_block);
        for (std::size_t split = 1; split < bytes.size(); ++split) {
            INFO(split);
            HttpLine line;
            (void)line.open();
            line.pieces(bytes, {split});
            line.finish();
            CHECK(line.counted() == "streams_http2=1 http2_lost_framing=1");
        }
    }
}
