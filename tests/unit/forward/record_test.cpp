// SPDX-License-Identifier: Apache-2.0
// Records, as exact lines:
//   - the keys and their order; times; addresses; escapes; folds; trailers; truncated bodies; no Host
//   - SHA-256 of known texts, base64 of bodies of 0 to 200 bytes, in one piece and in many
//   - memory that runs out at each block: nothing is held
#include "forward/record.h"

#include <string>
#include <string_view>
#include <vector>

#include "support/http_line.h"
#include "support/slot_text.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;

namespace {

struct From {
    packet::Endpoint source{packet::IpAddress::v4(0xcb007107), 51234};
    packet::Endpoint destination{packet::IpAddress::v4(0x0a00020a), 80};
    packet::IpAddress client = packet::IpAddress::v4(0xcb007107);
    std::uint32_t vni = 1377;
    std::uint64_t time_ns = 1'719'830'000'123'456'789;
};

std::vector<std::string> records(const std::string& bytes, bool bodies = false,
    const std::vector<std::size_t>& ends = {}, const From& from = {},
    const http::Limits& limits = HttpLine::small_limits()) {
    HttpLine line(limits);
    line.time_ns = from.time_ns;
    forward::RecordWriter writer(bodies);
    std::vector<std::string> lines;
    line.on_request = [&](http::Request& request) {
        request.source = from.source;
        request.destination = from.destination;
        request.client = from.client;
        request.vni = from.vni;
        forward::Slot slot;
        REQUIRE(writer.write(request, {}, line.pool(), slot) == Counter::handed_off);
        CHECK(slot.time_ns == from.time_ns);
        lines.push_back(take_text(line.pool(), slot));
    };
    (void)line.open();
    line.pieces(bytes, ends);
    line.finish();
    return lines;
}

std::string record(const std::string& bytes, bool bodies = false) {
    const auto lines = records(bytes, bodies);
    REQUIRE(lines.size() == 1);
    return lines[0];
}

const std::string nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// What is the same in most records.
std::string line_of(const std::string& middle, const std::string& end) {
    return R"({"ts":1719830000.123456,"vni":1377,"src":"203.0.113.7:51234","dst":"10.0.2.10:80",)" + middle +
           R"(,"client":"203.0.113.7",)" + end + "}\n";
}

// From RFC 4648, section 4, and from nothing else.
std::string base64(std::string_view bytes) {
    const char* alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : bytes) {
        bits = (bits << 8 | static_cast<std::uint8_t>(c)) & 0xffffff;
        for (count += 8; count >= 6; count -= 6) text += alphabet[bits >> (count - 6) & 63];
    }
    if (count != 0) text += alphabet[bits << (6 - count) & 63];
    while (text.size() % 4 != 0) text += '=';
    return text;
}

}  // namespace

TEST_CASE("a record has the agreed keys in the agreed order", "[record]") {
    CHECK(
        record("POST /cart?x=1 HTTP/1.1\r\nHost: shop.example.com\r\nA:  b \r\nA: c\r\nContent-Length: 3\r\n\r\nabc") ==
        line_of(R"("version":"HTTP/1.1","method":"POST","target":"/cart?x=1","host":"shop.example.com",)"
                R"("headers":[["Host","shop.example.com"],["A","b"],["A","c"],["Content-Length","3"]],)"
                R"("body_len":3,"body_sha256":")" +
                    abc + "\"",
            R"("truncated":false,"trailers":[])"));
    CHECK(
        record("GET / HTTP/1.0\r\n\r\n") ==
        line_of(
            R"("version":"HTTP/1.0","method":"GET","target":"/","host":"","headers":[],"body_len":0,"body_sha256":")" +
                nothing + "\"",
            R"("truncated":false,"trailers":[])"));
}

TEST_CASE("a record is what the client sent, before any rewriting", "[record]") {
    CHECK(
        record("PUT http://b/p HTTP/1.1\r\nConnection: x\r\nX: 1\r\nHost:\r\nhost: second\r\nTransfer-Encoding: "
               "chunked\r\n"
               "X-Rebuilder-A: 1\r\n\r\n1\r\na\r\n2;e\r\nbc\r\n0\r\nT: u\r\nV:\r\n\r\n") ==
        line_of(
            R"("version":"HTTP/1.1","method":"PUT","target":"http://b/p","host":"",)"
            R"("headers":[["Connection","x"],["X","1"],["Host",""],["host","second"],["Transfer-Encoding","chunked"],)"
            R"(["X-Rebuilder-A","1"]],"body_len":3,"body_sha256":")" +
                abc + "\"",
            R"("truncated":false,"trailers":[["T","u"],["V",""]])"));
}

TEST_CASE("each byte of a text stays itself", "[record]") {
    std::string value, escaped;
    for (int byte = 1; byte < 256; ++byte) {
        if (byte == '\n' || byte == '\r') continue;
        value += static_cast<char>(byte);
        const char* hex = "0123456789abcdef";
        if (byte == '"' || byte == '\\') {
            escaped += '\\';
            escaped += static_cast<char>(byte);
        } else if (byte == '\b') {
            escaped += "\\b";
        } else if (byte == '\t') {
            escaped += "\\t";
        } else if (byte == '\f') {
            escaped += "\\f";
        } else if (byte < 0x20 || byte >= 0x80) {
            escaped += std::string("\\u00") + hex[byte >> 4] + hex[byte & 15];
        } else {
            escaped += static_cast<char>(byte);
        }
    }
    const std::string line = record("GET /\"\\\xe9 HTTP/1.1\r\nA: x" + value + "x\r\nB: \0\r\n\r\n"s);
    CHECK(line.find(R"("target":"/\"\\\u00e9")") != line.npos);
    CHECK(line.find(R"([["A","x)" + escaped + R"(x"],["B","\u0000"]])") != line.npos);
}

TEST_CASE("a folded value is one line", "[record]") {
    const std::string line =
        record("GET / HTTP/1.1\r\nHost: a\r\n .b\r\nA: b \r\n \t c\n d\r\nE:\r\n f\r\nG: h\r\n \r\n\r\n");
    CHECK(line.find(R"("host":"a .b","headers":[["Host","a .b"],["A","b c d"],["E","f"],["G","h"]],)") != line.npos);
}

TEST_CASE("a folded value may be as long as a head", "[record]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_head = 200'000;
    const std::string part(90'000, 'a');
    const auto lines = records("GET / HTTP/1.1\r\nA: " + part + "\r\n " + part + "\r\n\r\n", false, {}, {}, limits);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("[[\"A\",\"" + part + " " + part + "\"]]") != std::string::npos);
}

TEST_CASE("times have microseconds", "[record]") {
    struct Time {
        std::uint64_t ns;
        const char* text;
    };
    for (const auto& [ns, text] : std::to_array<Time>({
             {0, "0.000000"},
             {999, "0.000000"},
             {1'000, "0.000001"},
             {999'999'999, "0.999999"},
             {1'000'000'000, "1.000000"},
             {1'719'830'000'000'001'000, "1719830000.000001"},
             {1'719'830'000'100'000'000, "1719830000.100000"},
             {18'446'744'073'709'551'615u, "18446744073.709551"},
         })) {
        From from;
        from.time_ns = ns;
        CHECK(records("GET / HTTP/1.1\r\n\r\n", false, {}, from).at(0).starts_with("{\"ts\":"s + text + ",\"vni\""));
    }
}

TEST_CASE("addresses of the other family, no tunnel, and a client behind a proxy", "[record]") {
    From from;
    from.source = {{0x20010db800000000, 1}, 65535};
    from.destination = {{0, 1}, 8080};
    from.client = {0x20010db800000000, 0xabcd000000000000};
    from.vni = packet::no_vni;
    const std::string line = records("GET / HTTP/1.1\r\n\r\n", false, {}, from).at(0);
    CHECK(line.find(R"("vni":null,"src":"[2001:db8::1]:65535","dst":"[::1]:8080",)") != line.npos);
    CHECK(line.find(R"("client":"2001:db8:0:0:abcd::","truncated")") != line.npos);
    from.vni = 0;
    from.client = packet::IpAddress::v4(0x01020304);
    const std::string other = records("GET / HTTP/1.1\r\n\r\n", false, {}, from).at(0);
    CHECK(other.find(R"("vni":0,)") != other.npos);
    CHECK(other.find(R"("client":"1.2.3.4",)") != other.npos);
}

TEST_CASE("a truncated body is recorded as far as it was kept", "[record]") {
    http::Limits limits = HttpLine::small_limits();
    limits.max_body = 3;
    const auto lines = records("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef", true, {}, {}, limits);
    REQUIRE(lines.size() == 1);
    CHECK(
        lines[0] ==
        line_of(
            R"("version":"HTTP/1.1","method":"POST","target":"/","host":"a","headers":[["Host","a"],["Content-Length","6"]],)"
            R"("body_len":3,"body_sha256":")" +
                abc + "\"",
            R"("truncated":true,"trailers":[],"body_full_len":6,"body_b64":"YWJj")"));
}

TEST_CASE("SHA-256 of known texts", "[record]") {
    struct Known {
        std::string body, digest;
    };
    // FIPS 180-2, appendix B.
    for (const auto& [body, digest] : {Known{"", nothing}, Known{"abc", abc},
             Known{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
             Known{std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}}) {
        http::Limits limits = HttpLine::small_limits();
        HttpLine line(limits, {4096, 1024});
        forward::RecordWriter writer(false);
        std::string text;
        line.on_request = [&](http::Request& request) {
            forward::Slot slot;
            REQUIRE(writer.write(request, {}, line.pool(), slot) == Counter::handed_off);
            for (Block* block = slot.first; block != nullptr;) {
                Block* next = block->next;
                text += as_text(block->bytes());
                line.pool().give(block);
                block = next;
            }
        };
        const std::string bytes =
            "PUT / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        (void)line.open();
        line.pieces(bytes, {bytes.size() / 3, bytes.size() / 2, bytes.size() - 1});
        line.finish();
        CHECK(text.find("\"body_len\":" + std::to_string(body.size()) + ",\"body_sha256\":\"" + digest + "\"") !=
              text.npos);
    }
}

TEST_CASE("bodies of every size in base64, in one piece and in many", "[record]") {
    std::string body;
    for (int i = 0; i < 200; ++i) body += static_cast<char>(i * 37 + 11);
    for (std::size_t size = 0; size <= body.size(); ++size) {
        const std::string part = body.substr(0, size);
        const std::string head = "PUT / HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
        std::vector<std::vector<std::size_t>> cuts{
            {}, {head.size() + size / 2}, {head.size() + 1, head.size() + 3}, {head.size() + 49}};
        std::vector<std::size_t> each;
        for (std::size_t i = 0; i < size; ++i) each.push_back(head.size() + i);
        cuts.push_back(each);
        for (auto& ends : cuts) {
            if (!ends.empty() && ends.back() > head.size() + size) continue;
            const std::string line = records(head + part, true, ends).at(0);
            INFO(size << " bytes");
            CHECK(line.ends_with(",\"trailers\":[],\"body_b64\":\"" + base64(part) + "\"}\n"));
        }
    }
    // Chunks make pieces, too.
    CHECK(record("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n2\r\ncd\r\n0\r\n\r\n", true)
              .ends_with(",\"body_b64\":\"YWJjZA==\"}\n"));
}

TEST_CASE("a record that finds no memory holds none", "[record]") {
    const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n" + std::string(200, 'x');
    std::size_t shed = 0;
    std::size_t written = 0;
    for (std::size_t left = 0; left < 10; ++left) {
        HttpLine line(HttpLine::small_limits(), {128, 32});
        forward::RecordWriter writer(true);
        line.on_request = [&](http::Request& request) {
            line.leave_blocks(left);
            const std::size_t before = line.pool().available();
            forward::Slot slot;
            const Counter verdict = writer.write(request, {}, line.pool(), slot);
            (verdict == Counter::handed_off ? written : shed) += 1;
            if (verdict != Counter::handed_off) CHECK(verdict == Counter::shed_no_memory);
            for (Block* block = slot.first; block != nullptr;) {
                Block* next = block->next;
                line.pool().give(block);
                block = next;
            }
            CHECK(line.pool().available() == before);
            CHECK(body_of(request).size() == 200);  // left alone
        };
        (void)line.open();
        line.pieces(bytes, {100, 150});
        line.finish();
    }
    CHECK(shed == 6);
    CHECK(written == 4);
}
