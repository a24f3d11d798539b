// SPDX-License-Identifier: Apache-2.0
// Heads that have no room, and what is behind them, however the bytes are split:
//   - the body is followed by its length or its chunks, so nothing in it is taken for a request
//   - whatever a head says of its body, it says lost what it says kept: framing, tunnels, and what is ambiguous
//   - request lines that are too long
//   - lines that are cut: of a field that frames, of one that doesn't, a name, a CR
//   - memory: the head's room is given back before its body, and without any the stream is looked at for its next request
#include "http/lost_head.h"

#include <string>
#include <string_view>
#include <vector>

#include "support/http_line.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;
using Mode = http::Stream::Mode;

namespace {

using Requests = std::vector<std::string>;

const std::string next = "GET /next HTTP/1.1\r\n\r\n";
const std::string next_shown = "GET /next HTTP/1.1";
const std::string tempting = "POST /in-the-body HTTP/1.1\r\nContent-Length: 0\r\n\r\n";

// What makes a head too much, as fields in front of others or behind them.
std::string too_many_fields() {
    std::string fields;
    for (std::size_t i = 0; i <= http::max_fields; ++i) fields += "a: b\r\n";
    return fields;
}

std::string too_large_field() {
    return "a: " + std::string(HttpLine::small_limits().max_head, 'b') + "\r\n";
}

std::string with_body(const std::string& fields, const std::string& body) {
    return "POST /lost HTTP/1.1\r\n" + fields + "\r\n" + body;
}

// Each piece is a segment, so all that isn't followed is looked at for requests.
void feed(HttpLine& line, const std::string& text, std::size_t piece) {
    for (std::size_t at = 0; at < text.size(); at += piece) (void)line.data(text.substr(at, piece));
}

template <class Check>
void each_split(const std::string& text, Check check) {
    for (const std::size_t piece :
        {text.size(), text.size() / 2 + 1, std::size_t{1460}, std::size_t{7}, std::size_t{1}}) {
        INFO("pieces of " << piece);
        HttpLine line;
        (void)line.open();
        feed(line, text, piece);
        check(line);
        line.finish();
    }
}

}  // namespace

TEST_CASE("behind a head that has no room nothing of its body is a request", "[lost_head]") {
    const std::string length = "Content-Length: " + std::to_string(3 * tempting.size()) + "\r\n";
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    const std::string chunks = "31\r\n" + tempting + "\r\n31 ;x\r\n" + tempting + "\r\n0\r\nTrailer: t\r\n\r\n";
    REQUIRE(tempting.size() == 0x31);
    for (const std::string& filling : {too_many_fields(), too_large_field()}) {
        for (const auto& text : {with_body(length + filling, tempting + tempting + tempting),
                 with_body(filling + length, tempting + tempting + tempting), with_body(chunked + filling, chunks),
                 with_body(filling + chunked, chunks), with_body(filling, ""),
                 with_body(length + filling + length, "")}) {
            const bool no_body = text.ends_with("\r\n\r\n") && text.find(tempting) == text.npos;
            const std::string body = no_body && text.find(length) != text.npos ? tempting + tempting + tempting : "";
            each_split(text + body + next, [](const HttpLine& line) {
                CHECK(line.requests == Requests{next_shown});
                CHECK(line.count(Counter::requests_lost_too_many_fields) +
                          line.count(Counter::requests_lost_head_too_large) ==
                      1);
                CHECK(line.lost() == 1);
                CHECK(line.count(Counter::streams_resynced) == 0);
            });
        }
    }
}

TEST_CASE("what a head says of what follows doesn't depend on whether there is room for it", "[lost_head]") {
    const std::vector<std::string> heads = {
        "Content-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 4\r\n",
        "Content-Length:\r\n 4\r\n",
        "Content-Length:\r\n\t\r\n  4\r\n",
        "Content-Length: 1\r\n 4\r\n",
        "Content-Length : 4\r\n",
        "Content-Length\r\n",
        "Content\x01-Length: 4\r\n",
        "content-length: 4\n",
        "Content-Length: -4\r\n",
        "Content-Length: 4\rX: y\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip,\r\n chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "Connection: keep-alive,\r\n Upgrade\r\nUpgrade: h2c\r\n",
        "Upgrade: h2c\r\n",
        "Connection: upgrade\r\n",
        "X: folded\r\n on\r\n and on\r\n",
        " folded: but there is nothing to go on with\r\n",
    };
    const std::string body = "4\r\nabcd\r\n0\r\n\r\n";
    struct End {
        Appetite appetite;
        Requests requests;
        Mode mode;
        bool operator==(const End&) const = default;
    };
    const auto end_of = [&](const std::string& request_line, const std::string& fields) {
        HttpLine line;
        (void)line.open();
        const Appetite appetite = line.data(request_line + fields + "\r\n");
        (void)line.data(body, false);
        (void)line.data(next);
        Requests requests = line.requests;
        if (!requests.empty() && requests[0] != next_shown) requests.erase(requests.begin());
        const End end{appetite, requests, line.stream().mode};
        line.finish();
        return end;
    };
    for (const std::string request_line : {"POST / HTTP/1.1\r\n", "POST / HTTP/1.0\r\n", "CONNECT a:1 HTTP/1.1\r\n"}) {
        for (const std::string& fields : heads) {
            const bool first = fields.starts_with(' ');  // folds are another thing behind a field
            INFO(request_line << fields);
            const End kept = end_of(request_line, fields);
            for (const std::string& filling : {too_many_fields(), too_large_field()}) {
                CHECK(end_of(request_line, fields + filling) == kept);
                if (!first) CHECK(end_of(request_line, filling + fields) == kept);
                if (!first) CHECK(end_of(request_line, "X: y\r\n" + filling + fields + "Y: z\r\n") == kept);
            }
        }
    }
}

TEST_CASE("a request line that has no room is followed by its head and body", "[lost_head]") {
    const std::string target = "/" + std::string(HttpLine::small_limits().max_head, 't');
    const std::string length = "Content-Length: " + std::to_string(tempting.size()) + "\r\n\r\n";
    for (const std::string& version : {"HTTP/1.1"s, "HTTP/1.1" + std::string(31 - 10, ' ')}) {
        each_split(
            next + "POST " + target + " " + version + "\r\n" + length + tempting + next, [](const HttpLine& line) {
                CHECK(line.requests == Requests{next_shown, next_shown});
                CHECK(line.count(Counter::requests_lost_head_too_large) == 1);
                CHECK(line.lost() == 1);
            });
        // The first of a stream, too.
        each_split("POST " + target + " " + version + "\r\n" + length + tempting + next, [](const HttpLine& line) {
            CHECK(line.requests == Requests{next_shown});
            CHECK(line.count(Counter::requests_lost_head_too_large) == 1);
            CHECK(line.count(Counter::streams_http1) == 1);
            CHECK(line.lost() == 1);
        });
    }
    // Whatever ends it isn't known, or is no line: nobody knows what follows.
    for (const std::string& end : {"HTTP/1.1" + std::string(100, ' '), "HTTP/1.1\rX"s, "nothing"s}) {
        each_split("POST " + target + " " + end + "\r\n" + length + next, [](const HttpLine& line) {
            CHECK(line.requests.empty());
            CHECK(line.count(Counter::requests_lost_head_too_large) == 1);
            CHECK(line.lost() == 1);
        });
    }
    // A simple request is the last (RFC 1945, section 5).
    each_split("GET " + target + "\r\n" + next, [](const HttpLine& line) {
        CHECK(line.requests.empty());
        CHECK(line.lost() == 1);
    });
}

TEST_CASE("of a line that is cut the name has to be known, and that it frames nothing", "[lost_head]") {
    const std::string much(HttpLine::small_limits().max_head, 'c');
    const std::string front(http::LostHead::line_front, 'd');
    const std::string digits(http::LostHead::line_front + http::LostHead::line_back, '0');
    const auto head = [](const std::string& field) { return with_body(too_many_fields() + field, "") + next; };
    for (const std::string& harmless : {"a: " + much + "\r\n", "a: b\r\n " + much + "\r\n", "a:" + front + "\r\n",
             front.substr(1) + ":" + much + "\r\n", "Cookie: " + much + "\r\n"}) {
        each_split(head(harmless), [](const HttpLine& line) {
            CHECK(line.requests == Requests{next_shown});
            CHECK(line.lost() == 1);
        });
    }
    for (const std::string& unclear :
        {"Content-Length: " + digits + "0\r\n", "Transfer-Encoding: " + much + ", chunked\r\n",
            "Content-Length: 0\r\n " + much + "\r\n", "Connection: " + much + "\r\n", front + much + ": d\r\n",
            much + "\r\n", "a: " + much + "\r" + much + "\r\n", "a: b\r\n " + much + "\r" + much + "\r\n"}) {
        each_split(head(unclear), [](const HttpLine& line) {
            CHECK(line.requests.empty());
            CHECK(line.count(Counter::requests_lost_too_many_fields) == 1);
            CHECK(line.lost() == 1);
        });
    }
    // Folds are a field's as long as there is room for it.
    std::string folds;
    while (folds.size() < http::LostHead::longest_field) folds += " \r\n";
    each_split(head("Content-Length: 0\r\n" + folds.substr(0, 300) + "X: y\r\n"),
        [](const HttpLine& line) { CHECK(line.requests == Requests{next_shown}); });
    each_split(head("Content-Length: 0\r\n" + folds + "X: y\r\n"), [](const HttpLine& line) {
        CHECK(line.requests.empty());
        CHECK(line.lost() == 1);
    });
}

TEST_CASE("a head that is followed takes one block until its end, and its body none", "[lost_head]") {
    HttpLine line;
    (void)line.open();
    const std::string head = with_body("Content-Length: 100000\r\n" + too_large_field(), "");
    feed(line, head.substr(0, head.size() - 1), 1000);
    CHECK(line.blocks_in_use() == 1);
    (void)line.data("\n");
    CHECK(line.blocks_in_use() == 0);
    feed(line, std::string(100'000, 'x'), 1000);
    CHECK(line.in_assembly() == 0);
    (void)line.data(next);
    CHECK(line.requests == Requests{next_shown});
    CHECK(line.lost() == 1);
    line.finish();
}

TEST_CASE("a hole in a head that is followed, or its stream's end, ends it", "[lost_head]") {
    HttpLine line;
    (void)line.open();
    const std::string head = with_body(too_many_fields(), "");
    (void)line.data(head.substr(0, head.size() - 2) + "Content-Length: 5\r\n");
    CHECK(line.lost() == 0);  // it isn't over
    (void)line.gap(1);
    CHECK(line.count(Counter::requests_lost_too_many_fields) == 1);
    (void)line.data(next);
    CHECK(line.requests == Requests{next_shown});
    (void)line.data(head.substr(0, head.size() - 2));
    line.close();
    CHECK(line.count(Counter::requests_lost_too_many_fields) == 2);
    line.finish();
}
