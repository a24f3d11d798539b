// SPDX-License-Identifier: Apache-2.0
// What a stream speaks, by its first bytes:
//   - each protocol and direction: the shortest beginning that decides, and undecided before that
//   - near misses of each
//   - of examples and of random bytes: one answer however they are split, and one within enough_to_detect bytes
//   - what may be the beginning of a request line is never taken for anything else
// looks_like_http2(): frames of each type, alone and cut, and what only looks like them
// begins_like_request(): methods, targets, and text that a body may hold
#include "http/detect.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_line.h"
#include "http/token.h"
#include "support/catch.h"
#include "support/http2_client.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::http;
namespace h2 = rebuilder::test::h2;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

// In memory of its own size: a read behind it is an address error.
Protocol detected(std::string_view text) {
    const auto copy = std::make_unique<std::uint8_t[]>(text.size());
    std::copy(text.begin(), text.end(), copy.get());
    return detect({copy.get(), text.size()});
}

struct Example {
    std::string bytes;
    Protocol protocol;
    std::size_t decided_at;  // undecided with fewer bytes, the protocol with at least as many
};

// A MySQL packet: length, sequence number, payload.
std::string mysql(char sequence, const std::string& payload) {
    return std::string{static_cast<char>(payload.size()), static_cast<char>(payload.size() >> 8), '\0', sequence} +
           payload;
}

const std::string mysql_rest = "\x08\0\0\0ABCDEFGH\0\xff\xff\xff\x02\0\xff\xdf\x15"s + std::string(10, '\0');
const std::string mysql_flags = "\x85\xa6\xff\x19\0\0\0\x01\x2d"s;  // then the packet's size and the character set
const std::string mysql_login = mysql_flags + std::string(23, '\0') + "shop\0\x14"s;

const std::vector<Example> http_examples{
    {"GET / HTTP/1.1\r\n", Protocol::http1, 4},
    {"get / HTTP/1.1\r\n", Protocol::http1, 4},
    {"P / HTTP/1.1\r\n", Protocol::http1, 2},
    {"HEAD / HTTP/1.1\r\n", Protocol::http1, 5},
    {"PRIVATE / HTTP/1.1\r\n", Protocol::http1, 8},
    {"PRI / HTTP/1.1\r\n", Protocol::http1, 5},
    {"PRI * HTTP/1.1\r\n", Protocol::http1, 12},
    {"HTTP GET", Protocol::http1, 5},
    {"BASELINE-CONTROL /", Protocol::http1, 17},
    {"!#$%&'*+-.^_`|~09 /", Protocol::http1, 18},
    {"HTTP/1.1 200 OK\r\n", Protocol::http1_response, 5},
    {"HTTP/2", Protocol::http1_response, 5},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Protocol::http2, 16},
    // Methods that other protocols' first words could be
    {"SSH GET", Protocol::http1, 4},
    {"SSH-FETCH / HTTP/1.1\r\n", Protocol::http1, 10},
    {"SSH-3.0 / HTTP/1.1\r\n", Protocol::http1, 8},
    {"SSH-2.0-x / HTTP/1.1\r\n", Protocol::http1, 22},
    {"EHLO / HTTP/1.1\r\n", Protocol::http1, 17},
    {"helo x HTTP/1.0\n", Protocol::http1, 16},
    {"220 /SMTP HTTP/1.1\r\n", Protocol::http1, 20},
    {"220-x / HTTP/1.1\r\n", Protocol::http1, 18},
    {"-ERR / HTTP/1.1\r\n", Protocol::http1, 17},
    {"+OK / HTTP/1.1\r\n", Protocol::http1, 4},
    {"+PONG / HTTP/1.1\r\n", Protocol::http1, 6},
    {"*1 / HTTP/1.1\r\n", Protocol::http1, 3},
    {"$ / HTTP/1.1\r\n", Protocol::http1, 2},
    {"R / HTTP/1.1\r\n", Protocol::http1, 2},
    {"N / HTTP/1.1\r\n", Protocol::http1, 2},
    {"NR / HTTP/1.1\r\n", Protocol::http1, 3},
};

const std::vector<Example> other_examples{
    {"\x16\x03\x01\x02\x00\x01"s, Protocol::tls, 3},
    {"\x16\x03\x00"s, Protocol::tls, 3},
    {"\x16\x03\x04"s, Protocol::tls, 3},
    {"\x14\x03\x03\x00\x01"s, Protocol::tls, 3},
    {"\x15\x03\x03\x00\x02"s, Protocol::tls, 3},
    {"\x17\x03\x03\x40\x00"s, Protocol::tls, 3},
    {"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", Protocol::ssh, 40},
    {"SSH-1.99-x\n", Protocol::ssh, 11},
    {"SSH-2.1-x\r\n", Protocol::ssh, 11},
    {"SSH-2.0\0\r\n HTTP/1.1"s, Protocol::ssh, 10},
    {"*1\r\n$4\r\nPING\r\n", Protocol::redis, 4},
    {"*3\r\n$3\r\nSET\r\n", Protocol::redis, 4},
    {"*0\r\n", Protocol::redis, 4},
    {"$-1\r\n", Protocol::redis, 5},
    {"$11\r\nhello world\r\n", Protocol::redis, 5},
    {":1000\r\n", Protocol::redis, 7},
    {":-1234567890123456789\r\n", Protocol::redis, 23},
    {"%7\r\n$6\r\nserver\r\n", Protocol::redis, 4},
    {"+OK\r\n", Protocol::redis, 5},
    {"+PONG\r\n", Protocol::redis, 7},
    {"-ERR unknown command 'GET', with args beginning with:\r\n", Protocol::redis, 55},
    {"-NOAUTH Authentication required.\r\n", Protocol::redis, 34},
    {mysql(0, "\n8.0.36-0ubuntu0.22.04.1\0"s + mysql_rest), Protocol::mysql, 29},
    {mysql(0, "\n5.5.5-10.11.6-MariaDB-0+deb12u1\0"s + mysql_rest), Protocol::mysql, 37},
    {mysql(0, "\n3.23.54\0"s + mysql_rest), Protocol::mysql, 13},
    {mysql(1, mysql_login), Protocol::mysql, 32},
    {mysql(1, mysql_login + std::string(500, 'x')), Protocol::mysql, 32},
    {mysql(1, mysql_flags + std::string(19, '\0') + "\x1d\0\0\0shop\0"s), Protocol::mysql, 32},  // MariaDB's flags
    {mysql(1, mysql_flags + std::string(23, '\0')), Protocol::mysql, 32},                        // SSLRequest
    {"\0\0\0\x29\0\x03\0\0user\0postgres\0"s, Protocol::postgresql, 9},
    {"\0\0\x27\x10\0\x03\0\x02Z"s, Protocol::postgresql, 9},
    {"\0\0\0\x08\x04\xd2\x16\x2f"s, Protocol::postgresql, 8},
    {"\0\0\0\x08\x04\xd2\x16\x30"s, Protocol::postgresql, 8},
    {"\0\0\0\x10\x04\xd2\x16\x2e\0\0\x30\x39"s, Protocol::postgresql, 8},
    {"\0\0\x01\x0c\x04\xd2\x16\x2e\0\0\x30\x39"s, Protocol::postgresql, 8},
    {"R\0\0\0\x08\0\0\0\0S"s, Protocol::postgresql, 9},
    {"R\0\0\0\x08\0\0\0\x03"s, Protocol::postgresql, 9},
    {"R\0\0\0\x0c\0\0\0\x05\x89\xbb\x8e\xd0"s, Protocol::postgresql, 9},
    {"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"s, Protocol::postgresql, 9},
    {"NR\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"s, Protocol::postgresql, 10},
    {"\0\0\0\x04\0\0\0\0\0"s, Protocol::http2_response, 9},
    {"\0\0\x06\x04\0\0\0\0\0\0\x01\0\0\x0a\0"s, Protocol::http2_response, 15},
    {"\0\0\xf0\x04\0\0\0\0\0"s + std::string(240, 's') + "more", Protocol::http2_response, 249},
    {"EHLO mail.example.com\r\nMAIL", Protocol::smtp, 23},
    {"ehlo [192.0.2.1]\r\n", Protocol::smtp, 18},
    {"HELO a\n", Protocol::smtp, 7},
    {"helo a b\r\n", Protocol::smtp, 10},
    {"220 mail.example.com ESMTP Postfix (Debian/GNU)\r\n", Protocol::smtp, 49},
    {"220-mail.example.com ESMTP Exim 4.96\r\n220 ready\r\n", Protocol::smtp, 38},
};

const std::vector<Example> near_misses{
    {"\x16\x03\x05"s, Protocol::unknown, 3},
    {"\x16\x02\x01"s, Protocol::unknown, 3},
    {"\x13\x03\x01"s, Protocol::unknown, 3},
    {"\x18\x03\x01"s, Protocol::unknown, 3},
    {" GET / HTTP/1.1", Protocol::unknown, 2},
    {"GET\t/ HTTP/1.1", Protocol::unknown, 4},
    {"GET\r\n", Protocol::unknown, 4},
    {"{\"a\":1}", Protocol::unknown, 2},
    {"G\x80T /", Protocol::unknown, 2},
    {"abc:def /", Protocol::unknown, 4},
    {"GET /\r\n", Protocol::http1, 4},  // begins as a request, and the line says later that it's none
    {"*\r\n", Protocol::unknown, 3},
    {"*-\r\n", Protocol::unknown, 3},
    {"*1-\r\n", Protocol::unknown, 4},
    {"*1-2\r\n", Protocol::unknown, 5},
    {"+1\r\n", Protocol::unknown, 3},
    {"*1\n", Protocol::unknown, 3},
    {"*1\r1\n", Protocol::unknown, 4},
    {"*1\r\r\n", Protocol::unknown, 4},
    {"*x\r\n", Protocol::unknown, 3},
    {":server NOTICE *\r\n", Protocol::unknown, 2},  // IRC
    {":123456789012345678901\r\n", Protocol::unknown, 22},
    {"+OK POP3 ready\r\n", Protocol::http1, 4},
    {"+OK\n", Protocol::unknown, 4},
    {"* OK IMAP4rev1 ready\r\n", Protocol::http1, 2},
    {"-ERROR\r\n", Protocol::unknown, 7},
    {mysql(0, "\n8.0\x01\0"s + mysql_rest), Protocol::unknown, 9},
    {mysql(0, "\n8.0\x7f\0"s + mysql_rest), Protocol::unknown, 9},
    {mysql(0, "\nv8.0\0"s + mysql_rest), Protocol::unknown, 6},
    {mysql(0, "\x0a\0"s + mysql_rest), Protocol::unknown, 6},
    {mysql(0, "\t8.0\0"s + mysql_rest), Protocol::unknown, 5},
    {mysql(1, "\n8.0\0"s + mysql_rest), Protocol::unknown, 6},
    {mysql(0, "\n8.0.36 in a packet as long as this") + "!", Protocol::unknown, 40},
    {"\x13\0\0\0\n8.0.36\0"s, Protocol::unknown, 2},
    {"\x20\x20\0\x01"s + mysql_login, Protocol::unknown, 2},
    {"\x1f\0\0\x01"s + mysql_login, Protocol::unknown, 4},
    {"\x40\0\x01\x01"s + mysql_login, Protocol::unknown, 3},
    {"\x40\0\0\x02"s + mysql_login, Protocol::unknown, 4},
    {mysql(1, "\x85\xa4"s + mysql_login.substr(2)), Protocol::unknown, 6},
    {mysql(1, mysql_flags + "\x01"s + std::string(22, '\0')), Protocol::unknown, 14},
    {mysql(1, mysql_flags + std::string(18, '\0') + "\x01" + std::string(4, '\0')), Protocol::unknown, 32},
    {"\0\0\0\x2a\xffSMB"s, Protocol::unknown, 5},
    {"\0\0\0\x07\0\x03\0\0user"s, Protocol::unknown, 4},
    {"\0\0\x27\x11\0\x03\0\0user"s, Protocol::unknown, 4},
    {"\0\x01\0\x29\0\x03\0\0user"s, Protocol::unknown, 4},
    {"\0\0\0\x29\0\x02\0\0user"s, Protocol::unknown, 6},
    {"\0\0\0\x29\0\x03\0\0\0\0\0\x01"s, Protocol::unknown, 9},  // Kafka: metadata, version 0
    {"\0\0\0\x29\x04\xd2\x16\x2f"s, Protocol::unknown, 8},
    {"\0\0\0\x0f\x04\xd2\x16\x2e"s, Protocol::unknown, 8},
    {"\0\0\0\x08\x04\xd2\x16\x31"s, Protocol::unknown, 8},
    {"\0\0\0\x08\x04\xd2\x17\x2f"s, Protocol::unknown, 7},
    {"\0\0\0\x08\x04\x03\x16\x2f"s, Protocol::unknown, 6},
    {"\0\0\0\x08\x05\xd2\x16\x2f"s, Protocol::unknown, 5},
    {"R\0\0\0\x07\0\0\0\0"s, Protocol::unknown, 5},
    {"R\0\0\0\x08\0\0\0\x0d"s, Protocol::unknown, 9},
    {"R\0\0\0\x08\0\0\x01\0"s, Protocol::unknown, 8},
    {"R\0\x01\0\x08\0\0\0\0"s, Protocol::unknown, 3},
    {"NN\0\0\0\x08\0\0\0\0"s, Protocol::unknown, 3},
    {"NNR\0\0\0\x08\0\0\0\0"s, Protocol::unknown, 4},
    {"SR\0\0\0\x08\0\0\0\0"s, Protocol::unknown, 3},
    {"S\x16\x03\x03"s, Protocol::unknown, 3},
    {"\0\0\0\x04\x01\0\0\0\0"s, Protocol::unknown, 5},  // an acknowledgement
    {"\0\0\x05\x04\0\0\0\0\0abcde"s, Protocol::unknown, 6},
    {"\0\0\xf6\x04\0\0\0\0\0"s, Protocol::unknown, 4},
    {"\0\0\0\x05\0\0\0\0\0"s, Protocol::unknown, 4},
    {"\0\0\0\x04\0\x80\0\0\0"s, Protocol::unknown, 6},
    {"\0\0\0\x04\0\0\0\0\x01"s, Protocol::unknown, 9},
    {"EHLO\r\n", Protocol::unknown, 5},
    {"Ehlo a\r\n", Protocol::http1, 5},
    {"220 (vsFTPd 3.0.3)\r\n", Protocol::http1, 20},
    {"220-FTP\r\n220 but no SMTP\r\n", Protocol::unknown, 9},
    {"221 SMTP\r\n", Protocol::http1, 4},
};

std::vector<Example> all_examples() {
    std::vector<Example> all;
    for (const auto* list : {&http_examples, &other_examples, &near_misses}) {
        all.insert(all.end(), list->begin(), list->end());
    }
    return all;
}

// Whether some request line begins so. An oracle that tries two of them.
bool may_be_request(const std::string& text) {
    RequestLine parsed;
    const auto is_line = [&parsed](std::string_view line) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        return parse_request_line(line, parsed);
    };
    const std::size_t end = text.find('\n');
    if (end != text.npos) return is_line(std::string_view(text).substr(0, end));
    return is_line(text + " / HTTP/1.1") || is_line(text + "X / HTTP/1.1");
}

// Random bytes that come close to what is looked for: pieces of the examples, joined.
std::string random_bytes(test::Random& random, const std::vector<Example>& examples) {
    constexpr auto pieces =
        std::to_array<std::string_view>({" ", "\r", "\n", "\r\n", "\0"sv, "\0\0\0"sv, "HTTP/1.1", "/", "SMTP", "x", "-",
            "1", "234", "*", "$", ":", "N", "R", "SSH-2.", "EHLO ", "220 ", "220-", "-ERR ", "\x08"});
    std::string text;
    for (std::size_t parts = random.between(1, 6); parts != 0; --parts) {
        const std::string& example = random.of(examples).bytes;
        text += random.one_in(2) ? random.of(pieces)
                                 : std::string_view(example).substr(0, random.between(1, example.size()));
    }
    if (random.one_in(3)) text[random.below(text.size())] = static_cast<char>(random.below(256));
    return text;
}

}  // namespace

TEST_CASE("a protocol is known by its first bytes", "[detect]") {
    for (const Example& example : all_examples()) {
        for (std::size_t size = 0; size <= example.bytes.size(); ++size) {
            INFO(example.bytes << ", " << size << " bytes");
            CHECK(detected(std::string_view(example.bytes).substr(0, size)) ==
                  (size < example.decided_at ? Protocol::undecided : example.protocol));
        }
    }
}

TEST_CASE("however bytes are split, they are one protocol, and soon", "[detect]") {
    test::Random random(20240702);
    INFO(random.seed());
    const std::vector<Example> examples = all_examples();
    for (int round = 0; round < 20'000; ++round) {
        const std::string text = random_bytes(random, examples);
        const Protocol whole = detected(text);
        bool decided = false;
        for (std::size_t size = 0; size <= text.size(); ++size) {
            const Protocol part = detected(std::string_view(text).substr(0, size));
            if (part == Protocol::undecided && !decided && size < enough_to_detect) continue;
            decided = true;
            if (part != whole) FAIL_CHECK(size << " bytes differ from the whole: " << text);
        }
    }
}

TEST_CASE("what may begin a request line is taken for nothing else", "[detect]") {
    test::Random random(20240703);
    INFO(random.seed());
    const std::vector<Example> examples = all_examples();
    int requests = 0;
    int others = 0;
    for (int round = 0; round < 100'000; ++round) {
        const std::string text = random_bytes(random, examples);
        const Protocol protocol = detected(text);
        if (!may_be_request(text)) {
            others += protocol != Protocol::unknown && protocol != Protocol::http1;
            continue;
        }
        ++requests;
        if (protocol != Protocol::http1 && protocol != Protocol::undecided) FAIL_CHECK("no request: " << text);
    }
    CHECK(requests > 10'000);
    CHECK(others > 10'000);
}

TEST_CASE("no bytes stay undecided for long", "[detect]") {
    const std::string line_end = "\r\n";
    for (const std::string& begins : {"SSH-2.0-"s, "EHLO "s, "220 SMTP "s, "-ERR "s}) {
        INFO(begins);
        const std::string longest = begins + std::string(enough_to_detect - 2 - begins.size(), 'x') + line_end;
        const Protocol protocol = detected(longest);
        CHECK((protocol == Protocol::ssh || protocol == Protocol::smtp || protocol == Protocol::redis));
        CHECK(detected(longest.substr(0, enough_to_detect - 1)) == Protocol::undecided);
        const std::string longer = begins + std::string(enough_to_detect - begins.size(), 'x') + line_end;
        CHECK(detected(longer.substr(0, enough_to_detect - 1)) == Protocol::undecided);
        const Protocol given_up = begins == "SSH-2.0-" ? Protocol::unknown : Protocol::http1;
        CHECK(detected(longer.substr(0, enough_to_detect)) == given_up);
        CHECK(detected(longer) == given_up);
    }
    const std::string version = std::string(1, '8') + std::string(253, '.');
    CHECK(detected("\xff\0\0\0\x0a"s + version) == Protocol::undecided);
    CHECK(detected("\xff\0\0\0\x0a"s + version + "\0"s) == Protocol::mysql);
    CHECK(detected("\xff\0\0\0\x0a"s + version + ".") == Protocol::unknown);
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
             "GET   / HTTP/1.1\r\n"sv,
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

TEST_CASE("a segment from the middle may be frames of HTTP/2", "[detect]") {
    const std::string ping = h2::frame(NGHTTP2_PING, 0, 0, "12345678");
    const std::string get = h2::headers(5, h2::literals(h2::request("GET", "/")));
    for (const std::string& yes : {
             ping,
             get,
             h2::data(1, ""),
             h2::data(7, std::string(16'384, 'd'), false),
             h2::frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, h2::padded("abc", 4)),
             h2::frame(NGHTTP2_HEADERS, 0x2d, 1, "123456789"),
             h2::frame(NGHTTP2_PRIORITY, 0, 1, "12345"),
             h2::reset(3),
             h2::settings(),
             h2::settings_ack(),
             h2::settings({{1, 2}}),
             h2::frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, "12345"),
             h2::frame(NGHTTP2_GOAWAY, 0, 0, "12345678bye"),
             h2::frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "1234"),
             h2::frame(NGHTTP2_WINDOW_UPDATE, 0, 5, "1234"),
             h2::continuation(1, "abc"),
             ping + get,
             // Of the last one a head is enough, and less of a further one.
             ping + get.substr(0, 9),
             ping + get + ping.substr(0, 8),
         }) {
        INFO(yes.substr(0, 20));
        CHECK(looks_like_http2(as_bytes(yes)));
    }
    for (const std::string& no : {
             ""s,
             ping.substr(0, 8),
             ping.substr(0, 9),
             ping.substr(0, 16),
             ping + get.substr(0, 8),
             ping + "12345678" + get,
             h2::frame(0x0a, 0, 1),
             h2::frame(NGHTTP2_DATA, 0, 0, "a"),
             h2::frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_HEADERS, 1, "a"),
             h2::data(1, std::string(16'385, 'd')),
             h2::data(0x80000001, "a"),
             h2::headers(1, ""),
             h2::headers(0, "a"),
             h2::frame(NGHTTP2_PRIORITY, 0, 1, "1234"),
             h2::frame(NGHTTP2_RST_STREAM, 0, 1, "12345"),
             h2::frame(NGHTTP2_RST_STREAM, 0, 0, "1234"),
             h2::frame(NGHTTP2_SETTINGS, 0, 1),
             h2::frame(NGHTTP2_PING, 0, 0, "1234567"),
             h2::frame(NGHTTP2_PING, 0, 1, "12345678"),
             h2::frame(NGHTTP2_GOAWAY, 0, 0, "1234567"),
             h2::frame(NGHTTP2_WINDOW_UPDATE, 0, 1, "12345"),
             "GET / HTTP/1.1\r\n\r\n"s,
             h2::preface,
             std::string(100, 'x'),
         }) {
        INFO(no.substr(0, 20));
        CHECK_FALSE(looks_like_http2(as_bytes(no)));
    }
}
