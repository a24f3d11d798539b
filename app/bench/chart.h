// SPDX-License-Identifier: Apache-2.0
// Chart: some of a report's figures, to be drawn.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace rebuilder::bench {

struct Chart {
    struct Point {
        std::variant<double, std::string> x;  // a bar has a name
        double y = 0;
        double low = y;  // and high: the range around it, if there is one
        double high = y;
    };
    struct Series {
        std::string name;
        std::vector<Point> points;
    };

    std::string name;  // of its file, without .svg; no other scenario has the same
    std::string title;
    std::string x;  // what the axes are, with units
    std::string y;
    bool log_x = false;
    bool bars = false;  // each series has a bar for each name, in the same order; else they are lines
    std::vector<Series> series = {};
};

}  // namespace rebuilder::bench
