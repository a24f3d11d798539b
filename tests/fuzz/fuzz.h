// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share: how they read their input, and how an oracle fails.
//
// A target is one LLVMFuzzerTestOneInput. It asserts the contract of what it feeds: whatever the input, a failed
// check ends the process, with a sentence on stderr that says what differs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace rebuilder::fuzz {

// Decisions and bytes, from the front of the input. Behind its end everything is zero and empty.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

    std::uint8_t byte() {
        const Bytes one = take(1);
        return one.empty() ? std::uint8_t{0} : one[0];
    }
    std::uint16_t word() {
        const std::uint8_t high = byte();
        return static_cast<std::uint16_t>(high << 8 | byte());
    }
    // As many bytes as there are, at most `size`.
    Bytes take(std::size_t size) {
        const Bytes taken = rest_.first(std::min(size, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }

    [[nodiscard]] Bytes rest() const { return rest_; }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

  private:
    Bytes rest_;
};

// Bytes in memory of their own: AddressSanitizer catches who reads beside them, or once they are gone.
class Copy {
  public:
    explicit Copy(Bytes from) : memory_(std::make_unique<std::uint8_t[]>(from.size())), size_(from.size()) {
        std::copy(from.begin(), from.end(), memory_.get());
    }
    [[nodiscard]] Bytes bytes() const { return {memory_.get(), size_}; }

  private:
    std::unique_ptr<std::uint8_t[]> memory_;
    std::size_t size_;
};

// Text with its odd bytes as \xNN.
inline std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        constexpr std::string_view digits = "0123456789abcdef";
        if (byte >= 0x20 && byte < 0x7f && c != '\\') {
            out += c;
        } else {
            out.append("\\x").append(digits.substr(byte >> 4, 1)).append(digits.substr(byte & 15, 1));
        }
    }
    return out;
}

[[noreturn]] inline void fail(const std::string& what) {
    std::fprintf(stderr, "fuzz: %s\n", what.c_str());
    std::abort();
}

inline void check(bool holds, const char* what) {
    if (!holds) fail(what);
}

inline void check_laws(const Ledger& ledger) {
    if (!ledger.holds()) fail("a law of the ledger is broken\n" + ledger.text());
}

}  // namespace rebuilder::fuzz
