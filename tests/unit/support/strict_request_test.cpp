// SPDX-License-Identifier: Apache-2.0
// The judge itself: parse_strict_request takes what is clear, and for each of its rules refuses what breaks it.
//   - requests whole, with others behind them, and cut at every place
//   - each rule broken alone
#include "support/strict_request.h"

#include <string>
#include <vector>

#include "support/catch.h"

using namespace rebuilder::test;
using namespace std::string_literals;
using Verdict = StrictResult::Verdict;
using Fields = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("a clear request is read, and only when it is whole", "[strict]") {
    struct Case {
        std::string bytes;
        StrictRequest request;
    };
    const std::vector<Case> cases{
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", {"GET", "/", {{"Host", "a"}}, ""}},
        {"OPTIONS * HTTP/1.1\r\nhost:\r\nA:b\r\na: \t c d \r\n\r\n",
            {"OPTIONS", "*", {{"host", ""}, {"A", "b"}, {"a", "c d"}}, ""}},
        {"!#$%&'*+-.^_`|~ /\xff?\"<># HTTP/1.1\r\n!#$%&'*+-.^_`|~: \x01\x80:\r\nHOST: a\r\n\r\n",
            {"!#$%&'*+-.^_`|~", "/\xff?\"<>#", {{"!#$%&'*+-.^_`|~", "\x01\x80:"}, {"HOST", "a"}}, ""}},
        {"POST / HTTP/1.1\r\ncontent-LENGTH:  12\t\r\nHost: a\r\n\r\n\r\n\r\nGET / x\0"s,
            {"POST", "/", {{"content-LENGTH", "12"}, {"Host", "a"}}, "\r\n\r\nGET / x\0"s}},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            {"POST", "/", {{"Host", "a"}, {"Content-Length", "0"}}, ""}},
    };
    for (const auto& [bytes, request] : cases) {
        INFO(bytes);
        for (const std::string& behind : {""s, "GET /"s, "\r\n"s, "\0"s}) {
            const StrictResult result = parse_strict_request(bytes + behind);
            CHECK(result.fault.empty());
            REQUIRE(result.verdict == Verdict::whole);
            CHECK(result.size == bytes.size());
            CHECK(result.request.method == request.method);
            CHECK(result.request.target == request.target);
            CHECK(result.request.fields == request.fields);
            CHECK(result.request.body == request.body);
        }
        for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
            INFO("cut at " << cut);
            CHECK(parse_strict_request(std::string_view(bytes).substr(0, cut)).verdict == Verdict::more);
        }
    }
}

TEST_CASE("the values of a name are found in any case", "[strict]") {
    const StrictRequest request{"GET", "/", {{"Ab", "1"}, {"aB", "2"}, {"Abc", "3"}}, ""};
    CHECK(request.values("ab") == std::vector<std::string>{"1", "2"});
    CHECK(request.values("b").empty());
}

TEST_CASE("what breaks a rule is refused", "[strict]") {
    const auto line = [](const std::string& text) { return text + "\r\nHost: a\r\n\r\n"; };
    const auto field = [](const std::string& text) { return "GET / HTTP/1.1\r\nHost: a\r\n" + text + "\r\n\r\n"; };
    struct Case {
        std::string bytes, fault;
    };
    const std::vector<Case> cases{
        {"\r\n" + line("GET / HTTP/1.1"), "the request line has not three parts"},
        {line("GET /"), "the request line has not three parts"},
        {line("GET"), "the request line has not three parts"},
        {line("GET /a b HTTP/1.1"), "the target is none"},
        {line("GET  / HTTP/1.1"), "the target is none"},
        {line("GET /  HTTP/1.1"), "the target is none"},
        {line("GET  HTTP/1.1"), "the target is none"},
        {line("GET a HTTP/1.1"), "the target is none"},
        {line("GET ** HTTP/1.1"), "the target is none"},
        {line("GET http://a/ HTTP/1.1"), "the target is none"},
        {line("GET /\t HTTP/1.1"), "the target is none"},
        {line("GET /\x7f HTTP/1.1"), "the target is none"},
        {line("GET /\r HTTP/1.1"), "the target is none"},
        {line("GET /\0 HTTP/1.1"s), "the target is none"},
        {line(" GET / HTTP/1.1"), "the method is no token"},
        {line("G(T / HTTP/1.1"), "the method is no token"},
        {line("G\0T / HTTP/1.1"s), "the method is no token"},
        {line("G\xe9T / HTTP/1.1"), "the method is no token"},
        {line("GET / HTTP/1.1 "), "the target is none"},
        {line("GET / HTTP/1.0"), "the version is not HTTP/1.1"},
        {line("GET / http/1.1"), "the version is not HTTP/1.1"},
        {line("GET / HTTP/1.1\r"), "the version is not HTTP/1.1"},
        {"GET / HTTP/1.1\nHost: a\r\n\r\n", "a line ends with LF alone"},
        {field("A: b\nC: d"), "a line ends with LF alone"},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", "a line ends with LF alone"},
        {field("A"), "a field has no colon"},
        {field("\r"), "a field has no colon"},
        {field(" "), "a field has no colon"},
        {field("A : b"), "a field's name is no token"},
        {field(" A: b"), "a field's name is no token"},
        {field("A: b\r\n c: d"), "a field's name is no token"},
        {field("\tA: b"), "a field's name is no token"},
        {field(": b"), "a field's name is no token"},
        {field("A\0: b"s), "a field's name is no token"},
        {field("A\xe9: b"), "a field's name is no token"},
        {field("A: b\rc"), "a value has a CR"},
        {field("A: b\r"), "a value has a CR"},
        {field("A: b\0c"s), "a value has a NUL"},
        {"GET / HTTP/1.1\r\n\r\n", "there is no Host"},
        {field("host: a"), "there are two Host fields"},
        {field("Transfer-Encoding: chunked"), "there is a Transfer-Encoding"},
        {field("transfer-encoding:"), "there is a Transfer-Encoding"},
        {field("Content-Length: 0\r\ncontent-length: 0"), "there are two Content-Length fields"},
        {field("Content-Length:"), "Content-Length is no number"},
        {field("Content-Length: 01"), "Content-Length is no number"},
        {field("Content-Length: +1"), "Content-Length is no number"},
        {field("Content-Length: 1, 1"), "Content-Length is no number"},
        {field("Content-Length: 0x1"), "Content-Length is no number"},
        {field("Content-Length: 18446744073709551616"), "Content-Length is no number"},
    };
    for (const auto& [bytes, fault] : cases) {
        INFO(bytes);
        const StrictResult result = parse_strict_request(bytes);
        CHECK(result.verdict == Verdict::refused);
        CHECK(result.fault == fault);
    }
    CHECK(parse_strict_request(field("Content-Length: 18446744073709551615")).verdict == Verdict::more);
}

TEST_CASE("several Host fields pass where the caller says so, none never does", "[strict]") {
    const StrictRules rules{.one_host = false};
    CHECK(parse_strict_request("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", rules).verdict == Verdict::whole);
    CHECK(parse_strict_request("GET / HTTP/1.1\r\nA: b\r\n\r\n", rules).fault == "there is no Host");
}
