// SPDX-License-Identifier: Apache-2.0
// ConfigPrint: a Config as text. Every option is declared once, in option_table.cpp: its name,
// its help, what values it takes, and how they get into the Config and out of it.
//
// From the table come the command line, the environment's names, the file's keys, the help with its defaults,
// and what `rebuilder check` prints.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "config.h"

namespace rebuilder {

using Values = std::vector<std::string>;

struct Option {
    enum class Form : std::uint8_t { word, number, flag };
    // How several values are given: list, also with commas in a value; array, with spaces in the environment; lines, as
    // array, but with line breaks there, for values that may hold spaces.
    enum class Repeat : std::uint8_t { no, list, array, lines };

    // The commands that have it.
    static constexpr unsigned in_run = 1;
    static constexpr unsigned in_replay = 2;
    static constexpr unsigned in_check = 4;

    // What becomes of it when it differs in a configuration that is read again while it runs: nothing less than a restart
    // would do; or it is taken over; or the connections to all outputs are made anew with it.
    enum class Change : std::uint8_t { restart, live, connections };

    std::string_view name;
    std::string_view value;  // what stands for it in the help
    std::string_view group;  // of the help
    unsigned commands = 0;
    Repeat repeat = Repeat::no;
    std::string_view help;
    Form form = Form::word;

    // Throws Error (usage) that says what is wrong with a value, but not whose value it is.
    std::function<void(Config&, const Values&)> set;
    std::function<Values(const Config&)> get;
    Change change = Change::restart;
};

// In the order of the help. What only the command line has (--config, --explain, --why) is not in it.
[[nodiscard]] const std::vector<Option>& option_table();

// A configuration file of all options, from which parse_options() reads the same Config back.
void print_config(const Config& config, std::ostream& out);

}  // namespace rebuilder
