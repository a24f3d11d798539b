// SPDX-License-Identifier: Apache-2.0
// What an HTTP/2 client says, as bytes: its preface, frames, and header blocks by nghttp2's deflater, or one
// representation after the other, so that what no library sends can be said, too.
//
//   preface + settings() + headers(1, literals(request("GET", "/"))) + headers(3, literals({...}), false) + data(3, "abc")
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace rebuilder::test::h2 {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// ---- frames (RFC 9113, sections 4.1 and 6) -----------------------------------------------------------------

inline std::string big_endian(std::uint64_t value, int bytes) {
    std::string text;
    while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes));
    return text;
}

inline std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload = {}) {
    std::string text = big_endian(payload.size(), 3);
    text += static_cast<char>(type);
    text += static_cast<char>(flags);
    return text.append(big_endian(stream, 4)).append(payload);
}

// For flags with NGHTTP2_FLAG_PADDED.
inline std::string padded(std::string_view payload, std::size_t padding) {
    return static_cast<char>(padding) + std::string(payload) + std::string(padding, '\0');
}

inline std::string data(std::uint32_t stream, std::string_view payload, bool end = true) {
    return frame(NGHTTP2_DATA, end ? NGHTTP2_FLAG_END_STREAM : 0, stream, payload);
}
inline std::string headers(std::uint32_t stream, std::string_view block, bool end = true) {
    return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0), stream, block);
}
// A header block that goes on, and its parts.
inline std::string headers_begin(std::uint32_t stream, std::string_view block, bool end = true) {
    return frame(NGHTTP2_HEADERS, end ? NGHTTP2_FLAG_END_STREAM : 0, stream, block);
}
inline std::string continuation(std::uint32_t stream, std::string_view block, bool last = true) {
    return frame(NGHTTP2_CONTINUATION, last ? NGHTTP2_FLAG_END_HEADERS : 0, stream, block);
}
inline std::string reset(std::uint32_t stream, std::uint32_t code = NGHTTP2_CANCEL) {
    return frame(NGHTTP2_RST_STREAM, 0, stream, big_endian(code, 4));
}
inline std::string settings(const std::vector<std::pair<int, std::uint32_t>>& values = {}) {
    std::string payload;
    for (const auto& [id, value] : values) payload += big_endian(static_cast<unsigned>(id), 2) + big_endian(value, 4);
    return frame(NGHTTP2_SETTINGS, 0, 0, payload);
}
inline std::string settings_ack() {
    return frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0);
}

// ---- header blocks (RFC 7541, sections 5 and 6) ------------------------------------------------------------

// An integer behind the high bits of `pattern`, of which `bits` are its own.
inline std::string integer(std::uint64_t value, unsigned bits, unsigned pattern = 0) {
    const std::uint64_t most = (1u << bits) - 1;
    if (value < most) return {static_cast<char>(pattern | value)};
    std::string text{static_cast<char>(pattern | most)};
    for (value -= most; value >= 128; value >>= 7) text += static_cast<char>(0x80 | (value & 127));
    return text += static_cast<char>(value);
}

enum class Literal : std::uint8_t { plain = 0x00, never_indexed = 0x10, entered = 0x40 };

inline std::string string(std::string_view text) {
    return integer(text.size(), 7).append(text);
}
inline std::string name_index(std::uint64_t index, Literal kind) {
    return integer(index, kind == Literal::entered ? 6 : 4, static_cast<unsigned>(kind));
}
inline std::string indexed(std::uint64_t index) {
    return integer(index, 7, 0x80);
}
inline std::string named(std::uint64_t index, std::string_view value, Literal kind = Literal::plain) {
    return name_index(index, kind) + string(value);
}
inline std::string literal(std::string_view name, std::string_view value, Literal kind = Literal::plain) {
    return name_index(0, kind) + string(name) + string(value);
}
inline std::string table_size(std::uint64_t bytes) {
    return integer(bytes, 5, 0x20);
}
inline std::string literals(const Fields& fields, Literal kind = Literal::plain) {
    std::string block;
    for (const auto& [name, value] : fields) block += literal(name, value, kind);
    return block;
}

// The pseudo-header fields of a request to a.example, and others behind them.
inline Fields request(const std::string& method, const std::string& path, const Fields& others = {}) {
    Fields fields{{":method", method}, {":scheme", "http"}, {":authority", "a.example"}, {":path", path}};
    fields.insert(fields.end(), others.begin(), others.end());
    return fields;
}

// One direction's encoder: nghttp2's.
class Deflater {
  public:
    explicit Deflater(std::size_t table_bytes = 4096) { nghttp2_hd_deflate_new(&deflater_, table_bytes); }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    ~Deflater() { nghttp2_hd_deflate_del(deflater_); }

    // As the decoder's settings say it; the next block begins with it.
    void change_table_size(std::size_t bytes) { nghttp2_hd_deflate_change_table_size(deflater_, bytes); }

    std::string operator()(const Fields& fields) {
        std::vector<nghttp2_nv> list;
        for (const auto& [name, value] : fields) {
            list.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
        }
        std::string block(nghttp2_hd_deflate_bound(deflater_, list.data(), list.size()), '\0');
        const ssize_t size = nghttp2_hd_deflate_hd(deflater_, bytes_of(block), block.size(), list.data(), list.size());
        block.resize(static_cast<std::size_t>(size));
        return block;
    }

  private:
    static std::uint8_t* bytes_of(const std::string& text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    }

    nghttp2_hd_deflater* deflater_ = nullptr;
};

}  // namespace rebuilder::test::h2
