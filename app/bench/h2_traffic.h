// SPDX-License-Identifier: Apache-2.0
// H2Traffic: the mirrored frames of HTTP/2 clients, and what is in them.
//
// Each client sends what a real one does: the preface, SETTINGS, and requests whose header sections nghttp2's deflater
// makes, with its dynamic table; WINDOW_UPDATE and PING now and then. Who has several requests at once writes their HEADERS
// first, then their DATA. Clients take turns at random.
// The same for each run and each machine that has the same nghttp2.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arena.h"
#include "base/bytes.h"
#include "h2_requests.h"
#include "mirror.h"

namespace rebuilder::bench {

struct H2Settings {
    H2Mix mix = H2Mix::browser;
    std::uint32_t connections = 200;
    std::uint32_t requests = 100'000;  // of all connections, at least one each
    std::uint32_t batch = 4;           // most that a client writes at once
    std::uint64_t seed = 1;
};

struct H2Traffic {
    // A request, as who reads the frames has to find it.
    struct Made {
        std::string method;
        std::string path;
        std::string host;
        std::uint64_t body_bytes;
    };
    struct HeaderBlock {
        std::uint32_t connection;
        Bytes bytes;
    };

    std::uint32_t connections = 0;
    Mirror mirror;
    std::vector<Made> requests;       // in the order of their ends
    std::vector<HeaderBlock> blocks;  // in the order of the frames, and so in memory, too
    std::uint64_t fields = 0;         // in all blocks
    std::uint64_t field_bytes = 0;    // of their names and values
    std::uint64_t block_bytes = 0;

    Arena arena;  // of the blocks
};

[[nodiscard]] H2Traffic make_h2_traffic(const H2Settings& settings);

}  // namespace rebuilder::bench
