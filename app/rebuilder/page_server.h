// SPDX-License-Identifier: Apache-2.0
// PageServer: some pages over HTTP/1.1 at one address, for load balancers' probes, collectors and people.
//
// In:     GET or HEAD of a path that has a page, whatever its query; anything else is answered with 405.
// Out:    one answer a connection, which is closed behind it.
// Limits: connections; the bytes of a request's head; and the time that a connection has for its request, and for its answer,
//         however it spends it. When a connection is one too many, the oldest goes. So who sends slowly, without end or not
//         at all, reads nothing, or connects without end, costs a bounded amount of memory and descriptors, and nobody else
//         has to wait for it.
// One thread, on which the pages are made. The address has one listener: a second one is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/descriptor.h"

namespace rebuilder {

struct Page {
    int status = 200;
    std::string type = "text/plain";
    std::string body;
    std::vector<std::pair<std::string_view, std::string_view>> fields;  // further ones
};

struct PageLimits {
    std::size_t connections = 64;
    std::size_t head = 8 << 10;
    std::uint64_t request_ms = 2'000;
    std::uint64_t answer_ms = 10'000;
};

class PageServer {
  public:
    using Pages = std::map<std::string, std::function<Page()>, std::less<>>;

    // `address` is ADDRESS:PORT or [ADDRESS]:PORT. Throws std::system_error when it can't be had.
    PageServer(const std::string& address, Pages pages, const PageLimits& limits = {});
    ~PageServer();
    PageServer(const PageServer&) = delete;
    PageServer& operator=(const PageServer&) = delete;

  private:
    // First it sends its request, then it takes its answer, then it may notice that this was all.
    struct Connection {
        enum class State : std::uint8_t { asks, is_answered, is_left };

        Descriptor socket;
        std::uint64_t until_ms;
        State state = State::asks;
        std::string bytes;     // of the request, then of the answer
        std::size_t sent = 0;  // of the answer, by us; then by the client behind its request
    };

    void run();
    void take_connections(std::uint64_t now_ms);
    // False when the connection is over.
    [[nodiscard]] bool serve(Connection& connection, std::uint64_t now_ms) const;
    [[nodiscard]] bool read_request(Connection& connection, std::uint64_t now_ms) const;
    [[nodiscard]] bool write_answer(Connection& connection) const;
    [[nodiscard]] std::string answer(std::string_view head) const;

    Pages pages_;
    PageLimits limits_;
    Descriptor listener_;
    Descriptor end_;                     // readable when it is time to end
    std::list<Connection> connections_;  // the oldest first
    std::uint64_t listen_from_ms_ = 0;   // until then there were no descriptors to accept one
    std::thread thread_;
};

}  // namespace rebuilder
