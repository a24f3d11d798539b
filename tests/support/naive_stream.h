// SPDX-License-Identifier: Apache-2.0
// NaiveStream: what one direction of a connection should read as, byte by byte, for comparison with the reassembler.
// The first copy of a byte wins: a delivered byte is past, a waiting one stays as it came first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace rebuilder::test {

class NaiveStream {
  public:
    void open() {
        begun_ = true;
        out_ = "open|";
    }
    void arrives(std::uint64_t at, std::string_view bytes) {
        if (!begun_) {
            begun_ = true;
            next_ = at;
            out_ = "open midstream|";
        }
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (at + i >= next_ && !closed()) waiting_.emplace(at + i, bytes[i]);
        }
        deliver();
    }
    void ends(std::uint64_t at) {
        if (!begun_) return;
        end_ = at;
        deliver();
    }
    // Every hole is given up.
    void time_passes() {
        while (!waiting_.empty()) gap(waiting_.begin()->first);
        if (end_ && !closed()) gap(*end_);
    }

    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] bool end_known() const { return end_.has_value(); }
    [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    [[nodiscard]] const std::string& transcript() const { return out_; }

  private:
    void deliver() {
        for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_;
             first = waiting_.erase(first), ++next_, ++delivered_) {
            out_ += first->second;
            in_data_ = true;
        }
        if (end_ == next_ && !closed_) {
            separate();
            out_ += "close ended|";
            closed_ = true;
        }
    }
    void gap(std::uint64_t to) {
        separate();
        out_ += "gap " + std::to_string(to - next_) + '|';
        lost_ += to - next_;
        next_ = to;
        deliver();
    }
    void separate() {
        if (in_data_) out_ += '|';
        in_data_ = false;
    }

    std::map<std::uint64_t, char> waiting_;
    std::uint64_t next_ = 0;
    std::optional<std::uint64_t> end_;
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
    std::string out_;
    bool begun_ = false;
    bool closed_ = false;
    bool in_data_ = false;
};

}  // namespace rebuilder::test
