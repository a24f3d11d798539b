// SPDX-License-Identifier: Apache-2.0
// ConfigFile: the part of TOML that a flat list of options needs.
//
// In:   lines of `key = value`: strings, numbers, true, false, and arrays of these over any number of lines;
// comments. Out:  the keys in their order, values as text. What a key means is not known here. CLI11's own
// reader is not used: it skips what it doesn't understand, cuts strings at '#' and ',', and forgets in which
// line it was, and its 2.1 and 2.4 differ in these.
#pragma once

#include <string>
#include <vector>

namespace rebuilder {

struct ConfigItem {
    std::string key;
    std::vector<std::string> values;
    bool array = false;
    unsigned line = 0;
};

// Throws Error (usage) that names the file and, where there is one, the line.
[[nodiscard]] std::vector<ConfigItem> read_config_file(const std::string& path);

}  // namespace rebuilder
