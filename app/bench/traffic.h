// SPDX-License-Identifier: Apache-2.0
// Traffic: the mirrored frames of HTTP/1.1 clients, or of clients that speak something else, and what is in them.
//
// Some clients write at once, each packet by packet, so that the packets of a long request come between those of others, as a
// network brings them. A connection has its requests one after the other, spread over the whole time.
// The same for each run and each machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mirror.h"

namespace rebuilder::bench {

// As in h1_requests.h; noise: nine connections of ten are TLS, the others binary protocols that nobody knows.
enum class TrafficMix { browser, api, upload, design, noise };

struct TrafficSettings {
    TrafficMix mix = TrafficMix::browser;
    std::uint32_t connections = 10'000;
    std::uint32_t requests = 100'000;  // of all connections, at least one each; of noise: writes
    std::uint32_t writers = 16;        // connections that write at once
    std::size_t most_payload = Mirror::usual_payload;
    std::uint32_t acknowledgements = 0;  // bare ACKs of the client's, behind each request
    bool both = false;                   // the server's direction is mirrored, too: an answer of 2 KB to each request
    Impairment impairment;
    std::uint64_t seed = 1;
};

struct Traffic {
    // A request, as who reads the frames has to find it. Its target ends with "r=" and its number.
    struct Made {
        std::string method;
        std::string target;
        std::string host;
        std::uint64_t body_bytes = 0;
        std::uint64_t body_hash = 0;  // hash_of() its bytes
        bool lost = false;            // a frame with bytes of it is gone
    };

    Mirror mirror;
    std::vector<Made> requests;  // in the order of their beginnings; none of noise
    std::uint32_t connections = 0;

    [[nodiscard]] std::uint64_t whole_requests() const noexcept;
};

[[nodiscard]] Traffic make_traffic(const TrafficSettings& settings);

// FNV-1a, of bytes in pieces: begin with nothing for `so_far`.
inline constexpr std::uint64_t no_bytes_hash = 0xcbf29ce484222325;
[[nodiscard]] std::uint64_t hash_of(Bytes bytes, std::uint64_t so_far = no_bytes_hash) noexcept;

// The number of a request by its target, or all ones.
[[nodiscard]] std::uint32_t request_number(std::string_view target) noexcept;

}  // namespace rebuilder::bench
