// SPDX-License-Identifier: Apache-2.0
#include "http/chunked.h"

#include <algorithm>
#include <string_view>

namespace rebuilder::http {
namespace {

constexpr int no_digit = -1;

int hex_value(std::uint8_t byte) noexcept {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const std::uint8_t lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : no_digit;
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::step(Bytes bytes) noexcept {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const std::uint8_t byte = bytes[at];
        switch (state_) {
        case State::size_start:
            if (hex_value(byte) == no_digit) return {Found::malformed, at, {}};
            left_ = 0;
            state_ = State::size;
            break;
        case State::size: {
            const int value = hex_value(byte);
            if (value != no_digit) {
                if (left_ >> 60 != 0) return {Found::malformed, at, {}};
                left_ = left_ << 4 | static_cast<std::uint64_t>(value);
                ++at;
            } else if (byte == ';' || byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
                state_ = State::extension;
            } else {
                return {Found::malformed, at, {}};
            }
            break;
        }
        case State::extension: {
            const std::size_t size = as_text(bytes.subspan(at)).find_first_of("\r\n");
            if (size == std::string_view::npos) return {Found::need_more, bytes.size(), {}};
            at += size;
            if (bytes[at] == '\r') ++at;
            state_ = State::size_end_lf;
            break;
        }
        case State::size_end_lf:
            if (byte != '\n') return {Found::malformed, at, {}};
            ++at;
            state_ = left_ == 0 ? State::size_start : State::data;
            if (left_ == 0) return {Found::last_chunk, at, {}};
            break;
        case State::data: {
            const std::size_t size = std::min<std::uint64_t>(left_, bytes.size() - at);
            left_ -= size;
            if (left_ == 0) state_ = State::data_end_cr;
            return {Found::data, at + size, bytes.subspan(at, size)};
        }
        case State::data_end_cr:
            if (byte == '\r') ++at;
            state_ = State::data_end_lf;
            break;
        case State::data_end_lf:
            if (byte != '\n') return {Found::malformed, at, {}};
            ++at;
            state_ = State::size_start;
            break;
        }
    }
    return {Found::need_more, bytes.size(), {}};
}

bool ChunkedDecoder::skip(std::uint64_t bytes) noexcept {
    if (state_ != State::data || bytes > left_) return false;
    left_ -= bytes;
    if (left_ == 0) state_ = State::data_end_cr;
    return true;
}

}  // namespace rebuilder::http
