// SPDX-License-Identifier: Apache-2.0
// NaiveStream: what one direction of a connection should read as, byte by byte, for comparison with the reassembler.
// The first copy of a byte wins: a delivered byte is past, a waiting one stays as it came first. The first end wins,
// too, until a byte behind it comes, or for good once it is acknowledged. Without its SYN a stream begins at the first
// byte that came by the time it is told of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rebuilder::test {

class NaiveStream {
  public:
    void open() {
        if (begun_ && !joining_) return;
        begun_ = true;
        begin(0, "open|");
        deliver();
    }
    void arrives(std::uint64_t at, std::string_view bytes) {
        if (!begun_) begun_ = joining_ = true;
        if (end_ && at + bytes.size() > *end_) {
            if (end_acked_) {
                const std::size_t fitting = at < *end_ ? *end_ - at : 0;
                behind_end_ += bytes.size() - fitting;
                bytes = bytes.substr(0, fitting);
            } else {
                end_.reset();
                no_longer_awaited_ = false;
                ++disbelieved_;
            }
        }
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (at + i >= next_) waiting_.emplace(at + i, bytes[i]);
        }
        deliver();
    }
    void ends(std::uint64_t at, bool by_fin) {
        const bool inside = at < next_ || (!waiting_.empty() && waiting_.rbegin()->first >= at);
        if (!begun_ || end_ || inside) return;
        end_ = at;
        by_fin_ = by_fin;
    }
    // The other direction says that it has all in front of `to`; what is missing of that is given up.
    void acked(std::uint64_t to) {
        if (end_ && by_fin_ && to == *end_ + 1) end_acked_ = true;  // FIN takes a sequence number
        if (joining_ || !hole()) return;
        bool in_hole = next_ == to;
        while (next_ < to && !waiting_.empty()) {
            in_hole = to < waiting_.begin()->first;
            give_up(in_hole ? to : waiting_.begin()->first);
        }
        if (next_ < to && end_) no_longer_awaited_ = true;
        if (in_hole) peer_stands_at_ = to;
    }
    // Every hole is given up, but for one that the other direction has, too. One in front of the end stays open.
    void time_passes() {
        if (joining_) begin(waiting_.begin()->first, "open midstream|");
        deliver();
        while (!waiting_.empty() && peer_stands_at_ != next_) give_up(waiting_.begin()->first);
        if (waiting_.empty() && end_) no_longer_awaited_ = true;
    }
    // The flow goes: an ended one because of that, another for `reason`. What comes then begins a new stream.
    void goes(const std::string& reason) {
        peer_stands_at_.reset();
        time_passes();
        if (!begun_) return;
        if (end_ && next_ < *end_) give_up(*end_);
        separate();
        out_ += "close " + (ended() ? "ended" : reason) + '|';
        begun_ = end_acked_ = no_longer_awaited_ = false;
        end_.reset();
        next_ = 0;
    }

    [[nodiscard]] std::optional<std::uint64_t> end() const { return end_; }
    [[nodiscard]] bool ended() const { return end_ && (end_ == next_ || no_longer_awaited_); }
    [[nodiscard]] bool hole() const { return !waiting_.empty() || (end_ && !ended()); }
    [[nodiscard]] bool joining() const { return joining_; }
    [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    [[nodiscard]] std::uint64_t disbelieved() const { return disbelieved_; }
    [[nodiscard]] std::uint64_t behind_end() const { return behind_end_; }
    [[nodiscard]] const std::string& transcript() const { return out_; }
    // Where each stream began.
    [[nodiscard]] const std::vector<std::uint64_t>& origins() const { return origins_; }

  private:
    void begin(std::uint64_t at, const char* how) {
        joining_ = false;
        next_ = at;
        out_ += how;
        origins_.push_back(at);
    }
    void deliver() {
        if (joining_) return;
        for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_;
             first = waiting_.erase(first), ++next_, ++delivered_) {
            out_ += first->second;
            in_data_ = true;
        }
    }
    void give_up(std::uint64_t to) {
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
    std::uint64_t disbelieved_ = 0;
    std::uint64_t behind_end_ = 0;
    std::vector<std::uint64_t> origins_;
    std::string out_;
    std::optional<std::uint64_t> peer_stands_at_;
    bool begun_ = false;
    bool joining_ = false;  // begun without its SYN, and not told yet
    bool by_fin_ = false;
    bool end_acked_ = false;
    bool no_longer_awaited_ = false;  // what is missing in front of the end
    bool in_data_ = false;
};

}  // namespace rebuilder::test
