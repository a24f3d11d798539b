// SPDX-License-Identifier: Apache-2.0
// The main() of the unit tests under Catch2 version 2. Version 3 brings its own (the library Catch2Main).
#if !__has_include(<catch2/catch_all.hpp>)
#    if defined(__GNUC__) && !defined(__clang__)
#        pragma GCC diagnostic ignored "-Wpragmas"
#        pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 with sanitizers, in <regex>
#    endif
#    define CATCH_CONFIG_MAIN
#    include <catch2/catch.hpp>
#endif
