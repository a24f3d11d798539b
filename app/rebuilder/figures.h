// SPDX-License-Identifier: Apache-2.0
// Figures: numbers as people read them, in sentences and in tables.
#pragma once

#include <cstdint>
#include <string>

namespace rebuilder {

[[nodiscard]] std::string grouped(std::uint64_t number);   // 12,345,678
[[nodiscard]] std::string rate_text(double rate);          // 0, 0.1, 9.7, 12,345
[[nodiscard]] std::string short_number(double number);     // three digits that matter: 0.42, 312, 4,210, 57.3k, 1.20M
[[nodiscard]] std::string percent(double share);           // never 0 % of what is there, nor 100 % of what isn't all
[[nodiscard]] std::string short_percent(double share);     // the same for tables
[[nodiscard]] std::string duration_text(double seconds);   // 42 seconds, 5 minutes, 3 hours, 9 days
[[nodiscard]] std::string short_duration(double seconds);  // 250 us, 3.1 ms, 1.5 s

}  // namespace rebuilder
