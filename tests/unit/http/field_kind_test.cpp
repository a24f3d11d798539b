// SPDX-License-Identifier: Apache-2.0
// Field names: each kind in lower, upper and mixed case; every name that differs in one place is another field.
#include <string>
#include <string_view>

#include "http/request.h"
#include "support/catch.h"

using namespace rebuilder::http;

namespace {

struct Known {
    std::string_view name;  // as people write it
    FieldKind kind;
};

constexpr auto all_known = std::to_array<Known>({
    {"Connection", FieldKind::connection},
    {"Content-Length", FieldKind::content_length},
    {"Cookie", FieldKind::cookie},
    {"Expect", FieldKind::expect},
    {"Host", FieldKind::host},
    {"Keep-Alive", FieldKind::keep_alive},
    {"Proxy-Connection", FieldKind::proxy_connection},
    {"TE", FieldKind::te},
    {"Trailer", FieldKind::trailer},
    {"Transfer-Encoding", FieldKind::transfer_encoding},
    {"Upgrade", FieldKind::upgrade},
    {"X-Forwarded-For", FieldKind::x_forwarded_for},
    {"X-Forwarded-Port", FieldKind::x_forwarded_port},
    {"X-Forwarded-Proto", FieldKind::x_forwarded_proto},
    {"X-Server-Addr", FieldKind::x_server_addr},
    {"X-Server-Port", FieldKind::x_server_port},
});

char swapped_case(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter ? static_cast<char>(c ^ 0x20) : c;
}

}  // namespace

TEST_CASE("a known field is known in any case", "[field_kind]") {
    for (const Known& known : all_known) {
        std::string lower, upper, alternating;
        for (const char c : known.name) {
            lower += c >= 'A' && c <= 'Z' ? swapped_case(c) : c;
            upper += c >= 'a' && c <= 'z' ? swapped_case(c) : c;
            alternating += alternating.size() % 2 == 0 ? swapped_case(c) : c;
        }
        for (const std::string& name : {std::string(known.name), lower, upper, alternating}) {
            INFO(name);
            CHECK(field_kind(name) == known.kind);
        }
    }
}

TEST_CASE("what is nearly a known name is another field", "[field_kind]") {
    for (const Known& known : all_known) {
        const std::string name(known.name);
        std::vector<std::string> near{
            name + "s", name + " ", "x" + name, name.substr(1), name.substr(0, name.size() - 1)};
        for (std::size_t i = 0; i < name.size(); ++i) {
            // Bit 5 makes the case of a letter; elsewhere it makes another character. The others never make the same.
            for (const int bit : {0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80}) {
                std::string changed = name;
                changed[i] = static_cast<char>(changed[i] ^ bit);
                near.push_back(changed);
            }
            if (name[i] == '-') {
                std::string changed = name;
                changed[i] = '\r';
                near.push_back(changed);
            }
        }
        for (const std::string& other : near) {
            INFO(other);
            CHECK(field_kind(other) != known.kind);
        }
    }
}

TEST_CASE("everything that begins with X-Rebuilder- is ours", "[field_kind]") {
    for (const std::string_view name : {"X-Rebuilder-", "x-rebuilder-truncated", "X-REBUILDER-A", "X-Rebuilder-Ab",
             "X-Rebuilder-Abc", "X-Rebuilder-Abcd", "X-Rebuilder-Abcde", "X-Rebuilder-Abcdef"}) {
        INFO(name);
        CHECK(field_kind(name) == FieldKind::x_rebuilder);
    }
    for (const std::string_view name : {"X-Rebuilder", "X-Rebuilders-A", "XX-Rebuilder-A", "Rebuilder-Abcdef"}) {
        INFO(name);
        CHECK(field_kind(name) == FieldKind::other);
    }
}

TEST_CASE("any other name is other", "[field_kind]") {
    for (const std::string_view name : {"", "a", "Accept", "Cookie2", "Content-Type", "Content_Length", "User-Agent",
             "Transfer_Encoding", "X-Real-IP"}) {
        INFO(name);
        CHECK(field_kind(name) == FieldKind::other);
    }
}
