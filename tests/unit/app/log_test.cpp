// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "finding_log.h"

#include "support/catch.h"

using namespace rebuilder;

namespace {

constexpr std::uint64_t noon_ns = 1'772'366'400'250'000'000;  // 2026-03-01T12:00:00.25Z

}  // namespace

TEST_CASE("an event is a line in each format") {
    const auto line = [](LogFormat format, std::string_view sentence, std::string value) {
        return format_event(
            format, LogLevel::warning, "output_down", sentence, {{"output", std::move(value)}}, noon_ns);
    };
    CHECK(line(LogFormat::text, "it is down", "http://a:1") == "rebuilder: it is down");
    CHECK(line(LogFormat::logfmt, "it is down", "http://a:1") ==
          R"(time=2026-03-01T12:00:00.250Z level=warning event=output_down msg="it is down" output=http://a:1)");
    CHECK(
        line(LogFormat::json, "it is down", "http://a:1") ==
        R"({"time":"2026-03-01T12:00:00.250Z","level":"warning","event":"output_down","msg":"it is down","output":"http://a:1"})");
}

TEST_CASE("nothing in a value makes a second line, or another field") {
    const std::string hostile = "a\nb level=error \"c\"\x1b[2J";
    for (const LogFormat format : {LogFormat::text, LogFormat::logfmt, LogFormat::json}) {
        const std::string line =
            format_event(format, LogLevel::info, "e", hostile, {{"f", hostile}, {"g", ""}}, noon_ns);
        INFO(line);
        CHECK(line.find('\n') == line.npos);
        CHECK(line.find('\x1b') == line.npos);
    }
    CHECK(format_event(LogFormat::logfmt, LogLevel::info, "e", "m", {{"f", "a=b"}, {"g", ""}}, noon_ns) ==
          R"(time=2026-03-01T12:00:00.250Z level=info event=e msg=m f="a=b" g="")");
}

TEST_CASE("of one event only so many lines come in a while, and the rest is counted") {
    Log log(LogFormat::text, LogLevel::error);
    for (std::uint32_t i = 0; i < Log::burst; ++i) CHECK(log.admit("a", noon_ns + i) == 0);
    CHECK(log.admit("a", noon_ns + 100) == -1);
    CHECK(log.admit("a", noon_ns + Log::window_ns - 1) == -1);
    CHECK(log.admit("b", noon_ns + 100) == 0);
    CHECK(log.admit("a", noon_ns + Log::window_ns) == 2);
    CHECK(log.admit("a", noon_ns + Log::window_ns) == 0);
    // A clock that was set back holds up nothing.
    CHECK(log.admit("b", noon_ns - 1'000'000'000) == 0);
}

TEST_CASE("a finding is told when it begins, now and then while it lasts, and when it is over") {
    // What is written to stderr meanwhile.
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const int stderr_before = ::dup(STDERR_FILENO);
    REQUIRE(::dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    std::vector<std::string> lines;
    {
        Log log(LogFormat::text, LogLevel::info);
        FindingLog finding_log(log);
        const auto seconds = [&](std::uint64_t count, const std::vector<Finding>& findings) {
            for (std::uint64_t i = 0; i < count; ++i) finding_log.look(findings);
        };
        const Finding down{Finding::Severity::error, "It is down since 1 s.", "Start it."};
        Finding later = down;
        later.text = "It is down since 9 s.";
        seconds(9, {down});  // too early
        seconds(1, {down});
        seconds(FindingLog::again_s - 1, {later});
        seconds(1, {later});
        seconds(5, {});  // it flutters
        seconds(5, {later});
        seconds(FindingLog::over_s + 1, {{Finding::Severity::fine, "All is well.", ""}});
    }
    ::dup2(stderr_before, STDERR_FILENO);
    ::close(stderr_before);
    ::close(ends[1]);
    std::string text;
    std::array<char, 4096> part;
    for (ssize_t size = 0; (size = ::read(ends[0], part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(size));
    ::close(ends[0]);
    CHECK(text == "rebuilder: It is down since 1 s. Start it.\n"
                  "rebuilder: It is down since 9 s. Start it.\n"
                  "rebuilder: nothing is wrong any more\n");
}
