// SPDX-License-Identifier: Apache-2.0
#include "forward/output.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "forward/file_output.h"
#include "forward/http_output.h"
#include "forward/null_output.h"

namespace rebuilder::forward {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
    throw Error(ExitStatus::usage, "--output " + text + ": " + why);
}

std::uint16_t parse_port(const std::string& text, std::string_view digits) {
    std::uint16_t port = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, port);
    if (error != std::errc{} || stop != end || port == 0) {
        refuse(text, "the port must be a number from 1 to 65535");
    }
    return port;
}

// HOST, HOST:PORT, [IPV6] or [IPV6]:PORT, with at most a "/" behind it.
void parse_authority(OutputSpec& spec, std::string_view rest) {
    if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
        if (slash + 1 != rest.size()) refuse(spec.text, "no path can be given: each request brings its own");
        rest.remove_suffix(1);
    }
    std::size_t host_end = rest.find(':');
    if (rest.starts_with('[')) {
        const std::size_t bracket = rest.find(']');
        if (bracket == std::string_view::npos) refuse(spec.text, "the IPv6 address lacks its closing bracket");
        spec.host = rest.substr(1, bracket - 1);
        host_end = bracket + 1;
    } else {
        spec.host = rest.substr(0, host_end);
    }
    spec.port = spec.tls ? 443 : 80;
    if (host_end < rest.size()) {
        if (rest[host_end] != ':') refuse(spec.text, "only a port can follow the address");
        const std::string_view port = rest.substr(host_end + 1);
        if (port.find(':') != std::string_view::npos) refuse(spec.text, "an IPv6 address stands in brackets");
        spec.port = parse_port(spec.text, port);
    }
    if (spec.host.empty()) refuse(spec.text, "the host is missing");
    if (spec.host.find_first_of("@?#[] \t\r\n") != std::string::npos || spec.host.find('\0') != std::string::npos) {
        refuse(spec.text, "the host has a character that no host name has");
    }
}

}  // namespace

OutputSpec parse_output(const std::string& text) {
    constexpr std::string_view http = "http://";
    constexpr std::string_view https = "https://";
    constexpr std::string_view jsonl = "jsonl:";
    OutputSpec spec;
    spec.text = text;
    const std::string_view view = text;
    if (view == "null") return spec;
    if (view.starts_with(http) || view.starts_with(https)) {
        spec.kind = OutputSpec::Kind::http;
        spec.tls = view.starts_with(https);
        parse_authority(spec, view.substr(spec.tls ? https.size() : http.size()));
        return spec;
    }
    if (view.starts_with(jsonl)) {
        spec.kind = OutputSpec::Kind::jsonl;
        spec.path = view.substr(jsonl.size());
        if (spec.path.empty()) refuse(text, "the path is missing (- is standard output)");
        return spec;
    }
    refuse(text, "an output is http://HOST:PORT, https://HOST:PORT, jsonl:PATH or null");
}

std::size_t most_connections(const OutputSpec& spec, const HttpOptions& options) {
    return spec.kind == OutputSpec::Kind::http ? HttpOutput::most_connections(spec, options) : 0;
}

std::size_t most_bytes(const OutputSpec& spec, const HttpOptions& options) {
    return spec.kind == OutputSpec::Kind::http ? HttpOutput::most_bytes(spec, options) : 0;
}

std::unique_ptr<Output> make_output(const OutputSpec& spec, const HttpOptions& options, Counters& counters,
    Output::Done done, std::shared_ptr<Resolver> resolver) {
    switch (spec.kind) {
    case OutputSpec::Kind::http:
        if (resolver == nullptr) {
            resolver = std::make_shared<Resolver>(spec.text, spec.host, spec.port, options.resolver);
        }
        return std::make_unique<HttpOutput>(spec, options, counters, std::move(done), std::move(resolver));
    case OutputSpec::Kind::jsonl: return std::make_unique<FileOutput>(spec, counters, std::move(done));
    case OutputSpec::Kind::null: break;
    }
    return std::make_unique<NullOutput>(std::move(done));
}

}  // namespace rebuilder::forward
