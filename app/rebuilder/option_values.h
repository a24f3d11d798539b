// SPDX-License-Identifier: Apache-2.0
// The values of options as text: what is read, and how it is written back. Readers throw Error (usage) that says what is
// wrong with a value, but not whose value it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rebuilder {

inline constexpr std::uint64_t kilobyte = 1 << 10;
inline constexpr std::uint64_t megabyte = 1 << 20;
inline constexpr std::uint64_t gigabyte = 1 << 30;
inline constexpr std::uint64_t microsecond = 1000;
inline constexpr std::uint64_t millisecond = 1000 * microsecond;
inline constexpr std::uint64_t second = 1000 * millisecond;
inline constexpr std::uint64_t minute = 60 * second;
inline constexpr std::uint64_t hour = 60 * minute;

[[noreturn]] void refuse_value(const std::string& sentence);

[[nodiscard]] bool begins_with_digit(std::string_view text);

[[nodiscard]] std::uint64_t read_number(std::string_view text, std::uint64_t least, std::uint64_t most);
[[nodiscard]] std::uint16_t read_port(std::string_view text);
[[nodiscard]] std::string read_listen_address(const std::string& text);
// "http://HOST:PORT", as which "http://HOST/" comes back, too, with the port of --admin-listen.
[[nodiscard]] std::string read_url(std::string text);

// "1500", "64K", "1M", "2G", in powers of 1024.
[[nodiscard]] std::uint64_t read_size(std::string_view text, std::uint64_t least, std::uint64_t most);
[[nodiscard]] std::string write_size(std::uint64_t bytes);

// "50us", "500ms", "5s", "2m", "0.5"; seconds when there is no unit.
[[nodiscard]] std::uint64_t read_duration(std::string_view text, std::uint64_t least, std::uint64_t most);
[[nodiscard]] std::string write_duration(std::uint64_t ns);

}  // namespace rebuilder
