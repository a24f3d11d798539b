// SPDX-License-Identifier: Apache-2.0
#include "http/field_line.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "http/token.h"

namespace rebuilder::http {
namespace {

void set_value(FieldLine& parsed, std::string_view line, std::size_t from) noexcept {
    while (from < line.size() && is_blank(line[from])) ++from;
    std::size_t end = line.size();
    while (end > from && is_blank(line[end - 1])) --end;
    parsed.value_at = static_cast<std::uint32_t>(from);
    parsed.value_size = static_cast<std::uint32_t>(end - from);
}

}  // namespace

FieldLine parse_field_line(std::string_view line) noexcept {
    FieldLine parsed;
    line.remove_suffix(1);
    parsed.crlf = line.ends_with('\r');
    if (parsed.crlf) line.remove_suffix(1);
    if (line.empty()) {
        parsed.kind = FieldLine::Kind::end;
        return parsed;
    }
    if (std::memchr(line.data(), '\r', line.size()) != nullptr) {
        parsed.kind = FieldLine::Kind::malformed;
        return parsed;
    }
    if (is_blank(line[0])) {
        parsed.kind = FieldLine::Kind::fold;
        set_value(parsed, line, 0);
        return parsed;
    }
    std::size_t name_size = token_size(line);
    std::size_t colon = name_size;
    if (name_size == 0 || colon == line.size() || line[colon] != ':') {
        colon = std::min(line.find(':'), line.size());
        name_size = colon;
        while (name_size != 0 && is_blank(line[name_size - 1])) --name_size;
        const std::string_view name = line.substr(0, name_size);
        parsed.loose = name_size != colon || colon == line.size();
        parsed.unsendable = name.empty() || token_size(name) != name.size();
    }
    parsed.name_size = static_cast<std::uint32_t>(name_size);
    set_value(parsed, line, std::min(colon + 1, line.size()));
    return parsed;
}

}  // namespace rebuilder::http
