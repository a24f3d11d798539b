// SPDX-License-Identifier: Apache-2.0
// RecordWriter: a Request as one line of JSON, as the client sent it.
//
// Of all rewriting only what keeps secrets (rewriting.h) holds here, too: header and trailer fields that are to be
// removed are not there, and of those that are to be redacted the value is a row of 'x', as long as it was.
// Text is Latin-1: each byte from 0x80 is written \u00XX, so nothing is lost. Times have microseconds. Keys
// and their order are a contract; new keys go behind the old ones.
#pragma once

#include <memory>

#include "base/block.h"
#include "base/counters.h"
#include "forward/handoff.h"
#include "forward/rewriting.h"
#include "http/request.h"

namespace rebuilder::forward {

class RecordWriter {
  public:
    // `bodies`: also write the body itself, in base64. Throws Error when SHA-256 is not to be had.
    explicit RecordWriter(bool bodies);
    ~RecordWriter();
    RecordWriter(RecordWriter&&) noexcept;

    // Counter::handed_off and a filled slot; or shed_no_memory, and nothing is held. Leaves the body's blocks
    // alone.
    [[nodiscard]] Counter write(
        const http::Request& request, const Rewriting& rewriting, BlockPool& pool, Slot& slot) noexcept;

  private:
    class Digest;  // hides OpenSSL
    std::unique_ptr<Digest> digest_;
    bool bodies_;
};

}  // namespace rebuilder::forward
