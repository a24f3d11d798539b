// SPDX-License-Identifier: Apache-2.0
// Plot: charts as SVG files, drawn by gnuplot.
#pragma once

#include <string>
#include <vector>

#include "chart.h"

namespace rebuilder::bench {

// Makes the directory when there is none. Throws Error when plot() would fail there: a scenario takes minutes.
void prepare_plot(const std::string& directory);

// A file for each chart, NAME.svg. Throws Error (runtime).
void plot(const std::vector<Chart>& charts, const std::string& directory);

// What gnuplot is told.
[[nodiscard]] std::string gnuplot_script(const Chart& chart, const std::string& file);

}  // namespace rebuilder::bench
