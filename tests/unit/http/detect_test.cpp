// SPDX-License-Identifier: Apache-2.0
// What a stream speaks:
//   - each protocol, by its shortest decisive beginning, and undecided before that
//   - near misses of each
//   - begins_like_request(): methods, targets, and text that a body may hold
#include "http/detect.h"

#include <string>
#include <string_view>

#include "http/token.h"
#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::http;
using namespace std::string_view_literals;

TEST_CASE("a protocol is known by its first bytes", "[detect]") {
    struct Case {
        std::string_view bytes;
        Protocol protocol;
        std::size_t decided_at;  // undecided with fewer bytes, the protocol with at least as many
    };
    const auto cases = std::to_array<Case>({
        {"GET / HTTP/1.1\r\n"sv, Protocol::http1, 4},
        {"get / HTTP/1.1\r\n"sv, Protocol::http1, 4},
        {"P / HTTP/1.1\r\n"sv, Protocol::http1, 2},
        {"HEAD / HTTP/1.1\r\n"sv, Protocol::http1, 5},
        {"PRIVATE / HTTP/1.1\r\n"sv, Protocol::http1, 8},
        {"PRI / HTTP/1.1\r\n"sv, Protocol::http1, 5},
        {"PRI * HTTP/1.1\r\n"sv, Protocol::http1, 12},
        {"HTTP GET"sv, Protocol::http1, 5},
        {"BASELINE-CONTROL /"sv, Protocol::http1, 17},
        {"!#$%&'*+-.^_`|~09 /"sv, Protocol::http1, 18},
        {"HTTP/1.1 200 OK\r\n"sv, Protocol::http1_response, 5},
        {"HTTP/2"sv, Protocol::http1_response, 5},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, Protocol::http2, 16},
        {"\x16\x03\x01\x02\x00\x01"sv, Protocol::tls, 3},
        {"\x16\x03\x00"sv, Protocol::tls, 3},
        {"\x16\x03\x04"sv, Protocol::tls, 3},
        {"\x16\x03\x05"sv, Protocol::unknown, 3},
        {"\x16\x02\x01"sv, Protocol::unknown, 3},
        {"SSH-2.0-x\r\n"sv, Protocol::ssh, 4},
        {"SSH GET"sv, Protocol::http1, 4},
        {"\0\0\0\x10"sv, Protocol::unknown, 1},
        {"\x15\x03\x01"sv, Protocol::unknown, 1},
        {" GET / HTTP/1.1"sv, Protocol::unknown, 1},
        {"GET\t/ HTTP/1.1"sv, Protocol::unknown, 4},
        {"GET\r\n"sv, Protocol::unknown, 4},
        {"{\"a\":1}"sv, Protocol::unknown, 1},
        {"G\x80T /"sv, Protocol::unknown, 2},
        {"abc:def /"sv, Protocol::unknown, 4},
    });
    for (const Case& test : cases) {
        for (std::size_t size = 0; size <= test.bytes.size(); ++size) {
            INFO(test.bytes << ", " << size << " bytes");
            CHECK(detect(as_bytes(test.bytes.substr(0, size))) ==
                  (size < test.decided_at ? Protocol::undecided : test.protocol));
        }
    }
}

TEST_CASE("a word without end is no method", "[detect]") {
    CHECK(detect(as_bytes(std::string(32, 'A'))) == Protocol::undecided);
    CHECK(detect(as_bytes(std::string(33, 'A'))) == Protocol::unknown);
    CHECK(detect(as_bytes(std::string(32, 'A') + " /")) == Protocol::http1);
}

TEST_CASE("a token has the characters that RFC 9110 lists", "[detect]") {
    std::string found;
    for (int byte = 0; byte < 256; ++byte) {
        if (is_token_char(static_cast<char>(byte))) found += static_cast<char>(byte);
    }
    CHECK(found == "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
}

TEST_CASE("a segment may begin with a request", "[detect]") {
    for (const std::string_view yes : {
             "GET /"sv,
             "GET / HTTP/1.1\r\n"sv,
             "OPTIONS *"sv,
             "ACL /"sv,
             "VERSION-CONTROL /"sv,
             "UPDATEREDIRECTREF /"sv,
             "M-SEARCH *"sv,
             "QUERY /"sv,
             "POST http://a/"sv,
             "POST https://a/"sv,
             "POST h"sv,
             "CONNECT a.example:443 HTTP/1.1"sv,
             "CONNECT [::1]:443"sv,
         }) {
        INFO(yes);
        CHECK(begins_like_request(as_bytes(yes)));
    }
    for (const std::string_view no : {
             ""sv,
             "G"sv,
             "GET"sv,
             "GET "sv,
             "CONNECT "sv,
             "get / HTTP/1.1"sv,
             "GETS / HTTP/1.1"sv,
             "GE / HTTP/1.1"sv,
             "FETCH / HTTP/1.1"sv,
             " GET / HTTP/1.1"sv,
             "\r\nGET / HTTP/1.1"sv,
             "GET  / HTTP/1.1"sv,
             "GET it while it lasts"sv,
             "GET ?a=b HTTP/1.1"sv,
             "UPDATE table SET a = 1"sv,
             "POST htp://a/"sv,
             "HTTP/1.1 200 OK"sv,
             "\x16\x03\x01 /"sv,
         }) {
        INFO(no);
        CHECK_FALSE(begins_like_request(as_bytes(no)));
    }
}
