// SPDX-License-Identifier: Apache-2.0
// Log: what happens to a running appliance, an event a line, on stderr: for a person, for a collector of logs, or both.
//
//   text    rebuilder: output http://10.0.2.1:80: connection refused
//   logfmt  time=2026-03-01T10:00:00.000Z level=warning event=output_down msg="connection refused" output=http://10.0.2.1:80
//   json    {"time":"2026-03-01T10:00:00.000Z","level":"warning","event":"output_down","msg":"...","output":"http://..."}
// Where stderr is systemd's journal each line begins with its priority (sd-daemon(3)), so `journalctl -p warning` works.
//
// Names of events and fields are a contract. No event has anything of a request in it. Of one event at most `burst` lines come
// in ten seconds; the next one says how many didn't. Any thread may write; a line is one write, never half of one.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace rebuilder {

enum class LogFormat : std::uint8_t { text, logfmt, json };
enum class LogLevel : std::uint8_t { error, warning, info, debug };

[[nodiscard]] std::string_view name_of(LogLevel level) noexcept;

struct LogField {
    std::string_view name;
    std::string value;
};

// One line, without its end. `time_ns` is wall time.
[[nodiscard]] std::string format_event(LogFormat format, LogLevel level, std::string_view event,
    std::string_view sentence, std::initializer_list<LogField> fields, std::uint64_t time_ns);

class Log {
  public:
    static constexpr std::uint32_t burst = 10;
    static constexpr std::uint64_t window_ns = 10'000'000'000;

    Log(LogFormat format, LogLevel most);

    void set(LogFormat format, LogLevel most);
    void write(
        LogLevel level, std::string_view event, std::string_view sentence, std::initializer_list<LogField> fields = {});
    // Something of interest about what was written last, at level info: as text it is set in.
    void detail(std::string_view event, std::string_view sentence, std::initializer_list<LogField> fields = {});

    // Whether a line of this event may come at that time, and how many before it may not: -1 for none. For tests.
    [[nodiscard]] std::int64_t admit(std::string_view event, std::uint64_t now_ns);

  private:
    struct Window {
        std::uint64_t begin_ns = 0;
        std::uint32_t lines = 0;
        std::int64_t held_back = 0;
    };

    void put(LogLevel level, const std::string& line) const;

    std::mutex mutex_;
    LogFormat format_;
    LogLevel most_;
    bool journal_;
    std::map<std::string, Window, std::less<>> windows_;  // by event: as many as there are names
};

}  // namespace rebuilder
