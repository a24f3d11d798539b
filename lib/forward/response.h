// SPDX-License-Identifier: Apache-2.0
// ResponseParser: finds where each HTTP/1 response on a connection ends, and what its status is.
//
// In:    the connection's bytes in any pieces, and whether the request that is being answered was a HEAD.
// Out:   one event for each response, interim ones too. Nothing of a response is kept, so its size does
//        not matter.
// Never: allocates, or answers twice for one response.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace rebuilder::forward {

class ResponseParser {
  public:
    enum class Event : std::uint8_t {
        more,      // the bytes ended inside a response, or before one
        interim,   // a 1xx was skipped; the response proper is still due
        answered,  // a response has ended: status() and keep_alive() speak of it
        broken,    // not HTTP, or a switch of protocols that nobody asked for
    };

    ResponseParser() noexcept { reset(); }

    // For a new connection.
    void reset() noexcept;

    // Takes bytes from the front of `bytes`, up to the end of one response.
    [[nodiscard]] Event next(Bytes& bytes, bool head_request) noexcept;

    // The peer sends no more: `answered` when that is what ends the response, else `more`.
    [[nodiscard]] Event end_of_stream() noexcept;

    // Nothing of the response that is due has come.
    [[nodiscard]] bool at_start() const noexcept { return at_start_; }
    [[nodiscard]] int status() const noexcept { return status_; }
    // Whether the connection stays open behind the last response.
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

  private:
    struct Callbacks;

    alignas(std::max_align_t) std::array<std::byte, 160> parser_;  // llhttp's state
    int status_ = 0;
    bool head_request_ = false;
    bool complete_ = false;
    bool keep_alive_ = false;
    bool at_start_ = true;
};

}  // namespace rebuilder::forward
