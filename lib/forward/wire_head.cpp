// SPDX-License-Identifier: Apache-2.0
#include "forward/wire_head.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"

namespace rebuilder::forward {
namespace {

std::string_view trim(const char* begin, const char* end) noexcept {
    while (begin != end && is_blank(*begin)) ++begin;
    while (begin != end && is_blank(end[-1])) --end;
    return {begin, static_cast<std::size_t>(end - begin)};
}

const char* find(const char* begin, const char* end, char c) noexcept {
    return static_cast<const char*>(std::memchr(begin, c, static_cast<std::size_t>(end - begin)));
}

}  // namespace

bool WireHead::read(const Slot& slot) {
    const Block* block = slot.first;
    if (block == nullptr) return false;
    std::string_view text = as_text(block->bytes());
    std::size_t before = 0;  // bytes of it that lie in front of `block`
    while (!parse(text)) {
        if (block->next == nullptr) return false;
        if (before == 0) joined_.assign(text);
        before = joined_.size();
        block = block->next;
        text = joined_.append(as_text(block->bytes()));
    }
    body = block;
    body_at = static_cast<std::uint32_t>(size_ - before);
    body_bytes = slot.bytes - size_;
    return true;
}

std::string_view WireHead::host() const noexcept {
    const auto place =
        std::find_if(fields.begin(), fields.end(), [](const Field& each) { return each.name == "host"; });
    return place == fields.end() ? std::string_view() : place->value;
}

// False when this is not a whole head, or none.
bool WireHead::parse(std::string_view text) {
    constexpr std::string_view version = " HTTP/1.1";
    fields.clear();
    if (names_room_ < text.size()) {
        names_room_ = 2 * text.size();
        names_ = std::make_unique<char[]>(names_room_);
    }
    char* names = names_.get();
    const char* at = text.data();
    const char* const end = at + text.size();
    for (bool first = true;; first = false) {
        const char* line_end = find(at, end, '\r');
        if (line_end == nullptr || line_end + 1 == end || line_end[1] != '\n') return false;
        const char* const line = at;
        at = line_end + 2;
        if (first) {
            const std::string_view request(line, static_cast<std::size_t>(line_end - line));
            const std::size_t space = request.find(' ');
            if (space == 0 || request.size() < space + 2 + version.size() || !request.ends_with(version)) return false;
            method = request.substr(0, space);
            target = request.substr(space + 1, request.size() - version.size() - space - 1);
            continue;
        }
        if (line == line_end) break;
        const char* colon = find(line, line_end, ':');
        if (colon == nullptr || colon == line) return false;
        const auto size = static_cast<std::size_t>(colon - line);
        std::transform(line, colon, names, ascii_lower);
        fields.push_back({{names, size}, trim(colon + 1, line_end)});
        names += size;
    }
    size_ = static_cast<std::size_t>(at - text.data());
    return true;
}

}  // namespace rebuilder::forward
