// SPDX-License-Identifier: Apache-2.0
// H1Requests: what one client of an HTTP/1.1 server writes, one request after the other.
//
//   browser  75 % GETs of some 630 bytes; 25 % POSTs with bodies of 1 to 8 KB
//   api      POSTs of JSON: 200 to 2000 bytes
//   upload   POSTs with bodies of 100 KB
//   design   70 % GETs of some 730 bytes, 26 % POSTs with bodies of 1 to 8 KB, 4 % DELETEs: what other programs were
//            measured with when the product was designed
// The same for each run and each machine: the only chance in it is its seed's.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "h2_requests.h"

namespace rebuilder::bench {

enum class H1Mix { browser, api, upload, design };

struct H1Request {
    std::string method;
    std::string target;
    std::string host;
    std::string body;
    std::string text;  // all of it, as on the wire
};

class H1Requests {
  public:
    H1Requests(H1Mix mix, std::uint64_t seed);

    // `tag` ends the target, so that each request can be told from all others.
    [[nodiscard]] H1Request next(const std::string& tag);

  private:
    [[nodiscard]] std::string body(std::size_t bytes);
    [[nodiscard]] std::size_t below(std::size_t count) { return static_cast<std::size_t>(random_() % count); }

    H1Mix mix_;
    std::mt19937_64 random_;
    H2Requests like_;  // the fields are those of the same client's HTTP/2
};

}  // namespace rebuilder::bench
