// SPDX-License-Identifier: Apache-2.0
// StrictServer: a web server on 127.0.0.1 that answers 200 to each request, and believes only what can't be read in two ways.
//
// What is not one well-formed request after another (strict_request.h) is a fault: the bytes are kept and the connection
// is closed. So is a connection that ends inside a request.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/loopback_server.h"
#include "support/strict_request.h"

namespace rebuilder::test {

class StrictServer {
  public:
    struct Fault {
        std::string why;
        std::string bytes;  // from where the request would begin
    };

    StrictServer() {
        server_.emplace([this](Peer& peer, int) { serve(peer); });
    }

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    [[nodiscard]] std::string url() const { return server_->url(); }

    // Ends all connections, once what was sent on them is read.
    void stop() { server_.reset(); }

    // After stop().
    std::vector<StrictRequest> requests;  // in the order in which they were read
    std::vector<Fault> faults;

  private:
    void serve(Peer& peer) {
        std::string bytes;
        std::array<char, 65536> buffer;
        for (;;) {
            const ssize_t got = ::recv(peer.fd(), buffer.data(), buffer.size(), 0);
            if (got <= 0) break;
            bytes.append(buffer.data(), static_cast<std::size_t>(got));
            if (!answer_all(peer, bytes)) return;
        }
        if (!bytes.empty()) fault("the connection ended inside a request", bytes);
    }

    // Takes the whole requests out of `bytes`. False behind a fault.
    bool answer_all(Peer& peer, std::string& bytes) {
        while (!bytes.empty()) {
            StrictResult result = parse_strict_request(bytes);
            if (result.verdict == StrictResult::Verdict::more) break;
            if (result.verdict == StrictResult::Verdict::refused) {
                fault(result.fault, bytes);
                return false;
            }
            bytes.erase(0, result.size);
            const bool head = result.request.method == "HEAD";
            {
                const std::lock_guard lock(guard_);
                requests.push_back(std::move(result.request));
            }
            peer.send(head ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                           : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        return true;
    }

    void fault(const std::string& why, const std::string& bytes) {
        const std::lock_guard lock(guard_);
        faults.push_back({why, bytes});
    }

    std::mutex guard_;
    std::optional<LoopbackServer> server_;
};

}  // namespace rebuilder::test
