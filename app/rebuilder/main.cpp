// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>

#include "base/error.h"
#include "check.h"
#include "options.h"
#include "replay.h"
#include "run.h"
#include "top.h"

int main(int argc, char** argv) {
    using namespace rebuilder;
    try {
        const std::optional<Config> config = parse_options(argc, argv, std::cout);
        if (!config) return static_cast<int>(ExitStatus::fine);
        switch (config->command) {
        case Command::run:
            return run(*config, [=] {
                std::ostringstream help;  // nobody asks for it now
                return parse_options(argc, argv, help).value();
            });
        case Command::replay: return replay(*config);
        case Command::check: return check_host(*config, std::cout);
        case Command::top: return top(config->top);
        }
    } catch (const Error& error) {
        fmt::print(stderr, "rebuilder: {}\n", error.what());
        return static_cast<int>(error.exit_status);
    } catch (const std::exception& error) {
        fmt::print(stderr, "rebuilder: {}\n", error.what());
    }
    return static_cast<int>(ExitStatus::runtime);
}
