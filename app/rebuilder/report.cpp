// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace rebuilder {
namespace {

bool write_file(const std::string& path, const std::string& text, std::string& problem) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    const bool written =
        file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fflush(file.get()) == 0;
    if (!written) problem = fmt::format("ledger file {}: {}", path, std::strerror(errno));
    return written;
}

}  // namespace

int report_end(
    const Config& config, const Ledger& ledger, std::size_t blocks_left, const std::vector<std::string>& problems) {
    bool fine = problems.empty();
    std::string problem;
    if (!config.ledger_file.empty() && !write_file(config.ledger_file, ledger.json(), problem)) {
        fmt::print(stderr, "rebuilder: {}\n", problem);
        fine = false;
    }
    if (config.command == Command::run) fmt::print(stderr, "{}", ledger.text());
    for (const Ledger::Output& output : ledger.outputs) {
        if (const std::uint64_t left = output.values[Counter::failed_drain]; left != 0) {
            fmt::print(stderr, "rebuilder: output {}: {} request{} had no answer yet when --drain-timeout was over\n",
                output.name, left, left == 1 ? "" : "s");
        }
    }
    for (const std::string& sentence : problems) fmt::print(stderr, "rebuilder: {}\n", sentence);
    for (const Law& law : ledger.laws()) {
        if (law.holds()) continue;
        fmt::print(
            stderr, "rebuilder: fault: the ledger does not close: {}: {} is not {}\n", law.name, law.left, law.right);
        fine = false;
    }
    if (blocks_left != 0) {
        fmt::print(stderr, "rebuilder: fault: {} buffers were not given back\n", blocks_left);
        fine = false;
    }
    return static_cast<int>(fine ? ExitStatus::fine : ExitStatus::runtime);
}

}  // namespace rebuilder
