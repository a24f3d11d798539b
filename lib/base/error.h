// SPDX-License-Identifier: Apache-2.0
// Error: how start-up fails. Thrown only before the line runs; main() prints the sentence and exits with the status.
#pragma once

#include <stdexcept>
#include <string>

namespace rebuilder {

enum class ExitStatus : int {
    fine = 0,
    runtime = 1,  // the arguments were right, the world was not: a port taken, a device gone, a file cut short
    usage = 2,    // unusable arguments or configuration
};

struct Error : std::runtime_error {
    // `sentence` names the option, file, port or device, and stands alone on stderr.
    Error(ExitStatus status, const std::string& sentence) : std::runtime_error(sentence), exit_status(status) {}

    ExitStatus exit_status;
};

}  // namespace rebuilder
