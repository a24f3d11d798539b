// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

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

// 0, or errno. Nothing is opened: with a pipe, that would wait for who reads it.
int why_not_writable(const std::string& path) {
    struct stat about {};
    const auto lacks = [](const std::string& what, int access) {
        return ::faccessat(AT_FDCWD, what.c_str(), access, AT_EACCESS) == 0 ? 0 : errno;
    };
    if (::stat(path.c_str(), &about) == 0) return S_ISDIR(about.st_mode) ? EISDIR : lacks(path, W_OK);
    if (errno != ENOENT) return errno;
    const std::size_t slash = path.rfind('/');
    return lacks(slash == path.npos ? "." : path.substr(0, slash + 1), W_OK | X_OK);
}

}  // namespace

void check_ledger_file(const Config& config) {
    if (config.ledger_file.empty()) return;
    if (const int error = why_not_writable(config.ledger_file); error != 0) {
        throw Error(ExitStatus::usage,
            fmt::format("--ledger {}: can't be written: {}", config.ledger_file, std::strerror(error)));
    }
}

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
