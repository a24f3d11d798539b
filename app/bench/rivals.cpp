// SPDX-License-Identifier: Apache-2.0
#include "rivals.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "base/ascii.h"
#include "base/error.h"

namespace rebuilder::bench {
namespace {

constexpr unsigned longest_run_s = 60;
constexpr int not_installed = 127;  // as a shell has it

struct Finished {
    std::string output;
    CpuTime cpu;
    std::uint64_t wall_ns = 0;
};

[[noreturn]] void fail(const std::string& program, const std::string& what) {
    throw Error(ExitStatus::runtime, program + ": " + what);
}

class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view text) {
        std::string name = (std::filesystem::temp_directory_path() / "rebuilder-bench-XXXXXX").string();
        const int fd = ::mkstemp(name.data());
        if (fd < 0) fail(name, std::generic_category().message(errno));
        ::close(fd);
        path_ = name;
        std::ofstream(path_) << text;
    }
    ~TemporaryFile() { ::unlink(path_.c_str()); }

    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

[[noreturn]] void become(const std::vector<std::string>& command, unsigned cpu, int out) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(longest_run_s);  // outlives exec: whatever happens, it ends
    (void)pin_to(cpu);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));  // exec only reads
    arguments.push_back(nullptr);
    ::execvp(arguments.front(), arguments.data());
    ::_exit(not_installed);
}

std::uint64_t in_ns(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1'000;
}

std::optional<Finished> run(const std::vector<std::string>& command, unsigned cpu) {
    const std::string& program = command.front();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(program, std::generic_category().message(errno));
    const std::uint64_t begin_ns = clock_ns();
    const pid_t process = ::fork();
    if (process == 0) become(command, cpu, ends[1]);
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

// The number in front of `text`, where `text` is.
std::optional<std::uint64_t> number_before(std::string_view output, std::string_view text) {
    const std::size_t end = output.find(text);
    if (end == std::string_view::npos) return std::nullopt;
    std::size_t begin = end;
    while (begin > 0 && output[begin - 1] >= '0' && output[begin - 1] <= '9') --begin;
    std::uint64_t number = 0;
    if (std::from_chars(output.data() + begin, output.data() + end, number).ec != std::errc{}) return std::nullopt;
    return number;
}

std::string lua_string(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            quoted += fmt::format("\\{:03}", static_cast<unsigned char>(c));
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

// wrk takes several requests in one string for pipelined ones. `request` in Lua is called for each; `wrk.format` once.
std::string script_for(const std::vector<Sample>& samples, std::uint32_t at_once) {
    std::string script = "local texts = {\n";
    for (std::size_t i = 0; i < samples.size(); ++i) {
        std::string text;
        for (std::uint32_t k = 0; k < at_once; ++k) text += samples[(i + k) % samples.size()].wire();
        script += lua_string(text) + ",\n";
    }
    script += "}\n";
    if (samples.size() == 1) {
        return script + "function init() wrk.format = function() return texts[1] end end\n";
    }
    return script + "local next = 0\nfunction request() next = next % #texts + 1 return texts[next] end\n";
}

}  // namespace

std::optional<Measurement> run_wrk(const std::vector<Sample>& samples, const RivalSettings& settings) {
    const TemporaryFile script(script_for(samples, settings.at_once));
    const auto finished = run({"wrk", "-t1", fmt::format("-c{}", settings.connections), "-d1s", "--timeout", "5s", "-s",
                                  script.path(), settings.url},
        settings.cpu);
    if (!finished) return std::nullopt;
    const std::string& output = finished->output;
    const auto requests = number_before(output, " requests in ");
    if (!requests || *requests == 0) fail("wrk", "it says of no requests: " + output);
    if (output.find("Socket errors") != std::string::npos || output.find("Non-2xx") != std::string::npos) {
        fail("wrk", "not all requests were answered with 2xx: " + output);
    }
    return Measurement{.requests = *requests, .cpu = finished->cpu, .wall_ns = finished->wall_ns};
}

std::optional<Measurement> run_h2load(const std::vector<Sample>& samples, const RivalSettings& settings) {
    const Sample& sample = samples[samples.size() / 2];
    std::vector<std::string> command{"h2load", "-t1", fmt::format("-c{}", settings.connections),
        fmt::format("-m{}", settings.at_once), fmt::format("-n{}", settings.requests), "-H",
        ":method: " + sample.method};
    for (const auto& [name, value] : sample.fields) {
        if (name == "Content-Length") continue;  // it says that itself
        std::string lower = name == "Host" ? ":authority" : name;
        std::transform(lower.begin(), lower.end(), lower.begin(), ascii_lower);
        command.insert(command.end(), {"-H", lower + ": " + value});
    }
    std::optional<TemporaryFile> body;
    if (!sample.body.empty()) {
        body.emplace(sample.body);
        command.insert(command.end(), {"-d", body->path()});
    }
    command.push_back(settings.url + sample.target);
    const auto finished = run(command, settings.cpu);
    if (!finished) return std::nullopt;
    const std::string& output = finished->output;
    const auto succeeded = number_before(output, " 2xx");
    if (!succeeded || *succeeded != settings.requests)
        fail("h2load", "not all requests were answered with 2xx: " + output);
    return Measurement{.requests = *succeeded, .cpu = finished->cpu, .wall_ns = finished->wall_ns};
}

}  // namespace rebuilder::bench
