// SPDX-License-Identifier: Apache-2.0
// Config: every option, with its default. Filled by options.cpp, const afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "forward/output.h"
#include "forward/rewriting.h"
#include "forward/selection.h"
#include "http/limits.h"
#include "log.h"
#include "nic/exception_plan.h"
#include "packet/decap.h"
#include "tcp/limits.h"

namespace rebuilder {

enum class Command : std::uint8_t { run, replay, check, top };

struct TopOptions {
    std::string url = "http://127.0.0.1:9446";
    std::uint64_t interval_ns = 1'000'000'000;
    std::uint64_t count = 0;  // screens; 0: until it is ended
};

struct Config {
    Command command = Command::run;

    // Where frames come from.
    std::vector<std::string> inputs;  // run: as written; nic/input.h reads them
    std::vector<std::string> files;   // replay
    packet::DecapConfig decap;
    bool tunnel_given = false;  // --tunnel was: replay doesn't guess then
    nic::ExceptionKind exception_path = nic::ExceptionKind::none;

    // Which requests go, and where.
    forward::SelectionConfig selection;
    std::vector<forward::OutputSpec> outputs;
    forward::HttpOptions http_output;
    forward::Rewriting rewriting;
    bool record_bodies = false;
    std::uint32_t queue = 16384;  // requests that may wait for one forwarder

    // Who does the work.
    std::uint32_t workers = 0;     // 0: one for each RX queue of the inputs
    std::uint32_t forwarders = 0;  // for each HTTP output; 0: one for each two workers
    std::string lcores;            // EAL lcore map; empty: made from the CPUs this process may use
    std::vector<std::string> eal;  // behind "--"
    // The longest sleep of a worker without frames. 0: it polls; nothing: it polls where it has a CPU of its own.
    std::optional<std::uint64_t> idle_sleep_ns;
    std::uint16_t rx_descriptors = 4096;
    bool lock_memory = true;  // where the host allows it

    // Limits, for each worker.
    tcp::Limits tcp;
    http::Limits http;
    std::size_t buffer_bytes = 128 << 20;  // requests in assembly and on their way out

    // How it is watched, and how it ends.
    std::string health_listen = "0.0.0.0:9445";  // "none": not at all
    std::string admin_listen = "127.0.0.1:9446";
    std::string ledger_file;
    LogFormat log_format = LogFormat::text;
    LogLevel log_level = LogLevel::info;
    std::uint64_t lame_duck_ns = 0;
    std::uint64_t drain_timeout_ns = 10'000'000'000;
    bool explain = false;  // replay
    bool why = false;      // replay
    TopOptions top;
};

}  // namespace rebuilder
