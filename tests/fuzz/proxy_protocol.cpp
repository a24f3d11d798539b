// SPDX-License-Identifier: Apache-2.0
// parse_proxy_header: what the first bytes of a stream are doesn't depend on how many of them there are, once it is
// known; and a header gives the addresses that are written in it.
//
// Input: the beginning of a stream, which is read for each of its lengths.
#include <optional>
#include <string>

#include "fuzz/fuzz.h"
#include "http/proxy_protocol.h"
#include "packet/address_text.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
using http::parse_proxy_header;
using http::ProxyHeader;
using packet::AddressText;
using packet::Endpoint;
using packet::IpAddress;
using Verdict = ProxyHeader::Verdict;

namespace {

constexpr std::size_t fixed_size = 16;  // of version 2: what stands in front of the addresses
constexpr std::size_t longest_binary = fixed_size + 65535;

bool same(const ProxyHeader& a, const ProxyHeader& b) {
    return a.verdict == b.verdict && a.size == b.size && a.has_client == b.has_client && a.client == b.client &&
           a.server == b.server;
}

// The line of version 1 that says so. Addresses of IPv6 may be written in other ways, too.
std::string line_of(const ProxyHeader& header, std::string_view family) {
    std::string line("PROXY ");
    line.append(family).append(" ").append(AddressText(header.client.address).view());
    line.append(" ").append(AddressText(header.server.address).view());
    line.append(" ").append(std::to_string(header.client.port));
    return line.append(" ").append(std::to_string(header.server.port)).append("\r\n");
}

void check_line(const ProxyHeader& header, std::string_view text) {
    check(header.size <= http::longest_proxy_line, "a line is too long");
    check(text.size() >= header.size && text.substr(header.size - 2, 2) == "\r\n", "a line doesn't end with CRLF");
    check(text.find_first_of("\r\n") == header.size - 2, "a line is two");
    text = text.substr(0, header.size);
    const std::string_view family = text.substr(6, text.find_first_of(" \r", 6) - 6);
    check(header.has_client == (family != "UNKNOWN"), "who has addresses, and who doesn't");
    if (!header.has_client) return;
    const bool mapped = header.client.address.is_v4() || header.server.address.is_v4();
    if (family == "TCP6" && mapped) return;  // line_of() would write those of IPv4
    const std::string line = line_of(header, family);
    if (family == "TCP4" && line != text) fail("read: " + printable(text) + ", but it says: " + printable(line));
    ProxyHeader expected = header;
    expected.size = line.size();
    check(same(parse_proxy_header(as_bytes(line)), expected), "the line of its addresses reads otherwise");
}

IpAddress address_at(const std::uint8_t* from, bool v6) {
    if (!v6) return IpAddress::v4(load_be32(from));
    const auto half = [from](int at) {
        return static_cast<std::uint64_t>(load_be32(from + at)) << 32 | load_be32(from + at + 4);
    };
    return {half(0), half(8)};
}

void check_binary(const ProxyHeader& header, Bytes bytes) {
    check(header.size >= fixed_size && header.size <= longest_binary, "a header of another size");
    if (!header.has_client) return;
    check(bytes[12] == 0x21, "addresses without the command PROXY");
    const bool v6 = bytes[13] >> 4 == 2;
    const std::size_t size = v6 ? 16 : 4;
    check(bytes.size() >= fixed_size + 2 * size + 4, "addresses that aren't there yet");
    const std::uint8_t* from = bytes.data() + fixed_size;
    const Endpoint client{address_at(from, v6), load_be16(from + 2 * size)};
    const Endpoint server{address_at(from + size, v6), load_be16(from + 2 * size + 2)};
    check(client == header.client && server == header.server, "other addresses");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes(data, std::min<std::size_t>(size, 300));
    std::optional<ProxyHeader> known;
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const Copy copy(bytes.first(length));
        const ProxyHeader header = parse_proxy_header(copy.bytes());
        check(header.verdict == Verdict::yes || (header.size == 0 && !header.has_client), "a size of no header");
        if (known) {
            check(same(header, *known), "more bytes, another answer");
        } else if (header.verdict != Verdict::need_more) {
            known = header;
        }
        check(known || length < http::longest_proxy_line, "so many bytes, and still no answer");
    }
    const std::string_view text = as_text(bytes);
    if (text.starts_with("PROXY /")) check(known->verdict == Verdict::no, "a request is taken for a header");
    if (!known || known->verdict != Verdict::yes) return 0;
    if (text.starts_with("PROXY ")) {
        check_line(*known, text);
    } else {
        check(text.starts_with("\r\n\r\n"), "a header that begins otherwise");
        check_binary(*known, bytes);
    }
    return 0;
}
