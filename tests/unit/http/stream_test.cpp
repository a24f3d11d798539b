// SPDX-License-Identifier: Apache-2.0
// What HttpStage makes of a stream, chunk by chunk:
//   - recognition: by the first bytes, split; other protocols, and what they are counted as
//   - mid-stream: only where a segment begins with a request line
//   - gaps: in the line, the head, a body of known length, a chunk, between requests; what goes on behind them
//   - tunnels: behind CONNECT and Upgrade, and where the server refused
//   - the end, in each stage and for each reason
// Each case ends with requests started = rebuilt + lost, and with nothing left in the pools.
#include "http/stream.h"

#include <string>
#include <vector>

#include "support/http_line.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;
using Requests = std::vector<std::string>;
using Mode = http::Stream::Mode;

namespace {

const std::string get1 = "GET /1 HTTP/1.1\r\n\r\n";
const std::string get2 = "GET /2 HTTP/1.1\r\n\r\n";
const std::string shown1 = "GET /1 HTTP/1.1";
const std::string shown2 = "GET /2 HTTP/1.1";
const std::string post = "POST /p HTTP/1.1\r\nContent-Length: 10\r\n\r\n";
const std::string chunked = "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

// ---- recognition -------------------------------------------------------------------------------------------------

TEST_CASE("a stream of requests is recognised, and counted once", "[stream]") {
    for (std::size_t split = 0; split < get1.size(); ++split) {
        HttpLine line;
        CHECK(line.open() == Appetite::more);
        for (const std::string& piece : {get1.substr(0, split), get1.substr(split) + get2}) {
            if (!piece.empty()) CHECK(line.data(piece) == Appetite::more);
        }
        CHECK(line.stream().mode == Mode::synced);
        CHECK(line.requests == Requests{shown1, shown2});
        CHECK(line.counted() == "streams_http1=1 requests_started=2 requests_rebuilt=2");
        line.finish();
    }
}

TEST_CASE("other protocols are recognised, counted by kind, and not looked at any more", "[stream]") {
    struct Case {
        const char* name;
        std::string bytes;
        std::string counted;
    };
    const std::vector<Case> cases{
        {"TLS", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\n"s, "streams_tls=1"},
        {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", "streams_ssh=1"},
        {"response", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "streams_http1_responses=1"},
        {"HTTP/2, its answer", "\0\0\x06\x04\0\0\0\0\0\0\x01\0\0\x0a\0"s, "streams_http2_responses=1"},
        {"binary", "\0\0\0\x2a\xffSMB"s, "streams_unknown=1"},
        {"Redis", "*1\r\n$4\r\nPING\r\n", "streams_redis=1"},
        {"Redis, its answer", "+PONG\r\n", "streams_redis=1"},
        {"MySQL", "\x54\0\0\x01\x85\xa6\xff\x19\0\0\0\x01\x2d"s + std::string(23, '\0') + "shop\0"s, "streams_mysql=1"},
        {"MySQL, line ends in it", "\x54\0\0\x01\x0a\xa6\xff\x0a\0\0\0\x01\x0a"s + std::string(23, '\0'),
            "streams_mysql=1"},
        {"MySQL, its answer", "\x4a\0\0\0\x0a"s + "8.0.36\0"s + std::string(67, 'x'), "streams_mysql=1"},
        {"PostgreSQL", "\0\0\0\x29\0\x03\0\0user\0postgres\0"s, "streams_postgresql=1"},
        {"PostgreSQL, its answer", "NR\0\0\0\x0c\0\0\0\x05salt"s, "streams_postgresql=1"},
        {"SMTP", "EHLO a.example\r\n", "streams_smtp=1"},
        {"SMTP, its answer", "220 a.example ESMTP\r\n", "streams_smtp=1"},
        {"text", "USER anonymous\r\n", "streams_unknown=1"},
        {"a request line that isn't one", "GET x\r\n\r\n", "streams_unknown=1"},
        {"no word", "what? is this\r\n", "streams_unknown=1"},
    };
    for (const Case& test : cases) {
        for (std::size_t split = 0; split < test.bytes.size(); ++split) {
            INFO(test.name << ", split at " << split);
            HttpLine line;
            (void)line.open();
            Appetite appetite = Appetite::more;
            if (split != 0) appetite = line.data(test.bytes.substr(0, split));
            if (appetite == Appetite::more) appetite = line.data(test.bytes.substr(split));
            CHECK(appetite == Appetite::nothing);
            CHECK(line.in_assembly() == 0);
            CHECK(line.blocks_in_use() == 0);
            CHECK(line.requests.empty());
            CHECK(line.counted() == test.counted);
            line.finish();
            // The next connection on the same ports starts over.
            (void)line.open();
            (void)line.data(get1);
            CHECK(line.requests == Requests{shown1});
            line.finish();
        }
    }
}

TEST_CASE("a request may begin as another protocol does", "[stream]") {
    for (const std::string& method :
        {"SSH-2.0-x"s, "SSH-FETCH"s, "EHLO"s, "220"s, "-ERR"s, "+OK"s, "*1"s, "NR"s, "PRI"s}) {
        const std::string request = method + " /SMTP HTTP/1.1\r\n\r\n";
        for (std::size_t split = 0; split < request.size(); ++split) {
            INFO(method << ", split at " << split);
            HttpLine line;
            (void)line.open();
            if (split != 0) CHECK(line.data(request.substr(0, split)) == Appetite::more);
            CHECK(line.data(request.substr(split)) == Appetite::more);
            CHECK(line.requests == Requests{method + " /SMTP HTTP/1.1"});
            CHECK(line.counted() == "streams_http1=1 requests_started=1 requests_rebuilt=1");
            line.finish();
        }
    }
}

TEST_CASE("a stream of empty lines, or of nothing, is nothing", "[stream]") {
    HttpLine line;
    (void)line.open();
    CHECK(line.data("\r\n\r\n") == Appetite::more);
    CHECK(line.data("\n") == Appetite::more);
    CHECK(line.in_assembly() == 0);
    line.close();
    (void)line.open();
    line.finish();
    CHECK(line.counted().empty());
}

TEST_CASE("a first line that is still coming when the stream ends was no request", "[stream]") {
    for (const auto reason : {CloseReason::ended, CloseReason::idle, CloseReason::evicted, CloseReason::drained}) {
        HttpLine line;
        (void)line.open();
        (void)line.data("GET /a");
        line.close(reason);
        CHECK(line.count(Counter::requests_started) == 0);
        line.finish();
    }
}

// ---- mid-stream --------------------------------------------------------------------------------------------------

TEST_CASE("in mid-stream a request is picked up where a segment begins with its line", "[stream]") {
    HttpLine line;
    (void)line.open(true);
    CHECK(line.data("rest of a body") == Appetite::more);
    CHECK(line.data("middle " + get1) == Appetite::more);  // not at the start
    CHECK(line.data(get1, false) == Appetite::more);       // not the start of a segment
    CHECK(line.data("\r\n" + get1) == Appetite::more);     // the same
    CHECK(line.data("GET it while you can") == Appetite::more);
    CHECK(line.requests.empty());
    CHECK(line.in_assembly() == 0);
    CHECK(line.data(get1 + get2) == Appetite::more);
    CHECK(line.requests == Requests{shown1, shown2});
    CHECK(
        line.counted() == "streams_http1=1 streams_unknown=1 streams_resynced=1 requests_started=2 requests_rebuilt=2");
    line.finish();
}

TEST_CASE("in mid-stream other protocols are counted once, and looked at further", "[stream]") {
    HttpLine line;
    (void)line.open(true);
    CHECK(line.data("\x16\x03\x03 secret") == Appetite::more);
    CHECK(line.data("HTTP/1.1 200 OK\r\n") == Appetite::more);
    CHECK(line.counted() == "streams_tls=1");
    (void)line.data(get1);
    CHECK(line.requests == Requests{shown1});
    line.finish();
}

TEST_CASE("what began like a request in mid-stream and isn't one costs nothing", "[stream]") {
    HttpLine line;
    (void)line.open(true);
    (void)line.data("GET /not/a/request line\r\nmore");
    CHECK(line.in_assembly() == 0);
    (void)line.data("GET /cut");
    CHECK(line.in_assembly() == 1);
    (void)line.data("\r\n");
    CHECK(line.in_assembly() == 0);
    CHECK(line.count(Counter::requests_started) == 0);
    (void)line.data("GET /1 HT");  // split, but begun at a segment's start
    (void)line.data("TP/1.1\r\n\r\n");
    CHECK(line.requests == Requests{shown1});
    CHECK(line.count(Counter::streams_resynced) == 1);
    line.finish();
}

TEST_CASE(
    "malformed bytes cost what is behind them in the segment; the next that begins with a line is taken", "[stream]") {
    HttpLine line;
    (void)line.open();
    (void)line.data(get1 + "nonsense\r\n" + get1);
    CHECK(line.requests == Requests{shown1});
    CHECK(line.count(Counter::requests_lost_line_malformed) == 1);
    (void)line.data("x" + get1);
    CHECK(line.requests == Requests{shown1});
    (void)line.data(get2);
    CHECK(line.requests == Requests{shown1, shown2});
    CHECK(line.count(Counter::streams_resynced) == 1);
    CHECK(line.lost() == 1);
    line.finish();
}

TEST_CASE("behind bytes that two servers frame in two ways, a stream known from its start is left alone", "[stream]") {
    for (const std::string& ambiguous : {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"s,
             "POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n"s, "POST / HTTP/1.1\r\nA: b\rc: d\r\n\r\n"s,
             "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"s}) {
        INFO(ambiguous);
        HttpLine line;
        (void)line.open();
        (void)line.data(get1);
        CHECK(line.data(ambiguous + get1) == Appetite::nothing);
        CHECK(line.lost() == 1);
        line.finish();

        // Joined in mid-stream, or behind a hole, it may be us who took a body for a request.
        HttpLine joined;
        (void)joined.open(true);
        (void)joined.data(get1);
        CHECK(joined.data(ambiguous + get1) == Appetite::more);
        (void)joined.data(get2);
        CHECK(joined.requests == Requests{shown1, shown2});
        CHECK(joined.lost() == 1);
        joined.finish();

        HttpLine holed;
        (void)holed.open();
        (void)holed.data(get1);
        (void)holed.gap(10);
        (void)holed.data(get1);
        CHECK(holed.data(ambiguous) == Appetite::more);
        (void)holed.data(get2);
        CHECK(holed.requests == Requests{shown1, shown1, shown2});
        holed.finish();
    }
}

TEST_CASE("behind a head that can't even be followed, a stream is not known from its start any more", "[stream]") {
    std::string fields = "Content-Length: 500\r\n";
    for (std::size_t i = 0; i < http::max_fields; ++i) fields += "a: b\r\n";
    for (const std::string& unread :
        {"POST / HTTP/1.1\r\n" + fields + "\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 500\r\na: " + std::string(http::Limits{}.max_head, 'b') + "\r\n\r\n"}) {
        // Its body may hold what is no request, and what two servers would frame in two ways.
        for (const std::string& body : {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"s,
                 "GET /old\r\n"s, "GET / HTTP/1.1\r\n\r\nGET /old\r\n"s}) {
            HttpLine line;
            (void)line.open();
            (void)line.data(get1);
            line.leave_blocks(0);
            CHECK(line.data(unread) == Appetite::more);
            CHECK(line.lost() == 1);
            CHECK(line.data(body) == Appetite::more);
            (void)line.data(get2);
            CHECK(line.requests.back() == shown2);
            line.finish();
        }
    }
}

TEST_CASE("a simple request is one only in a stream known from its start, and ends it", "[stream]") {
    HttpLine line;
    (void)line.open();
    CHECK(line.data("GET /old\r\n" + get1) == Appetite::nothing);
    CHECK(line.requests == Requests{"GET /old HTTP/0.9"});
    line.finish();

    HttpLine joined;
    (void)joined.open(true);
    CHECK(joined.data("GET /old\r\n") == Appetite::more);
    CHECK(joined.requests.empty());
    CHECK(joined.sum(CounterRole::request_start) == 0);
    (void)joined.data(get1);
    CHECK(joined.requests == Requests{shown1});
    joined.finish();
}

// ---- gaps --------------------------------------------------------------------------------------------------------

TEST_CASE("a gap in a request's line or head costs it; the next is found at a segment's start", "[stream]") {
    for (const std::string& begun : {"GET /x"s, "GET /x HTTP/1.1\r\n"s, "GET /x HTTP/1.1\r\nHost: a"s,
             "GET /x HTTP/1.1\r\nHost: a\r\n"s, "GET /x HTTP/1.1\r\nHost: a\r\n\r"s}) {
        INFO(begun);
        HttpLine line;
        (void)line.open();
        (void)line.data(get1 + begun);
        (void)line.gap(4);
        CHECK(line.in_assembly() == 0);
        (void)line.data("\r\n\r\n" + get2, true);  // the end of the lost one: not to be taken for anything
        CHECK(line.requests == Requests{shown1});
        (void)line.data(get2);
        CHECK(line.requests == Requests{shown1, shown2});
        CHECK(line.count(Counter::requests_lost_to_gap) == 1);
        CHECK(line.lost() == 1);
        line.finish();
    }
}

TEST_CASE("a gap in a body of known length costs that request only", "[stream]") {
    const auto before = GENERATE(std::size_t{1}, std::size_t{4}, std::size_t{9});
    const auto missing = GENERATE(std::size_t{1}, std::size_t{5}, std::size_t{6}, std::size_t{9});
    if (before + missing > 10) return;
    INFO(before << " bytes, then " << missing << " missing");
    HttpLine line;
    (void)line.open();
    (void)line.data(post + std::string(before, 'x'));
    (void)line.gap(missing);
    CHECK(line.in_assembly() == (before + missing < 10 ? 1 : 0));
    // Goes on in the middle of a segment, right behind the body.
    (void)line.data(std::string(10 - before - missing, 'y') + get1 + get2, false);
    CHECK(line.requests == Requests{shown1, shown2});
    CHECK(line.counted() == "streams_http1=1 requests_started=3 requests_rebuilt=2 requests_lost_to_gap=1");
    line.finish();
}

TEST_CASE("several gaps in one body", "[stream]") {
    HttpLine line;
    (void)line.open();
    (void)line.data(post + "a");
    (void)line.gap(2);
    CHECK(line.blocks_in_use() <= 1);
    (void)line.data("dd", false);
    (void)line.gap(3);
    (void)line.gap(1);
    (void)line.data("x" + get1, false);
    CHECK(line.requests == Requests{shown1});
    CHECK(line.count(Counter::requests_lost_to_gap) == 1);
    CHECK(line.lost() == 1);
    line.finish();
}

TEST_CASE("a gap that reaches behind the body costs the framing", "[stream]") {
    const std::uint64_t missing = GENERATE(std::uint64_t{10}, std::uint64_t{1'000}, tcp::unknown_gap);
    HttpLine line;
    (void)line.open();
    (void)line.data(post + "a");
    if (GENERATE(false, true)) {  // the second gap of this body
        (void)line.gap(1);
        (void)line.data("b", false);
    }
    (void)line.gap(missing);
    CHECK(line.in_assembly() == 0);
    (void)line.data(get1, false);
    CHECK(line.requests.empty());
    (void)line.data(get2);
    CHECK(line.requests == Requests{shown2});
    CHECK(line.count(Counter::requests_lost_to_gap) == 1);
    CHECK(line.lost() == 1);
    CHECK(line.count(Counter::streams_resynced) == 1);
    line.finish();
}

TEST_CASE("a gap inside the data of a chunk costs that request only", "[stream]") {
    const auto missing = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{8});
    HttpLine line;
    (void)line.open();
    (void)line.data(chunked + "A\r\nab");
    (void)line.gap(missing);
    (void)line.data(std::string(8 - missing, 'c') + "\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n" + get1, false);
    CHECK(line.requests == Requests{shown1});
    CHECK(line.counted() == "streams_http1=1 requests_started=2 requests_rebuilt=1 requests_lost_to_gap=1");
    line.finish();
}

TEST_CASE("a gap anywhere else in a chunked body costs the framing", "[stream]") {
    for (const std::string& begun : {""s, "A"s, "A;x"s, "A\r"s, "1\r\na"s, "1\r\na\r"s, "1\r\na\r\n"s,
             "A\r\n123456789"s, "0\r\n"s, "0\r\nT: "s, "0\r\nT: u\r\n"s}) {
        INFO(begun);
        HttpLine line;
        (void)line.open();
        (void)line.data(chunked + begun);
        (void)line.gap(2);
        CHECK(line.in_assembly() == 0);
        (void)line.data(get1, false);
        CHECK(line.requests.empty());
        (void)line.data(get2);
        CHECK(line.requests == Requests{shown2});
        CHECK(line.count(Counter::requests_lost_to_gap) == 1);
        CHECK(line.lost() == 1);
        line.finish();
    }
}

TEST_CASE("a gap between requests costs none that is known of", "[stream]") {
    HttpLine line;
    (void)line.open();
    (void)line.data(get1);
    (void)line.gap(100);
    (void)line.data("rest\r\n\r\n" + get1);
    (void)line.data(get2);
    CHECK(line.requests == Requests{shown1, shown2});
    CHECK(line.lost() == 0);
    line.finish();
}

TEST_CASE("a gap in front of everything makes it mid-stream", "[stream]") {
    HttpLine line;
    (void)line.open();
    if (GENERATE(false, true)) (void)line.data("GET /lo");
    (void)line.gap(1);
    CHECK(line.data("x HTTP/1.1\r\n\r\n") == Appetite::more);
    (void)line.data(get2);
    CHECK(line.requests == Requests{shown2});
    CHECK(line.count(Counter::streams_resynced) == 1);
    CHECK(line.in_assembly() == 0);
    line.finish();
}

TEST_CASE("a request lost for its size keeps its framing across a gap, and its reason", "[stream]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_body = 4;
    limits.oversize = http::Oversize::drop;
    HttpLine line(limits);
    (void)line.open();
    (void)line.data(post + "12345");
    (void)line.gap(3);
    (void)line.data("yy" + get1, false);
    CHECK(line.requests == Requests{shown1});
    CHECK(line.count(Counter::requests_lost_body_too_large) == 1);
    CHECK(line.lost() == 1);
    line.finish();
}

// ---- tunnels -----------------------------------------------------------------------------------------------------

namespace {

const std::string connect = "CONNECT a.example:443 HTTP/1.1\r\n\r\n";
const std::string upgrade = "GET /ws HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";

}  // namespace

TEST_CASE("behind CONNECT or Upgrade another protocol is not counted as lost requests", "[stream]") {
    for (const std::string& request : {connect, upgrade}) {
        INFO(request);
        HttpLine line;
        (void)line.open();
        CHECK(line.data(request + "\x16\x03\x01 GET / HTTP/1.1\r\n\r\n") == Appetite::more);
        CHECK(line.stream().mode == Mode::tunnel);
        for (const std::string& frame :
            {"\x81\x05hello"s, "\x16\x03\x01\0\0"s, "GET it\r\n"s, "GET /no request\r\n"s}) {
            CHECK(line.data(frame) == Appetite::more);
        }
        (void)line.gap(100);
        CHECK(line.stream().mode == Mode::tunnel);
        (void)line.data("GET /cut");
        (void)line.gap(10);
        CHECK(line.requests.size() == 1);
        CHECK(line.counted() == "streams_http1=1 streams_tunnel=1 requests_started=1 requests_rebuilt=1");
        line.finish();
        CHECK(line.lost() == 0);
    }
}

TEST_CASE("where the server refused the tunnel, HTTP goes on", "[stream]") {
    for (const std::string& request : {connect, upgrade}) {
        HttpLine line;
        (void)line.open();
        (void)line.data(request);
        (void)line.data(get1.substr(0, 8));
        (void)line.data(get1.substr(8) + get2);
        CHECK(line.requests.size() == 3);
        CHECK(line.requests.back() == shown2);
        CHECK(line.stream().mode == Mode::synced);
        CHECK(line.counted() == "streams_http1=1 streams_tunnel=1 requests_started=3 requests_rebuilt=3");
        line.finish();
    }
}

TEST_CASE("requests right behind a tunnel that the server refused are found, however they are split", "[stream]") {
    const std::string odd = "FROB /3 HTTP/1.1\r\nContent-Length: 1\r\n\r\na";
    for (const std::string& request : {connect, upgrade}) {
        for (const std::string& between : {""s, "\r\n"s}) {
            const std::string bytes = request + between + odd + get1;
            for (std::size_t split = 1; split < bytes.size(); ++split) {
                INFO(request << "split at " << split);
                HttpLine line;
                (void)line.open();
                (void)line.data(bytes.substr(0, split));
                (void)line.data(bytes.substr(split) + get2, false);
                CHECK(line.requests.size() == 4);
                CHECK(line.requests.back() == shown2);
                CHECK(line.counted({"streams_", "requests_started", "requests_rebuilt"}) ==
                      "streams_http1=1 streams_tunnel=1 requests_started=4 requests_rebuilt=4");
                line.finish();
            }
        }
        // So is HTTP/2.
        const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for (std::size_t split = 1; split < request.size() + preface.size(); ++split) {
            INFO(request << "and HTTP/2, split at " << split);
            HttpLine line;
            (void)line.open();
            (void)line.data((request + preface).substr(0, split));
            (void)line.data((request + preface).substr(split), false);
            CHECK(line.stream().mode == Mode::http2);
            line.finish();
        }
        // What only began like one was none, and leaves the tunnel one.
        HttpLine line;
        (void)line.open();
        (void)line.data(request + "GET");
        (void)line.data(" a drink\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
        CHECK(line.requests.size() == 1);
        CHECK(line.lost() == 0);
        CHECK(line.stream().mode == Mode::tunnel);
        CHECK(line.data("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") == Appetite::more);
        (void)line.data(get1);
        CHECK(line.requests.back() == shown1);
        line.finish();
    }
}

TEST_CASE("an Upgrade with a body has it first, and only a whole Upgrade makes a tunnel", "[stream]") {
    HttpLine line;
    (void)line.open();
    (void)line.data("POST /u HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nab");
    CHECK(line.stream().mode == Mode::synced);
    (void)line.data("c");
    CHECK(line.stream().mode == Mode::tunnel);
    CHECK(line.requests ==
          Requests{"POST /u HTTP/1.1 {Connection: upgrade} {Upgrade: websocket} {Content-Length: 3} length <abc>"});
    (void)line.data(
        "GET /a HTTP/1.1\r\nUpgrade: websocket\r\n\r\nGET /b HTTP/1.1\r\nConnection: upgrade\r\n\r\n" + get1);
    CHECK(line.requests.size() == 4);
    CHECK(line.stream().mode == Mode::synced);
    line.finish();
}

TEST_CASE("a lost Upgrade makes a tunnel all the same", "[stream]") {
    HttpLine line;
    (void)line.open();
    (void)line.data("POST /u HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 9\r\n\r\nab");
    (void)line.gap(GENERATE(std::uint64_t{7}, std::uint64_t{5}));
    (void)line.data("yy", false);
    (void)line.data("\x81\x05hello\n");
    CHECK(line.stream().mode == Mode::tunnel);
    CHECK(line.counted() == "streams_http1=1 streams_tunnel=1 requests_started=1 requests_lost_to_gap=1");
    line.finish();
}

// ---- the end -----------------------------------------------------------------------------------------------------

TEST_CASE("a request that the end of its stream cuts is counted by the reason", "[stream]") {
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
        for (const std::string& begun : {"G"s, "GET /x"s, "GET /x HTTP/1.1\r\n"s, "GET /x HTTP/1.1\r\nHost: a\r\n"s,
                 post, post + "a", chunked, chunked + "5\r\nab", chunked + "0\r\n", chunked + "0\r\nT: "}) {
            INFO(begun << counter_table[static_cast<std::size_t>(counter)].name);
            HttpLine line;
            (void)line.open();
            (void)line.data(get1 + begun);
            CHECK(line.in_assembly() == 1);
            line.close(reason);
            CHECK(line.in_assembly() == 0);
            CHECK(line.blocks_in_use() == 0);
            CHECK(line.count(counter) == 1);
            CHECK(line.lost() == 1);
            CHECK(line.requests == Requests{shown1});
            line.finish();
        }
        // Lost before, and still followed: the first reason counts.
        HttpLine line;
        (void)line.open();
        (void)line.data(post + "a");
        (void)line.gap(2);
        line.close(reason);
        CHECK(line.count(Counter::requests_lost_to_gap) == 1);
        CHECK(line.lost() == 1);
        line.finish();
    }
}

TEST_CASE("streams do not touch each other", "[stream]") {
    HttpLine line;
    constexpr std::size_t streams = 5;
    const std::string text = post + "0123456789" + chunked + "3\r\nabc\r\n0\r\n\r\n" + get1;
    for (std::size_t i = 0; i < streams; ++i) (void)line.open(false, i);
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (std::size_t i = 0; i < streams; ++i) (void)line.data(text.substr(at, 1), true, i);
    }
    CHECK(line.requests.size() == 3 * streams);
    CHECK(std::count(line.requests.begin(), line.requests.end(),
              "POST /p HTTP/1.1 {Content-Length: 10} length <0123456789>") == streams);
    line.finish();
}
