// SPDX-License-Identifier: Apache-2.0
#include "http/h2_head.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "http/framing.h"
#include "http/token.h"

namespace rebuilder::http {
namespace {

constexpr auto malformed = Counter::requests_lost_http2_malformed;
constexpr std::string_view behind_target = " HTTP/1.1\r\n";

// Message::pseudo.
enum Pseudo : std::uint8_t { method = 1, scheme = 2, authority = 4, path = 8, protocol = 16, over = 32 };

// What there is to know of a name. HeaderField::note keeps it, so that it is asked once for each that the table has.
struct Name {
    bool known : 1;
    bool upper_case : 1;
    bool token : 1;
    std::uint16_t kind : 8;
};
static_assert(sizeof(Name) == sizeof(*HeaderField::note));

Name judge(const HeaderField& field) noexcept {
    auto judged = std::bit_cast<Name>(*field.note);
    if (judged.known) return judged;
    judged = {true, false, true, 0};
    for (const char c : field.name) {
        judged.token = judged.token && is_token_char(c);
        judged.upper_case = judged.upper_case || (c >= 'A' && c <= 'Z');
    }
    const FieldKind kind = judged.token ? field_kind(field.name) : FieldKind::other;
    judged.kind = static_cast<std::uint8_t>(kind);
    *field.note = std::bit_cast<std::uint16_t>(judged);
    return judged;
}

// Whether a line of HTTP/1.1 would read otherwise. The least byte is found many at a time, and is seldom that low.
bool breaks_lines(std::string_view value) noexcept {
    std::uint8_t least = 0xff;
    for (const char c : value) least = std::min(least, static_cast<std::uint8_t>(c));
    return least <= '\r' && value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos;
}

class Head {
  public:
    Head(Message& message, const Limits& limits, MessagePool& pool) noexcept
        : message_(message)
        , limits_(limits)
        , pool_(pool) {}

    // Opens a hole of `size` bytes in the text. Where it is, or null.
    [[nodiscard]] char* open(std::uint32_t at, std::size_t size, Counter& why_not) noexcept {
        if (message_.text_size + size > limits_.max_head) {
            why_not = Counter::requests_lost_head_too_large;
            return nullptr;
        }
        if (!pool_.make_room(message_.kept_block, message_.text_size, size)) {
            why_not = Counter::requests_lost_no_memory;
            return nullptr;
        }
        char* const text = reinterpret_cast<char*>(message_.kept_block->data());
        const auto moved = static_cast<std::uint32_t>(size);
        if (at != message_.text_size) {
            std::memmove(text + at + size, text + at, message_.text_size - at);
            for (Field& field : std::span(message_.fields).first(message_.field_count)) {
                field.name_at += moved;
                field.value_at += moved;
            }
        }
        message_.text_size += moved;
        return text + at;
    }

    // "name: value" behind all others.
    [[nodiscard]] std::optional<Counter> add_line(
        std::string_view name, std::string_view value, FieldKind kind, bool pseudo, bool odd) noexcept {
        constexpr std::size_t marks = 4;
        if (message_.field_count == max_fields) return Counter::requests_lost_too_many_fields;
        const std::uint32_t at = message_.text_size;
        Counter why_not;
        char* to = open(at, name.size() + value.size() + marks, why_not);
        if (to == nullptr) return why_not;
        std::memcpy(to, name.data(), name.size());
        to += name.size();
        *to++ = ':';
        *to++ = ' ';
        std::memcpy(to, value.data(), value.size());
        to += value.size();
        *to++ = '\r';
        *to = '\n';
        Field& field = message_.fields[message_.field_count++];
        const auto name_size = static_cast<std::uint32_t>(name.size());
        const auto value_size = static_cast<std::uint32_t>(value.size());
        field = {at, name_size & 0xffffff, kind, at + name_size + 2, value_size & 0xfffffff, 0, 0, odd, pseudo};
        if (kind == FieldKind::host && message_.stage == Stage::h2_head) {
            field.unsendable = message_.special.has(kind);  // Host says what :authority does
        }
        if (message_.stage == Stage::h2_head && kind != FieldKind::other) {
            message_.special.add(message_.field_count - 1, kind);
        }
        if (field.unsendable != 0 || breaks_lines(value)) message_.canonical_lines = false;
        return std::nullopt;
    }

    [[nodiscard]] std::optional<Counter> add_pseudo(const HeaderField& field) noexcept {
        const auto first_time = [this](Pseudo which) {
            const bool first = (message_.pseudo & (which | over)) == 0;
            message_.pseudo |= which;
            return first;
        };
        const std::string_view name = field.name.substr(1);
        if (name == "method") return first_time(method) ? set_method(field.value) : malformed;
        if (name == "path") return first_time(path) ? set_target(field.value) : malformed;
        if (name == "scheme") return first_time(scheme) ? std::nullopt : std::optional(malformed);
        if (name == "authority") {
            if (!first_time(authority)) return malformed;
            return add_line("Host", field.value, FieldKind::host, true, false);
        }
        if (name == "protocol") {
            if (!first_time(protocol)) return malformed;
            return add_line("Upgrade", field.value, FieldKind::upgrade, true, false);
        }
        return malformed;
    }

    // All pseudo-header fields are there (sections 8.3.1 and 8.5, RFC 8441 section 4).
    [[nodiscard]] std::optional<Counter> end_pseudo() noexcept {
        if ((message_.pseudo & over) != 0) return std::nullopt;
        const unsigned seen = message_.pseudo;
        message_.pseudo |= over;
        if ((seen & method) == 0) return malformed;
        message_.tunnel = std::string_view(message_.text(), message_.method_size) == "CONNECT";
        if (message_.tunnel && (seen & protocol) == 0) {
            if (seen != (method | authority)) return malformed;
            if (const auto why_not = set_target_to_host()) return why_not;
        } else if ((seen & (scheme | path)) != (scheme | path) || ((seen & protocol) != 0 && !message_.tunnel)) {
            return malformed;
        }
        message_.target_at = message_.method_size + 1;
        message_.version_at = message_.target_at + message_.target_size + 1;
        message_.version_size = static_cast<std::uint32_t>(behind_target.size() - 3);
        message_.header_at = message_.version_at + message_.version_size + 2;
        return std::nullopt;
    }

  private:
    [[nodiscard]] std::optional<Counter> set_method(std::string_view value) noexcept {
        if (value.empty() || token_size(value) != value.size()) return malformed;
        Counter why_not;
        char* to = open(0, value.size() + 1, why_not);
        if (to == nullptr) return why_not;
        std::memcpy(to, value.data(), value.size());
        to[value.size()] = ' ';
        message_.method_size = static_cast<std::uint32_t>(value.size());
        return std::nullopt;
    }

    [[nodiscard]] std::optional<Counter> set_target(std::string_view value) noexcept {
        Counter why_not;
        char* to = open_target(value.size(), why_not);
        if (to == nullptr) return why_not;
        std::memcpy(to, value.data(), value.size());
        return std::nullopt;
    }

    [[nodiscard]] std::optional<Counter> set_target_to_host() noexcept {
        Counter why_not;
        char* to = open_target(message_.fields[0].value_size, why_not);
        if (to == nullptr) return why_not;
        const Field& host = message_.fields[0];
        std::memcpy(to, message_.text() + host.value_at, host.value_size);
        return std::nullopt;
    }

    [[nodiscard]] char* open_target(std::size_t size, Counter& why_not) noexcept {
        const std::uint32_t at = (message_.pseudo & method) != 0 ? message_.method_size + 1 : 0;
        char* const to = open(at, size + behind_target.size(), why_not);
        if (to == nullptr) return nullptr;
        std::memcpy(to + size, behind_target.data(), behind_target.size());
        message_.target_size = static_cast<std::uint32_t>(size);
        return to;
    }

    Message& message_;
    const Limits& limits_;
    MessagePool& pool_;
};

}  // namespace

std::optional<Counter> add_h2_field(
    Message& message, const HeaderField& field, const Limits& limits, MessagePool& pool) noexcept {
    Head head(message, limits, pool);
    if (field.name.empty()) return malformed;
    if (field.name[0] == ':') return head.add_pseudo(field);
    if (message.stage == Stage::h2_head) {
        if (const auto why_not = head.end_pseudo()) return why_not;
    }
    const Name name = judge(field);
    if (name.upper_case) return malformed;
    return head.add_line(field.name, field.value, static_cast<FieldKind>(name.kind), false, !name.token);
}

std::optional<Counter> end_h2_head(
    Message& message, bool ends_stream, const Limits& limits, MessagePool& pool) noexcept {
    Head head(message, limits, pool);
    if (const auto why_not = head.end_pseudo()) return why_not;
    message.header_end = message.text_size;
    message.header_count = message.field_count;
    const DeclaredLength declared =
        declared_length(message.text(), std::span(message.fields).first(message.header_count));
    message.length_said = declared.said && !message.tunnel;  // a tunnel's DATA is no body
    message.body_left = declared.length.value_or(UINT64_MAX);
    const bool no_body = message.tunnel || (ends_stream && !declared.said);
    message.framing = no_body ? Framing::none : Framing::content_length;
    message.stage = Stage::h2_data;
    return std::nullopt;
}

}  // namespace rebuilder::http
