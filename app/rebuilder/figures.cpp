// SPDX-License-Identifier: Apache-2.0
#include "figures.h"

#include <fmt/format.h>

#include <algorithm>

namespace rebuilder {

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
    return text;
}

std::string rate_text(double rate) {
    if (rate >= 9.95) return grouped(static_cast<std::uint64_t>(rate + 0.5));
    return rate > 0 ? fmt::format("{:.1f}", std::max(rate, 0.1)) : "0";
}

std::string short_number(double number) {
    if (!(number > 0)) return "0";
    if (number < 0.01) return "<0.01";
    if (number < 0.995) return fmt::format("{:.2f}", number);
    if (number < 9.95) return fmt::format("{:.1f}", number);
    if (number < 9999.5) return grouped(static_cast<std::uint64_t>(number + 0.5));
    const char* unit = "kMGT";
    for (number /= 1000; number >= 999.5 && unit[1] != '\0'; number /= 1000) ++unit;
    return fmt::format("{:.{}f}{}", number, number < 9.995 ? 2 : number < 99.95 ? 1 : 0, *unit);
}

std::string percent(double share) {
    if (share >= 1) return "100 %";
    if (share > 0.9999) return "over 99.99 %";
    if (!(share > 0)) return "0 %";
    if (share < 0.0001) return "less than 0.01 %";
    return fmt::format("{:.{}f} %", share * 100, share < 0.00995 || share > 0.99 ? 2 : share < 0.0995 ? 1 : 0);
}

std::string short_percent(double share) {
    if (share > 0 && share < 0.0001) return "<0.01 %";
    return share > 0.9999 && share < 1 ? ">99.99 %" : percent(share);
}

std::string duration_text(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::max(seconds, 0.0) + 0.5);
    if (whole < 120) return fmt::format("{} second{}", std::max<std::uint64_t>(whole, 1), whole > 1 ? "s" : "");
    if (whole < 7200) return fmt::format("{} minutes", whole / 60);
    if (whole < 172'800) return fmt::format("{} hours", whole / 3600);
    return fmt::format("{} days", whole / 86'400);
}

std::string short_duration(double seconds) {
    if (seconds < 0.001) return fmt::format("{:.0f} us", seconds * 1e6);
    if (seconds < 1) return fmt::format("{:.{}f} ms", seconds * 1e3, seconds < 0.00995 ? 1 : 0);
    return fmt::format("{:.1f} s", seconds);
}

}  // namespace rebuilder
