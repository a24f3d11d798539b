// SPDX-License-Identifier: Apache-2.0
// Random: repeatable random numbers for property tests. A test that uses it calls INFO(random.seed()), so that a failure shows the
// seed; REBUILDER_SEED in the environment overrides it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace rebuilder::test {

class Random {
  public:
    explicit Random(std::uint64_t seed) : seed_(seed) {
        if (const char* text = std::getenv("REBUILDER_SEED")) seed_ = std::strtoull(text, nullptr, 0);
        engine_.seed(seed_);
    }

    [[nodiscard]] std::string seed() const { return "REBUILDER_SEED=" + std::to_string(seed_); }

    // From 0 to `count` - 1.
    std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }
    std::size_t between(std::size_t first, std::size_t last) { return first + below(last - first + 1); }
    bool one_in(std::size_t count) { return below(count) == 0; }

    template <class List>
    const auto& of(const List& list) {
        return list[below(std::size(list))];
    }

    std::mt19937_64& engine() { return engine_; }

  private:
    std::uint64_t seed_;
    std::mt19937_64 engine_;
};

}  // namespace rebuilder::test
