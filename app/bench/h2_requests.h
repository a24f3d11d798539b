// SPDX-License-Identifier: Apache-2.0
// H2Requests: what one client of an HTTP/2 server asks for, one request after the other.
//
//   browser  GETs: 13 fields, of which the path and x-request-id are new each time, the referer with each page
//   grpc     unary calls: 10 fields, of which grpc-timeout and traceparent are new; a message of 50 to 500 bytes
//   api      POSTs of JSON: 11 fields, with a token; 200 to 2000 bytes
// The same for each run and each machine: the only chance in it is its seed's.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace rebuilder::bench {

enum class H2Mix { browser, grpc, api };

struct H2Request {
    std::vector<std::pair<std::string, std::string>> fields;  // pseudo-header fields first
    std::string body;

    [[nodiscard]] const std::string& operator[](const char* name) const;
};

class H2Requests {
  public:
    H2Requests(H2Mix mix, std::uint64_t seed);

    [[nodiscard]] H2Request next();

  private:
    [[nodiscard]] std::size_t below(std::size_t count) { return static_cast<std::size_t>(random_() % count); }
    template <class List>
    [[nodiscard]] const auto& one_of(const List& list) {
        return list[below(std::size(list))];
    }
    [[nodiscard]] std::string hex(std::size_t digits);
    [[nodiscard]] std::string uuid();

    [[nodiscard]] H2Request browser();
    [[nodiscard]] H2Request grpc();
    [[nodiscard]] H2Request api();

    H2Mix mix_;
    std::mt19937_64 random_;
    std::size_t asked_ = 0;
    std::string host_;
    std::string user_agent_;
    std::string secret_;  // of the session, or the token
    std::string page_;    // where a browser is
};

}  // namespace rebuilder::bench
