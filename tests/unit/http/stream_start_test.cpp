// SPDX-License-Identifier: Apache-2.0
// The front of a stream: the PROXY protocol's header in it, however it is split, and what else begins alike. And who
// goes when streams wait for bytes and room gets scarce.
#include <string>
#include <vector>

#include "support/http_line.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;
using Requests = std::vector<std::string>;

namespace {

const std::string get = "GET /1 HTTP/1.1\r\n\r\n";
const std::string shown = "GET /1 HTTP/1.1";
const std::string v1 = "PROXY TCP4 192.0.2.7 10.0.0.1 51234 80\r\n";
const std::string v2_signature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string v2 = v2_signature + "\x21\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\xc8\x22\0\x50"s;
// 300 bytes of TLVs behind the addresses.
const std::string v2_long =
    v2_signature + "\x21\x11\x01\x38\xc0\0\x02\x07\x0a\0\0\x01\xc8\x22\0\x50"s + std::string(300, '\n');
constexpr auto client = packet::IpAddress::v4(0xc0000207);

}  // namespace

TEST_CASE("a PROXY header in front of the first request says who the client is, however it is split", "[stream]") {
    for (const std::string& header : {v1, v2, v2_long}) {
        const std::string bytes = header + get + get;
        for (std::size_t split = 0; split < bytes.size(); ++split) {
            for (const std::size_t more : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
                INFO(header.size() << " bytes, split at " << split << " and " << split + more);
                HttpLine line;
                (void)line.open();
                line.pieces(bytes, {split, std::min(split + more, bytes.size())});
                CHECK(line.requests == Requests{shown, shown});
                CHECK(line.stream().proxied);
                CHECK(line.stream().client == client);
                CHECK(line.count(Counter::proxy_headers) == 1);
                CHECK(line.count(Counter::streams_http1) == 1);
                line.finish();
            }
        }
        HttpLine line;
        (void)line.open();
        line.byte_by_byte(bytes);
        CHECK(line.requests == Requests{shown, shown});
        CHECK(line.stream().client == client);
        line.finish();
    }
}

TEST_CASE("a PROXY header that names no client leaves the connection's own", "[stream]") {
    for (const std::string& header : {"PROXY UNKNOWN\r\n"s, v2_signature + "\x20\0\0\0"s}) {
        HttpLine line;
        (void)line.open();
        (void)line.data(header + get);
        CHECK(line.requests == Requests{shown});
        CHECK_FALSE(line.stream().proxied);
        CHECK(line.count(Counter::proxy_headers) == 1);
        line.finish();
    }
}

TEST_CASE("what begins like a PROXY header and isn't one, is what it is, however it is split", "[stream]") {
    struct Case {
        std::string bytes, request;
    };
    for (const auto& [bytes, request] : std::vector<Case>{
             {"PROPFIND / HTTP/1.1\r\n\r\n", "PROPFIND / HTTP/1.1"},
             {"PROXY / HTTP/1.1\r\n\r\n", "PROXY / HTTP/1.1"},
             {"P / HTTP/1.1\r\n\r\n", "P / HTTP/1.1"},
             {"\r\n" + get, shown},
             {"\r\n\r\n" + get, shown},
             {"\r\n\r\n\r\n" + get, shown},
         }) {
        for (std::size_t first = 0; first < bytes.size(); ++first) {
            for (std::size_t second = first; second < bytes.size(); ++second) {
                HttpLine line;
                (void)line.open();
                line.pieces(bytes, {first, second});
                INFO(bytes << " split at " << first << ", " << second);
                CHECK(line.requests == Requests{request});
                CHECK(line.count(Counter::proxy_headers) == 0);
                line.finish();
            }
        }
    }
}

TEST_CASE("a malformed PROXY header ends what we know of the stream", "[stream]") {
    for (const std::string& header : {"PROXY TCP4 192.0.2.7 10.0.0.1 99999 80\r\n"s, "PROXY TCP4 x\r\n"s,
             v2_signature + "\x21\x11\0\x04\xc0\0\x02\x07"s}) {
        for (std::size_t split = 0; split < header.size(); ++split) {
            INFO(split);
            HttpLine line;
            (void)line.open();
            Appetite appetite = Appetite::more;
            if (split != 0) appetite = line.data(header.substr(0, split));
            if (appetite == Appetite::more) appetite = line.data(header.substr(split) + get);
            CHECK(appetite == Appetite::nothing);
            CHECK(line.requests.empty());
            CHECK(line.count(Counter::proxy_headers_malformed) == 1);
            CHECK(line.count(Counter::streams_unknown) == 1);
            CHECK(line.in_assembly() == 0);
            line.finish();
        }
    }
}

TEST_CASE("a PROXY header is looked for at the start only", "[stream]") {
    HttpLine line;
    (void)line.open();
    (void)line.data(get + v1);
    CHECK(line.requests == Requests{shown});
    CHECK(line.count(Counter::proxy_headers) == 0);
    CHECK(line.count(Counter::requests_lost_line_malformed) == 1);
    line.finish();

    HttpLine joined;
    (void)joined.open(true);
    (void)joined.data(v1);
    (void)joined.data(get);
    CHECK(joined.requests == Requests{shown});
    CHECK(joined.count(Counter::proxy_headers) == 0);
    joined.finish();
}

TEST_CASE("a gap in a PROXY header", "[stream]") {
    HttpLine split;
    (void)split.open();
    (void)split.data(v1.substr(0, 9));
    (void)split.gap(4);
    CHECK(split.in_assembly() == 0);
    (void)split.data(v1.substr(13), true);
    (void)split.data(get);
    CHECK(split.requests == Requests{shown});  // of whom, isn't known any more
    CHECK_FALSE(split.stream().proxied);
    split.finish();

    // In the part that nobody has to see it costs nothing.
    HttpLine passed;
    (void)passed.open();
    (void)passed.data(v2_long.substr(0, 100));
    (void)passed.gap(150);
    (void)passed.data(v2_long.substr(250) + get);
    CHECK(passed.requests == Requests{shown});
    CHECK(passed.stream().client == client);
    passed.finish();

    HttpLine beyond;
    (void)beyond.open();
    (void)beyond.data(v2_long.substr(0, 100));
    (void)beyond.gap(v2_long.size() - 100 + 3);
    (void)beyond.data(get.substr(3), true);
    (void)beyond.data(get);
    CHECK(beyond.requests == Requests{shown});
    beyond.finish();
}

TEST_CASE("who sends slowly makes room for who doesn't", "[stream]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_requests = 8;
    HttpLine line(limits);
    // Eight that never end their head; the fourth still moves.
    for (std::size_t stream = 0; stream < 8; ++stream) {
        line.time_ns = 1000 + stream;
        (void)line.open(false, stream);
        (void)line.data("GET /slow HTTP/1.1\r\nA: b\r\n", true, stream);
    }
    line.time_ns = 2000;
    (void)line.data("C: d\r\n", true, 3);
    for (std::size_t stream = 10; stream < 17; ++stream) {
        line.time_ns = 3000 + stream;
        (void)line.open(false, stream);
        (void)line.data("GET /n HTTP/1.1\r\nHo", true, stream);
        (void)line.data("st: a\r\n\r\n", true, stream);
    }
    CHECK(line.requests == Requests(7, "GET /n HTTP/1.1 {Host: a}"));
    CHECK(line.count(Counter::requests_lost_no_memory) == 1);  // the stalest, once: the newcomers came and went
    (void)line.data("E: f\r\n\r\n", true, 3);
    CHECK(line.requests.back() == "GET /slow HTTP/1.1 {A: b} {C: d} {E: f}");
    (void)line.data("GET /back HTTP/1.1\r\n\r\n", true, 0);
    CHECK(line.requests.back() == "GET /back HTTP/1.1");
    line.finish();
}

TEST_CASE("slow uploads make room in the buffers", "[stream]") {
    HttpLine line(HttpLine::small_limits(), {.block_bytes = 4096, .blocks = 64});
    const std::string upload = "POST /slow HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + std::string(60'000, 'a');
    for (std::size_t stream = 0; stream < 8; ++stream) {
        line.time_ns = 1000 + stream;
        (void)line.open(false, stream);
        (void)line.data(upload, true, stream);
    }
    line.time_ns = 5000;
    (void)line.open(false, 20);
    for (int i = 0; i < 8; ++i) (void)line.data("x", true, 0);  // each chunk that comes makes some room
    (void)line.data("POST /n HTTP/1.1\r\nContent-Length: 10000\r\n\r\n" + std::string(5'000, 'b'), true, 20);
    (void)line.data(std::string(5'000, 'b'), true, 20);
    CHECK(line.requests.size() == 1);
    CHECK(line.count(Counter::requests_lost_no_memory) > 0);
    line.finish();
}
