// SPDX-License-Identifier: Apache-2.0
// HTTP/1 requests from their bytes. What comes out must not depend on how the bytes were cut into segments, so each
// case runs whole, split at every place, byte by byte, and split at random.
//   - request lines
//   - framing: none, a length, chunked coding, trailers; pipelined mixes
//   - line ends, folds, whitespace, bytes that are no text
//   - what no two servers would frame alike: counted, never two requests out of one
// Limits and memory: h1_limits_test.cpp.
#include "http/h1.h"

#include <string>
#include <string_view>
#include <vector>

#include "http/request_line.h"
#include "support/http_line.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::test;
using http::parse_request_line;
using http::RequestLine;
using namespace std::string_literals;

TEST_CASE("a request line has a method, a target and a version", "[h1]") {
    struct Case {
        std::string line, method, target, version;
    };
    const std::vector<Case> good{
        {"GET / HTTP/1.1", "GET", "/", "HTTP/1.1"},
        {"get /a?b HTTP/1.0", "get", "/a?b", "HTTP/1.0"},
        {"X * HTTP/1.9", "X", "*", "HTTP/1.9"},
        {"GET  /  HTTP/1.1", "GET", "/", "HTTP/1.1"},
        {"GET / HTTP/1.1 ", "GET", "/", "HTTP/1.1"},
        {"GET / HTTP/1.1   ", "GET", "/", "HTTP/1.1"},
        {"GET /a b HTTP/1.1", "GET", "/a b", "HTTP/1.1"},
        {"GET /a HTTP/1.1 HTTP/1.1", "GET", "/a HTTP/1.1", "HTTP/1.1"},
        {"GET /\xe9\x01\t HTTP/1.1", "GET", "/\xe9\x01\t", "HTTP/1.1"},
        {"CONNECT a:1 HTTP/1.1", "CONNECT", "a:1", "HTTP/1.1"},
        {"!#$%&'*+-.^_`|~ / HTTP/1.1", "!#$%&'*+-.^_`|~", "/", "HTTP/1.1"},
        {"GET / HTTP/2.0", "GET", "/", "HTTP/2.0"},
        {"GET / HTTP/0.9", "GET", "/", "HTTP/0.9"},
        {"GET /a", "GET", "/a", ""},
        {"GET /a ", "GET", "/a", ""},
        {"PRI * HTTP/1.1", "PRI", "*", "HTTP/1.1"},
    };
    for (const Case& test : good) {
        INFO(test.line);
        RequestLine parsed;
        REQUIRE(parse_request_line(test.line, parsed));
        CHECK(parsed.method == test.method);
        CHECK(parsed.target == test.target);
        CHECK(parsed.version == test.version);
    }
    for (const std::string& bad :
        {""s, " "s, "GET"s, "GET "s, "GET x"s, "GET /a b"s, "HEAD /"s, "get /"s, "GET HTTP/1.1"s, "GET  HTTP/1.1"s,
            " GET / HTTP/1.1"s, "GET /HTTP/1.1"s, "GET / HTTP/1.a"s, "PRI * HTTP/2.0"s, "GET /\ra HTTP/1.1"s,
            "GET / HTTP/11"s, "GET / HTTP/1.11"s, "GET / http/1.1"s, "GET / HTTP/1.1\t"s, "GET\t/ HTTP/1.1"s,
            "G(T / HTTP/1.1"s, "G\xe9T / HTTP/1.1"s, "GET / HTTP/1.1\r"s, "GET / XHTTP/1.1x"s}) {
        INFO(bad);
        RequestLine parsed;
        CHECK_FALSE(parse_request_line(bad, parsed));
    }
}

namespace {

struct Case {
    const char* name;
    std::string bytes;
    std::vector<std::string> requests;
    std::string also_counted = "";  // "counter=value ..." of a failure
};

void check(const Case& test, const char* how, const std::vector<std::size_t>& ends) {
    HttpLine line;
    (void)line.open();
    line.pieces(test.bytes, ends);
    line.finish();
    INFO(test.name << ", " << how << (ends.empty() ? 0 : ends.front()));
    CHECK(line.requests == test.requests);
    CHECK(line.counted({"requests_lost_"}) == test.also_counted);
}

void check_all_splits(const std::vector<Case>& cases) {
    Random random(20240801);
    INFO(random.seed());
    for (const Case& test : cases) {
        const std::size_t size = test.bytes.size();
        check(test, "whole", {});
        for (std::size_t split = 1; split < size; ++split) check(test, "split at ", {split});
        std::vector<std::size_t> each;
        for (std::size_t end = 1; end <= size; ++end) each.push_back(end);
        check(test, "byte by byte", each);
        for (int round = 0; round < 20; ++round) {
            std::vector<std::size_t> some;
            for (std::size_t end = 1; end < size; ++end) {
                if (random.one_in(12)) some.push_back(end);
            }
            check(test, "split at random, first at ", some);
        }
    }
}

}  // namespace

TEST_CASE("requests come out as they were sent, however they are split", "[h1]") {
    check_all_splits({
        {"no header", "GET / HTTP/1.1\r\n\r\n", {"GET / HTTP/1.1"}},
        {"usual GET", "GET /a?b=c#d HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n",
            {"GET /a?b=c#d HTTP/1.1 {Host: a.example} {Accept: */*} {Cookie: a=b; c=d}"}},
        {"POST", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            {"POST /x HTTP/1.1 {Host: a} {Content-Length: 5} length <hello>"}},
        {"empty body", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /n HTTP/1.1\r\n\r\n",
            {"POST / HTTP/1.1 {Content-Length: 0} length", "GET /n HTTP/1.1"}},
        {"POST without a length", "POST / HTTP/1.1\r\nHost: a\r\n\r\nGET /n HTTP/1.1\r\n\r\n",
            {"POST / HTTP/1.1 {Host: a}", "GET /n HTTP/1.1"}},
        {"GET with a body", "GET / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET /n HTTP/1.1\r\n\r\n",
            {"GET / HTTP/1.1 {content-length: 3} length <abc>", "GET /n HTTP/1.1"}},
        {"a body that looks like a request", "POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\nGET /x HTTP/1.1\r\n\r",
            {"POST / HTTP/1.1 {Content-Length: 18} length <GET /x HTTP/1.1\r\n\r>"}},
        {"Content-Length with leading zeros", "POST / HTTP/1.1\r\nContent-Length: 0003\r\n\r\nabc",
            {"POST / HTTP/1.1 {Content-Length: 0003} length <abc>"}},
        {"Content-Length between spaces", "POST / HTTP/1.1\r\nContent-Length: \t 3  \r\n\r\nabc",
            {"POST / HTTP/1.1 {Content-Length: 3} length <abc>"}},
        {"chunked", "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
            {"POST /c HTTP/1.1 {Transfer-Encoding: chunked} chunked <hello!>"}},
        {"chunked, empty", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /n HTTP/1.1\r\n\r\n",
            {"POST / HTTP/1.1 {Transfer-Encoding: chunked} chunked", "GET /n HTTP/1.1"}},
        {"chunked in other words", "POST / HTTP/1.1\r\ntransfer-encoding:\tCHUNKED \r\n\r\n1\r\na\r\n0\r\n\r\n",
            {"POST / HTTP/1.1 {transfer-encoding: CHUNKED} chunked <a>"}},
        {"chunk sizes and extensions",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0A;n=v;q=\"x "
            "y\"\r\n0123456789\r\nb\r\nABCDEFGHIJK\r\n"
            "000;end\r\n\r\nGET /n HTTP/1.1\r\n\r\n",
            {"POST / HTTP/1.1 {Transfer-Encoding: chunked} chunked <0123456789ABCDEFGHIJK>", "GET /n HTTP/1.1"}},
        {"trailers, declared",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1\r\na\r\n0\r\nT: u\r\n\r\n",
            {"POST / HTTP/1.1 {Transfer-Encoding: chunked} {Trailer: T} +{T: u} chunked <a>"}},
        {"trailers, several and not declared",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTa: u\r\nTb:\r\nTa: w \r\n\r\nGET /n "
            "HTTP/1.1\r\n\r\n",
            {"POST / HTTP/1.1 {Transfer-Encoding: chunked} +{Ta: u} +{Tb: } +{Ta: w} chunked", "GET /n HTTP/1.1"}},
        {"trailers that look like framing",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nContent-Length: 9\r\n\r\nGET /n "
            "HTTP/1.1\r\n\r\n",
            {"POST / HTTP/1.1 {Transfer-Encoding: chunked} +{Content-Length: 9} chunked <a>", "GET /n HTTP/1.1"}},
        {"a trailer that is folded", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: a\r\n b\r\n\r\n",
            {"POST / HTTP/1.1 {Transfer-Encoding: chunked} +{T: a\r\n b} chunked"}},
        {"chunked with LF alone", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n1\na\n0\nT: u\n\nGET /n HTTP/1.1\n\n",
            {"POST / HTTP/1.1 {Transfer-Encoding: chunked} +{T: u} chunked <a>", "GET /n HTTP/1.1"}},
        {"pipelined mix",
            "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nabHEAD /3 HTTP/1.1\r\nHost: h\r\n\r\n"
            "PUT /4 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ncd\r\n0\r\n\r\nDELETE /5 HTTP/1.0\r\n\r\n",
            {"GET /1 HTTP/1.1", "POST /2 HTTP/1.1 {Content-Length: 2} length <ab>", "HEAD /3 HTTP/1.1 {Host: h}",
                "PUT /4 HTTP/1.1 {Transfer-Encoding: chunked} chunked <cd>", "DELETE /5 HTTP/1.0"}},
        {"100-continue", "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
            {"PUT / HTTP/1.1 {Expect: 100-continue} {Content-Length: 2} length <ab>"}},
        {"methods",
            "OPTIONS * HTTP/1.1\r\n\r\nget /l HTTP/1.1\r\n\r\nPROPFIND /d HTTP/1.1\r\n\r\nX_y-Z / HTTP/1.1\r\n\r\n",
            {"OPTIONS * HTTP/1.1", "get /l HTTP/1.1", "PROPFIND /d HTTP/1.1", "X_y-Z / HTTP/1.1"}},
        {"CONNECT", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
            {"CONNECT a.example:443 HTTP/1.1 {Host: a.example:443}"}},
        {"HTTP/1.0 and keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /n HTTP/1.0\r\n\r\n",
            {"GET / HTTP/1.0 {Connection: keep-alive}", "GET /n HTTP/1.0"}},
        {"behind Connection: close", "GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET /n HTTP/1.1\r\n\r\n",
            {"GET / HTTP/1.1 {Connection: close}", "GET /n HTTP/1.1"}},
        {"absolute-form", "GET http://a.example:8080/p?q HTTP/1.1\r\nHost: b\r\n\r\n",
            {"GET http://a.example:8080/p?q HTTP/1.1 {Host: b}"}},
        {"a target with spaces, controls and Latin-1", "GET /a b\tc\x01\xe9\x7f HTTP/1.1\r\n\r\n",
            {"GET /a b\tc\x01\xe9\x7f HTTP/1.1"}},
        {"spaces around the target", "GET   /a   HTTP/1.1  \r\n\r\n", {"GET /a HTTP/1.1"}},
        {"LF alone", "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nabGET /n HTTP/1.1\n\n",
            {"POST / HTTP/1.1 {Host: a} {Content-Length: 2} length <ab>", "GET /n HTTP/1.1"}},
        {"both line ends", "GET / HTTP/1.1\r\nA: b\nC: d\r\n\nGET /n HTTP/1.1\n\r\n",
            {"GET / HTTP/1.1 {A: b} {C: d}", "GET /n HTTP/1.1"}},
        {"empty lines in front", "\r\n\r\n\nGET / HTTP/1.1\r\n\r\n\r\n\nGET /n HTTP/1.1\r\n\r\n\r\n",
            {"GET / HTTP/1.1", "GET /n HTTP/1.1"}},
        {"folds", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\t d \r\nE: f\r\n\r\n",
            {"GET / HTTP/1.1 {A: b\r\n c\r\n\t d} {E: f}"}},
        {"a fold in front of the value", "GET / HTTP/1.1\r\nA:\r\n b\r\nE: f\r\n\r\n",
            {"GET / HTTP/1.1 {A: b} {E: f}"}},
        {"a fold and nothing", "GET / HTTP/1.1\r\nA: b\r\n \r\nE: f\r\n\r\n", {"GET / HTTP/1.1 {A: b} {E: f}"}},
        {"empty values", "GET / HTTP/1.1\r\nA:\r\nB: \r\nC:\t \r\nD: e\r\nF:\r\n\r\n",
            {"GET / HTTP/1.1 {A: } {B: } {C: } {D: e} {F: }"}},
        {"whitespace around values", "GET / HTTP/1.1\r\nA:b\r\nC:  d e \t \r\nF:\tg\r\n\r\n",
            {"GET / HTTP/1.1 {A: b} {C: d e} {F: g}"}},
        {"values that are no text", "GET / HTTP/1.1\r\nA: \x01\x02\xff\x7f\r\nB: a\0b\r\nC: \xe9\r\n\r\n"s,
            {"GET / HTTP/1.1 {A: \x01\x02\xff\x7f} {B: a\0b} {C: \xe9}"s}},
        {"names of one letter and of symbols", "GET / HTTP/1.1\r\na: 1\r\n!#$%&'*+-.^_`|~: 2\r\n\r\n",
            {"GET / HTTP/1.1 {a: 1} {!#$%&'*+-.^_`|~: 2}"}},
        {"colons in a value", "GET / HTTP/1.1\r\nA: b: c:\r\nD::\r\n\r\n", {"GET / HTTP/1.1 {A: b: c:} {D: :}"}},
        {"several Host", "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\nHOST:\r\n\r\n",
            {"GET / HTTP/1.1 {Host: a} {host: b} {HOST: }"}},
        {"codings in front of chunked",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            {"POST / HTTP/1.1 {Transfer-Encoding: gzip, chunked} chunked <a>"}},
        {"a request in mid-air", "GET / HTTP/1.1\r\n\r\nGET /n HTTP/1.1\r\nHo", {"GET / HTTP/1.1"},
            "requests_lost_to_close=1"},
    });
}

TEST_CASE("what some server would answer is rebuilt, and marked where it is not as it should be", "[h1]") {
    const auto head = [](const char* name, const std::string& fields, const std::string& shown,
                          const std::string& body = "") {
        return Case{name, "POST / HTTP/1.1\r\n" + fields + "\r\n" + body + "GET /n HTTP/1.1\r\n\r\n",
            {"POST / HTTP/1.1 " + shown, "GET /n HTTP/1.1"}};
    };
    check_all_splits({
        {"a simple request, and what comes behind it", "GET /0 HTTP/1.1\r\n\r\nGET /old\r\nGET /1 HTTP/1.1\r\n\r\n",
            {"GET /0 HTTP/1.1", "GET /old HTTP/0.9"}},
        {"a version that nobody has", "GET / HTTP/7.3\r\nA: b\r\n\r\n", {"GET / HTTP/7.3 {A: b}"}},
        head("CL and TE", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "{Content-Length: 1} {Transfer-Encoding: chunked} chunked <ab>", "2\r\nab\r\n0\r\n\r\n"),
        head("TE and CL", "Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
            "{Transfer-Encoding: chunked} {Content-Length: x} chunked", "0\r\n\r\n"),
        head("TE of empty elements", "Transfer-Encoding: , chunked,\r\n", "{Transfer-Encoding: , chunked,} chunked",
            "0\r\n\r\n"),
        head("TE folded", "Transfer-Encoding:\r\n chunked\r\n", "{Transfer-Encoding: chunked} chunked", "0\r\n\r\n"),
        head("TE of unknown codings below chunked", "Transfer-Encoding: foo, identity;q=1, chunked\r\n",
            "{Transfer-Encoding: foo, identity;q=1, chunked} chunked", "0\r\n\r\n"),
        head("TE in two fields", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
            "{Transfer-Encoding: gzip} {Transfer-Encoding: chunked} chunked", "0\r\n\r\n"),
        head("two CL, the same", "Content-Length: 1\r\nContent-Length: 01\r\n",
            "{Content-Length: 1} {Content-Length: 01} length <a>", "a"),
        head("CL as a list", "Content-Length: 1, 1\r\n", "{Content-Length: 1, 1} length <a>", "a"),
        head("a space in front of the colon", "A : b\r\n", "{A: b}"),
        head("a tab in front of the colon", "A\t: b\r\n", "{A: b}"),
        head("a name of two words", "A b: c\r\n", "{A b: c}"),
        head("no name", ": b\r\n", "{: b}"),
        head("no colon", "A\r\nB: c\r\n", "{A: } {B: c}"),
        head("no colon, and words", "this is no field\r\n", "{this is no field: }"),
        head("a fold of no colon", "A\r\n b\r\n", "{A: b}"),
        head("a name that is no token", "A(b): c\r\n", "{A(b): c}"),
        head("a name in Latin-1", "\xe9: c\r\n", "{\xe9: c}"),
        head("NUL in a name", "A\0b: c\r\n"s, "{A\0b: c}"s),
        head("NUL in a value", "A: b\0c\r\n"s, "{A: b\0c}"s),
        head("a trailer without colon", "Transfer-Encoding: chunked\r\n",
            "{Transfer-Encoding: chunked} +{T: } chunked <a>", "1\r\na\r\n0\r\nT\r\n\r\n"),
        head("a trailer with a space in front of the colon", "Transfer-Encoding: chunked\r\n",
            "{Transfer-Encoding: chunked} +{T: u} chunked <a>", "1\r\na\r\n0\r\nT : u\r\n\r\n"),
    });
}

TEST_CASE("what cannot be framed safely is counted", "[h1]") {
    const auto head = [](const char* name, const std::string& fields, const std::string& body = "") {
        return Case{name, "GET /0 HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\n" + fields + "\r\n" + body, {"GET /0 HTTP/1.1"},
            "requests_lost_head_malformed=1"};
    };
    const auto framing = [&head](const char* name, const std::string& fields, const std::string& body = "") {
        Case made = head(name, fields, body);
        made.also_counted = "requests_lost_framing_ambiguous=1";
        return made;
    };
    const auto old_version = [&framing](const char* name, const std::string& fields, const std::string& body) {
        Case made = framing(name, fields, body);
        made.bytes.replace(made.bytes.find("POST / HTTP/1.1"), 15, "POST / HTTP/1.0");
        return made;
    };
    const auto chunks = [](const char* name, const std::string& body) {
        return Case{name, "GET /0 HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body,
            {"GET /0 HTTP/1.1"}, "requests_lost_body_malformed=1"};
    };
    const auto line = [](const char* name, const std::string& text) {
        return Case{
            name, "GET /0 HTTP/1.1\r\n\r\n" + text + "\r\n\r\n", {"GET /0 HTTP/1.1"}, "requests_lost_line_malformed=1"};
    };
    check_all_splits({
        line("no request line at all", "what is this?"),
        line("only a colon", ":"),
        old_version("TE in HTTP/1.0", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        old_version("TE in HTTP/1.0, and CL", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        framing("two CL, different", "Content-Length: 1\r\nContent-Length: 2\r\n", "a"),
        framing("a name of the letters of CL", "Content-Length\x0b: 1\r\n", "a"),
        framing("a name of the letters of TE", "Transfer\0-Encoding: chunked\r\n"s, "0\r\n\r\n"),
        framing("CL without a colon", "Content-Length\r\n"),
        framing("three CL, one different", "Content-Length: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n", "a"),
        framing("CL as a list that contradicts itself", "Content-Length: 1, 2\r\n", "a"),
        framing("CL beyond 63 bits", "Content-Length: 9223372036854775808\r\n", "a"),
        framing("TE unknown, and CL", "Transfer-Encoding: x\r\nContent-Length: 1\r\n", "a"),
        framing("TE chunked inside another", "Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
        framing("TE of a vertical tab",
            "Transfer-Encoding: \x0b"
            "chunked\r\n",
            "0\r\n\r\n"),
        framing("CL with a sign", "Content-Length: +1\r\n", "a"),
        framing("CL below zero", "Content-Length: -1\r\n", "a"),
        framing("CL in hexadecimal", "Content-Length: 0x1\r\n", "a"),
        framing("CL with a point", "Content-Length: 1.0\r\n", "a"),
        framing("CL of two words", "Content-Length: 1 1\r\n", "a"),
        framing("CL without a value", "Content-Length:\r\n"),
        framing("CL beyond 64 bits", "Content-Length: 18446744073709551616\r\n", "a"),
        framing("CL folded", "Content-Length: 1\r\n 1\r\n", "a"),
        framing("TE identity", "Transfer-Encoding: identity\r\n"),
        framing("TE of another name", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        framing("TE chunked, then another", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        framing("TE chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        framing("TE with a parameter", "Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"),
        framing("TE in quotes", "Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"),
        framing("a space in front of the colon of TE", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        framing("a space in front of the colon of CL", "Content-Length : 1\r\n", "a"),
        head("a space in front of the first name", " A: b\r\n"),
        head("a space in front of the first name, TE", " Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        head("a tab in front of the first name", "\tA: b\r\n"),
        head("CR in a value", "A: b\rc\r\n"),
        head("CR in front of a value", "A: \rb\r\n"),
        head("CR in front of a value, CL", "Host:\rContent-Length: 3\r\n", "abc"),
        head("CR in front of the line end of no value", "A: \r\r\n"),
        head("CR in a fold", "A:\r\n \r b\r\n"),
        head("CR in a later fold", "A: b\r\n \rc\r\n"),
        head("only whitespace", " \r\n"),
        head("CR in front of the line end", "A: b\r\r\n"),
        head("CR in front of a name", "A: b\r\n\rC: d\r\n"),
        head("CR in front of the first name", "\rC: d\r\n"),
        head("CR in front of the empty line", "A: b\r\n\r"),
        line("a request line with CR in it", "GET /\rx HTTP/1.1"),
        line("a simple request that isn't GET", "HEAD /"),
        chunks("CR in a trailer", "0\r\nA: b\rc\r\n\r\n"),
        chunks("a space in front of the first trailer", "0\r\n A: b\r\n\r\n"),
        chunks("no chunk size", "\r\n1\r\na\r\n0\r\n\r\n"),
        chunks("a bad chunk size", "g\r\na\r\n0\r\n\r\n"),
        chunks("a chunk size with a sign", "+1\r\na\r\n0\r\n\r\n"),
        chunks("a chunk size beyond 64 bits", "10000000000000001\r\na\r\n0\r\n\r\n"),
        chunks("a chunk longer than it says", "1\r\nab\r\n0\r\n\r\n"),
    });
}

TEST_CASE("whether a stream begins with a request does not depend on how it is split", "[h1]") {
    // What one segment shows to be a request line, two segments show too.
    for (const std::string& method : {std::string(32, 'M'), std::string(33, 'M'), std::string(200, 'M'), "PRI"s}) {
        const std::string bytes = method + " / HTTP/1.1\r\nHost: a\r\n\r\n";
        HttpLine whole;
        (void)whole.open();
        (void)whole.data(bytes);
        whole.finish();
        for (std::size_t split = 1; split < bytes.size(); ++split) {
            HttpLine line;
            (void)line.open();
            line.pieces(bytes, {split});
            line.finish();
            INFO(method << " split at " << split);
            CHECK(line.requests == whole.requests);
            CHECK(line.counted() == whole.counted());
        }
    }
}

TEST_CASE("a request says when its first byte came, and how its header section stands in the text", "[h1]") {
    const std::string bytes = "POST /x HTTP/1.1\r\nA: b\r\nContent-Length: 2\r\n\r\nab";
    for (std::size_t split = 0; split < bytes.size(); ++split) {
        INFO(split);
        HttpLine line;
        (void)line.open();
        line.time_ns = 7;
        if (split != 0) (void)line.data(bytes.substr(0, split));
        if (split != 0) line.time_ns = 9;
        std::size_t seen = 0;
        line.on_request = [&](http::Request& request) {
            ++seen;
            CHECK(request.time_ns == 7);
            CHECK(request.canonical_lines);
            CHECK(std::string_view(request.text, request.header_at) == "POST /x HTTP/1.1\r\n");
            CHECK(std::string_view(request.text + request.header_at, request.header_size) ==
                  "A: b\r\nContent-Length: 2\r\n");
        };
        (void)line.data(bytes.substr(split));
        CHECK(seen == 1);
        line.finish();
    }
}

TEST_CASE("lines are canonical when each ends with CRLF and none is folded", "[h1]") {
    struct Lines {
        const char* bytes;
        bool canonical;
    };
    for (const auto& [bytes, canonical] : std::to_array<Lines>({
             {"GET / HTTP/1.1\r\n\r\n", true},
             {"GET / HTTP/1.1\r\nA: b\r\nC:\r\nD: \r\n\r\n", true},
             {"GET / HTTP/1.1\r\nA:\r\n\r\n", true},
             {"GET / HTTP/1.1\n\r\n", false},
             {"GET / HTTP/1.1\r\nA: b\n\r\n", false},
             {"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", false},
             {"GET / HTTP/1.1\r\nA:\nC: d\r\n\r\n", false},
             {"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", false},
             {"GET / HTTP/1.1\r\nA:\r\n b\r\n\r\n", false},
             {"GET / HTTP/1.1\r\nA: \r\n\tb\r\nC: d\r\n\r\n", false},
             {"GET / HTTP/1.1\r\nA:\r\n \r\n\r\n", false},
             {"GET / HTTP/1.1\r\nA: b\r\n \r\n\r\n", false},
         })) {
        const std::string text = bytes;
        for (std::size_t split = 0; split < text.size(); ++split) {
            HttpLine line;
            (void)line.open();
            bool seen = false;
            line.on_request = [&, want = canonical](http::Request& request) {
                seen = true;
                INFO(text << "split at " << split);
                CHECK(request.canonical_lines == want);
            };
            line.pieces(text, {split});
            CHECK(seen);
            line.finish();
        }
    }
}
