// SPDX-License-Identifier: Apache-2.0
// - literal addresses: plain, in front of a port, with one; what is none; read() takes what text() writes
#include "forward/socket_address.h"

#include <string>

#include "support/catch.h"

using namespace rebuilder;
using forward::SocketAddress;

TEST_CASE("socket address: of a host that is an address", "[socket_address]") {
    const auto v4 = SocketAddress::literal("192.0.2.1", 80);
    REQUIRE(v4);
    CHECK(v4->family() == AF_INET);
    CHECK(v4->size == sizeof(sockaddr_in));
    CHECK(v4->endpoint() == packet::Endpoint{packet::IpAddress::v4(0xc0000201), 80});
    const auto v6 = SocketAddress::literal("2001:db8::1", 443);
    REQUIRE(v6);
    CHECK(v6->family() == AF_INET6);
    CHECK(v6->size == sizeof(sockaddr_in6));
    CHECK(v6->endpoint() == packet::Endpoint{{0x20010db800000000, 1}, 443});
    for (const char* none : {"", "localhost", "192.0.2", "192.0.2.256", "[::1]", "::1::", "127.0.0.1:80", " ::1"}) {
        INFO(none);
        CHECK_FALSE(SocketAddress::literal(none, 80));
    }
}

TEST_CASE("socket address: in front of a port only IPv6 has brackets", "[socket_address]") {
    CHECK(SocketAddress::before_port("192.0.2.1", 80) == SocketAddress::literal("192.0.2.1", 80));
    CHECK(SocketAddress::before_port("[2001:db8::1]", 80) == SocketAddress::literal("2001:db8::1", 80));
    for (const char* none : {"", "[", "]", "[]", "[::1", "::1]", "::1", "[192.0.2.1]", "[[::1]]", "localhost"}) {
        INFO(none);
        CHECK_FALSE(SocketAddress::before_port(none, 80));
    }
}

TEST_CASE("socket address: what is written is read", "[socket_address]") {
    for (const std::string text : {"192.0.2.1:80", "0.0.0.0:0", "[2001:db8::1]:65535", "[::]:1"}) {
        INFO(text);
        const auto address = SocketAddress::read(text);
        REQUIRE(address);
        CHECK(address->text() == text);
    }
    for (const char* none : {"", ":", ":80", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1",
             "192.0.2.1:8 ", "192.0.2.1:http", "::1:80", "[::1]", "[::1]80", "[192.0.2.1]:80", "localhost:80"}) {
        INFO(none);
        CHECK_FALSE(SocketAddress::read(none));
    }
}
