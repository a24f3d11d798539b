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

namespace {

using namespace rebuilder;

int execute(int argc, char** argv) {
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

}  // namespace

int main(int argc, char** argv) {
    const int status = execute(argc, argv);
    // Who asked for what is printed has to know when it isn't all there.
    if (std::cout.flush() && std::ferror(stdout) == 0 && std::fflush(stdout) == 0) return status;
    fmt::print(stderr, "rebuilder: standard output can't be written\n");
    return status != 0 ? status : static_cast<int>(ExitStatus::runtime);
}
