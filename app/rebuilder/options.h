// SPDX-License-Identifier: Apache-2.0
// Options: the command line, REBUILDER_* of the environment and the configuration file in, one Config out.
//
// What options there are is in config_print.h. The first of these that has an option decides all of it:
// command line, environment, file, default. Values are checked where they are used: a file serves all
// commands, each takes what it knows.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "config.h"

namespace rebuilder {

// Nothing when help or the version was asked for: that is on `out` then, and the program is done.
// Throws Error (usage) with a sentence that names the option, or the file and its line.
[[nodiscard]] std::optional<Config> parse_options(int argc, const char* const* argv, std::ostream& out);

// What --version prints. Not in options.cpp: it asks the libraries.
[[nodiscard]] std::string version_text();

}  // namespace rebuilder
