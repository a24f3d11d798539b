// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "log.h"

namespace rebuilder {
namespace {

bool write_file(const std::string& path, const std::string& text, std::string& problem) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    const bool written =
        file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fflush(file.get()) == 0;
    if (!written) problem = fmt::format("ledger file {}: {}", path, std::strerror(errno));
    return written;
}

// For people a table; for a collector of logs one event.
void tell_ledger(const Config& config, const Ledger& ledger, Log& log) {
    if (config.log_format == LogFormat::text) {
        if (config.log_level >= LogLevel::info) fmt::print(stderr, "{}", ledger.text());
        return;
    }
    std::string json;
    for (const char c : ledger.json()) {
        if (c != '\n') json += c;
    }
    log.write(LogLevel::info, "ledger", "every counter at the end", {{"ledger", json}});
}

}  // namespace

int report_end(
    const Config& config, const Ledger& ledger, std::size_t blocks_left, const std::vector<std::string>& problems) {
    Log log(config.log_format, config.log_level);
    bool fine = problems.empty();
    std::string problem;
    if (!config.ledger_file.empty() && !write_file(config.ledger_file, ledger.json(), problem)) {
        log.write(LogLevel::error, "ledger_file", problem);
        fine = false;
    }
    if (config.command == Command::run) tell_ledger(config, ledger, log);
    for (const Ledger::Output& output : ledger.outputs) {
        if (const std::uint64_t left = output.values[Counter::failed_drain]; left != 0) {
            log.write(LogLevel::warning, "drain_incomplete",
                fmt::format("output {}: {} request{} had no answer yet when --drain-timeout was over", output.name,
                    left, left == 1 ? "" : "s"),
                {{"output", output.name}, {"requests", fmt::format("{}", left)}});
        }
    }
    for (const std::string& sentence : problems) log.write(LogLevel::error, "problem", sentence);
    for (const Law& law : ledger.laws()) {
        if (law.holds()) continue;
        log.write(LogLevel::error, "fault",
            fmt::format("fault: the ledger does not close: {}: {} is not {}", law.name, law.left, law.right));
        fine = false;
    }
    if (blocks_left != 0) {
        log.write(LogLevel::error, "fault", fmt::format("fault: {} buffers were not given back", blocks_left));
        fine = false;
    }
    return static_cast<int>(fine ? ExitStatus::fine : ExitStatus::runtime);
}

}  // namespace rebuilder
