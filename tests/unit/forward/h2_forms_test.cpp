// SPDX-License-Identifier: Apache-2.0
// What becomes of a request of HTTP/2, exactly:
//   - as the HTTP/1.1 that outputs are sent: Host, cookies, fields for one hop, lengths, CONNECT, and values and names
//     that could make lines of their own
//   - as a record: version, protocol, crumbs of cookies, no pseudo-header fields
#include <string>
#include <string_view>
#include <vector>

#include "forward/record.h"
#include "forward/wire.h"
#include "support/http2_client.h"
#include "support/http_line.h"
#include "support/rewrite_rules.h"
#include "support/slot_text.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;
using h2::data;
using h2::Fields;
using h2::headers;
using h2::literals;
using h2::request;

namespace {

constexpr packet::Endpoint source{packet::IpAddress::v4(0xcb007107), 51234};      // 203.0.113.7
constexpr packet::Endpoint destination{packet::IpAddress::v4(0x0a00020a), 8080};  // 10.0.2.10

struct Forms {
    Counter verdict = Counter::frames;
    std::string wire, record;
};

// Of the one request in the frames, whole and byte by byte.
Forms forms(const std::string& frames, const RewriteRules& rules = {}) {
    const forward::Rewriting rewriting = rewriting_of(rules);
    forward::RecordWriter writer(false);
    std::vector<Forms> all;
    for (const bool whole : {true, false}) {
        HttpLine line;
        line.time_ns = 1'719'830'000'123'456'789;
        line.on_request = [&](http::Request& it) {
            it.source = source;
            it.destination = destination;
            it.client = source.address;
            Forms& made = all.emplace_back();
            forward::Slot slot;
            REQUIRE(writer.write(it, rewriting, line.pool(), slot) == Counter::handed_off);
            made.record = take_text(line.pool(), slot);
            made.verdict = forward::write_wire(it, rewriting, line.pool(), slot);
            if (made.verdict == Counter::handed_off) made.wire = take_text(line.pool(), slot);
        };
        const std::string bytes = h2::preface + h2::settings() + frames;
        (void)line.open();
        if (whole) {
            (void)line.data(bytes);
        } else {
            line.byte_by_byte(bytes);
        }
        line.finish();
    }
    REQUIRE(all.size() == 2);
    CHECK(all[0].wire == all[1].wire);
    CHECK(all[0].record == all[1].record);
    return all[0];
}

std::string wire_of(const Fields& others, const RewriteRules& rules = {}) {
    return forms(headers(1, literals(request("GET", "/g", others))), rules).wire;
}

const std::string line_of_get = "GET /g HTTP/1.1\r\n";
const std::string host = "Host: a.example\r\n";
const std::string usual =
    "X-Forwarded-For: 203.0.113.7\r\nX-Server-Addr: 10.0.2.10\r\nX-Server-Port: 8080\r\nX-Forwarded-Proto: http\r\n"
    "X-Forwarded-Port: 8080\r\n";
const std::string before = line_of_get + host, behind = usual + "\r\n";

}  // namespace

// ---- the wire form ---------------------------------------------------------------------------------------

TEST_CASE("fields of HTTP/2 are sent as HTTP/1.1 says them", "[wire]") {
    struct Case {
        const char* name;
        Fields fields;
        std::string lines;
    };
    for (const auto& [name, fields, lines] :
        std::vector<Case>{
            {"none", {}, ""},
            {"in their order", {{"a", "b"}, {"c", ""}, {"a", "d"}}, "a: b\r\nc: \r\na: d\r\n"},
            {"a second Host", {{"a", "b"}, {"host", "other"}, {"c", "d"}}, "a: b\r\nc: d\r\n"},
            {"one cookie", {{"cookie", "a=1; b=2"}}, "cookie: a=1; b=2\r\n"},
            {"a cookie in crumbs", {{"a", "b"}, {"cookie", "a=1"}, {"c", "d"}, {"cookie", "b=2"}, {"cookie", "c=3"}},
                "a: b\r\ncookie: a=1; b=2; c=3\r\nc: d\r\n"},
            {"crumbs with line breaks", {{"cookie", "a=1\r\nb: c"}, {"cookie", "d\0"s}}, "cookie: a=1 b: c; d \r\n"},
            {"te: trailers", {{"te", "trailers"}}, "te: trailers\r\n"},
            {"te: Trailers", {{"te", "Trailers"}}, "te: Trailers\r\n"},
            {"other te", {{"te", "gzip"}, {"te", "trailers, gzip"}, {"te", ""}}, ""},
            {"fields for one hop",
                {{"connection", "x-one"}, {"keep-alive", "5"}, {"proxy-connection", "a"},
                    {"transfer-encoding", "chunked"}, {"upgrade", "h2c"}, {"expect", "100-continue"}, {"trailer", "t"},
                    {"x-one", "1"}, {"x-two", "2"}},
                "x-one: 1\r\nx-two: 2\r\n"},
            {"our names", {{"x-server-addr", "6.6.6.6"}, {"x-rebuilder-a", "1"}}, ""},
            {"CR, LF, NUL in values",
                {{"a", "b\r\nX-Evil: 1"}, {"c", "d\ne"}, {"f", "g\rh"}, {"i", "j\0k"s},
                    {"l", "\r\n\r\nGET / HTTP/1.1"}},
                "a: b X-Evil: 1\r\nc: d e\r\nf: g h\r\ni: j k\r\nl: GET / HTTP/1.1\r\n"},
            {"and at their ends", {{"a", "\r\n"}, {"b", "c\r\n"}, {"d", "\n"}, {"e", "\0"s}, {"f", "\r"}},
                "a: \r\nb: c\r\nd: \r\ne:  \r\nf: \r\n"},
            {"names that are no token",
                {{"a b", "1"}, {"c:", "2"}, {"d\r\ne", "3"}, {"\xc3\xa9", "4"}, {"f\0"s, "5"}, {"g", "6"}}, "g: 6\r\n"},
        }) {
        INFO(name);
        CHECK(wire_of(fields) == before + lines + behind);
    }
}

TEST_CASE("Host is what :authority says, or else the first host", "[wire]") {
    const auto wire = [](const Fields& fields) { return forms(headers(1, literals(fields))).wire; };
    const Fields bare{{":method", "GET"}, {":scheme", "http"}, {":path", "/g"}};
    Fields fields = bare;
    CHECK(wire(fields) == line_of_get + "Host: 10.0.2.10:8080\r\n" + behind);
    fields.insert(fields.end(), {{"a", "b"}, {"host", "h"}, {"host", "i"}});
    CHECK(wire(fields) == line_of_get + "a: b\r\nhost: h\r\n" + behind);
    fields.insert(fields.begin(), {":authority", "u\r\nv"});
    CHECK(wire(fields) == line_of_get + "Host: u v\r\na: b\r\n" + behind);
    CHECK(wire(request("GET", "/a b\r\nc\0"s)) == "GET /a%20b%0D%0Ac%00 HTTP/1.1\r\n" + host + behind);
}

TEST_CASE("a body of HTTP/2 gets the one right Content-Length", "[wire]") {
    const auto wire = [](const Fields& lengths, const std::string& behind_it) {
        return forms(headers(1, literals(request("POST", "/g", lengths)), false) + behind_it).wire;
    };
    const std::string head = "POST /g HTTP/1.1\r\n" + host;
    const std::string counted = head + usual + "Content-Length: 3\r\n\r\nabc";
    CHECK(wire({}, data(1, "ab", false) + data(1, "c")) == counted);
    CHECK(wire({{"content-length", "3"}}, data(1, "abc")) == head + "content-length: 3\r\n" + behind + "abc");
    CHECK(wire({{"content-length", "4"}}, data(1, "abc")) == counted);
    CHECK(wire({{"content-length", "2"}}, data(1, "abc")) == counted);
    CHECK(wire({{"content-length", "3"}, {"content-length", "3"}}, data(1, "abc")) == counted);
    CHECK(wire_of({{"content-length", "5"}}) == before + usual + "Content-Length: 0\r\n\r\n");
    CHECK(wire({}, data(1, "")) == head + usual + "Content-Length: 0\r\n\r\n");
    CHECK(wire({}, data(1, "abc", false) + headers(1, literals({{"t", "u"}, {"content-length", "9"}}))) == counted);
}

TEST_CASE("CONNECT isn't sent, unless it is for a protocol: then as GET", "[wire]") {
    const Fields plain{{":method", "CONNECT"}, {":authority", "b:443"}, {"upgrade", "x"}};
    CHECK(forms(headers(1, literals(plain), false)).verdict == Counter::unforwardable_connect);
    const Fields extended{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/chat"},
        {":authority", "b"}, {"sec-websocket-version", "13"}};
    CHECK(forms(headers(1, literals(extended), false)).wire ==
          "GET /chat HTTP/1.1\r\nHost: b\r\nsec-websocket-version: 13\r\n" + behind);
}

TEST_CASE("rules are for all crumbs of a cookie", "[wire]") {
    const Fields crumbs{{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=22"}};
    CHECK(wire_of(crumbs, {.removed = {"Cookie"}}) == before + "x: y\r\n" + behind);
    CHECK(wire_of(crumbs, {.redacted = {"Cookie"}}) == before + "cookie: xxx; xxxx\r\nx: y\r\n" + behind);
    CHECK(wire_of(crumbs, {.set = {{"cookie", "c"}}}) == before + "x: y\r\n" + usual + "cookie: c\r\n\r\n");
}

// ---- the record ------------------------------------------------------------------------------------------

namespace {

const std::string nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string record_of(const std::string& middle, const std::string& digest, const std::string& trailers = "") {
    return R"({"ts":1719830000.123456,"vni":null,"src":"203.0.113.7:51234","dst":"10.0.2.10:8080","version":"HTTP/2",)" +
           middle + R"(,"body_len":)" + (digest == abc ? "3" : "0") + R"(,"body_sha256":")" + digest +
           R"(","client":"203.0.113.7","truncated":false,"trailers":[)" + trailers + "]}\n";
}

}  // namespace

TEST_CASE("a record of HTTP/2 has what the client sent, and no pseudo-header fields", "[record]") {
    const Fields fields{{"host", "other"}, {"cookie", "a=1"}, {"n\n", "\r\n\0"s}, {"cookie", "b=2"}, {"te", "gzip"}};
    CHECK(forms(headers(1, literals(request("POST", "/p", fields)), false) + data(1, "abc", false) +
                headers(1, literals({{"t", "u"}, {"t", ""}})))
              .record == record_of(R"("method":"POST","target":"/p","host":"a.example","headers":[["host","other"],)"
                                   R"(["cookie","a=1"],["n\n","\r\n\u0000"],["cookie","b=2"],["te","gzip"]])",
                             abc, R"(["t","u"],["t",""])"));
}

TEST_CASE("a record's host is :authority, or else the first host", "[record]") {
    Fields fields{{":method", "GET"}, {":scheme", "http"}, {":path", "/g"}};
    CHECK(forms(headers(1, literals(fields))).record ==
          record_of(R"("method":"GET","target":"/g","host":"","headers":[])", nothing));
    fields.insert(fields.end(), {{"host", "h"}, {"host", "i"}});
    CHECK(forms(headers(1, literals(fields))).record ==
          record_of(R"("method":"GET","target":"/g","host":"h","headers":[["host","h"],["host","i"]])", nothing));
}

TEST_CASE("a record of CONNECT has its authority, or its protocol", "[record]") {
    const Fields plain{{":method", "CONNECT"}, {":authority", "b:443"}, {"upgrade", "x"}};
    CHECK(forms(headers(1, literals(plain), false)).record ==
          record_of(R"("method":"CONNECT","target":"b:443","host":"b:443","headers":[["upgrade","x"]])", nothing));
    const Fields extended{{":method", "CONNECT"}, {":scheme", "http"}, {":path", "/chat"}, {":protocol", "web\nsocket"},
        {":authority", "b"}, {"upgrade", "x"}};
    CHECK(forms(headers(1, literals(extended), false)).record ==
          record_of(
              R"("method":"CONNECT","target":"/chat","host":"b","protocol":"web\nsocket","headers":[["upgrade","x"]])",
              nothing));
}

TEST_CASE("a record shows no crumb that a rule removes or redacts", "[record]") {
    const std::string crumbs =
        headers(1, literals(request("GET", "/g", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=22"}})));
    const std::string begin = R"("method":"GET","target":"/g","host":"a.example","headers":[)";
    CHECK(forms(crumbs, {.removed = {"cookie"}}).record == record_of(begin + R"(["x","y"]])", nothing));
    CHECK(forms(crumbs, {.redacted = {"cookie"}}).record ==
          record_of(begin + R"(["cookie","xxx"],["x","y"],["cookie","xxxx"]])", nothing));
}
