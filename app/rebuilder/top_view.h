// SPDX-License-Identifier: Apache-2.0
// TopView: snapshots as a screen of text, for `rebuilder top`: what the status page shows, in lines.
//
// In:    the snapshots of the last minute, the newest last.
// Out:   lines, each no wider than the screen and ended by "\n"; no more of them than it is high.
// Never: lets a byte of a name or a sentence reach the terminal that isn't printable ASCII.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "snapshot.h"

namespace rebuilder {

struct TopScreen {
    std::size_t width = 80;
    std::size_t height = 0;  // 0: as high as need be
    bool colour = false;     // ANSI sequences for it
    bool utf8 = false;       // bars of block characters; else of ASCII
    std::string title;       // where the snapshots come from
    std::string problem;     // why there is no newer one; empty: there is
};

[[nodiscard]] std::string top_view(std::span<const Snapshot> past, const TopScreen& screen);

}  // namespace rebuilder
