// SPDX-License-Identifier: Apache-2.0
#include "rate_search.h"

#include <algorithm>
#include <cmath>

namespace rebuilder::bench {

std::optional<double> RateSearch::run(const std::function<bool(double rate)>& passes) const {
    std::optional<double> passed;
    std::optional<double> failed;
    for (double rate = first; !passed || !failed;) {
        if (passes(rate)) {
            passed = rate;
            if (rate >= most) return passed;
            rate = std::min(rate * 2, most);
        } else {
            failed = rate;
            if (rate <= least) return passed;
            rate = std::max(rate / 2, least);
        }
    }
    while (*failed / *passed > 1 + precision) {
        const double rate = std::sqrt(*passed * *failed);
        (passes(rate) ? passed : failed) = rate;
    }
    return passed;
}

}  // namespace rebuilder::bench
