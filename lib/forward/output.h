// SPDX-License-Identifier: Apache-2.0
// Output: where requests go. One thread owns it (its Forwarder's), and it owns its sockets or its file.
//
// In:    Slots by submit(), only while ready(). The bytes may be read until the output gives the slot
//        back.
// Out:   every slot submitted is given back by `done` exactly once, with the counter that says what
//        became of it (a request_answered or request_failed counter), from within submit(), poll() or
//        abandon(). `done` adds that counter; the output itself adds its events only (connects, retries,
//        sent_bytes, ...).
// Never: blocks for longer than poll()'s timeout, raises SIGPIPE, allocates or throws after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/counters.h"
#include "forward/handoff.h"
#include "forward/latency.h"
#include "forward/resolver.h"
#include "forward/tls.h"

namespace rebuilder::forward {

// The form an output's slots have.
enum class Form : std::uint8_t {
    wire,    // an HTTP/1.1 request (forward/wire.h)
    record,  // a line of JSON (forward/record.h)
};

struct OutputSpec {
    enum class Kind : std::uint8_t { http, jsonl, null };
    Kind kind = Kind::null;
    std::string text;  // as the user wrote it: names the output in messages and in the ledger
    std::string host;  // http: name or address, without brackets
    std::uint16_t port = 0;
    bool tls = false;   // http: https
    std::string path;   // jsonl: a file, or "-"
    bool waits = true;  // jsonl: a FIFO is opened only once it has a reader

    [[nodiscard]] Form form() const noexcept { return kind == Kind::jsonl ? Form::record : Form::wire; }
};

// "http://HOST:PORT", "https://HOST:PORT", "jsonl:PATH", "null". Throws Error (usage) that names what is wrong.
[[nodiscard]] OutputSpec parse_output(const std::string& text);

struct HttpOptions {
    std::uint32_t connections = 8;  // to each address of the output, kept alive
    std::uint32_t pipeline = 1;     // requests on one connection without an answer
    std::uint32_t retries = 1;      // sendings again of a request whose connection broke when its answer was due
    std::uint64_t timeout_ns = 5'000'000'000;  // for a connection to open, and for an answer to come
    bool http2 = false;                        // to be spoken: with TLS if the server agrees, without it in any case
    TlsOptions tls;
    ResolverOptions resolver;
};

class Output {
  public:
    // What became of a slot, and the channel it came from (an index that submit() was given).
    using Done = std::function<void(const Slot& slot, std::uint32_t channel, Counter outcome)>;

    virtual ~Output() = default;

    // Whether submit() may be called.
    [[nodiscard]] virtual bool ready() const noexcept = 0;
    virtual void submit(const Slot& slot, std::uint32_t channel, std::uint64_t now_ns) noexcept = 0;
    // Does what can be done; waits at most `timeout_ns` (0: not at all) for something to do.
    virtual void poll(std::uint64_t now_ns, std::uint64_t timeout_ns) noexcept = 0;
    // Slots submitted and not given back.
    [[nodiscard]] virtual std::size_t pending() const noexcept = 0;
    // The run is ending: from now on nothing waits for an output that is known to be down.
    virtual void begin_drain() noexcept {}
    // Gives back all that is pending as Counter::failed_drain, and closes.
    virtual void abandon() noexcept = 0;
    // What an operator should know of, once; empty when all is well. E.g. that nobody accepts connections.
    [[nodiscard]] virtual std::string trouble() const = 0;

    // ---- any thread ----

    // Open connections.
    [[nodiscard]] virtual std::size_t connections() const noexcept { return 0; }
    // From when a request is given to a connection until its answer; null where nothing answers.
    [[nodiscard]] virtual const Latency* latency() const noexcept { return nullptr; }
    // Why nothing can be sent at present; empty when it can, or when nobody has tried.
    [[nodiscard]] virtual std::string trouble_now() const { return {}; }
};

// Opens files now, and resolves the host unless there is a `resolver` for it already: throws Error (runtime)
// that names what can't be had. Nothing is connected yet. `counters` are the forwarder's; the output adds its events
// to them (connects, retries, sent_bytes, ...).
[[nodiscard]] std::unique_ptr<Output> make_output(const OutputSpec& spec, const HttpOptions& options,
    Counters& counters, Output::Done done, std::shared_ptr<Resolver> resolver = nullptr);

// What one output made of these can come to use: connections, and bytes of memory beside the slots and the kernel's
// socket buffers.
[[nodiscard]] std::size_t most_connections(const OutputSpec& spec, const HttpOptions& options);
[[nodiscard]] std::size_t most_bytes(const OutputSpec& spec, const HttpOptions& options);

}  // namespace rebuilder::forward
