// SPDX-License-Identifier: Apache-2.0
#include "forward/wire_head.h"

#include <algorithm>

#include "base/ascii.h"

namespace rebuilder::forward {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";

std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view blank = " \t";
    const std::size_t begin = std::min(text.find_first_not_of(blank), text.size());
    text.remove_prefix(begin);
    while (!text.empty() && blank.find(text.back()) != blank.npos) text.remove_suffix(1);
    return text;
}

// Takes what is in front of `end` off the front of `text`, and `end` with it.
bool take(std::string_view& text, std::string_view end, std::string_view& taken) noexcept {
    const std::size_t at = text.find(end);
    if (at == text.npos) return false;
    taken = text.substr(0, at);
    text.remove_prefix(at + end.size());
    return true;
}

}  // namespace

bool WireHead::read(const Slot& slot) {
    fields.clear();
    body = slot.first;
    if (body == nullptr) return false;
    std::string_view text = as_text(body->bytes());
    std::size_t end = text.find(head_end);
    std::size_t before = 0;  // bytes in the blocks in front of `body`
    if (end == text.npos) {
        joined_.assign(text);
        while (end == joined_.npos) {
            const std::size_t searched = joined_.size();
            before = searched;
            body = body->next;
            if (body == nullptr) return false;
            joined_.append(as_text(body->bytes()));
            end = joined_.find(head_end, searched - std::min(searched, head_end.size() - 1));
        }
        text = joined_;
    }
    const std::size_t size = end + head_end.size();
    body_at = static_cast<std::uint32_t>(size - before);
    body_bytes = slot.bytes - size;

    text = text.substr(0, end + 2);  // each line with its end
    std::string_view version;
    if (!take(text, " ", method) || !take(text, " ", target) || !take(text, "\r\n", version)) return false;
    if (method.empty() || target.empty() || version != "HTTP/1.1") return false;

    names_.clear();
    names_.reserve(text.size());  // so that no name moves
    for (std::string_view line; take(text, "\r\n", line);) {
        const std::size_t colon = line.find(':');
        if (colon == line.npos || colon == 0) return false;
        const std::size_t at = names_.size();
        for (const char c : line.substr(0, colon)) names_.push_back(ascii_lower(c));
        fields.push_back({std::string_view(names_).substr(at), trim(line.substr(colon + 1))});
    }
    return true;
}

}  // namespace rebuilder::forward
