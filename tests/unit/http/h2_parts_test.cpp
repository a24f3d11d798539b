// SPDX-License-Identifier: Apache-2.0
// HTTP/2 connections that aren't seen whole, or aren't HTTP/2 from the start:
//   - holes: inside DATA, padding and frames that nobody has to see; anywhere else; what is whole by its content-length
//   - the end, inside each part of a request and for each reason
//   - beginnings: behind Upgrade, CONNECT and PROXY, in mid-stream, and frames in mid-stream
//   - what the server's settings say of the header table
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "support/http2_client.h"
#include "support/http_line.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;
using h2::data;
using h2::frame;
using h2::headers;
using h2::headers_begin;
using h2::literals;
using h2::padded;
using h2::request;
using Requests = std::vector<std::string>;
using Mode = http::Stream::Mode;

namespace {

constexpr int with_padding = NGHTTP2_FLAG_PADDED;

const std::string start = h2::preface + h2::settings();
const std::string get_block = literals(request("GET", "/g"));
const std::string post_block = literals(request("POST", "/p"));
const std::string get = "GET /g HTTP/2 {Host: a.example}";
const std::string post = "POST /p HTTP/2 {Host: a.example} length";
const std::string coming = headers(1, post_block, false);
const std::string last = headers(101, literals(request("GET", "/last")));
const std::string last_shown = "GET /last HTTP/2 {Host: a.example}";

std::string with_length(const std::string& path, int length) {
    return literals(request("POST", path, {{"content-length", std::to_string(length)}}));
}
std::string with_length_shown(const std::string& path, const std::string& body) {
    return "POST " + path + " HTTP/2 {Host: a.example} {content-length: " + std::to_string(body.size()) + "} length" +
           (body.empty() ? "" : " <" + body + ">");
}

}  // namespace

// ---- holes -----------------------------------------------------------------------------------------------

TEST_CASE("a hole inside a DATA frame costs its request only", "[h2]") {
    const std::string body = "0123456789";
    const auto padding = GENERATE(std::size_t{0}, std::size_t{4});
    const std::string payload = padding != 0 ? padded(body, padding) : body;
    const std::string hit = frame(NGHTTP2_DATA, padding != 0 ? with_padding : 0, 1, payload);
    const std::size_t payload_at = 9 + (padding != 0 ? 1 : 0);
    for (std::size_t from = payload_at; from < payload_at + body.size(); ++from) {
        for (std::size_t to = from + 1; to <= hit.size(); ++to) {
            INFO(from << " to " << to);
            HttpLine line;
            (void)line.open();
            (void)line.data(start + coming + headers(3, post_block, false) + hit.substr(0, from));
            CHECK(line.in_assembly() == 2);
            CHECK(line.gap(to - from) == Appetite::more);
            CHECK(line.in_assembly() == 1);
            (void)line.data(hit.substr(to) + data(1, "xy") + data(3, "abc") + last, false);
            CHECK(line.requests == Requests{post + " <abc>", last_shown});
            // What is left of the frame, and "xy".
            const std::size_t ignored = payload_at + body.size() - std::min(to, payload_at + body.size()) + 2;
            CHECK(line.counted({"http2_", "requests_lost_"}) ==
                  "http2_ignored_data_bytes=" + std::to_string(ignored) + " requests_lost_to_gap=1");
            line.finish();
        }
    }
}

TEST_CASE("several holes in one DATA frame cost one request", "[h2]") {
    HttpLine line;
    (void)line.open();
    (void)line.data(start + coming + data(1, "0123456789").substr(0, 10));
    (void)line.gap(2);
    (void)line.gap(1);
    (void)line.data("456", false);
    (void)line.gap(3);
    (void)line.data(last, false);
    CHECK(line.requests == Requests{last_shown});
    CHECK(line.lost() == 1);
    CHECK(line.count(Counter::requests_lost_to_gap) == 1);
    line.finish();
}

TEST_CASE("a hole where nobody has to look costs nothing", "[h2]") {
    struct Hole {
        const char* name;
        std::string frames;  // on stream 1, which goes on
        std::size_t from, to;
    };
    const std::string padded_data = frame(NGHTTP2_DATA, with_padding, 1, padded("ab", 6));
    const std::string padded_get = frame(
        NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM | with_padding, 3, padded(get_block, 6));
    const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678");
    for (const auto& [name, frames, from, to] : std::vector<Hole>{
             {"padding of DATA", padded_data, 12, 18},
             {"a part of it", padded_data, 13, 15},
             {"padding of HEADERS", padded_get, padded_get.size() - 6, padded_get.size()},
             {"PING", ping, 9, 17},
             {"a part of it", ping, 10, 11},
             {"an unknown frame", frame(0x42, 0xff, 1, std::string(100, 'u')), 9, 109},
             {"DATA of no stream", data(99, "123456"), 9, 15},
             {"RST_STREAM of another", h2::reset(1, 0).replace(8, 1, "\x63"), 9, 13},
         }) {
        INFO(name);
        HttpLine line;
        (void)line.open();
        (void)line.data(start + coming + frames.substr(0, from));
        CHECK(line.gap(to - from) == Appetite::more);
        (void)line.data(frames.substr(to) + data(1, "c") + last, false);
        CHECK(line.lost() == 0);
        CHECK(line.count(Counter::http2_lost_to_gap) == 0);
        const std::string body = frames == padded_data ? "abc" : "c";
        Requests expected{post + " <" + body + ">", last_shown};
        if (frames == padded_get) expected.insert(expected.begin(), get);
        CHECK(line.requests == expected);
        line.finish();
    }
}

TEST_CASE("a hole anywhere else is the end of the connection", "[h2]") {
    struct Hole {
        const char* name;
        std::string before;
        std::uint64_t bytes;
        std::uint64_t lost;
    };
    const std::string padded_data = frame(NGHTTP2_DATA, with_padding, 1, padded("abcdef", 6));
    for (const auto& [name, before, bytes, lost] : std::vector<Hole>{
             {"in the preface", h2::preface.substr(0, 20), 1, 0},
             {"between frames", start, 1, 0},
             {"between frames, one open", start + coming, 9, 1},
             {"in a frame's head", start + coming + last.substr(0, 4), 1, 1},
             {"at a header block", start + coming + last.substr(0, 9), last.size() - 9, 2},
             {"in a header block", start + coming + last.substr(0, 20), 1, 2},
             {"between its parts", start + coming + headers_begin(3, get_block), 9, 2},
             {"in trailers", start + coming + headers(1, literals({{"t", "u"}})).substr(0, 11), 1, 1},
             {"in a stray block", start + coming + headers(2, get_block).substr(0, 12), 2, 1},
             {"at the padding's size", start + coming + padded_data.substr(0, 9), 1, 1},
             {"out of DATA", start + coming + data(1, "abc").substr(0, 10), 3, 1},
             {"out of its padding", start + coming + padded_data.substr(0, 12), 11, 1},
             {"out of padding", start + coming + padded_data.substr(0, 17), 6, 1},
             {"out of PING", start + coming + frame(NGHTTP2_PING, 0, 0, "12345678").substr(0, 9), 9, 1},
             {"of unknown size", start + coming + data(1, "abc").substr(0, 10), tcp::unknown_gap, 1},
             {"of unknown size, in PING", start + coming + frame(NGHTTP2_PING, 0, 0, "12345678").substr(0, 9),
                 tcp::unknown_gap, 1},
         }) {
        INFO(name);
        HttpLine line;
        (void)line.open();
        (void)line.data(before);
        CHECK(line.gap(bytes) == Appetite::nothing);
        CHECK(line.stream().mode == Mode::ignored);
        CHECK(line.in_assembly() == 0);
        CHECK(line.requests.empty());
        CHECK(line.count(Counter::http2_lost_to_gap) == 1);
        CHECK(line.count(Counter::requests_lost_to_gap) == lost);
        CHECK(line.lost() == lost);
        line.finish();
    }
}

TEST_CASE("what is whole by its content-length outlives its connection's hole", "[h2]") {
    HttpLine line;
    (void)line.open();
    (void)line.data(start + headers(1, with_length("/1", 3), false) + headers(3, with_length("/3", 4), false) +
                    headers(5, post_block, false) + headers(7, with_length("/7", 0), false) +
                    headers(9, with_length("/9", 2), false) + headers(11, get_block, false) + data(1, "abc", false) +
                    data(3, "abc", false) + data(5, "abc", false) + data(9, "abc", false));
    CHECK(line.requests.empty());
    (void)line.gap(100);
    std::sort(line.requests.begin(), line.requests.end());
    CHECK(line.requests == Requests{with_length_shown("/1", "abc"), with_length_shown("/7", "")});
    CHECK(line.count(Counter::requests_lost_to_gap) == 4);
    CHECK(line.lost() == 4);
    CHECK(line.count(Counter::http2_length_mismatches) == 0);
    line.finish();
}

// ---- the end ---------------------------------------------------------------------------------------------

TEST_CASE("what the end of its connection cuts is counted by the reason", "[h2]") {
    struct End {
        CloseReason reason;
        Counter counter;
    };
    for (const auto& [reason, counter] : std::to_array<End>({
             {CloseReason::ended, Counter::requests_lost_to_close},
             {CloseReason::idle, Counter::requests_lost_to_idle},
             {CloseReason::evicted, Counter::requests_lost_to_eviction},
             {CloseReason::drained, Counter::requests_lost_to_drain},
         })) {
        for (const std::string& begun :
            {last.substr(0, 9), last.substr(0, 40), headers_begin(3, get_block), coming, coming + data(1, "abc", false),
                coming + data(1, "abc").substr(0, 11), coming + headers(1, literals({{"t", "u"}})).substr(0, 11),
                headers(1, with_length("/", 4), false) + data(1, "abc", false),
                headers(1, get_block, false) + data(1, "abc", false)}) {
            HttpLine line;
            (void)line.open();
            (void)line.data(start + begun);
            CHECK(line.in_assembly() == 1);
            line.close(reason);
            CHECK(line.in_assembly() == 0);
            CHECK(line.requests.empty());
            CHECK(line.count(counter) == 1);
            CHECK(line.lost() == 1);
            line.finish();
        }
    }
}

TEST_CASE("an end in front of a request loses nothing", "[h2]") {
    for (const std::string& bytes : {h2::preface.substr(0, 17), h2::preface, start, start + last.substr(0, 8)}) {
        HttpLine line;
        (void)line.open();
        (void)line.data(bytes);
        line.finish();
        CHECK(line.counted() == "streams_http2=1");
    }
}

TEST_CASE("what lacks only its end is finished where the client closed", "[h2]") {
    struct Case {
        std::string frames;
        std::string shown;
    };
    for (const auto& [frames, shown] : std::vector<Case>{
             {headers(1, get_block, false), get + " length"},
             {headers(1, literals(request("HEAD", "/h")), false), "HEAD /h HTTP/2 {Host: a.example} length"},
             {headers(1, with_length("/1", 3), false) + data(1, "abc", false), with_length_shown("/1", "abc")},
         }) {
        HttpLine line;
        (void)line.open();
        (void)line.data(start + frames);
        CHECK(line.requests.empty());
        line.close();
        CHECK(line.requests == Requests{shown});
        CHECK(line.lost() == 0);
        line.finish();
        // Who is silent only may yet go on.
        HttpLine other;
        (void)other.open();
        (void)other.data(start + frames);
        other.close(CloseReason::idle);
        CHECK(other.count(Counter::requests_lost_to_idle) == 1);
        other.finish();
    }
}

// ---- beginnings ------------------------------------------------------------------------------------------

namespace {

std::string upgrade_to(const std::string& protocols) {
    return "GET /u HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocols +
           "\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
}

std::string upgrade_shown(const std::string& protocols) {
    return "GET /u HTTP/1.1 {Host: a} {Connection: Upgrade, HTTP2-Settings} {Upgrade: " + protocols +
           "} {HTTP2-Settings: AAMAAABk}";
}

}  // namespace

TEST_CASE("behind Upgrade: h2c comes HTTP/2, HTTP/1.1, or what else was offered", "[h2]") {
    struct Case {
        const char* protocols;
        std::string behind;
        Requests requests;
        std::string counted;
    };
    const std::string http1 = "GET /1 HTTP/1.1\r\n\r\n";
    for (const auto& [protocols, behind, requests, counted] : std::vector<Case>{
             {"h2c", start + headers(3, get_block), {get},
                 "streams_http1=1 streams_http2=1 http2_upgrades=1 requests_started=2 requests_rebuilt=2"},
             {"h2c", start + headers(1, get_block) + headers(3, get_block), {get},
                 "streams_http1=1 streams_http2=1 http2_upgrades=1 http2_stray_headers=1 requests_started=2 "
                 "requests_rebuilt=2"},
             {"h2c", http1 + http1, {"GET /1 HTTP/1.1", "GET /1 HTTP/1.1"},
                 "streams_http1=1 requests_started=3 requests_rebuilt=3"},
             {"h2c", "", {}, "streams_http1=1 requests_started=1 requests_rebuilt=1"},
             {"websocket, h2c", start + headers(3, get_block), {get},
                 "streams_http1=1 streams_http2=1 http2_upgrades=1 requests_started=2 requests_rebuilt=2"},
             {"websocket, h2c", "\x81\x05hello", {},
                 "streams_http1=1 streams_tunnel=1 requests_started=1 requests_rebuilt=1"},
         }) {
        const std::string bytes = upgrade_to(protocols) + behind;
        for (std::size_t split = 1; split <= bytes.size(); ++split) {
            INFO(protocols << ", split at " << split);
            HttpLine line;
            (void)line.open();
            line.pieces(bytes, {split});
            line.finish();
            Requests expected{upgrade_shown(protocols)};
            expected.insert(expected.end(), requests.begin(), requests.end());
            CHECK(line.requests == expected);
            CHECK(line.counted() == counted);
        }
    }
}

TEST_CASE("HTTP/2 begins behind a PROXY header, and where a segment begins with its preface", "[h2]") {
    const std::string bytes = start + headers(1, get_block);
    SECTION("behind a PROXY header") {
        const std::string all = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + bytes;
        for (std::size_t split = 1; split < all.size(); ++split) {
            INFO(split);
            HttpLine line;
            (void)line.open();
            line.pieces(all, {split});
            line.finish();
            CHECK(line.requests == Requests{get});
            CHECK(line.count(Counter::streams_http2) == 1);
        }
    }
    SECTION("in a stream joined in the middle") {
        HttpLine line;
        (void)line.open(true);
        (void)line.data("some bytes" + bytes);
        CHECK(line.requests.empty());
        (void)line.data(bytes);
        CHECK(line.requests == Requests{get});
        CHECK(line.count(Counter::streams_http2) == 1);
        line.finish();
    }
    SECTION("in a tunnel") {
        HttpLine line;
        (void)line.open();
        (void)line.data("CONNECT a:80 HTTP/1.1\r\n\r\n");
        (void)line.data(bytes);
        CHECK(line.requests.back() == get);
        CHECK(line.count(Counter::streams_http2) == 1);
        CHECK(line.count(Counter::http2_upgrades) == 0);
        line.finish();
    }
}

TEST_CASE("frames without a preface are counted and ignored", "[h2]") {
    const std::string frames = headers(5, get_block) + h2::settings_ack();
    HttpLine line;
    (void)line.open(true);
    CHECK(line.data(frames) == Appetite::nothing);
    CHECK(line.stream().mode == Mode::ignored);
    CHECK(line.counted() == "streams_http2_midstream=1");
    line.finish();
}

// ---- the server's settings -------------------------------------------------------------------------------

TEST_CASE("the server's first settings say how large the table may be, once they are acknowledged", "[h2]") {
    const auto table = [](std::uint32_t bytes) {
        return h2::settings({{NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16'384}, {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, bytes}});
    };
    struct Case {
        const char* name;
        std::string server;
        std::string client;  // in front of the block
        std::uint64_t allowed;
    };
    for (const auto& [name, server, client, allowed] : std::vector<Case>{
             {"unseen", "", h2::settings_ack(), 65'536},
             {"unacknowledged", table(100), "", 65'536},
             {"smaller", table(100), h2::settings_ack(), 100},
             {"larger", table(10'000), h2::settings_ack(), 10'000},
             {"larger than can be followed", table(1'000'000), h2::settings_ack(), 65'536},
             {"none of it", h2::settings(), h2::settings_ack(), 4096},
             {"more than one", table(100), h2::settings_ack() + h2::settings_ack(), 65'536},
             {"the last one counts", h2::settings({{1, 200}, {1, 300}}), h2::settings_ack(), 300},
         }) {
        for (const std::uint64_t over : {0u, 1u}) {
            INFO(name << ", over by " << over);
            HttpLine line;
            (void)line.open();
            if (!server.empty()) line.answer(server);
            (void)line.data(start + client + headers(1, h2::table_size(allowed + over) + get_block));
            CHECK(line.requests.size() == 1 - over);
            CHECK(line.count(Counter::http2_lost_compression) == over);
            line.finish();
        }
    }
}
