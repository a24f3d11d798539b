// SPDX-License-Identifier: Apache-2.0
// SinkConnection: what the sink knows of one connection, in either protocol. No sockets.
//
// In:    bytes as they come, cut anywhere.
// Out:   how many requests ended in them, and the bytes to write back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rebuilder::bench {

// The requests of one HTTP/1.1 connection, counted by head end and Content-Length.
class RequestCounter {
  public:
    // How many requests end in `bytes`. Nothing when they can't be counted: chunked, or an unreadable length.
    [[nodiscard]] std::optional<std::uint64_t> feed(std::string_view bytes);

  private:
    [[nodiscard]] bool head(std::string_view text);

    std::string partial_;     // of a head
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
    [[nodiscard]] std::optional<std::uint64_t> feed(std::string_view bytes);

    // To be written; the caller erases what the socket took.
    std::string output;

  private:
    std::string first_;  // until it is clear which protocol this is
    std::optional<RequestCounter> http1_;
    std::unique_ptr<Http2Answerer> http2_;
};

}  // namespace rebuilder::bench
