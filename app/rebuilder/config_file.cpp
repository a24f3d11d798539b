// SPDX-License-Identifier: Apache-2.0
#include "config_file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/error.h"

namespace rebuilder {

namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view key_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
constexpr std::string_view bare_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.:!/";

bool is_number(std::string_view text) {
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const auto all_digits = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of(digits) == std::string_view::npos;
    };
    return all_digits(whole) && (point == std::string_view::npos || all_digits(text.substr(point + 1)));
}

class Reader {
  public:
    Reader(const std::string& path, std::string_view text) : path_(path), text_(text) {}

    std::vector<ConfigItem> read() {
        std::vector<ConfigItem> items;
        if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark, which some editors write
        for (skip_space(true); at_ < text_.size(); skip_space(true)) {
            ConfigItem item = read_item();
            const auto first = std::ranges::find(items, item.key, &ConfigItem::key);
            if (first != items.end()) {
                refuse(item.line, fmt::format("'{}' is in line {} already", item.key, first->line));
            }
            items.push_back(std::move(item));
        }
        return items;
    }

  private:
    [[noreturn]] void refuse(unsigned line, std::string_view why) const {
        throw Error(ExitStatus::usage, fmt::format("{}: {} (line {})", path_, why, line));
    }

    [[nodiscard]] char here() const { return at_ < text_.size() ? text_[at_] : '\n'; }

    char next() {
        const char c = text_[at_++];
        if (c == '\n') ++line_;
        return c;
    }

    // Blanks and comments, and line ends where a line may end.
    void skip_space(bool over_lines) {
        while (at_ < text_.size()) {
            if (here() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
            const bool skip = here() == ' ' || here() == '\t' || here() == '\r' || (over_lines && here() == '\n');
            if (at_ == text_.size() || !skip) return;
            (void)next();
        }
    }

    std::string_view run_of(std::string_view characters) {
        const std::size_t end = std::min(text_.find_first_not_of(characters, at_), text_.size());
        const std::string_view run = text_.substr(at_, end - at_);
        at_ = end;
        return run;
    }

    ConfigItem read_item() {
        ConfigItem item;
        item.line = line_;
        if (here() == '[') refuse(line_, "no [section] is known; keys stand alone");
        item.key = run_of(key_characters);
        skip_space(false);
        if (item.key.empty() || here() != '=') refuse(line_, "not of the form `key = value`");
        (void)next();
        skip_space(false);
        item.array = here() == '[';
        if (item.array) {
            read_array(item);
        } else {
            item.values.push_back(read_value(item.key));
        }
        skip_space(false);
        if (here() != '\n') refuse(line_, fmt::format("something is behind the value of '{}'", item.key));
        return item;
    }

    void read_array(ConfigItem& item) {
        (void)next();
        for (;;) {
            skip_space(true);
            if (at_ == text_.size()) refuse(item.line, fmt::format("the list of '{}' has no end, a ']'", item.key));
            if (here() == ']') break;
            item.values.push_back(read_value(item.key));
            skip_space(true);
            if (here() == ',') {
                (void)next();
            } else if (at_ < text_.size() && here() != ']') {
                refuse(line_, fmt::format("no comma between two values of '{}'", item.key));
            }
        }
        (void)next();
    }

    std::string read_value(std::string_view key) {
        if (here() == '"' || here() == '\'') return read_string(key);
        const std::string_view word = run_of(bare_characters);
        if (word == "true" || word == "false" || is_number(word)) return std::string(word);
        if (word.empty()) refuse(line_, fmt::format("'{}' has no value", key));
        refuse(line_, fmt::format("the value of '{}' wants quotes: \"{}\"", key, word));
    }

    std::string read_string(std::string_view key) {
        const char quote = next();
        std::string value;
        while (here() != quote) {
            if (here() == '\n') refuse(line_, fmt::format("the text of '{}' has no closing {}", key, quote));
            const char c = next();
            if (quote == '"' && c == '\\') {
                read_escape(key, value);
            } else {
                value += c;
            }
        }
        (void)next();
        return value;
    }

    // TOML v1.0.0, "String".
    void read_escape(std::string_view key, std::string& value) {
        static constexpr std::string_view letters = "\"\\bfnrt", meanings = "\"\\\b\f\n\r\t";
        const char letter = here();
        if (const auto at = letters.find(letter); letter != '\0' && at != letters.npos) {
            (void)next();
            value += meanings[at];
        } else if (letter == 'u' || letter == 'U') {
            (void)next();
            append_utf8(value, read_code_point(key, letter == 'u' ? 4 : 8));
        } else {
            refuse(line_, fmt::format("the text of '{}' holds a backslash that says nothing; single quotes take "
                                      "text as it is",
                              key));
        }
    }

    std::uint32_t read_code_point(std::string_view key, std::size_t length) {
        const std::string_view hex = text_.substr(at_, length);
        std::uint32_t point = 0;
        const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), point, 16);
        const bool whole = hex.size() == length && error == std::errc{} && end == hex.data() + length;
        if (!whole || point == 0 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
            refuse(line_, fmt::format("the text of '{}' holds an escape that is no character", key));
        }
        at_ += length;
        return point;
    }

    static void append_utf8(std::string& text, std::uint32_t point) {
        const auto add = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
        const auto tail = [&](unsigned shift) { add(0x80 | (point >> shift & 0x3f)); };
        if (point < 0x80) {
            add(point);
        } else if (point < 0x800) {
            add(0xc0 | point >> 6);
            tail(0);
        } else if (point < 0x10000) {
            add(0xe0 | point >> 12);
            tail(6);
            tail(0);
        } else {
            add(0xf0 | point >> 18);
            tail(12);
            tail(6);
            tail(0);
        }
    }

    const std::string& path_;
    std::string_view text_;
    std::size_t at_ = 0;
    unsigned line_ = 1;
};

}  // namespace

std::vector<ConfigItem> read_config_file(const std::string& path) {
    // A folder can be opened, but not read.
    std::error_code ignored;
    errno = std::filesystem::is_directory(path, ignored) ? EISDIR : 0;
    std::ifstream file;
    if (errno == 0) file.open(path);
    if (!file.is_open()) throw Error(ExitStatus::usage, fmt::format("{}: {}", path, std::strerror(errno)));
    std::ostringstream text;
    text << file.rdbuf();
    const std::string content = text.str();
    return Reader(path, content).read();
}

}  // namespace rebuilder
