// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"

namespace rebuilder {
namespace {

constexpr std::array<std::string_view, 4> level_names{"error", "warning", "info", "debug"};
constexpr std::array<int, 4> priorities{3, 4, 6, 7};  // syslog(3)

std::uint64_t wall_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// sd-daemon: JOURNAL_STREAM names the device and inode of the journal's end of stderr.
bool is_journal(int fd) {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat about {};
    if (stream == nullptr || ::fstat(fd, &about) != 0) return false;
    return fmt::format("{}:{}", about.st_dev, about.st_ino) == stream;
}

std::string time_text(std::uint64_t time_ns) {
    const auto seconds = static_cast<time_t>(time_ns / 1'000'000'000);
    tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
        parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, time_ns / 1'000'000 % 1000);
}

// Quoted, as JSON quotes, where a reader that splits at spaces would trip.
std::string logfmt_value(std::string_view text) {
    const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
    });
    return plain ? std::string(text) : json_string(text);
}

// Text for a terminal: nothing that a name from outside could move a cursor by.
std::string harmless(std::string_view text) {
    std::string out(text);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
    return out;
}

}  // namespace

std::string_view name_of(LogLevel level) noexcept {
    return level_names[static_cast<std::size_t>(level)];
}

std::string format_event(LogFormat format, LogLevel level, std::string_view event, std::string_view sentence,
    std::initializer_list<LogField> fields, std::uint64_t time_ns) {
    switch (format) {
    case LogFormat::text: return fmt::format("rebuilder: {}", harmless(sentence));
    case LogFormat::logfmt: {
        std::string line = fmt::format(
            "time={} level={} event={} msg={}", time_text(time_ns), name_of(level), event, logfmt_value(sentence));
        for (const LogField& field : fields) line += fmt::format(" {}={}", field.name, logfmt_value(field.value));
        return line;
    }
    case LogFormat::json: break;
    }
    std::string line = fmt::format(R"({{"time":"{}","level":"{}","event":"{}","msg":{})", time_text(time_ns),
        name_of(level), event, json_string(sentence));
    for (const LogField& field : fields) line += fmt::format(",\"{}\":{}", field.name, json_string(field.value));
    return line + "}";
}

Log::Log(LogFormat format, LogLevel most) : format_(format), most_(most), journal_(is_journal(STDERR_FILENO)) {}

void Log::set(LogFormat format, LogLevel most) {
    const std::lock_guard lock(mutex_);
    format_ = format;
    most_ = most;
}

void Log::write(
    LogLevel level, std::string_view event, std::string_view sentence, std::initializer_list<LogField> fields) {
    const std::lock_guard lock(mutex_);
    if (level > most_) return;
    const std::uint64_t now_ns = wall_ns();
    const std::int64_t held_back = admit(event, now_ns);
    if (held_back < 0) return;
    put(level, format_event(format_, level, event, sentence, fields, now_ns));
    if (held_back == 0) return;
    put(level, format_event(format_, level, event, fmt::format("{} more of these were not told", held_back),
                   {{"held_back", fmt::format("{}", held_back)}}, now_ns));
}

void Log::detail(std::string_view event, std::string_view sentence, std::initializer_list<LogField> fields) {
    const std::lock_guard lock(mutex_);
    if (LogLevel::info > most_) return;
    put(LogLevel::info, format_ == LogFormat::text
                            ? fmt::format("  {}", harmless(sentence))
                            : format_event(format_, LogLevel::info, event, sentence, fields, wall_ns()));
}

void Log::put(LogLevel level, const std::string& line) const {
    const std::string prefix = journal_ ? fmt::format("<{}>", priorities[static_cast<std::size_t>(level)]) : "";
    const std::string whole = prefix + line + '\n';
    // Whatever comes of it: a log that is full or gone must not end the appliance.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, whole.data(), whole.size());
}

std::int64_t Log::admit(std::string_view event, std::uint64_t now_ns) {
    auto found = windows_.find(event);
    if (found == windows_.end()) found = windows_.emplace(std::string(event), Window{}).first;
    Window& window = found->second;
    // Also when the clock was set back.
    if (now_ns - window.begin_ns >= window_ns || now_ns < window.begin_ns) {
        window.begin_ns = now_ns;
        window.lines = 0;
    }
    if (window.lines == burst) {
        ++window.held_back;
        return -1;
    }
    ++window.lines;
    return std::exchange(window.held_back, 0);
}

}  // namespace rebuilder
