// SPDX-License-Identifier: Apache-2.0
// Samples: the requests that every program of a comparison sends.
//
// They are what a browser sends and the product makes of it, some 730 bytes without body. The same for each run and each
// machine: nothing here is random.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rebuilder::bench {

struct Sample {
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> fields;  // in order; Host is the first
    std::string body;

    // As HTTP/1.1.
    [[nodiscard]] std::string wire() const;
};

enum class Mix { get, post };

// get: one request. post: eight, with bodies of 1 to 8 KB.
[[nodiscard]] std::vector<Sample> make_samples(Mix mix);

}  // namespace rebuilder::bench
