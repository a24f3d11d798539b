// SPDX-License-Identifier: Apache-2.0
// Request: one rebuilt request as the client sent it. A view: everything lives until the sink that got it returns.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/block.h"
#include "base/bytes.h"
#include "http/limits.h"
#include "packet/flow_key.h"

namespace rebuilder::http {

// The fields that framing, routing or addressing depend on.
enum class FieldKind : std::uint8_t {
    other,
    connection,
    content_length,
    cookie,
    expect,
    host,
    keep_alive,
    proxy_connection,
    te,
    trailer,
    transfer_encoding,
    upgrade,
    x_forwarded_for,
    x_forwarded_port,
    x_forwarded_proto,
    x_rebuilder,  // any name that begins so
    x_server_addr,
    x_server_port,
};

// The first letters of the names that have a kind, by their length; of longer ones in the last. Bit n is the nth letter.
inline constexpr auto special_letters = [] {
    constexpr std::string_view names[]{"te", "host", "cookie", "expect", "trailer", "upgrade", "connection",
        "keep-alive", "x-server-addr", "content-length", "x-forwarded-for", "proxy-connection", "x-forwarded-proto",
        "transfer-encoding"};
    std::array<std::uint32_t, 18> table{};
    for (const std::string_view name : names) table[name.size()] |= 1U << (name[0] & 31);
    for (std::size_t size = std::string_view("x-rebuilder-").size(); size < table.size(); ++size) {
        table[size] |= 1U << ('x' & 31);
    }
    return table;
}();

// A header or trailer field, by its place in Request::text. The value is without the whitespace around it
// (RFC 9110, section 5.5); a folded one still holds its line breaks (RFC 9112, section 5.2).
struct Field {
    std::uint32_t name_at;
    std::uint32_t name_size : 24;
    FieldKind kind : 8;
    std::uint32_t value_at;
    std::uint32_t value_size : 28;
    std::uint32_t folded : 1;
    std::uint32_t loose : 1;       // as in field_line.h: whitespace in front of the colon, or no colon
    std::uint32_t unsendable : 1;  // no strict receiver takes it: the name is no token, or it is a second Host
    std::uint32_t pseudo : 1 = 0;  // what HTTP/1.1 says instead of a pseudo-header field: Host, Upgrade
};
static_assert(sizeof(Field) == 16);

// The fields of a header section that are of some special kind, so that those who look for one needn't look at each field.
class SpecialFields {
  public:
    // The field at `index`, behind all that were added before.
    void add(std::size_t index, FieldKind kind) noexcept {
        kinds_ |= bit_of(kind);
        if (count_ < most) indices_[count_] = static_cast<std::uint8_t>(index);
        count_ = static_cast<std::uint8_t>(count_ + (count_ <= most));
    }
    [[nodiscard]] bool has(FieldKind kind) const noexcept { return (kinds_ & bit_of(kind)) != 0; }

    // Calls `visit(field)` for each of them among `fields`, in order.
    template <class Visit>
    void each(std::span<const Field> fields, Visit&& visit) const noexcept {
        if (count_ <= most) {
            for (std::size_t i = 0; i < count_; ++i) visit(fields[indices_[i]]);
        } else {
            for (const Field& field : fields) {
                if (field.kind != FieldKind::other) visit(field);
            }
        }
    }

  private:
    static constexpr std::size_t most = 11;  // more are unusual; then all fields are looked at

    static constexpr std::uint32_t bit_of(FieldKind kind) noexcept {
        return std::uint32_t{1} << static_cast<unsigned>(kind);
    }

    std::uint32_t kinds_ = 0;
    std::uint8_t count_ = 0;  // one more than `most`: there were even more
    std::array<std::uint8_t, most> indices_;
};
static_assert(max_fields <= 256, "an index is a byte");

// The kind of a field by its name, in any case.
[[nodiscard]] FieldKind find_field_kind(std::string_view name) noexcept;
// Most names are told by their length and first letter to be none of them.
[[nodiscard]] inline FieldKind field_kind(std::string_view name) noexcept {
    const std::size_t size = std::min(name.size(), special_letters.size() - 1);
    const bool maybe = size != 0 && (special_letters[size] >> (name[0] & 31) & 1) != 0;
    return maybe ? find_field_kind(name) : FieldKind::other;
}

enum class Framing : std::uint8_t { none, content_length, chunked };

// A body in its pieces: what was copied while it came, then what still lies in the frame that completed it.
struct Body {
    Chain* blocks = nullptr;  // whoever turns the request into bytes may take them
    Bytes tail;
    std::uint64_t size = 0;       // of both, at most --max-body
    std::uint64_t full_size = 0;  // as the client sent it, chunked coding removed
    [[nodiscard]] bool truncated() const noexcept { return full_size != size; }
};

struct Request {
    std::string_view method;
    std::string_view target;        // as sent, in whatever form
    std::string_view version;       // "HTTP/1.1", as sent; "HTTP/0.9" of a line without one; "HTTP/2"
    const char* text = nullptr;     // the request line and the header section as on the wire; fields point into it.
                                    // Of HTTP/2: what HTTP/1.1 would say, RFC 9113, section 8.3.1
    std::uint32_t header_at = 0;    // where the header section begins in it
    std::uint32_t header_size = 0;  // of all field lines, without the empty line behind them
    bool canonical_lines = true;  // every line ends with CRLF, none is folded, loose or unsendable, or has a NUL in it
    std::span<const Field> headers;
    SpecialFields special;            // of these
    std::span<const Field> trailers;  // also in `text`, behind the header section
    Framing framing = Framing::none;
    Body body;
    std::uint64_t time_ns = 0;  // of the frame that carried the first byte

    // Where it came from; filled in by who knows the connection.
    packet::Endpoint source;
    packet::Endpoint destination;
    packet::IpAddress client;  // the source, or who a proxy in front says it is
    std::uint32_t vni = packet::no_vni;

    [[nodiscard]] std::string_view name(const Field& field) const noexcept {
        return {text + field.name_at, field.name_size};
    }
    [[nodiscard]] std::string_view value(const Field& field) const noexcept {
        return {text + field.value_at, field.value_size};
    }
    // The first field of a kind, or null.
    [[nodiscard]] const Field* find(FieldKind kind) const noexcept {
        if (!special.has(kind)) return nullptr;
        for (const Field& field : headers) {
            if (field.kind == kind) return &field;
        }
        return nullptr;
    }
};

}  // namespace rebuilder::http
