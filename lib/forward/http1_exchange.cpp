// SPDX-License-Identifier: Apache-2.0
#include "forward/http1_exchange.h"

namespace rebuilder::forward {

bool Http1Exchange::begin(std::uint64_t now_ns) noexcept {
    responses_.reset();
    cursor_.reset();
    early_status_.reset();
    proven_ = persistent_ = false;
    limit_ = 1;
    deadline_ns_ = now_ns + timeout_ns_;
    return true;
}

void Http1Exchange::add(const Pending& request, std::uint64_t now_ns) noexcept {
    if (requests_.empty()) deadline_ns_ = now_ns + timeout_ns_;
    requests_.push_back(request);
    ++size_;
}

std::size_t Http1Exchange::gather(std::span<iovec> parts, std::uint64_t) noexcept {
    return cursor_.gather(requests_, parts);
}

void Http1Exchange::advance(std::size_t bytes, std::uint64_t now_ns) noexcept {
    // A long request has its time as long as the server takes some of it.
    if (cursor_.written() == 0) deadline_ns_ = now_ns + timeout_ns_;
    cursor_.advance(requests_, bytes);
    // An answer may overtake its request: the rest is still written, so that the connection stays in step.
    if (early_status_ && cursor_.written() > 0) complete_front(now_ns);
}

Exchange::Ending Http1Exchange::receive(Bytes bytes, std::uint64_t now_ns) noexcept {
    while (!bytes.empty()) {
        // Nobody asked. Often a 408 on an idle connection, and then its end.
        if (!answer_due()) return Ending::orderly;
        switch (responses_.next(bytes, requests_.front().slot.head_request)) {
        case ResponseParser::Event::more: return Ending::none;
        case ResponseParser::Event::interim: owner_.interim(); break;
        case ResponseParser::Event::broken: return Ending::garbled;
        case ResponseParser::Event::answered:
            early_status_ = responses_.status();
            proven_ = true;
            if (!responses_.keep_alive()) return Ending::orderly;
            persistent_ = true;
            limit_ = pipeline_;
            if (cursor_.written() > 0) complete_front(now_ns);
            break;
        }
    }
    return Ending::none;
}

Exchange::Ending Http1Exchange::end_of_stream() noexcept {
    if (!answer_due() || responses_.end_of_stream() != ResponseParser::Event::answered) return Ending::closed;
    early_status_ = responses_.status();
    return Ending::orderly;
}

Exchange::Ending Http1Exchange::check(std::uint64_t now_ns) noexcept {
    return !requests_.empty() && now_ns >= deadline_ns_ ? Ending::timed_out : Ending::none;
}

void Http1Exchange::complete_front(std::uint64_t now_ns) noexcept {
    const int status = *early_status_;
    early_status_.reset();
    deadline_ns_ = now_ns + timeout_ns_;  // of the next one
    cursor_.popped();
    --size_;
    owner_.answered(requests_.pop_front(), status);
}

void Http1Exchange::end(Ending why) noexcept {
    const std::size_t begun = cursor_.begun();
    while (requests_.size() > 1) {
        const bool was_begun = requests_.size() <= begun;
        const Loss loss = why == Ending::abandoned ? Loss::abandoned : was_begun ? Loss::unread : Loss::unsent;
        owner_.lost(requests_.pop_back(), loss, was_begun);
    }
    if (!requests_.empty()) end_front(why);
    size_ = limit_ = 0;
}

void Http1Exchange::end_front(Ending why) noexcept {
    const bool begun = cursor_.begun() > 0;
    const Pending request = requests_.pop_back();
    if (early_status_) {
        owner_.answered(request, *early_status_);
        return;
    }
    const auto loss = [&] {
        switch (why) {
        case Ending::abandoned: return Loss::abandoned;
        case Ending::timed_out: return Loss::timed_out;
        case Ending::garbled: return Loss::garbled;
        default: break;
        }
        if (persistent_ && !begun) return Loss::unsent;
        if (persistent_ && why == Ending::closed && responses_.at_start()) return Loss::crossed;
        return Loss::broken;
    };
    owner_.lost(request, loss(), begun);
}

}  // namespace rebuilder::forward
