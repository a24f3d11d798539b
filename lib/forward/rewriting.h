// SPDX-License-Identifier: Apache-2.0
// Rewriting: what the operator wants changed in the fields of every request.
//
// In:    the texts of the options, at start; a bad one throws. Nothing changes afterwards: any thread may read it.
// Out:   the rule about a field by its name, if there is one; the lines to add.
// Rules: remove  fields of that name are left out
//        redact  they stay in their place, with an 'x' for each byte of the value: that there was one is seen, and how
//                long it was, and nothing of it
//        set     they are left out, and one with the operator's value is sent
//        Removing and redacting are for secrets, which may reach no disk either: both hold for every output, and for
//        trailers. Set and the client's address are for HTTP outputs only: a record shows what the client sent.
//        A name has one rule at most, in any case. What write_wire() decides on itself has none (framing, fields for
//        one hop, X-Server-*, X-Rebuilder-*, the one that --client-ip speaks of), but Host may be set: that can only
//        change where the receiver routes a request, never where one ends.
// Cost:  without rules a test for each field; with them it has to be as long as some rule's name before it is compared,
//        and there are at most max_rules. Nothing is allocated after start.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "http/request.h"

namespace rebuilder::forward {

class ChainWriter;

// What is said of the client's address: put behind what the client says itself, in place of it, or not at all.
enum class ClientIp : std::uint8_t { append, set, keep };

struct FieldRule {
    enum class Action : std::uint8_t { set, remove, redact };

    Action action;
    std::string name;
    std::string value;  // of set
};

class Rewriting {
  public:
    static constexpr std::size_t max_rules = 64;
    static constexpr std::size_t max_text = 1024;  // of one option

    ClientIp client_ip = ClientIp::append;

    // Each takes the place of what was said before. They throw Error (usage), which says what is wrong with a text, but
    // not which option it is of. A text is the name of a field; for set "NAME: VALUE".
    void set_client_ip_header(std::string_view text);
    void set_rules(FieldRule::Action action, std::span<const std::string> texts);
    // When all is said: throws Error (usage) if it doesn't go together.
    void validate() const;

    // The texts again.
    [[nodiscard]] const std::string& client_ip_header() const noexcept { return client_ip_header_; }
    [[nodiscard]] std::vector<std::string> texts(FieldRule::Action action) const;

    [[nodiscard]] bool has_rules() const noexcept { return !rules_.empty(); }
    // The rule about fields of this name, or null.
    [[nodiscard]] const FieldRule* find(std::string_view name) const noexcept {
        return (name_sizes_ & bit_of(name.size())) == 0 ? nullptr : search(name);
    }
    // What the client sends under this name is not sent on: left out, or set to something else.
    [[nodiscard]] bool replaces(std::string_view name) const noexcept {
        const FieldRule* rule = find(name);
        return rule != nullptr && rule->action != FieldRule::Action::redact;
    }
    // The lines that set adds, each with its CRLF.
    [[nodiscard]] std::string_view added_lines() const noexcept { return added_lines_; }
    [[nodiscard]] http::FieldKind client_field_kind() const noexcept { return client_ip_kind_; }
    // The field that the client's address goes into, unless that is ClientIp::keep.
    [[nodiscard]] bool says_client(http::FieldKind kind, std::string_view name) const noexcept {
        return kind == client_ip_kind_ &&
               (kind != http::FieldKind::other || equal_ignoring_case(name, client_ip_header_));
    }

  private:
    static constexpr std::uint64_t bit_of(std::size_t size) noexcept {
        return std::uint64_t{1} << std::min<std::size_t>(size, 63);
    }
    [[nodiscard]] const FieldRule* search(std::string_view name) const noexcept;

    std::string client_ip_header_ = "X-Forwarded-For";
    http::FieldKind client_ip_kind_ = http::FieldKind::x_forwarded_for;
    std::vector<FieldRule> rules_;
    std::uint64_t name_sizes_ = 0;  // of the rules
    std::string added_lines_;
};

// A value in which each byte is an 'x'; a fold with the whitespace around it is one, as it is one space when sent.
void write_redacted(ChainWriter& out, std::string_view value) noexcept;

}  // namespace rebuilder::forward
