// SPDX-License-Identifier: Apache-2.0
// What rules do to requests and to their records:
//   - each rule alone and with what is near to it, as pairs of request and exact bytes
//   - whatever the client sent and whatever the rules are, expected_wire() and expected_record() are what is written
//   - the sentence for each text that is no rule
#include "forward/rewriting.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "forward/record.h"
#include "forward/wire.h"
#include "support/expected_wire.h"
#include "support/hostile_requests.h"
#include "support/http_line.h"
#include "support/random.h"
#include "support/record_line.h"
#include "support/rewrite_rules.h"
#include "support/slot_text.h"
#include "support/strict_request.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;
using forward::Rewriting;
using Action = forward::FieldRule::Action;

namespace {

constexpr packet::Endpoint source{packet::IpAddress::v4(0xcb007107), 51234};      // 203.0.113.7
constexpr packet::Endpoint destination{packet::IpAddress::v4(0x0a00020a), 8080};  // 10.0.2.10

struct Written {
    std::string plain;   // the record without rules
    std::string record;  // and with them
    Counter verdict;
    std::string wire;
};

// Rebuilds the requests in `bytes`, and writes each by the rules. The pieces end at `ends`.
std::vector<Written> write(
    const std::string& bytes, const RewriteRules& rules, const std::vector<std::size_t>& ends = {}) {
    const Rewriting rewriting = rewriting_of(rules);
    forward::RecordWriter writer(true);
    HttpLine line(HttpLine::small_limits(), {4096, 512});
    std::vector<Written> all;
    line.on_request = [&](http::Request& request) {
        request.source = source;
        request.destination = destination;
        request.client = source.address;
        Written& written = all.emplace_back();
        forward::Slot slot;
        REQUIRE(writer.write(request, {}, line.pool(), slot) == Counter::handed_off);
        written.plain = take_text(line.pool(), slot);
        REQUIRE(writer.write(request, rewriting, line.pool(), slot) == Counter::handed_off);
        written.record = take_text(line.pool(), slot);
        written.verdict = forward::write_wire(request, rewriting, line.pool(), slot);
        if (written.verdict == Counter::handed_off) written.wire = take_text(line.pool(), slot);
    };
    (void)line.open();
    line.pieces(bytes, ends);
    line.finish();
    return all;
}

std::string headers_of(const std::string& record) {
    const std::size_t from = record.find("\"headers\":") + 10;
    return record.substr(from, record.find(",\"body_len\"") - from);
}

std::string trailers_of(const std::string& record) {
    const std::size_t from = record.find("\"trailers\":") + 11;
    return record.substr(from, record.find(",\"body_b64\"") - from);
}

std::string refusal(const auto& act) {
    try {
        act();
    } catch (const Error& error) {
        CHECK(error.exit_status == ExitStatus::usage);
        return error.what();
    }
    return "nothing refused";
}

const std::string first = "GET / HTTP/1.1\r\nHost: a\r\n";
const std::string client = "X-Forwarded-For: 203.0.113.7\r\n";
const std::string server = "X-Server-Addr: 10.0.2.10\r\nX-Server-Port: 8080\r\n";
const std::string scheme = "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n";

}  // namespace

TEST_CASE("each rule does to a request what it says", "[rewriting]") {
    struct Case {
        const char* name;
        RewriteRules rules;
        std::string fields, wire;  // both behind the Host
    };
    const std::vector<Case> cases{
        // The client's address.
        {"append: to the last", {.client_ip = "append"}, "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: b\r\n",
            "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: b, 203.0.113.7\r\n" + server + scheme},
        {"set: all of them go", {.client_ip = "set"}, "X-Forwarded-For: 1.1.1.1\r\nA: b\r\nx-forwarded-for: b\r\n",
            "A: b\r\n" + client + server + scheme},
        {"set: there was none", {.client_ip = "set"}, "A: b\r\n", "A: b\r\n" + client + server + scheme},
        {"keep: as it was", {.client_ip = "keep"}, "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for:  b \r\n",
            "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for:  b \r\n" + server + scheme},
        {"keep: nothing is added", {.client_ip = "keep"}, "A: b\r\n", "A: b\r\n" + server + scheme},
        {"append to another field", {.client_ip_header = "True-Client-IP"},
            "true-client-ip: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nTrue-Client-IP2: c\r\n",
            "true-client-ip: 1.1.1.1, 203.0.113.7\r\nX-Forwarded-For: 2.2.2.2\r\nTrue-Client-IP2: c\r\n" + server +
                scheme},
        {"set another field", {.client_ip = "set", .client_ip_header = "X-Real-IP"},
            "X-Real-IP: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n",
            "X-Forwarded-For: 2.2.2.2\r\nX-Real-IP: 203.0.113.7\r\n" + server + scheme},
        {"another field that wasn't there", {.client_ip_header = "X-Real-IP"}, "",
            "X-Real-IP: 203.0.113.7\r\n" + server + scheme},
        {"a client can't take the chain away", {.client_ip_header = "X-Chain"},
            "Connection: x-chain\r\nX-Chain: 1.1.1.1\r\n", "X-Chain: 1.1.1.1, 203.0.113.7\r\n" + server + scheme},
        {"keep: then it is for one hop as any", {.client_ip = "keep", .client_ip_header = "X-Chain"},
            "Connection: x-chain\r\nX-Chain: 1.1.1.1\r\n", server + scheme},
        // Removed.
        {"remove", {.removed = {"cookie", "X-A"}},
            "Cookie: a\r\nB: c\r\nCOOKIE : d\r\nCookie2: e\r\nx-a\r\nX-Aa: f\r\n",
            "B: c\r\nCookie2: e\r\nX-Aa: f\r\n" + client + server + scheme},
        {"remove what we add", {.removed = {"X-Forwarded-Proto", "X-Forwarded-Port"}}, "X-Forwarded-Proto: https\r\n",
            client + server},
        {"remove the client's address, as it isn't ours", {.client_ip = "keep", .removed = {"X-Forwarded-For"}},
            "X-Forwarded-For: 1.1.1.1\r\nA: b\r\n", "A: b\r\n" + server + scheme},
        {"remove it, when ours stands elsewhere", {.client_ip_header = "X-Real-IP", .removed = {"x-forwarded-for"}},
            "X-Forwarded-For: 1.1.1.1\r\n", "X-Real-IP: 203.0.113.7\r\n" + server + scheme},
        // Redacted.
        {"redact", {.redacted = {"authorization", "Cookie"}},
            "A: b\r\nAUTHORIZATION:  Basic YTpi \r\nCookie:a=b; c=d\r\ncookie:\r\nC: d\r\n",
            "A: b\r\nAUTHORIZATION: xxxxxxxxxx\r\nCookie: xxxxxxxx\r\ncookie: \r\nC: d\r\n" + client + server + scheme},
        {"redact folds, a NUL and loose lines", {.redacted = {"A", "B", "C"}},
            "A: b\t\r\n  c\r\n d \r\n \r\nB : \xe9\0\x01\r\nC\r\nD: e\r\n f\r\n"s,
            "A: xxxxx\r\nB: xxx\r\nC: \r\nD: e f\r\n" + client + server + scheme},
        {"redact a long one", {.redacted = {"A"}}, "A: " + std::string(5000, 'b') + "\r\n",
            "A: " + std::string(5000, 'x') + "\r\n" + client + server + scheme},
        {"redact what is for one hop", {.redacted = {"A"}}, "Connection: a\r\nA: b\r\n", client + server + scheme},
        {"redact what we add if it is absent", {.redacted = {"x-forwarded-proto", "x-forwarded-port"}},
            "X-Forwarded-Proto: https\r\n",
            "X-Forwarded-Proto: xxxxx\r\n" + client + server + "X-Forwarded-Port: 8080\r\n"},
        // Set.
        {"set", {.set = {{"X-Stage", "test"}, {"B", ""}}}, "x-stage: 1\r\nA: b\r\nX-STAGE: 2\r\nb: c\r\nBc: d\r\n",
            "A: b\r\nBc: d\r\n" + client + server + scheme + "X-Stage: test\r\nB: \r\n"},
        {"set what we add", {.set = {{"x-forwarded-proto", "https"}, {"X-Forwarded-Port", "443"}}}, "",
            client + server + "x-forwarded-proto: https\r\nX-Forwarded-Port: 443\r\n"},
        {"set the client's address to a text", {.client_ip = "keep", .set = {{"X-Forwarded-For", "192.0.2.1"}}},
            "X-Forwarded-For: 1.1.1.1\r\n", server + scheme + "X-Forwarded-For: 192.0.2.1\r\n"},
        {"a client can't take away what is set", {.set = {{"X-Stage", "test"}}}, "Connection: X-Stage\r\n",
            client + server + scheme + "X-Stage: test\r\n"},
    };
    for (const Case& test : cases) {
        const std::string request = first + test.fields + "\r\n";
        for (std::size_t split = 0; split < request.size(); split += split < 400 ? 1 : 97) {
            INFO(test.name << ", split at " << split);
            const std::vector<Written> written = write(request, test.rules, {split});
            REQUIRE(written.size() == 1);
            CHECK(written[0].wire == first + test.wire + "\r\n");
        }
    }
}

TEST_CASE("Host can be set, and is one then", "[rewriting]") {
    const RewriteRules rules{.set = {{"Host", "b.example:81"}}};
    const std::string wire = "GET /c HTTP/1.1\r\n" + client + server + scheme + "Host: b.example:81\r\n\r\n";
    for (const std::string request : {"GET /c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /c HTTP/1.1\r\n\r\n",
             "GET /c HTTP/1.1\r\nhost: a\r\nHOST : c\r\n\r\n", "GET http://a/c HTTP/1.1\r\nHost: d\r\n\r\n",
             "GET http://a/c HTTP/1.1\r\n\r\n"}) {
        INFO(request);
        const std::vector<Written> written = write(request, rules);
        REQUIRE(written.size() == 1);
        CHECK(written[0].wire == wire);
        CHECK(written[0].record == written[0].plain);
    }
}

TEST_CASE("what is set stands in front of the body, and doesn't count as it", "[rewriting]") {
    const std::vector<Written> written =
        write("POST / HTTP/1.1\r\nHost: a\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            {.set = {{"X-Stage", "test"}}, .redacted = {"A"}});
    REQUIRE(written.size() == 1);
    CHECK(written[0].wire == "POST / HTTP/1.1\r\nHost: a\r\nA: x\r\n" + client + server + scheme +
                                 "X-Stage: test\r\nContent-Length: 3\r\n\r\nabc");
}

TEST_CASE("what is removed or redacted is in no record, and what is set changes none", "[rewriting]") {
    const std::string request = "POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nCookie: c\r\n d \r\nX-A: e\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: f\r\nCOOKIE: g\"h\r\nX-B: i\r\n\r\n";
    const std::vector<Written> written = write(
        request, {.client_ip = "set", .set = {{"X-B", "set"}}, .removed = {"x-a"}, .redacted = {"Cookie", "None"}});
    REQUIRE(written.size() == 1);
    CHECK(headers_of(written[0].record) ==
          R"([["Host","a"],["X-Forwarded-For","b"],["Cookie","xxx"],["Transfer-Encoding","chunked"]])");
    CHECK(trailers_of(written[0].record) == R"([["COOKIE","xxx"],["X-B","i"]])");
    CHECK(headers_of(written[0].plain) ==
          R"([["Host","a"],["X-Forwarded-For","b"],["Cookie","c d"],["X-A","e"],["Transfer-Encoding","chunked"]])");
    CHECK(trailers_of(write(request, {.removed = {"x-a", "x-b", "cookie"}}).at(0).record) == "[]");
}

TEST_CASE("a text that is no rule is refused", "[rewriting]") {
    struct Case {
        Action action;
        std::string text;
        const char* sentence;
    };
    const std::vector<Case> cases{
        {Action::set, "X-A", "'X-A' is not of the form NAME: VALUE"},
        {Action::set, "", "'' is not of the form NAME: VALUE"},
        {Action::set, ": b", "'' is not a field name"},
        {Action::set, "X-A : b", "'X-A ' is not a field name"},
        {Action::set, "X A: b", "'X A' is not a field name"},
        {Action::set, "X-\xc3\xa9: b", "'X-\xc3\xa9' is not a field name"},
        {Action::remove, "", "'' is not a field name"},
        {Action::remove, "Cookie:", "'Cookie:' is not a field name"},
        {Action::redact, "a,b", "'a,b' is not a field name"},
        {Action::set, "X-A: b\r\nX-B: c", "a control character stands in it"},
        {Action::set, "X-A: b\n", "a control character stands in it"},
        {Action::set, "X-A: b\rc", "a control character stands in it"},
        {Action::set, "X-A: b\0c"s, "a control character stands in it"},
        {Action::set, "X-A:\tb", "a control character stands in it"},
        {Action::set, "X-A: b\x7f", "a control character stands in it"},
        {Action::remove, "X-A\n", "a control character stands in it"},
        {Action::set, "X-A: " + std::string(1020, 'b'), "1025 bytes are too many; 1024 will do"},
        {Action::set, "Host:", "'' is not a HOST or HOST:PORT"},
        {Action::set, "Host: a b", "'a b' is not a HOST or HOST:PORT"},
        {Action::set, "host: http://a/", "'http://a/' is not a HOST or HOST:PORT"},
        {Action::set, "Host: a,b", "'a,b' is not a HOST or HOST:PORT"},
        {Action::set, "Host: u@b", "'u@b' is not a HOST or HOST:PORT"},
        {Action::remove, "Host", "Host can't be removed: what becomes of it is fixed"},
        {Action::redact, "hOST", "hOST can't be redacted: what becomes of it is fixed"},
    };
    for (const auto& [action, text, sentence] : cases) {
        INFO(text);
        CHECK(refusal([&] { Rewriting().set_rules(action, std::vector{text}); }) == sentence);
    }
    for (const std::string name : {"Connection", "content-length", "Content_Length", "Expect", "Keep-Alive",
             "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "transfer_encoding", "Upgrade",
             "X-Rebuilder-Truncated", "x-rebuilder-", "X-Server-Addr", "X-Server-Port", "X_Server_Port"}) {
        INFO(name);
        const std::string end = ": what becomes of it is fixed";
        const auto with = [&](Action action, const std::string& text) {
            return refusal([&] { Rewriting().set_rules(action, std::vector{text}); });
        };
        CHECK(with(Action::set, name + ": 1") == name + " can't be set" + end);
        CHECK(with(Action::remove, name) == name + " can't be removed" + end);
        CHECK(with(Action::redact, name) == name + " can't be redacted" + end);
        CHECK(refusal([&] { Rewriting().set_client_ip_header(name); }) ==
              name + " can't hold the client's address: it has a meaning of its own");
    }
    for (const std::string name : {"Host", "X-Forwarded-Proto", "X-Forwarded-Port"}) {
        CHECK(refusal([&] { Rewriting().set_client_ip_header(name); }) ==
              name + " can't hold the client's address: it has a meaning of its own");
    }
    CHECK(refusal([] { Rewriting().set_client_ip_header("X Y"); }) == "'X Y' is not a field name");
    CHECK(refusal([] { Rewriting().set_client_ip_header("X\n"); }) == "a control character stands in it");
    const std::vector fine{"X-A:"s, "b: \xe9 \"c\": d "s, "Host: [2001:db8::1]:80"s, "D: " + std::string(1021, 'b')};
    Rewriting rewriting;
    rewriting.set_rules(Action::set, fine);
    CHECK(rewriting.added_lines() ==
          "X-A: \r\nb: \xe9 \"c\": d\r\nHost: [2001:db8::1]:80\r\nD: " + std::string(1021, 'b') + "\r\n");
}

TEST_CASE("rules that don't go together are refused", "[rewriting]") {
    Rewriting rewriting;
    const auto fault = [&] { return refusal([&] { rewriting.validate(); }); };
    const auto say = [&](Action action, std::vector<std::string> texts) { rewriting.set_rules(action, texts); };
    CHECK(fault() == "nothing refused");
    say(Action::remove, {"A", "b", "a"});
    CHECK(fault() == "--remove-header a: is given twice");
    say(Action::remove, {"A", "b"});
    CHECK(fault() == "nothing refused");
    say(Action::set, {"B: c"});
    CHECK(fault() == "--set-header B: --remove-header has it, too");
    say(Action::set, {});
    say(Action::redact, {"x-forwarded-for"});
    CHECK(fault() == "--redact-header x-forwarded-for: the client's address goes there, unless --client-ip is keep");
    rewriting.client_ip = forward::ClientIp::keep;
    CHECK(fault() == "nothing refused");
    rewriting.client_ip = forward::ClientIp::set;
    rewriting.set_client_ip_header("B");
    CHECK(fault() == "--remove-header b: the client's address goes there, unless --client-ip is keep");

    std::vector<std::string> names;
    for (std::size_t i = 0; i < Rewriting::max_rules; ++i) names.push_back("C" + std::to_string(i));
    say(Action::remove, names);
    say(Action::redact, {});
    CHECK(fault() == "nothing refused");
    for (const std::string& name : names) CHECK(rewriting.find(name)->name == name);
    CHECK(rewriting.find("C64") == nullptr);
    say(Action::redact, {"D"});
    CHECK(fault() == "--set-header, --remove-header and --redact-header: 65 rules are too many; 64 will do");
}

TEST_CASE("names of any length are found", "[rewriting]") {
    for (const std::size_t size : std::vector<std::size_t>{1, 62, 63, 64, 65, 127, 128, 1024}) {
        const std::string name(size, 'a');
        Rewriting rewriting;
        rewriting.set_rules(Action::remove, std::vector{name});
        CHECK(rewriting.find(std::string(size, 'A')) != nullptr);
        CHECK(rewriting.find(std::string(size + 1, 'a')) == nullptr);
        CHECK(rewriting.find(std::string(size - 1, 'a')) == nullptr);
        CHECK(rewriting.find("") == nullptr);
    }
}

TEST_CASE("whatever was sent, and whatever the rules are, it is written by them", "[rewriting][property]") {
    Random random(815);
    INFO(random.seed());
    std::size_t sent = 0, changed = 0;
    for (int round = 0; round < 6'000; ++round) {
        const RewriteRules rules = random_rules(random);
        const std::string bytes = HostileRequests(random).stream().bytes;
        for (const Written& written : write(bytes, rules, {random.below(bytes.size())})) {
            const RecordLine plain = parse_record(written.plain);
            const RecordLine record = parse_record(written.record);
            const RecordLine expected_fields = expected_record(plain, rules);
            const ExpectedWire expected = expected_wire(plain, rules);
            INFO("sent:\n" << bytes << "\n\nrecord:\n" << written.record << "\n\nwritten:\n" << written.wire);
            REQUIRE(record.headers == expected_fields.headers);
            REQUIRE(record.trailers == expected_fields.trailers);
            REQUIRE(written.verdict == expected.verdict);
            changed += written.record != written.plain;
            if (expected.verdict != Counter::handed_off) continue;
            ++sent;
            StrictResult result = parse_strict_request(written.wire);
            REQUIRE(result.fault == "");
            REQUIRE(result.size == written.wire.size());
            const bool has_length = !result.request.values("content-length").empty();
            std::erase_if(result.request.fields,
                [](const auto& field) { return strict::lower(field.first) == "content-length"; });
            REQUIRE(result.request.fields == expected.request.fields);
            REQUIRE(has_length == expected.has_length);
            REQUIRE(result.request.target == expected.request.target);
            REQUIRE(result.request.body == expected.request.body);
            // A record that went through the rules tells the same.
            REQUIRE(expected_wire(record, rules).request.fields == expected.request.fields);
        }
    }
    CHECK(sent > 5'000);
    CHECK(changed > 2'000);
}
