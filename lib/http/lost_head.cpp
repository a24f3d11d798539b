// SPDX-License-Identifier: Apache-2.0
#include "http/lost_head.h"

#include <algorithm>
#include <cstring>

#include "http/field_line.h"
#include "http/request_line.h"

namespace rebuilder::http {
namespace {

// Whether what a field says, and not only its name, decides what comes behind the head.
bool matters(FieldKind kind) noexcept {
    return kind == FieldKind::content_length || kind == FieldKind::transfer_encoding || kind == FieldKind::connection ||
           kind == FieldKind::upgrade;
}

}  // namespace

LostHead::LostHead(bool connect, std::string_view version) noexcept
    : version_size_(static_cast<std::uint8_t>(std::min(version.size(), sizeof version_)))
    , in_fields_(true)
    , connect_(connect) {
    version.copy(version_, version_size_);
}

void LostHead::add(const char* text, const Field& field) noexcept {
    any_field_ = true;
    framing_.add(text, field);
    const std::string_view value(text + field.value_at, field.value_size);
    upgrade_ = upgrade_ || field.kind == FieldKind::upgrade;
    h2c_ = h2c_ || asks_for_h2c(text, {&field, 1});
    named_ = named_ || (field.kind == FieldKind::connection && names_upgrade(value));
}

LostHead::Step LostHead::step(char* buffer, std::string_view bytes) noexcept {
    std::size_t used = 0;
    while (used != bytes.size()) {
        const std::size_t end = bytes.find('\n', used);
        const bool whole = end != bytes.npos;
        const std::size_t size = (whole ? end + 1 : bytes.size()) - used;
        keep(buffer + field_size_, bytes.substr(used, size));
        used += size;
        if (!whole) break;
        const Found found = end_line(buffer);
        line_size_ = 0;
        cut_ = cut_cr_ = false;
        if (found != Found::need_more) return {found, used};
    }
    return {Found::need_more, used};
}

// The current line goes on. What stands between its front and its last bytes is left out.
void LostHead::keep(char* line, std::string_view bytes) noexcept {
    const std::size_t fit = std::min(bytes.size(), line_front + line_back - line_size_);
    bytes.copy(line + line_size_, fit);
    line_size_ += static_cast<std::uint32_t>(fit);
    bytes.remove_prefix(fit);
    char* const back = line + line_front;
    while (!bytes.empty()) {
        const std::size_t size = std::min(bytes.size(), line_back);
        cut_ = true;
        cut_cr_ = cut_cr_ || std::memchr(back, '\r', size) != nullptr;
        std::memmove(back, back + size, line_back - size);
        bytes.copy(back + line_back - size, size);
        bytes.remove_prefix(size);
    }
}

LostHead::Found LostHead::end_line(char* buffer) noexcept {
    const std::string_view line(buffer + field_size_, line_size_);
    if (cut_cr_) return Found::ambiguous;
    if (!in_fields_) return read_request_line(line);
    const FieldLine parsed = parse_field_line(line);
    if (parsed.kind == FieldLine::Kind::malformed) return Found::ambiguous;
    if (parsed.kind == FieldLine::Kind::fold) return read_fold(line, parsed.value_at, parsed.value_size);
    if (field_size_ != 0) {
        add(buffer, field_);
        field_size_ = 0;
    }
    if (parsed.kind == FieldLine::Kind::end) return Found::end;
    if (cut_ && line.substr(0, line_front).find(':') == line.npos) return Found::ambiguous;  // whose field is it?
    std::memmove(buffer, line.data(), line.size());
    const std::string_view name(buffer, parsed.name_size);
    field_ = {};
    field_.name_size = parsed.name_size & 0xffffff;
    field_.kind = parsed.unsendable ? FieldKind::other : field_kind(name);
    field_.value_at = parsed.value_at;
    field_.value_size = parsed.value_size & 0xfffffff;
    field_.loose = parsed.loose;
    field_.unsendable = parsed.unsendable;
    if (!matters(field_.kind)) {
        add(buffer, field_);
        return Found::need_more;
    }
    any_field_ = true;
    field_size_ = line_size_;
    return cut_ ? Found::ambiguous : Found::need_more;
}

LostHead::Found LostHead::read_request_line(std::string_view line) noexcept {
    RequestLine parsed;
    if (!parse_request_line(without_line_end(line), parsed)) return Found::ambiguous;
    *this = LostHead(parsed.method == "CONNECT", parsed.version);
    return parsed.version.empty() ? Found::end : Found::need_more;
}

// A field goes on (section 5.2).
LostHead::Found LostHead::read_fold(std::string_view line, std::uint32_t value_at, std::uint32_t value_size) noexcept {
    if (!any_field_) return Found::ambiguous;
    if (field_size_ == 0) return Found::need_more;  // one that doesn't matter
    if (cut_ || field_size_ + line.size() > longest_field) return Found::ambiguous;
    if (value_size != 0) {
        if (field_.value_size == 0) field_.value_at = field_size_ + value_at;
        field_.value_size = (field_size_ + value_at + value_size - field_.value_at) & 0xfffffff;
    }
    field_size_ += static_cast<std::uint32_t>(line.size());
    return Found::need_more;
}

}  // namespace rebuilder::http
