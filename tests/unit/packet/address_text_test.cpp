// SPDX-License-Identifier: Apache-2.0
// - IPv4, IPv6 by RFC 5952 (section 4: shortest run, first of equals, lower case, no lone zero), with and without port
#include "packet/address_text.h"

#include <string>

#include "support/catch.h"

using namespace rebuilder::packet;

namespace {

std::string text(const IpAddress& address) {
    return std::string(AddressText(address).view());
}
std::string text(const IpAddress& address, std::uint16_t port) {
    return std::string(AddressText(Endpoint{address, port}).view());
}

}  // namespace

TEST_CASE("address text: IPv4", "[address_text]") {
    CHECK(text(IpAddress::v4(0)) == "0.0.0.0");
    CHECK(text(IpAddress::v4(0xffffffff)) == "255.255.255.255");
    CHECK(text(IpAddress::v4(0xc0000201)) == "192.0.2.1");
    CHECK(text(IpAddress::v4(0xc0000201), 80) == "192.0.2.1:80");
    CHECK(text(IpAddress::v4(0xffffffff), 65535) == "255.255.255.255:65535");
    CHECK(text(IpAddress::v4(0x0a000001), 0) == "10.0.0.1:0");
}

TEST_CASE("address text: IPv6", "[address_text]") {
    CHECK(text({0, 0}) == "::");
    CHECK(text({0, 1}) == "::1");
    CHECK(text({0x20010db800000000, 1}) == "2001:db8::1");
    CHECK(text({0x20010db800000001, 0x0001000100010001}) == "2001:db8:0:1:1:1:1:1");
    CHECK(text({0x20010db800000000, 0x0001000000000001}) == "2001:db8::1:0:0:1");
    CHECK(text({0xfe80000000000000, 0x0a00270000abcdef}) == "fe80::a00:2700:ab:cdef");
    CHECK(text({0x20010db800000000, 1}, 8080) == "[2001:db8::1]:8080");
    CHECK(text({0xffffffffffffffff, 0xffffffffffffffff}, 65535) == "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}
