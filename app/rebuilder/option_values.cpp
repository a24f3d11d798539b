// SPDX-License-Identifier: Apache-2.0
#include "option_values.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "forward/socket_address.h"

namespace rebuilder {

void refuse_value(const std::string& sentence) {
    throw Error(ExitStatus::usage, sentence);
}

bool begins_with_digit(std::string_view text) {
    return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

namespace {

// Takes the whole number off the front of `text`.
std::uint64_t take_number(std::string_view& text, std::string_view kind) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) refuse_value(fmt::format("{} is far too large", text));
    if (error != std::errc{}) refuse_value(fmt::format("'{}' is not {}", text, kind));
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

}  // namespace

std::uint64_t read_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
    std::string_view rest = text;
    const bool negative = text.starts_with('-') && begins_with_digit(text.substr(1));
    const std::uint64_t number = negative ? 0 : take_number(rest, "a whole number");
    if (!negative && !rest.empty()) refuse_value(fmt::format("'{}' is not a whole number", text));
    if (negative || number < least || number > most) {
        refuse_value(fmt::format("{} is out of range; {} to {} will do", text, least, most));
    }
    return number;
}

std::uint16_t read_port(std::string_view text) {
    return static_cast<std::uint16_t>(read_number(text, 1, 65535));
}

std::uint64_t read_size(std::string_view text, std::uint64_t least, std::uint64_t most) {
    constexpr std::string_view kind = "a size such as 1500, 64K, 1M or 2G";
    std::string_view unit = text;
    const std::uint64_t number = take_number(unit, kind);
    std::uint64_t factor = 0;
    if (unit.empty()) factor = 1;
    if (unit == "K") factor = kilobyte;
    if (unit == "M") factor = megabyte;
    if (unit == "G") factor = gigabyte;
    if (factor == 0) refuse_value(fmt::format("'{}' is not {}", text, kind));
    if (number > most / factor || number * factor < least) {
        refuse_value(fmt::format("{} is out of range; {} to {} will do", text, write_size(least), write_size(most)));
    }
    return number * factor;
}

std::uint64_t read_duration(std::string_view text, std::uint64_t least, std::uint64_t most) {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [unit_at, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    const std::string_view unit(unit_at, static_cast<std::size_t>(end - unit_at));
    std::uint64_t factor = 0;
    if (unit == "us") factor = microsecond;
    if (unit == "ms") factor = millisecond;
    if (unit == "s" || unit.empty()) factor = second;
    if (unit == "m") factor = minute;
    // "inf" and "nan" would be numbers, too.
    if (error != std::errc{} || factor == 0 || !begins_with_digit(text)) {
        refuse_value(fmt::format("'{}' is not a duration such as 500ms, 5s, 0.5s or 2m", text));
    }
    const double ns = number * static_cast<double>(factor);
    if (ns < static_cast<double>(least) || ns > static_cast<double>(most)) {
        refuse_value(
            fmt::format("{} is out of range; {} to {} will do", text, write_duration(least), write_duration(most)));
    }
    return static_cast<std::uint64_t>(std::llround(ns));
}

std::string read_listen_address(const std::string& text) {
    if (text == "none") return text;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) refuse_value(fmt::format("'{}' is not ADDRESS:PORT, [ADDRESS]:PORT or none", text));
    if (!forward::SocketAddress::before_port(text.substr(0, colon), 0)) {
        refuse_value(fmt::format("'{}' does not begin with an address such as 127.0.0.1 or [::1]", text));
    }
    try {
        (void)read_port(std::string_view(text).substr(colon + 1));
    } catch (const Error& error) {
        refuse_value(fmt::format("'{}' has no port at its end: {}", text, error.what()));
    }
    return text;
}

std::string read_url(std::string text) {
    const auto refuse = [&] { refuse_value(fmt::format("'{}' is not a URL such as http://127.0.0.1:9446", text)); };
    constexpr std::string_view scheme = "http://";
    if (!text.starts_with(scheme)) refuse();
    std::string place = text.substr(scheme.size());
    if (place.ends_with('/')) place.pop_back();
    const std::size_t bracket = place.rfind(']');
    const std::size_t colon = place.find(':', bracket == std::string::npos ? 0 : bracket);
    const std::string host = place.substr(0, colon);
    if (host.empty() || place.find_first_of("/?#@ ") != std::string::npos) refuse();
    if (colon == std::string::npos) return fmt::format("{}{}:9446", scheme, host);
    (void)read_port(std::string_view(place).substr(colon + 1));
    return std::string(scheme) + place;
}

std::string write_size(std::uint64_t bytes) {
    constexpr std::array units{std::pair{gigabyte, 'G'}, std::pair{megabyte, 'M'}, std::pair{kilobyte, 'K'}};
    for (const auto& [unit, letter] : units) {
        if (bytes != 0 && bytes % unit == 0) return fmt::format("{}{}", bytes / unit, letter);
    }
    return std::to_string(bytes);
}

std::string write_duration(std::uint64_t ns) {
    if (ns != 0 && ns % minute == 0) return fmt::format("{}m", ns / minute);
    if (ns % second == 0) return fmt::format("{}s", ns / second);
    if (ns % millisecond == 0) return fmt::format("{}ms", ns / millisecond);
    std::string us = fmt::format("{}", ns / microsecond);
    if (const std::uint64_t rest = ns % microsecond; rest != 0) {
        us += fmt::format(".{:03}", rest);
        us.erase(us.find_last_not_of('0') + 1);
    }
    return us + "us";
}

}  // namespace rebuilder
