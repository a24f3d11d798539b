// SPDX-License-Identifier: Apache-2.0
#include "traffic_check.h"

#include <fmt/format.h>

namespace rebuilder::bench {
namespace {

std::uint64_t body_hash(const forward::WireHead& head) {
    std::uint64_t hash = no_bytes_hash;
    std::size_t from = head.body_at;
    for (const Block* block = head.body; block != nullptr; block = block->next) {
        hash = hash_of(block->bytes().subspan(from), hash);
        from = 0;
    }
    return hash;
}

}  // namespace

std::string TrafficCheck::operator()(const forward::Slot& slot) {
    if (!head_.read(slot)) return "wrote something that isn't HTTP/1.1";
    const std::uint32_t number = request_number(head_.target);
    if (number >= seen_.size()) return fmt::format("rebuilt a request for {}, which was never made", head_.target);
    const Traffic::Made& made = traffic_->requests[number];
    if (seen_[number]) return fmt::format("rebuilt request {} twice", number);
    seen_[number] = true;
    if (made.lost) return fmt::format("rebuilt request {} without all of its bytes", number);
    if (head_.method != made.method || head_.target != made.target || head_.host() != made.host ||
        head_.body_bytes != made.body_bytes || body_hash(head_) != made.body_hash) {
        return fmt::format("rebuilt request {} as {} {} for {} with {} bytes; made was {} {} for {} with {}", number,
            head_.method, head_.target, head_.host(), head_.body_bytes, made.method, made.target, made.host,
            made.body_bytes);
    }
    return {};
}

}  // namespace rebuilder::bench
