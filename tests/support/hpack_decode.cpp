// SPDX-License-Identifier: Apache-2.0
// Decodes the header blocks of one connection, for tests in Python.
//
// In:  a line for each block: how large the other side lets the table be, or -; an x and the block in hexadecimal.
// Out: a line for each: its fields as name and value in hexadecimal, a colon between them, or `malformed`.
#include <charconv>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "http/hpack.h"

using namespace rebuilder;
using Found = http::HpackDecoder::Found;

namespace {

std::vector<std::uint8_t> from_hex(std::string_view digits) {
    std::vector<std::uint8_t> bytes(digits.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::from_chars(digits.data() + 2 * i, digits.data() + 2 * i + 2, bytes[i], 16);
    }
    return bytes;
}

std::string to_hex(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const std::uint8_t byte : as_bytes(text)) hex.append({digits[byte >> 4], digits[byte & 15]});
    return hex;
}

}  // namespace

int main() {
    http::HpackMemory memory(1, 1, 1 << 16);
    http::HpackDecoder decoder;
    if (!decoder.open(memory)) return 1;
    std::string allowed, block;
    while (std::cin >> allowed >> block) {
        if (allowed != "-") decoder.allow(static_cast<std::uint32_t>(std::stoul(allowed)));
        const std::vector<std::uint8_t> bytes = from_hex(std::string_view(block).substr(1));
        std::string fields;
        Bytes rest(bytes);
        decoder.begin_block();
        http::HpackDecoder::Step step{};
        while ((step = decoder.next(rest, memory)).found == Found::field) {
            fields += ' ' + to_hex(step.field.name) + ':' + to_hex(step.field.value);
            rest = rest.subspan(step.used);
        }
        std::cout << (step.found == Found::end ? fields : " malformed") << '\n';
    }
    decoder.close(memory);
}
