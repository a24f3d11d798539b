// SPDX-License-Identifier: Apache-2.0
#include "rivals.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/ascii.h"
#include "base/error.h"
#include "process.h"

namespace rebuilder::bench {
namespace {

[[noreturn]] void fail(const std::string& program, const std::string& what) {
    throw Error(ExitStatus::runtime, program + ": " + what);
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
    const auto finished = run_process("wrk",
        {"wrk", "-t1", fmt::format("-c{}", settings.connections), "-d1s", "--timeout", "5s", "-s", script.path(),
            settings.url},
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
    const auto finished = run_process("h2load", command, settings.cpu);
    if (!finished) return std::nullopt;
    const std::string& output = finished->output;
    const auto succeeded = number_before(output, " 2xx");
    if (!succeeded || *succeeded != settings.requests)
        fail("h2load", "not all requests were answered with 2xx: " + output);
    return Measurement{.requests = *succeeded, .cpu = finished->cpu, .wall_ns = finished->wall_ns};
}

}  // namespace rebuilder::bench
