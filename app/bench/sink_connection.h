// SPDX-License-Identifier: Apache-2.0
// SinkConnection: what the sink knows of one connection, in either protocol. No sockets.
//
// In:    bytes as they come, cut anywhere.
// Out:   how many requests ended in them, and the bytes to write back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rebuilder::bench {

// Is told the first line of each request, when it has ended.
using OnRequest = std::function<void(std::string_view line)>;

// The requests of one HTTP/1.1 connection, counted by head end and Content-Length.
class RequestCounter {
  public:
    explicit RequestCounter(OnRequest on_request = {}) : on_request_(std::move(on_request)) {}

    // How many requests end in `bytes`. Nothing when they can't be counted: chunked, or an unreadable length.
    [[nodiscard]] std::optional<std::uint64_t> feed(std::string_view bytes);

  private:
    [[nodiscard]] bool head(std::string_view text);

    OnRequest on_request_;
    std::string partial_;     // of a head
    std::string line_;        // of a request whose body comes
    std::uint64_t body_ = 0;  // bytes of a body that are still to come
};

// The server's end of one HTTP/2 connection.
class Http2Answerer {
  public:
    Http2Answerer();
    ~Http2Answerer();

    Http2Answerer(const Http2Answerer&) = delete;
    Http2Answerer& operator=(const Http2Answerer&) = delete;

    // As above. Nothing: it was no HTTP/2.
    [[nodiscard]] std::optional<std::uint64_t> feed(std::string_view bytes);
    // Appends what is to be written now.
    void take_output(std::string& out);

  private:
    struct Session;
    std::unique_ptr<Session> session_;
};

class SinkConnection {
  public:
    // `on_request`: of HTTP/1.1 only.
    explicit SinkConnection(OnRequest on_request = {}) : on_request_(std::move(on_request)) {}

    [[nodiscard]] std::optional<std::uint64_t> feed(std::string_view bytes);

    // To be written; the caller erases what the socket took.
    std::string output;

  private:
    OnRequest on_request_;
    std::string first_;  // until it is clear which protocol this is
    std::optional<RequestCounter> http1_;
    std::unique_ptr<Http2Answerer> http2_;
};

}  // namespace rebuilder::bench
