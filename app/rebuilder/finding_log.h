// SPDX-License-Identifier: Apache-2.0
// FindingLog: what the status page says is wrong, for who reads logs: when it begins, every ten minutes while it lasts, and that
// it is over.
//
// In:    the findings of each second, from the control thread.
// Out:   events `finding` and `well`. Sentences have figures in them that change all the time, so a finding is known by its
//        remedy.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "log.h"
#include "snapshot.h"

namespace rebuilder {

class FindingLog {
  public:
    static constexpr std::uint64_t again_s = 600;
    static constexpr std::uint64_t first_s = 10;  // what is starting is not wrong yet
    static constexpr std::uint64_t over_s = 30;   // gone for so long

    explicit FindingLog(Log& log) : log_(log) {}

    void look(std::span<const Finding> findings) {
        if (++now_s_ < first_s) return;
        for (const Finding& finding : findings) {
            if (finding.severity == Finding::Severity::fine) continue;
            Told& told = told_[finding.remedy];
            told.seen_s = now_s_;
            if (told.told_s != 0 && now_s_ < told.told_s + again_s) continue;
            told.told_s = now_s_;
            const auto level = finding.severity == Finding::Severity::error ? LogLevel::error : LogLevel::warning;
            log_.write(level, "finding", finding.text + " " + finding.remedy, {{"remedy", finding.remedy}});
        }
        if (told_.empty()) return;
        std::erase_if(told_, [this](const auto& each) { return now_s_ > each.second.seen_s + over_s; });
        if (told_.empty()) log_.write(LogLevel::info, "well", "nothing is wrong any more");
    }

  private:
    struct Told {
        std::uint64_t seen_s = 0;
        std::uint64_t told_s = 0;  // 0: not yet
    };

    Log& log_;
    std::uint64_t now_s_ = 0;
    std::map<std::string, Told> told_;  // by remedy: as many as there are
};

}  // namespace rebuilder
