// SPDX-License-Identifier: Apache-2.0
#include "http/framing.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/ascii.h"
#include "http/token.h"

namespace rebuilder::http {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view whitespace = " \t\r\n";  // line breaks stand in folded values
    text.remove_prefix(std::min(text.find_first_not_of(whitespace), text.size()));
    text.remove_suffix(text.size() - (text.find_last_not_of(whitespace) + 1));
    return text;
}

// Calls `visit(element)` for each element of a list (RFC 9110, section 5.6.1), empty ones left out, while it answers true.
template <class Visit>
bool each_element(std::string_view list, Visit&& visit) noexcept {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view element = trimmed(list.substr(0, comma));
        if (!element.empty() && !visit(element)) return false;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return true;
}

std::optional<std::uint64_t> decimal(std::string_view digits) noexcept {
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9' || value > (INT64_MAX - 9) / 10) return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

// Whether a name that isn't read as a framing field's could be taken for one by somebody who reads names otherwise.
bool resembles_framing(std::string_view name) noexcept {
    std::array<char, 20> letters;
    std::size_t size = 0;
    for (const char c : name) {
        if (!is_token_char(c)) continue;
        if (size == letters.size()) return false;
        letters[size++] = c;
    }
    const FieldKind kind = field_kind({letters.data(), size});
    return kind == FieldKind::content_length || kind == FieldKind::transfer_encoding;
}

}  // namespace

bool FramingReader::add(const char* text, const Field& field) noexcept {
    const std::string_view value(text + field.value_at, field.value_size);
    if ((field.loose || field.unsendable) && resembles_framing({text + field.name_at, field.name_size})) {
        refused_ = true;
    } else if (field.kind == FieldKind::transfer_encoding) {
        coded_ = true;
        const bool last = each_element(value, [this](std::string_view coding) {
            if (chunked_) return false;  // nothing may be applied on top of it
            chunked_ = equal_ignoring_case(coding, "chunked");
            return true;
        });
        refused_ = refused_ || !last;
    } else if (field.kind == FieldKind::content_length) {
        bool any = false;
        lengths_agree_ = each_element(value, [&](std::string_view element) {
            any = true;
            const std::optional<std::uint64_t> each = decimal(element);
            const bool agrees = each && length_.value_or(*each) == *each;
            length_ = each;
            return agrees;
        }) && any && lengths_agree_;
    }
    return !refused_;
}

std::optional<BodyFraming> FramingReader::framing(std::string_view version) const noexcept {
    constexpr std::string_view first_with_codings = "HTTP/1.1";
    if (refused_) return std::nullopt;
    if (coded_ && version < first_with_codings) return std::nullopt;  // some refuse it, some don't see it, some read it
    if (chunked_) return BodyFraming{Framing::chunked, 0};
    if (coded_ || !lengths_agree_) return std::nullopt;
    if (!length_) return BodyFraming{};
    return BodyFraming{Framing::content_length, *length_};
}

std::optional<BodyFraming> read_framing(
    const char* text, std::span<const Field> headers, std::string_view version) noexcept {
    FramingReader reader;
    for (const Field& field : headers) {
        if (!reader.add(text, field)) return std::nullopt;
    }
    return reader.framing(version);
}

bool names_upgrade(std::string_view connection) noexcept {
    return !each_element(connection, [](std::string_view option) { return !equal_ignoring_case(option, "upgrade"); });
}

bool asks_for_upgrade(const char* text, std::span<const Field> headers) noexcept {
    bool upgrade = false;
    bool connection = false;
    for (const Field& field : headers) {
        upgrade = upgrade || field.kind == FieldKind::upgrade;
        connection = connection ||
                     (field.kind == FieldKind::connection && names_upgrade({text + field.value_at, field.value_size}));
    }
    return upgrade && connection;
}

bool asks_for_h2c(const char* text, std::span<const Field> headers) noexcept {
    return std::any_of(headers.begin(), headers.end(), [text](const Field& field) {
        if (field.kind != FieldKind::upgrade) return false;
        return !each_element({text + field.value_at, field.value_size},
            [](std::string_view protocol) { return !equal_ignoring_case(protocol, "h2c"); });
    });
}

DeclaredLength declared_length(const char* text, std::span<const Field> headers) noexcept {
    DeclaredLength declared;
    for (const Field& field : headers) {
        if (field.kind != FieldKind::content_length) continue;
        const std::optional<std::uint64_t> each =
            field.value_size != 0 ? decimal({text + field.value_at, field.value_size}) : std::nullopt;
        declared.length = !declared.said || declared.length == each ? each : std::nullopt;
        declared.said = true;
    }
    return declared;
}

}  // namespace rebuilder::http
