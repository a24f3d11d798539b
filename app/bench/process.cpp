// SPDX-License-Identifier: Apache-2.0
#include "process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/error.h"

namespace rebuilder::bench {
namespace {

constexpr unsigned longest_run_s = 60;
constexpr int not_installed = 127;  // as a shell has it

[[noreturn]] void fail(const std::string& program, const std::string& what) {
    throw Error(ExitStatus::runtime, program + ": " + what);
}

// In a process that still has the memory of this one: nothing may be allocated.
[[noreturn]] void become(char* const* arguments, unsigned cpu, int out) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(longest_run_s);  // outlives exec: whatever happens, it ends
    (void)pin_to(cpu);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execvp(arguments[0], arguments);
    ::_exit(not_installed);
}

std::uint64_t in_ns(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1'000;
}

}  // namespace

std::optional<Finished> run_process(const std::string& program, const std::vector<std::string>& command, unsigned cpu) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(program, std::generic_category().message(errno));
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));  // exec only reads
    arguments.push_back(nullptr);
    const std::uint64_t begin_ns = clock_ns();
    // Not fork(): to give up a copy of all that this program has mapped would be in the other one's CPU time.
    const pid_t process = ::vfork();
    if (process == 0) become(arguments.data(), cpu, ends[1]);
    ::close(ends[1]);
    if (process < 0) fail(program, std::generic_category().message(errno));
    Finished finished;
    std::array<char, 4096> buffer;
    for (ssize_t size = 0; (size = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
        finished.output.append(buffer.data(), static_cast<std::size_t>(size));
    }
    ::close(ends[0]);
    int status = 0;
    rusage usage{};
    ::wait4(process, &status, 0, &usage);
    finished.wall_ns = clock_ns() - begin_ns;
    if (WIFEXITED(status) && WEXITSTATUS(status) == not_installed) return std::nullopt;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail(program, "it failed, and said: " + finished.output);
    finished.cpu.user_ns = in_ns(usage.ru_utime);
    finished.cpu.system_ns = in_ns(usage.ru_stime);
    finished.cpu.total_ns = finished.cpu.user_ns + finished.cpu.system_ns;
    return finished;
}

std::optional<std::uint64_t> number_before(std::string_view output, std::string_view text) {
    const std::size_t end = output.find(text);
    if (end == std::string_view::npos) return std::nullopt;
    std::size_t begin = end;
    while (begin > 0 && output[begin - 1] >= '0' && output[begin - 1] <= '9') --begin;
    std::uint64_t number = 0;
    if (std::from_chars(output.data() + begin, output.data() + end, number).ec != std::errc{}) return std::nullopt;
    return number;
}

std::optional<std::uint64_t> number_after(std::string_view output, std::string_view text) {
    const std::size_t at = output.find(text);
    if (at == std::string_view::npos) return std::nullopt;
    std::uint64_t number = 0;
    const char* begin = output.data() + at + text.size();
    if (std::from_chars(begin, output.data() + output.size(), number).ec != std::errc{}) return std::nullopt;
    return number;
}

TemporaryFile::TemporaryFile(std::string_view text) {
    std::string name = (std::filesystem::temp_directory_path() / "rebuilder-bench-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    if (fd < 0) fail(name, std::generic_category().message(errno));
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << text;
}

TemporaryFile::~TemporaryFile() {
    ::unlink(path_.c_str());
}

}  // namespace rebuilder::bench
