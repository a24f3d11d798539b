// SPDX-License-Identifier: Apache-2.0
// The bytes that an HTTP output is sent:
//   - each rule of wire.h as a pair of request and exact wire form, in one segment and in many
//   - whatever the client sent, the wire form is one request for a strict parser that knows nothing of ours, with the
//     fields and the body that the rules leave
//   - memory that runs out at each block: nothing is held
#include "forward/wire.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/http_line.h"
#include "support/random.h"
#include "support/slot_text.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;

namespace {

constexpr packet::Endpoint source{packet::IpAddress::v4(0xcb007107), 51234};      // 203.0.113.7
constexpr packet::Endpoint destination{packet::IpAddress::v4(0x0a00020a), 8080};  // 10.0.2.10

struct Sent {
    Counter verdict;
    std::string wire;
    bool head_request = false;
};

// Rebuilds the requests in `bytes`, each piece a segment, and writes each.
std::vector<Sent> send(const std::string& bytes, const std::vector<std::size_t>& ends = {},
    const http::Limits& limits = HttpLine::small_limits()) {
    HttpLine line(limits);
    std::vector<Sent> sent;
    line.on_request = [&](http::Request& request) {
        request.source = source;
        request.destination = destination;
        request.client = source.address;
        forward::Slot slot;
        const Counter verdict = forward::write_wire(request, {}, line.pool(), slot);
        sent.push_back(
            {verdict, verdict == Counter::handed_off ? take_text(line.pool(), slot) : "", slot.head_request});
        if (verdict == Counter::handed_off) CHECK(slot.time_ns == line.time_ns);
    };
    (void)line.open();
    line.pieces(bytes, ends);
    line.finish();
    return sent;
}

const std::string server = "X-Server-Addr: 10.0.2.10\r\nX-Server-Port: 8080\r\n";
const std::string forwarded = "X-Forwarded-For: 203.0.113.7\r\n";
const std::string scheme = "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n";
const std::string usual = forwarded + server + scheme;
const std::string host = "Host: 10.0.2.10:8080\r\n";

}  // namespace

TEST_CASE("a request is written by the rules", "[wire]") {
    struct Case {
        const char* name;
        std::string request, wire;
    };
    const std::vector<Case> cases{
        {"as it is", "GET /a?b HTTP/1.1\r\nhOST:  a.example \r\nA:b\r\nC:\t d\t\r\nA:e\r\nF:\r\n\r\n",
            "GET /a?b HTTP/1.1\r\nhOST:  a.example \r\nA:b\r\nC:\t d\t\r\nA:e\r\nF:\r\n" + usual + "\r\n"},
        {"no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n" + host + usual + "\r\n"},
        {"no header", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n" + host + usual + "\r\n"},
        {"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"spaces in the line", "GET   /a  HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"another method", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PROPFIND / HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"Latin-1 target", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\xe9 HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        // The target.
        {"absolute-form", "GET http://b.example:81/p?q HTTP/1.1\r\nA: b\r\nhost: a\r\nC: d\r\n\r\n",
            "GET /p?q HTTP/1.1\r\nA: b\r\nhost: b.example:81\r\nC: d\r\n" + usual + "\r\n"},
        {"absolute-form without Host", "GET HTTPS://b/ HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: b\r\n" + usual + "\r\n"},
        {"absolute-form with two Host", "GET http://b/ HTTP/1.1\r\nHost: a\r\nX: y\r\nHost: c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: b\r\nX: y\r\n" + usual + "\r\n"},
        {"absolute-form without path", "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: b\r\n" + usual + "\r\n"},
        {"absolute-form with only a query", "GET http://b?q=/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /?q=/ HTTP/1.1\r\nHost: b\r\n" + usual + "\r\n"},
        {"absolute-form with user information", "GET http://u:p@x@b:8/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: b:8\r\n" + usual + "\r\n"},
        {"absolute-form, OPTIONS of a path", "OPTIONS http://b/p HTTP/1.1\r\nHost: a\r\n\r\n",
            "OPTIONS /p HTTP/1.1\r\nHost: b\r\n" + usual + "\r\n"},
        {"absolute-form in HTTP/1.0", "GET http://b/ HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: b\r\n" + usual + "\r\n"},
        {"two slashes are a path", "GET //b/c HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET //b/c HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"several Host", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"a simple request", "GET /a\r\n", "GET /a HTTP/1.1\r\n" + host + usual + "\r\n"},
        {"a version that nobody has", "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"a target of two words", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a%20b HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"a target of two words in absolute-form", "GET http://a/b c?d e HTTP/1.1\r\n\r\n",
            "GET /b%20c?d%20e HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"a target of control characters", "GET /\t\x01\x1f\x7f\0%zz\"<\xff HTTP/1.1\r\nHost: a\r\n\r\n"s,
            "GET /%09%01%1F%7F%00%zz\"<\xff HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"a target that ends like a version", "GET / HTTP/1.0 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /%20HTTP/1.0 HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        // Fields that are not as they should be.
        {"a space in front of a colon", "GET / HTTP/1.1\r\nHost\t : a\r\nX-Forwarded-For : 192.0.2.1 \r\nA:  b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1, 203.0.113.7\r\nA:  b\r\n" + server + scheme +
                "\r\n"},
        {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nB\r\nC d\r\nE\r\n f\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nB: \r\nE: f\r\n" + usual + "\r\n"},
        {"names that are no tokens", "GET / HTTP/1.1\r\nHost: a\r\nB(: c\r\n\xff: d\r\n: e\r\nF\0: g\r\nH: i\r\n\r\n"s,
            "GET / HTTP/1.1\r\nHost: a\r\nH: i\r\n" + usual + "\r\n"},
        {"NUL in values", "GET / HTTP/1.1\r\nHost: a\r\nB: \0c\0\0d\0\r\nE: f\r\n\r\n"s,
            "GET / HTTP/1.1\r\nHost: a\r\nB:  c  d \r\nE: f\r\n" + usual + "\r\n"},
        {"Connection that isn't one", "GET / HTTP/1.1\r\nHost: a\r\nConnection : x-a\r\nX-A: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        // Framing.
        {"a length", "POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:3\r\nA: b\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:3\r\nA: b\r\n" + usual + "\r\nabc"},
        {"a length of zero", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" + usual + "\r\n"},
        {"a length in another form", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 03\r\nA: b\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: a\r\nA: b\r\n" + usual + "Content-Length: 3\r\n\r\nabc"},
        {"no body, no length", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\n" + usual + "\r\n"},
        {"chunked",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\nTrailer: "
            "T\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\nT: u\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\n" + usual + "Content-Length: 3\r\n\r\nabc"},
        {"chunked, empty", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\n" + usual + "Content-Length: 0\r\n\r\n"},
        {"line ends and folds", "POST / HTTP/1.1\nHost: a\nA: b\r\n c\n\td\r\nE:\r\n f\nG:\nContent-Length: 1\n\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nA: b c d\r\nE: f\r\nG:\r\nContent-Length: 1\r\n" + usual + "\r\nx"},
        {"folds with whitespace around them", "GET / HTTP/1.1\r\nHost: a\r\nA: b \r\n c\t \n \t d \r\n \r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nA: b c d\r\n" + usual + "\r\n"},
        {"a fold in front of a value only", "GET / HTTP/1.1\r\nHost: a\r\nA:\r\n Transfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nA: Transfer-Encoding: chunked\r\n" + usual + "\r\n"},
        {"a folded length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" + usual + "\r\nabc"},
        {"a fold and nothing", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n \r\nC:\r\n \r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC:\r\n" + usual + "\r\n"},
        // For one hop.
        {"for one hop",
            "GET / HTTP/1.1\r\nConnection: close, X-One , x-two\r\nHost: a\r\nKeep-Alive: 5\r\nX-ONE: 1\r\nX-Two: 2\r\n"
            "X-Three: 3\r\nProxy-Connection: a\r\nTE: trailers\r\nUpgrade: h2c\r\nExpect: 100-continue\r\nZ: z\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX-Three: 3\r\nZ: z\r\n" + usual + "\r\n"},
        {"two Connection fields, one folded",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: y,\r\n z\r\nX: 1\r\nY: 2\r\nZ: 3\r\nXY: "
            "4\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nXY: 4\r\n" + usual + "\r\n"},
        {"what is never for one hop stays",
            "POST / HTTP/1.1\r\nConnection: host, content-length, cookie, AUTHORIZATION, x-forwarded-for, "
            "content-type, user-agent\r\n"
            "Host: a\r\nContent-Length: 1\r\nCookie: c\r\nAuthorization: d\r\nX-Forwarded-For: "
            "1.2.3.4\r\nContent-Type: t\r\nUser-Agent: u\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nCookie: c\r\nAuthorization: d\r\nX-Forwarded-For: "
            "1.2.3.4, 203.0.113.7\r\n"
            "Content-Type: t\r\nUser-Agent: u\r\n" +
                server + scheme + "\r\nx"},
        // What we say.
        {"a chain goes on",
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nA: b\r\nx-forwarded-for:  2.2.2.2,3.3.3.3 \r\nC: "
            "d\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nA: b\r\nx-forwarded-for:  2.2.2.2,3.3.3.3, "
            "203.0.113.7\r\nC: d\r\n" +
                server + scheme + "\r\n"},
        {"an empty chain", "GET / HTTP/1.1\r\nX-Forwarded-For: \r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nX-Forwarded-For:203.0.113.7\r\nHost: a\r\n" + server + scheme + "\r\n"},
        {"scheme and port stay",
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n" + forwarded + server +
                "\r\n"},
        {"our names are ours",
            "GET / HTTP/1.1\r\nx-server-addr: 6.6.6.6\r\nHost: a\r\nX-SERVER-PORT: 6\r\nX-Rebuilder-Truncated: 9\r\n"
            "x-rebuilder-a: 1\r\nX-Rebuilder-Loop-Mark: 1\r\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n" + usual + "\r\n"},
    };
    for (const Case& test : cases) {
        for (std::size_t split = 0; split < test.request.size(); ++split) {
            INFO(test.name << ", split at " << split);
            const std::vector<Sent> sent = send(test.request, {split});
            REQUIRE(sent.size() == 1);
            CHECK(sent[0].verdict == Counter::handed_off);
            CHECK(sent[0].wire == test.wire);
            CHECK_FALSE(sent[0].head_request);
        }
    }
}

TEST_CASE("OPTIONS of a whole server stays one (RFC 9112, section 3.2.4)", "[wire]") {
    CHECK(send("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n").at(0).wire ==
          "OPTIONS * HTTP/1.1\r\nHost: b\r\n" + usual + "\r\n");
    CHECK(send("OPTIONS http://b?q HTTP/1.1\r\nHost: a\r\n\r\n").at(0).wire ==
          "OPTIONS /?q HTTP/1.1\r\nHost: b\r\n" + usual + "\r\n");
}

TEST_CASE("spacing stays where another line had to be mended", "[wire]") {
    CHECK(send("GET / HTTP/1.1\r\nHost:  a \r\nB: c\t\n\r\n").at(0).wire ==
          "GET / HTTP/1.1\r\nHost:  a \r\nB: c\t\r\n" + usual + "\r\n");
}

TEST_CASE("what can't be sent is counted", "[wire]") {
    struct Case {
        const char* request;
        Counter verdict;
    };
    for (const auto& [request, verdict] : std::to_array<Case>({
             {"CONNECT a:443 HTTP/1.1\r\n\r\n", Counter::unforwardable_connect},
             {"CONNECT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", Counter::unforwardable_connect},
             {"GET a HTTP/1.1\r\n\r\n", Counter::unforwardable_target},
             {"GET ?a HTTP/1.1\r\n\r\n", Counter::unforwardable_target},
             {"GET ** HTTP/1.1\r\n\r\n", Counter::unforwardable_target},
             {"GET ftp://a/ HTTP/1.1\r\n\r\n", Counter::unforwardable_target},
             {"GET http:/a/ HTTP/1.1\r\n\r\n", Counter::unforwardable_target},
             {"GET http:///a HTTP/1.1\r\n\r\n", Counter::unforwardable_target},
             {"GET http://u@/a HTTP/1.1\r\n\r\n", Counter::unforwardable_target},
             {"GET http://b\tc/ HTTP/1.1\r\n\r\n", Counter::unforwardable_target},
             {"POST a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", Counter::unforwardable_target},
         })) {
        const std::string text = request;
        for (const std::size_t split : {std::size_t{0}, text.size() - 1}) {
            INFO(request);
            const std::vector<Sent> sent = send(text, {split});
            REQUIRE(sent.size() == 1);
            CHECK(sent[0].verdict == verdict);
        }
    }
}

TEST_CASE("a long list in Connection doesn't cost a search of it for every field", "[wire]") {
    const auto time_of = [](const std::string& first) {
        std::string text = "GET / HTTP/1.1\r\n" + first + "\r\n";
        for (int i = 0; i < 250; ++i) text += "some-field: b\r\n";
        text += "\r\n";
        const auto cpu = [] { return static_cast<double>(std::clock()); };
        double best = 1e9;
        HttpLine line;
        line.on_request = [&](http::Request& request) {
            forward::Slot slot;
            const double begin = cpu();
            REQUIRE(forward::write_wire(request, {}, line.pool(), slot) == Counter::handed_off);
            best = std::min(best, cpu() - begin);
            (void)take_text(line.pool(), slot);
        };
        (void)line.open();
        for (int round = 0; round < 3; ++round) (void)line.data(text);
        CHECK(line.requests.size() == 3);
        line.finish();
        return best;
    };
    std::string list = "Connection: ";
    while (list.size() < 57'000) list += "a,";
    // A few dozen times dearer would do no harm; thousands of times would.
    CHECK(time_of(list) < 1000 + 50 * time_of("Connection: a"));
}

TEST_CASE("HEAD is marked, for its answer has no body", "[wire]") {
    CHECK(send("HEAD / HTTP/1.1\r\n\r\n").at(0).head_request);
    CHECK_FALSE(send("head / HTTP/1.1\r\n\r\n").at(0).head_request);
    CHECK_FALSE(send("GET / HTTP/1.1\r\n\r\n").at(0).head_request);
}

TEST_CASE("a truncated body says how long it was", "[wire]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_body = 4;
    const std::string end = "Content-Length: 4\r\nX-Rebuilder-Truncated: 6\r\n\r\nabcd";
    CHECK(send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef", {}, limits).at(0).wire ==
          "POST / HTTP/1.1\r\nHost: a\r\n" + usual + end);
    CHECK(send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n", {}, limits)
              .at(0)
              .wire == "POST / HTTP/1.1\r\nHost: a\r\n" + usual + end);
}

TEST_CASE("addresses of the other family", "[wire]") {
    HttpLine line;
    std::string wire;
    line.on_request = [&](http::Request& request) {
        request.source = {{0x20010db800000000, 7}, 51234};
        request.destination = {{0x20010db800000000, 10}, 80};
        request.client = packet::IpAddress::v4(0x01020304);  // as a proxy in front said
        forward::Slot slot;
        REQUIRE(forward::write_wire(request, {}, line.pool(), slot) == Counter::handed_off);
        wire = take_text(line.pool(), slot);
    };
    (void)line.open();
    (void)line.data("GET / HTTP/1.1\r\n\r\n");
    CHECK(wire ==
          "GET / HTTP/1.1\r\nHost: [2001:db8::a]:80\r\nX-Forwarded-For: 1.2.3.4\r\nX-Server-Addr: 2001:db8::a\r\n"
          "X-Server-Port: 80\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n\r\n");
    line.finish();
}

TEST_CASE("when memory runs out nothing is held, whichever block it was", "[wire]") {
    const std::string body(300, 'x');
    const std::string request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n" + body;
    std::size_t shed = 0;
    bool sent = false;
    for (std::size_t left = 0; left < 8; ++left) {
        for (const bool in_place : {true, false}) {
            INFO(left << " blocks, in place: " << in_place);
            HttpLine line(HttpLine::small_limits(), {128, 32});
            line.on_request = [&](http::Request& it) {
                it.source = source;
                it.destination = destination;
                it.client = source.address;
                line.leave_blocks(left);
                forward::Slot slot;
                const Counter verdict = forward::write_wire(it, {}, line.pool(), slot);
                if (verdict == Counter::handed_off) {
                    CHECK(take_text(line.pool(), slot) ==
                          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n" + usual + "\r\n" + body);
                    sent = true;
                } else {
                    CHECK(verdict == Counter::shed_no_memory);
                    ++shed;
                }
            };
            (void)line.open();
            if (!in_place) (void)line.data(request.substr(0, request.size() - 100));
            (void)line.data(in_place ? request : request.substr(request.size() - 100));
            CHECK(line.requests.size() == 1);
            line.finish();
        }
    }
    CHECK(shed >= 6);
    CHECK(sent);
}

// ---- one request is one request ----------------------------------------------------------------------------------

namespace {

struct Parsed {
    std::string method, target;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
}

std::string trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t");
    if (from == std::string_view::npos) return "";
    return std::string(text.substr(from, text.find_last_not_of(" \t") - from + 1));
}

bool is_token(std::string_view text) {
    const std::string_view symbols = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               symbols.find(c) != symbols.npos;
    });
}

// Reads one request as the strictest server would; why not, otherwise. `rest` is what is behind it.
std::optional<std::string> parse_strictly(std::string_view rest, Parsed& parsed) {
    const auto line = [&]() -> std::optional<std::string_view> {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos || end == 0 || rest[end - 1] != '\r') return std::nullopt;
        const std::string_view found = rest.substr(0, end - 1);
        rest.remove_prefix(end + 1);
        if (found.find('\r') != std::string_view::npos) return std::nullopt;
        return found;
    };
    const auto first = line();
    if (!first) return "the request line does not end with CRLF";
    const std::size_t space = first->find(' ');
    const std::size_t last = first->rfind(' ');
    if (space == std::string_view::npos || first->find(' ', space + 1) != last || last == space)
        return "not two spaces";
    parsed.method = first->substr(0, space);
    parsed.target = first->substr(space + 1, last - space - 1);
    if (!is_token(parsed.method) || first->substr(last) != " HTTP/1.1") return "method or version";
    if (parsed.target != "*" && !parsed.target.starts_with('/')) return "target";
    if (std::any_of(parsed.target.begin(), parsed.target.end(),
            [](char c) { return (c > 0 && c <= ' ') || c == 0 || c == 0x7f; })) {
        return "target characters";
    }
    std::size_t hosts = 0;
    std::optional<std::string> length;
    for (;;) {
        const auto field = line();
        if (!field) return "a field line does not end with CRLF";
        if (field->empty()) break;
        const std::size_t colon = field->find(':');
        if (colon == std::string_view::npos || !is_token(field->substr(0, colon)))
            return "a field without a proper name";
        const std::string name = lower(field->substr(0, colon));
        const std::string value = trimmed(field->substr(colon + 1));
        for (const std::string_view never : {"transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}) {
            if (name == never) return name + " was sent";
        }
        hosts += name == "host";
        if (name == "content-length") {
            if (length) return "two lengths";
            if (value.empty() || value.find_first_not_of("0123456789") != value.npos)
                return "a length that is no number";
            length = value;
        }
        parsed.fields.emplace_back(field->substr(0, colon), value);
    }
    if (hosts == 0) return "no Host";
    const std::size_t size = length ? std::stoull(*length) : 0;
    if (rest.size() != size) return "the body is not as long as it says";
    parsed.body = rest;
    return std::nullopt;
}

// What the rules leave of a request's own fields: names in lower case, folds as one space.
std::vector<std::pair<std::string, std::string>> fields_left(const http::Request& request) {
    std::vector<std::pair<std::string, std::string>> all, left;
    std::vector<std::string> hop;
    for (const http::Field& field : request.headers) {
        if (field.unsendable != 0) continue;
        std::string value;
        for (const char c : request.value(field)) {
            const bool blank = c == '\r' || c == '\n';
            if (blank && value.ends_with('\n')) continue;
            value += blank ? '\n' : c;
        }
        for (std::size_t at = value.find('\n'); at != value.npos; at = value.find('\n')) {
            std::size_t end = value.find_first_not_of("\n \t", at);
            if (end == value.npos) end = value.size();
            while (at != 0 && (value[at - 1] == ' ' || value[at - 1] == '\t')) --at;
            value.replace(at, end - at, end == value.size() ? "" : " ");
        }
        std::string written = value;
        std::replace(written.begin(), written.end(), '\0', ' ');
        all.emplace_back(request.name(field), trimmed(written));
        if (lower(request.name(field)) != "connection") continue;
        std::string word;
        for (const char c : value + ",") {
            if (c == ',' || c == ' ' || c == '\t') {
                hop.push_back(lower(word));
                word.clear();
            } else {
                word += c;
            }
        }
    }
    const std::vector<std::string> never{"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "x-server-addr", "x-server-port", "content-length", "host", "x-forwarded-for",
        "x-forwarded-port", "x-forwarded-proto"};
    for (const auto& [name, value] : all) {
        const std::string key = lower(name);
        if (std::find(never.begin(), never.end(), key) != never.end() || key.starts_with("x-rebuilder-")) continue;
        const bool named = std::find(hop.begin(), hop.end(), key) != hop.end();
        if (named && !key.starts_with("cookie") && !key.starts_with("content-")) continue;
        left.emplace_back(name, value);
    }
    return left;
}

std::string random_request(Random& random) {
    const std::vector<std::string> methods{"GET", "POST", "HEAD", "OPTIONS", "x", "PUT"};
    const std::vector<std::string> targets{
        "/", "/a?b", "*", "http://h/p", "http://h", "http://u@h:1?q", "/ HTTP/1.1", "/\xff", "a"};
    const std::vector<std::string> ends{
        "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\n\r", "\r", "\r\r\n", "\r\n ", "\r\n\t"};
    const std::vector<std::string> names{"Host", "host", "A", "Connection", "Content-Length", "Transfer-Encoding",
        "Cookie", "X-Forwarded-For", "X-Server-Addr", "X-Rebuilder-A", "Expect", "Upgrade", "Trailer", "Keep-Alive",
        "X-One", "Content-Type", "", " ", "X Y", "Transfer-Encoding ", " Content-Length", "\x0bTransfer-Encoding",
        "X\0"s};
    const std::vector<std::string> colons{": ", ": ", ": ", ":", ":\t", " : ", ":\r\n ", ":\n\t", ""};
    const std::vector<std::string> values{"a", "", "chunked", "3", "0", "x-one, a",
        "upgrade, cookie, content-length, host", "b\r\n c", " d \t", "\x01\xff", "GET / HTTP/1.1",
        "Transfer-Encoding: chunked", "a\r\n\r\nGET /x HTTP/1.1", "close", "a\0b"s};
    std::string text = random.of(methods) + " " + random.of(targets) + (random.one_in(8) ? " HTTP/1.0" : " HTTP/1.1");
    text += random.one_in(6) ? random.of(ends) : "\r\n";
    const std::size_t body = random.below(3);
    for (std::size_t i = 0, count = random.below(6); i < count; ++i) {
        const bool tame = !random.one_in(3);
        text += tame ? names[random.below(16)] + ": " + values[random.below(9)] + "\r\n"
                     : random.of(names) + random.of(colons) + random.of(values) + random.of(ends);
    }
    if (body == 1) text += "Content-Length: 3\r\n";
    if (body == 2) text += "Transfer-Encoding: chunked\r\n";
    text += random.one_in(10) ? random.of(ends) : "\r\n";
    if (body == 1) text += "abc";
    if (body == 2)
        text +=
            random.one_in(2) ? "3\r\nabc\r\n0\r\n\r\n" : "1\r\na\r\n2;x\nbc\r\n0\r\nT: u\r\nContent-Length: 7\r\n\r\n";
    return text;
}

}  // namespace

TEST_CASE("one rebuilt request is one request, whatever bytes the client put into it", "[wire][property]") {
    Random random(4711);
    INFO(random.seed());
    std::size_t sent = 0;
    for (int round = 0; round < 40'000; ++round) {
        std::string bytes;
        for (std::size_t i = 0, count = random.between(1, 3); i < count; ++i) bytes += random_request(random);
        HttpLine line;
        line.on_request = [&](http::Request& request) {
            request.source = source;
            request.destination = destination;
            request.client = source.address;
            const auto expected = fields_left(request);
            const std::string body = body_of(request);
            forward::Slot slot;
            if (forward::write_wire(request, {}, line.pool(), slot) != Counter::handed_off) return;
            const std::string wire = take_text(line.pool(), slot);
            Parsed parsed;
            const auto fault = parse_strictly(wire, parsed);
            ++sent;
            std::vector<std::pair<std::string, std::string>> got;
            for (const auto& field : parsed.fields) {
                const std::vector<std::string> ours{"host", "content-length", "x-forwarded-for", "x-forwarded-port",
                    "x-forwarded-proto", "x-server-addr", "x-server-port"};
                if (std::find(ours.begin(), ours.end(), lower(field.first)) == ours.end()) got.push_back(field);
            }
            if (!fault && parsed.body == body && got == expected) return;
            INFO("sent by the client:\n" << bytes << "\n\nwritten:\n" << wire);
            CHECK(fault.value_or("") == "");
            CHECK(parsed.body == body);
            CHECK(got == expected);
        };
        (void)line.open();
        if (random.one_in(2)) {
            (void)line.data(bytes);
        } else {
            line.pieces(bytes, {random.between(1, bytes.size()), bytes.size()});
        }
        line.close();
    }
    CHECK(sent > 10'000);
}
