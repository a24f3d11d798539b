// SPDX-License-Identifier: Apache-2.0
// The page at GET /status: one document without outside parts, made from status/ by status/page.py when the program is built.
#pragma once

#include <string_view>

namespace rebuilder {

extern const std::string_view status_page;  // HTML
extern const std::string_view
    status_page_policy;  // its Content-Security-Policy: nothing but what is in it, and this server

}  // namespace rebuilder
