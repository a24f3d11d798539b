// SPDX-License-Identifier: Apache-2.0
#include "http/proxy_protocol.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "http/match.h"

namespace rebuilder::http {
namespace {

using namespace std::string_view_literals;
using packet::Endpoint;
using packet::IpAddress;
using Verdict = ProxyHeader::Verdict;

enum class Family : std::uint8_t { unspecified, ipv4, ipv6, unix_socket };  // in the order of version 2

constexpr std::string_view signature = "\r\n\r\n\0\r\nQUIT\n"sv;

IpAddress load_address(const std::uint8_t* from, Family family) noexcept {
    return family == Family::ipv4 ? IpAddress::v4(load_be32(from)) : IpAddress::v6(from);
}

// ---- version 1: a line of text ----

std::optional<IpAddress> parse_address(std::string_view text, Family family) noexcept {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size() || text.find('\0') != text.npos) return std::nullopt;
    std::copy(text.begin(), text.end(), copy.begin());
    std::array<std::uint8_t, 16> bytes;
    if (::inet_pton(family == Family::ipv4 ? AF_INET : AF_INET6, copy.data(), bytes.data()) != 1) return std::nullopt;
    return load_address(bytes.data(), family);
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    if (text.size() > 1 && text[0] == '0') return std::nullopt;
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return port;
}

// What stands in front of the next space, which goes with it.
std::string_view take_word(std::string_view& text) noexcept {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
}

// `at` is where the family's name and the space behind it end.
ProxyHeader parse_line(Bytes first, std::size_t at, Family family) noexcept {
    const std::string_view text = as_text(first.first(std::min(first.size(), longest_proxy_line)));
    const std::size_t size = std::min(text.find_first_of("\r\n"), text.size());
    switch (match(text.substr(size), "\r\n")) {
    case Match::no: return {Verdict::malformed};
    case Match::so_far: return {text.size() < longest_proxy_line ? Verdict::need_more : Verdict::malformed};
    case Match::yes: break;
    }
    ProxyHeader header{Verdict::yes, size + 2};
    if (family == Family::unspecified) return header;

    std::string_view rest = text.substr(at, size - at);
    const auto source = parse_address(take_word(rest), family);
    const auto destination = parse_address(take_word(rest), family);
    const auto source_port = parse_port(take_word(rest));
    const auto destination_port = parse_port(rest);
    if (!source || !destination || !source_port || !destination_port) return {Verdict::malformed};
    header.has_client = true;
    header.client = {*source, *source_port};
    header.server = {*destination, *destination_port};
    return header;
}

// ---- version 2: signature, version and command, family and transport, length; then addresses and TLVs ----

ProxyHeader parse_binary(Bytes first) noexcept {
    Cursor cursor(first.subspan(signature.size()));
    const std::uint8_t* fixed = cursor.take(4);
    if (fixed == nullptr) return {Verdict::need_more};
    const std::size_t length = load_be16(fixed + 2);
    ProxyHeader header{Verdict::yes, signature.size() + 4 + length};

    constexpr std::uint8_t local_command = 0x20;
    constexpr std::uint8_t proxy_command = 0x21;
    if (fixed[0] == local_command) return header;
    if (fixed[0] != proxy_command) return {Verdict::malformed};

    // Of both addresses and, behind them, both ports.
    constexpr auto block_bytes = std::to_array<std::size_t>({0, 4 + 4 + 2 + 2, 16 + 16 + 2 + 2, 108 + 108});
    const std::uint8_t family_number = fixed[1] >> 4;
    const std::uint8_t transport = fixed[1] & 0x0f;  // unspecified, stream, datagram
    if (family_number >= block_bytes.size() || transport > 2) return {Verdict::malformed};
    const Family family{family_number};
    if (family == Family::unspecified || transport == 0) return header;
    if (length < block_bytes[family_number]) return {Verdict::malformed};
    if (family == Family::unix_socket) return header;

    const std::uint8_t* block = cursor.take(block_bytes[family_number]);
    if (block == nullptr) return {Verdict::need_more};
    const std::size_t size = family == Family::ipv4 ? 4 : 16;
    header.has_client = true;
    header.client = {load_address(block, family), load_be16(block + 2 * size)};
    header.server = {load_address(block + size, family), load_be16(block + 2 * size + 2)};
    return header;
}

}  // namespace

ProxyHeader parse_proxy_header(Bytes first) noexcept {
    struct Beginning {
        std::string_view text;
        Family family;
    };
    constexpr auto lines = std::to_array<Beginning>({
        {"PROXY TCP4 ", Family::ipv4},
        {"PROXY TCP6 ", Family::ipv6},
        {"PROXY UNKNOWN ", Family::unspecified},
        {"PROXY UNKNOWN\r", Family::unspecified},
    });
    const Match binary = match(as_text(first), signature);
    if (binary == Match::yes) return parse_binary(first);
    bool undecided = binary == Match::so_far;
    for (const Beginning& line : lines) {
        const Match matched = match(as_text(first), line.text);
        if (matched == Match::yes) return parse_line(first, line.text.size(), line.family);
        undecided = undecided || matched == Match::so_far;
    }
    return {undecided ? Verdict::need_more : Verdict::no};
}

}  // namespace rebuilder::http
