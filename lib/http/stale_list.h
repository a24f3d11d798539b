// SPDX-License-Identifier: Apache-2.0
// StaleList: those that wait for something, so that the one that has waited longest is found when there's no room left.
//
// An Item has staler, fresher, waiting_since_ns and progress_ns. Whoever brings an item on writes progress_ns, and that is
// all: its place is mended when the stalest is looked for.
#pragma once

#include <cstdint>

namespace rebuilder::http {

template <class Item>
class StaleList {
  public:
    void enter(Item& item) noexcept {
        item.waiting_since_ns = item.progress_ns;
        item.staler = freshest_;
        item.fresher = nullptr;
        (freshest_ != nullptr ? freshest_->fresher : stalest_) = &item;
        freshest_ = &item;
    }

    void leave(Item& item) noexcept {
        (item.staler != nullptr ? item.staler->fresher : stalest_) = item.fresher;
        (item.fresher != nullptr ? item.fresher->staler : freshest_) = item.staler;
    }

    // Or null. Of those looked at, which are not all.
    [[nodiscard]] Item* stalest() noexcept {
        constexpr int most_looked_at = 64;
        for (int i = 0; i < most_looked_at && stalest_ != nullptr; ++i) {
            Item& item = *stalest_;
            if (item.progress_ns == item.waiting_since_ns) break;
            leave(item);
            enter(item);
        }
        return stalest_;
    }

  private:
    Item* stalest_ = nullptr;
    Item* freshest_ = nullptr;
};

}  // namespace rebuilder::http
