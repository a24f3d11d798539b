// SPDX-License-Identifier: Apache-2.0
#include "config_print.h"

#include <ostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "option_values.h"

namespace rebuilder {

namespace {

// In single quotes, TOML takes text as it is.
std::string quoted(const std::string& text) {
    if (text.find_first_of("\"\\") == std::string::npos) return fmt::format("\"{}\"", text);
    if (text.find('\'') == std::string::npos) return fmt::format("'{}'", text);
    std::string escaped;
    for (const char c : text) {
        if (c == '"' || c == '\\') escaped += '\\';
        escaped += c;
    }
    return fmt::format("\"{}\"", escaped);
}

}  // namespace

void print_config(const Config& config, std::ostream& out) {
    for (const Option& option : option_table()) {
        Values words;
        for (const std::string& value : option.get(config)) {
            const bool is_number = option.form == Option::Form::number && begins_with_digit(value);
            words.push_back(is_number || option.form == Option::Form::flag ? value : quoted(value));
        }
        // A tunnel that isn't given must stay so: replay guesses only then.
        if (option.name == "tunnel" && !config.tunnel_given) out << "# ";
        const bool is_array = option.repeat == Option::Repeat::array || option.repeat == Option::Repeat::lines;
        const std::string all = fmt::format("{}", fmt::join(words, ", "));
        out << option.name << " = " << (is_array ? "[" + all + "]" : all) << '\n';
    }
}

}  // namespace rebuilder
