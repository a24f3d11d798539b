// SPDX-License-Identifier: Apache-2.0
#include "forward/response.h"

#include <string>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using forward::ResponseParser;
using Event = forward::ResponseParser::Event;

namespace {

// What happens to each response of `text` when it comes in pieces of `piece` bytes.
std::string events(const std::string& text, std::size_t piece, bool head_request = false, bool end = false) {
    ResponseParser parser;
    std::string seen;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        Bytes bytes = as_bytes(text).subspan(at, std::min(piece, text.size() - at));
        while (!bytes.empty()) {
            const Event event = parser.next(bytes, head_request);
            if (event == Event::more) break;
            if (event == Event::broken) return seen + "broken";
            seen += std::to_string(parser.status());
            seen += event == Event::interim ? "i " : parser.keep_alive() ? " " : "c ";
        }
    }
    if (end) seen += parser.end_of_stream() == Event::answered ? "end" : "cut";
    return seen;
}

}  // namespace

TEST_CASE("response: every way to end one, in pieces of every size", "[forward]") {
    struct Case {
        std::string text;
        const char* expected;
        bool head_request = false;
        bool end = false;
    };
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const std::string chunked = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n";
    const Case cases[] = {
        {ok, "200 "},
        {ok + ok + ok, "200 200 200 "},
        {chunked + ok + chunked, "201 200 201 "},
        {"HTTP/1.1 204 No Content\r\n\r\n" + ok, "204 200 "},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n" + ok, "204 200 "},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n" + ok, "304 200 "},
        {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n" + ok, "304 200 "},
        {"HTTP/1.1 100 Continue\r\n\r\n" + ok, "100i 200 "},
        {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok, "103i 100i 200 "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n", "200 404 ",
            true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + ok.substr(0, ok.size() - 2), "200 200 ", true},
        {"HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", "500c "},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "200c "},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok" + ok, "200 200 "},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "end", false, true},
        {"HTTP/1.0 200 OK\r\n\r\n", "end", false, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\ncut", "cut", false, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "cut", false, true},
        {"HTTP/1.1 200 OK\r\nContent-", "cut", false, true},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "broken"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "broken"},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "broken"},
        {"HTTP/1.1 600 What\r\n\r\n", "broken"},
        {"HTTP/1.1 099 What\r\n\r\n", "broken"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broken"},
        {std::string("\0\0\x12\x04\0\0\0\0\0", 9), "broken"},
    };
    for (const Case& each : cases) {
        INFO(each.text);
        for (std::size_t piece = 1; piece <= each.text.size(); ++piece) {
            INFO("pieces of " << piece);
            CHECK(events(each.text, piece, each.head_request, each.end) == each.expected);
        }
    }
}

TEST_CASE("response: at_start tells an answer begun from one that is only due", "[forward]") {
    ResponseParser parser;
    CHECK(parser.at_start());
    Bytes bytes = as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nH");
    CHECK(parser.next(bytes, false) == Event::answered);
    CHECK(parser.at_start());
    CHECK(bytes.size() == 1);
    CHECK(parser.next(bytes, false) == Event::more);
    CHECK_FALSE(parser.at_start());
    parser.reset();
    CHECK(parser.at_start());
    bytes = as_bytes("HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(parser.next(bytes, false) == Event::interim);
    CHECK_FALSE(parser.at_start());
}
