// SPDX-License-Identifier: Apache-2.0
// HostileRequests: what a client may send to make two readers of its bytes disagree, mixed with requests in good order.
//
//   HostileRequests hostile(random);
//   const HostileStream stream = hostile.stream();  // the bytes of one connection
//
// A request begins as a good one, and is then bent: into shapes that are known from request smuggling, each of which is
// a function here, and by random changes of its bytes. Same random numbers, same bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/random.h"

namespace rebuilder::test {

struct HostileStream {
    std::string bytes;
    std::vector<std::size_t> begins;  // where each request in them begins; a random change may have moved it
};

class HostileRequests {
  public:
    explicit HostileRequests(Random& random) : random_(random) {}

    HostileStream stream() {
        HostileStream made;
        for (std::size_t i = 0, count = random_.between(1, 6); i < count; ++i) {
            made.begins.push_back(made.bytes.size());
            // A connection is known by its first line, so that is often a good one.
            made.bytes += i == 0 && random_.one_in(2) ? assemble(good()) : request();
        }
        return made;
    }

    std::string request() {
        Draft draft = good();
        if (!random_.one_in(4)) {
            for (std::size_t i = 0, count = random_.between(1, 3); i < count; ++i) bend(draft);
        }
        std::string bytes = assemble(draft);
        if (random_.one_in(4)) {
            for (std::size_t i = 0, count = random_.between(1, 3); i < count; ++i) change(bytes);
        }
        return bytes;
    }

  private:
    using Lines = std::vector<std::string>;

    // A request in the pieces that the shapes work on. `framing` are the fields that say how long `body` is, which are
    // `content` in whatever coding.
    struct Draft {
        std::string before;
        std::string method = "GET";
        std::string target = "/";
        std::string version = " HTTP/1.1";
        Lines fields;
        Lines framing;
        std::string content;
        std::string body;
        std::size_t bare_lf = 0;  // one line in so many ends so
    };

    static std::string number(std::size_t value) { return std::to_string(value); }
    static std::string field(std::string_view name, std::string_view value) {
        return std::string(name).append(": ").append(value);
    }
    static std::string with(std::string text, std::string_view mark, std::string_view value) {
        for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + value.size())) {
            text.replace(at, mark.size(), value);
        }
        return text;
    }

    template <class List>
    std::string pick(const List& list) {
        return std::string(random_.of(list));
    }
    void insert(Lines& lines, std::string line) {
        const auto at = static_cast<std::ptrdiff_t>(random_.below(lines.size() + 1));
        lines.insert(lines.begin() + at, std::move(line));
    }
    // One that some reader takes for an end, a separator, nothing, or something else.
    std::string odd_byte() {
        using namespace std::string_view_literals;
        static constexpr auto odd = "\0\t\n\v\f\r\x01\x1f \x7f\x80\x85\xa0\xad\xff:,;%\"()/@[]{}\\_=<>`|#?&+0"sv;
        return std::string(1, random_.of(odd));
    }
    void insert_odd_byte(std::string& text) {
        const std::size_t at = random_.below(text.size() + 1);
        text.insert(at, odd_byte());
    }

    // ---- a request in good order ----

    Draft good() {
        static constexpr std::string_view methods[]{
            "GET", "GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "M-SEARCH"};
        static constexpr std::string_view tails[]{"", "/", "?a=b&c=%20", "/%C3%A9", "/..;/x", "?q=<a>'\"|{}"};
        Draft draft;
        draft.method = pick(methods);
        draft.target = "/" + number(++requests_) + pick(tails);
        draft.fields = {"Host: a.example", "User-Agent: test"};
        if (random_.one_in(2)) insert(draft.fields, "Cookie: a=b; c=d");
        if (random_.one_in(4)) insert(draft.fields, "X-A:no space,  two\tand a tab \t ");
        if (random_.one_in(8)) insert(draft.fields, "X-Empty:");
        draft.content = random_content();
        switch (random_.below(3)) {
        case 0: draft.content.clear(); break;
        case 1: say_length(draft); break;
        default: say_chunked(draft);
        }
        return draft;
    }

    std::string random_content() {
        static constexpr std::string_view pieces[]{
            "0\r\n\r\n", "\r\n", "GET / HTTP/1.1\r\n", "a", "Host: b\r\n", "ffff", std::string_view("\0", 1), "\xff"};
        std::string content;
        for (std::size_t i = 0, count = random_.one_in(8) ? random_.below(3000) : random_.below(8); i < count; ++i) {
            content += random_.of(pieces);
        }
        return content;
    }

    static void say_length(Draft& draft) {
        draft.framing = {field("Content-Length", number(draft.content.size()))};
        draft.body = draft.content;
    }
    void say_chunked(Draft& draft) {
        draft.framing = {"Transfer-Encoding: chunked"};
        draft.body = chunked(draft.content);
    }

    static std::string hex(std::size_t value) {
        std::string digits;
        do {
            digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
            value >>= 4;
        } while (value != 0);
        return digits;
    }
    std::string chunked(std::string_view content) {
        std::string body;
        while (!content.empty()) {
            const std::size_t size = random_.between(1, content.size());
            body.append(hex(size)).append("\r\n").append(content.substr(0, size)).append("\r\n");
            content.remove_prefix(size);
        }
        return body + "0\r\n\r\n";
    }

    std::string assemble(const Draft& draft) {
        const auto end = [&] { return draft.bare_lf != 0 && random_.one_in(draft.bare_lf) ? "\n" : "\r\n"; };
        Lines lines = draft.fields;
        const std::size_t at = random_.below(lines.size() + 1);
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), draft.framing.begin(), draft.framing.end());
        std::string bytes = draft.before;
        bytes.append(draft.method).append(" ").append(draft.target).append(draft.version).append(end());
        for (const std::string& line : lines) bytes.append(line).append(end());
        return bytes.append(end()).append(draft.body);
    }

    // ---- shapes ----

    void bend(Draft& draft) {
        using Shape = void (HostileRequests::*)(Draft&);
        static constexpr Shape shapes[]{
            &HostileRequests::coding_and_length,
            &HostileRequests::odd_coding,
            &HostileRequests::odd_length,
            &HostileRequests::request_in_body,
            &HostileRequests::body_without_framing,
            &HostileRequests::odd_chunks,
            &HostileRequests::odd_trailers,
            &HostileRequests::odd_line_ends,
            &HostileRequests::odd_line,
            &HostileRequests::odd_name,
            &HostileRequests::odd_value,
            &HostileRequests::odd_target,
            &HostileRequests::other_target_form,
            &HostileRequests::odd_version,
            &HostileRequests::odd_method,
            &HostileRequests::odd_host,
            &HostileRequests::forged_fields,
            &HostileRequests::connection_options,
            &HostileRequests::expectation_or_upgrade,
            &HostileRequests::large_head,
        };
        (this->*random_.of(shapes))(draft);
    }

    void coding_and_length(Draft& draft) {
        const std::string length = field("Content-Length", number(random_.below(draft.content.size() + 2)));
        draft.body = random_.one_in(3) ? draft.content : chunked(draft.content);
        draft.framing = {"Transfer-Encoding: chunked"};
        insert(draft.framing, length);
    }

    void odd_coding(Draft& draft) {
        using namespace std::string_view_literals;
        static constexpr std::string_view codings[]{
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding: identity, chunked",
            "Transfer-Encoding:  chunked",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunkedx",
            "Transfer-Encoding: chunked\x0b",
            "Transfer-Encoding: \x0b"
            "chunked",
            "Transfer-Encoding: chunked\0"sv,
            "Transfer-Encoding: chunked\xa0",
            "Transfer-Encoding : chunked",
            "Transfer-Encoding\t: chunked",
            " Transfer-Encoding: chunked",
            "Transfer-Encoding\x0b: chunked",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: gzip",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked, gzip",
            "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: Chunked",
            "transfer-encoding:chunked \t",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding: 'chunked'",
            "Transfer-Encoding: chunked;q=1",
            "Transfer-Encoding: chun ked",
            "Transfer-Encoding:",
            "Transfer-Encoding: ,",
            "Transfer-Encoding: ,chunked",
            "Transfer-Encoding: chunked,",
            "Transfer_Encoding: chunked",
            "Transfer-Encodin: chunked",
            "Transfer-Encoding:\r\n chunked",
            "Transfer-Encoding:\r\n\tchunked\r\n ",
            "Transfer-Encoding: chun\r\n ked",
            "Transfer-Encoding: chunked\r\n , identity",
            "Transfer-Encoding: identity\r\n , chunked",
            "Transfer-Encoding: \rchunked",
            "Transfer-Encoding: chunked\r",
            "Transfer-Encoding\r\n: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\ntransfer-encoding: x",
            "X-A: b\r\n Transfer-Encoding: chunked",
            "X-A: b\rTransfer-Encoding: chunked",
            "X-A: b\nTransfer-Encoding: chunked",
            "X-A\nTransfer-Encoding: chunked",
            "TE: chunked",
            "Content-Encoding: chunked",
        };
        draft.framing = {pick(codings)};
        if (random_.one_in(2)) insert(draft.framing, field("Content-Length", number(draft.content.size())));
        draft.body = random_.one_in(3) ? draft.content : chunked(draft.content);
    }

    // N is the length that is said, M another one.
    void odd_length(Draft& draft) {
        using namespace std::string_view_literals;
        static constexpr std::string_view lengths[]{
            "Content-Length: N",
            "content-length:N \t",
            "Content-Length: +N",
            "Content-Length: -N",
            "Content-Length: 0N",
            "Content-Length: 000000000000000000000000000000N",
            "Content-Length: 0xN",
            "Content-Length: N.0",
            "Content-Length: Ne0",
            "Content-Length: N;",
            "Content-Length: N;a=b",
            "Content-Length: \"N\"",
            "Content-Length: N N",
            "Content-Length: N, N",
            "Content-Length: N,M",
            "Content-Length: ,N",
            "Content-Length: N,",
            "Content-Length: N\x0b",
            "Content-Length: N\0"sv,
            "Content-Length: \x0bN",
            "Content-Length: N\xa0",
            "Content-Length:",
            "Content-Length: x",
            "Content-Length: 18446744073709551615",
            "Content-Length: 18446744073709551616",
            "Content-Length: 184467440737095516160000000000N",
            "Content-Length: 4294967296",
            "Content-Length : N",
            "Content-Length\t: N",
            " Content-Length: N",
            "Content_Length: N",
            "Content-Length\r\n: N",
            "Content-Length:\r\n N",
            "Content-Length: N\r\n ",
            "Content-Length: N\r\n 0",
            "Content-Length: N\r\n , M",
            "Content-Length: \rN",
            "Content-Length: N\r",
            "Content-Length: N\rContent-Length: M",
            "Content-Length: N\nContent-Length: M",
            "Content-Length: N\r\nContent-Length: N",
            "Content-Length: N\r\nContent-Length: M",
            "Content-Length: M\r\ncontent-length: N",
            "Content-Length: N\r\nContent-Length:",
            "X-A: b\r\n Content-Length: N",
            "X-A: b\rContent-Length: N",
        };
        const std::size_t size = draft.content.size();
        const std::size_t shift = random_.one_in(2) ? 1 : random_.below(3);  // one less, exact, one more
        const std::string said = number(size + shift - std::min<std::size_t>(size + shift, 1));
        const std::string other = number(random_.below(size + 3));
        draft.framing = {with(with(pick(lengths), "N", said), "M", other)};
        draft.body = draft.content;
    }

    // With a length that fits, is one too short, or one too long: then a byte of the next request is part of the body.
    void request_in_body(Draft& draft) {
        static constexpr std::string_view inner[]{
            "GET /inside HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /inside HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n",
            "0\r\n\r\nGET /inside HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /inside HTTP/1.1\r\nX-A: ",
            "\r\nGET /inside HTTP/1.1\r\nHost: a\r\n\r\n0\r\n\r\n",
        };
        draft.content = pick(inner);
        if (random_.one_in(3)) return say_chunked(draft);
        draft.framing = {field("Content-Length", number(draft.content.size() + 1 - random_.below(3)))};
        draft.body = draft.content;
    }

    void body_without_framing(Draft& draft) {
        draft.framing.clear();
        draft.body = draft.content;
    }

    void odd_chunks(Draft& draft) {
        // S is the size of a chunk, in hexadecimal.
        static constexpr std::string_view sizes[]{"S\r\n", "S;a=b\r\n", "S;a=\"\r\n\"\r\n", "S ; a\r\n", "S\t\r\n",
            "S \r\n", "0000000000000000000S\r\n", "S\n", "S;a\n", "S;a\nb\r\n", "S;\rb\r\n", "S\r\r\n", "0xS\r\n",
            "+S\r\n", "-S\r\n", " S\r\n", "S,\r\n", "S\x0b\r\n", "Sg\r\n", "\r\nS\r\n", "fffffffffffffffS\r\n",
            "10000000000000000S\r\n", "S", "\r\n", ";\r\n"};
        static constexpr std::string_view ends[]{"\r\n", "\r\n", "\r\n", "\n", "", "\r", "\r\n\r\n", "x\r\n"};
        static constexpr std::string_view lasts[]{"0\r\n\r\n", "0\r\n\r\n", "0\n\n", "000\r\n\r\n", "0;a=b\r\n\r\n",
            "0\r\n", "0 \r\n\r\n", "-0\r\n\r\n", "", "0\r\n\r", "0\r\n\n", "0\n\r\n"};
        draft.framing = {"Transfer-Encoding: chunked"};
        draft.body.clear();
        std::string_view rest = draft.content;
        while (!rest.empty()) {
            const std::size_t size = random_.between(1, rest.size());
            const std::string digits = hex(random_.one_in(16) ? size + 1 : size);
            const bool odd = random_.one_in(2);
            draft.body.append(odd ? with(pick(sizes), "S", digits) : digits + "\r\n").append(rest.substr(0, size));
            draft.body.append(odd ? pick(ends) : "\r\n");
            rest.remove_prefix(size);
        }
        draft.body += pick(lasts);
    }

    void odd_trailers(Draft& draft) {
        static constexpr std::string_view trailers[]{"Content-Length: 5", "Transfer-Encoding: chunked", "Host: b",
            "X-A: b", "X-A: b\r\n c", "X-A : b", "X-A", "Connection: close", ": b", " X-A: b", "X-A: b\rGET / HTTP/1.1",
            "X-A: b\n"};
        say_chunked(draft);
        draft.body.resize(draft.body.size() - 2);
        for (std::size_t i = 0, count = random_.between(1, 3); i < count; ++i) {
            draft.body.append(pick(trailers)).append("\r\n");
        }
        draft.body += "\r\n";
    }

    void odd_line_ends(Draft& draft) {
        static constexpr std::string_view before[]{"\r\n", "\r\n\r\n", "\n", "\r", " ", "\r\n "};
        if (random_.one_in(3)) draft.before = pick(before);
        draft.bare_lf = random_.between(1, 6);
        if (random_.one_in(3)) draft.target += " ";  // as long as with CRLF
    }

    void odd_line(Draft& draft) {
        static constexpr std::string_view lines[]{"X-A", "X-A : b", "X-A\t: b", ": b", ":", " ", "\t", " X-A: b",
            "X-A: b\r\n c", "X-A: b\r\n\tc\r\n  d ", "X-A:\r\n b", "X-A: b \r\n ", "X-A: b\r\n  \r\n c", "X-A: b\n c",
            "X-A: b\rc", "X-A\r: b", "X A: b", "\"X-A\": b", "GET / HTTP/1.1", "Host: a\r\n b", "X-A: b\r"};
        insert(draft.fields, pick(lines));
        if (random_.one_in(3)) draft.fields.insert(draft.fields.begin(), pick(lines));
    }

    void odd_name(Draft& draft) {
        std::string name = random_.one_in(4) ? "Content-Length" : "X-Name";
        insert_odd_byte(name);
        insert(draft.fields, name + ": 3");
    }

    void odd_value(Draft& draft) {
        std::string value = "some value";
        for (std::size_t i = 0, count = random_.between(1, 3); i < count; ++i) insert_odd_byte(value);
        insert(draft.fields, field("X-Value", value));
    }

    void odd_target(Draft& draft) {
        static constexpr std::string_view tails[]{" ", " b", " HTTP/1.1", "  HTTP/1.1 b", "%zz", "%", "%0d%0aHost:%20b",
            "\t", "\r", "#a", "?\xff", "\\", "\x7f", "/../..", "//b", "%00", "\xc3\xa9"};
        draft.target += pick(tails);
        if (random_.one_in(2)) insert_odd_byte(draft.target);
    }

    void other_target_form(Draft& draft) {
        using namespace std::string_view_literals;
        static constexpr std::string_view targets[]{"http://b.example/x", "http://b.example", "http://b.example?x",
            "http://b.example#x", "HTTP://B.example/x", "HTTPS://B.example:8443/x", "http://user:password@b.example/x",
            "http://a@c@b.example/x", "http://@/x", "http:///x", "http://", "http:/x", "http://b.example:80:80/x",
            "http://b%0d%0aX-A:%20c/x", "http://b\rX-A: c/x", "http://b c/x", "http://b\tc/x", "http://b\0c/x"sv,
            "http://b,c/x", "http://[2001:db8::1]:80/x", "http://[::1/x", "http://\xff/x", "http://b\\@c/x",
            "ftp://b.example/x", "b.example:443", "b.example", "*", "**", "*/x", "/*", "?x", "#x", "//b.example/x", "x",
            "http://*", "ws://b.example/x", "mailto:a@b"};
        static constexpr std::string_view methods[]{"OPTIONS", "CONNECT", "connect"};
        draft.target = pick(targets);
        if (random_.one_in(3)) draft.method = pick(methods);
        if (random_.one_in(8)) insert_odd_byte(draft.target);
    }

    void odd_version(Draft& draft) {
        static constexpr std::string_view versions[]{"", " ", " HTTP/0.9", " HTTP/1.0", " HTTP/1.2", " HTTP/1.9",
            " HTTP/2.0", " HTTP/9.9", " HTTP/1", " HTTP/1.", " HTTP/1.10", " HTTP/01.1", " HTTP/1.1 ", "  HTTP/1.1",
            " http/1.1", " HTTP/1,1", " HTP/1.1", " HTTP/1.1x", "\tHTTP/1.1", " HTTP/1.1\t", " HTTP/1.1\r",
            " HTTP/ 1.1", " HTTP/1.1 HTTP/1.1", "HTTP/1.1"};
        draft.version = pick(versions);
    }

    void odd_method(Draft& draft) {
        static constexpr std::string_view methods[]{"get", "G", "X-Y_Z", "!#$%&'*+-.^_`|~", "GET\t", " GET", "GE T",
            "G\xff", "G:T", "CONNECT", "PRI", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG",
            "", "HTTP/1.1", "hEAD"};
        draft.method = pick(methods);
    }

    void odd_host(Draft& draft) {
        static constexpr std::string_view hosts[]{"Host:", "Host: ", "Host: b, c", "Host: b c", "Host: b\tc",
            "Host: user@b", "Host: b/x", "host: b", "HOST: b:80", "Host : b", " Host: b", "Host: b\r\n c",
            "Host: b\xff", "Host: b\x01"};
        if (random_.one_in(2)) {
            std::erase_if(draft.fields, [](const std::string& line) { return line.starts_with("Host"); });
        }
        for (std::size_t i = 0, count = random_.below(3); i < count; ++i) insert(draft.fields, pick(hosts));
    }

    // What a receiver would trust, as if a proxy had said it.
    void forged_fields(Draft& draft) {
        static constexpr std::string_view fields[]{"X-Forwarded-For: 192.0.2.66",
            "X-Forwarded-For:", "X-Forwarded-For: \t", "X-Forwarded-For: 192.0.2.66,",
            "X-Forwarded-For: 192.0.2.66\r\n , 192.0.2.67", "x-forwarded-for:unknown", "X-Forwarded-For : 192.0.2.66",
            "X_Forwarded_For: 192.0.2.66", "X-Forwarded-Proto: https", "X-Forwarded-Port: 443",
            "x-forwarded-port:", "X-Server-Addr: 192.0.2.66", "x-server-port: 1", "X-Server-Port:\r\n 1", "X-Server: a",
            "X-Rebuilder-Truncated: 1", "x-rebuilder-: b", "X-Rebuilder: b", "X-Real-IP: 192.0.2.66",
            "Forwarded: for=192.0.2.66", "Via: 1.1 a", "Keep-Alive: 5", "Proxy-Connection: close", "Trailer: Host",
            "TE: trailers"};
        for (std::size_t i = 0, count = random_.between(1, 4); i < count; ++i) insert(draft.fields, pick(fields));
    }

    void connection_options(Draft& draft) {
        static constexpr std::string_view options[]{"close", "keep-alive", "Content-Length", "Host",
            "Transfer-Encoding", "X-A", "X-Value", "User-Agent", "Cookie", "X-Forwarded-For", "X-Server-Addr",
            "x-forwarded-proto", "X-Rebuilder-Truncated", "", "a b", "X-A;q=1", "\"X-A\"", "X-Empty", "connection",
            "Upgrade", "\r\n X-A", "HTTP2-Settings"};
        std::string list;
        for (std::size_t i = 0, count = random_.one_in(8) ? 24 : random_.between(1, 4); i < count; ++i) {
            list.append(list.empty() ? "" : ", ").append(pick(options));
        }
        insert(draft.fields, field("Connection", list));
        if (random_.one_in(2)) insert(draft.fields, "X-A: b");
    }

    void expectation_or_upgrade(Draft& draft) {
        static constexpr std::string_view lines[]{"Expect: 100-continue", "Expect: 200-ok",
            "Expect:", "Connection: Upgrade\r\nUpgrade: websocket",
            "Upgrade: h2c\r\nConnection: upgrade, HTTP2-Settings\r\nHTTP2-Settings: a", "Upgrade: websocket",
            "Connection: upgrade"};
        insert(draft.fields, pick(lines));
    }

    void large_head(Draft& draft) {
        switch (random_.below(4)) {
        case 0:
            for (std::size_t i = 0, count = random_.between(245, 300); i < count; ++i) draft.fields.push_back("X-A: b");
            break;
        case 1: insert(draft.fields, field("X-Long", std::string(random_.between(3900, 4200), 'v'))); break;
        case 2: insert(draft.fields, field("X-Long", std::string(random_.between(60'000, 66'000), 'v'))); break;
        default: draft.target.append(random_.between(4000, 9000), 't');
        }
    }

    // ---- random changes ----

    void change(std::string& bytes) {
        if (bytes.empty()) return;
        const std::size_t at = random_.below(bytes.size());
        const std::size_t size = random_.between(1, std::min<std::size_t>(bytes.size() - at, 20));
        switch (random_.below(5)) {
        case 0: bytes[at] = static_cast<char>(bytes[at] ^ 1 << random_.below(8)); break;
        case 1: bytes.replace(at, 1, odd_byte()); break;
        case 2: bytes.erase(at, size); break;
        case 3: bytes.insert(at, bytes.substr(at, size)); break;
        default: {
            const std::string other = assemble(good());
            const std::size_t from = random_.below(other.size());
            bytes.replace(at, size, other, from, random_.between(1, 60));
        }
        }
    }

    Random& random_;
    std::size_t requests_ = 0;
};

}  // namespace rebuilder::test
