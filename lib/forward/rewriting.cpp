// SPDX-License-Identifier: Apache-2.0
#include "forward/rewriting.h"

#include <fmt/format.h>

#include "base/error.h"
#include "forward/chain_writer.h"
#include "http/token.h"

namespace rebuilder::forward {
namespace {

using http::FieldKind;
using Action = FieldRule::Action;

[[noreturn]] void refuse(const std::string& sentence) {
    throw Error(ExitStatus::usage, sentence);
}

// An underscore is a hyphen to some servers, so what is decided on a name holds for its twin.
FieldKind kind_of(std::string_view name) {
    std::string hyphens(name);
    std::replace(hyphens.begin(), hyphens.end(), '_', '-');
    return http::field_kind(hyphens);
}

std::string_view option_of(Action action) {
    switch (action) {
    case Action::set: return "--set-header";
    case Action::remove: return "--remove-header";
    case Action::redact: break;
    }
    return "--redact-header";
}

std::string_view done_by(Action action) {
    switch (action) {
    case Action::set: return "set";
    case Action::remove: return "removed";
    case Action::redact: break;
    }
    return "redacted";
}

// What could end a line, or be taken for its end, ends nothing here: a text with such bytes is refused, and not echoed.
void check_text(std::string_view text) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(text.begin(), text.end(), is_control)) refuse("a control character stands in it");
    if (text.size() > Rewriting::max_text) {
        refuse(fmt::format("{} bytes are too many; {} will do", text.size(), Rewriting::max_text));
    }
}

void check_name(std::string_view name) {
    if (name.empty() || http::token_size(name) != name.size()) refuse(fmt::format("'{}' is not a field name", name));
}

// The other rules of a Host are the receiver's own: this keeps out what no two of them read alike.
void check_host(std::string_view value) {
    if (value.empty() || value.find_first_of(" ,/?#@\\") != value.npos) {
        refuse(fmt::format("'{}' is not a HOST or HOST:PORT", value));
    }
}

FieldRule rule_of(Action action, std::string_view text) {
    check_text(text);
    FieldRule rule{action, std::string(text), ""};
    if (action == Action::set) {
        const std::size_t colon = text.find(':');
        if (colon == text.npos) refuse(fmt::format("'{}' is not of the form NAME: VALUE", text));
        rule.name = text.substr(0, colon);
        const std::string_view value = text.substr(colon + 1);
        const std::size_t from = std::min(value.find_first_not_of(' '), value.size());
        rule.value = value.substr(from, value.find_last_not_of(' ') + 1 - from);
    }
    check_name(rule.name);
    switch (kind_of(rule.name)) {
    case FieldKind::other:
    case FieldKind::cookie:
    case FieldKind::x_forwarded_for:
    case FieldKind::x_forwarded_port:
    case FieldKind::x_forwarded_proto: return rule;
    case FieldKind::host:
        if (action == Action::set) {
            check_host(rule.value);
            return rule;
        }
        break;
    default: break;
    }
    refuse(fmt::format("{} can't be {}: what becomes of it is fixed", rule.name, done_by(action)));
}

// How long a value is when each fold with the whitespace around it is a single space (RFC 9112, section 5.2).
std::size_t unfolded_size(std::string_view value) noexcept {
    std::size_t size = 0;
    for (std::size_t fold = value.find_first_of("\r\n"); fold != value.npos; fold = value.find_first_of("\r\n")) {
        size += value.substr(0, fold).find_last_not_of(" \t") + 1 + 1;  // npos + 1 is 0
        value.remove_prefix(std::min(value.find_first_not_of("\r\n \t", fold), value.size()));
    }
    return size + value.size();
}

}  // namespace

void Rewriting::set_client_ip_header(std::string_view text) {
    check_text(text);
    check_name(text);
    const FieldKind kind = kind_of(text);
    if (kind != FieldKind::other && kind != FieldKind::x_forwarded_for) {
        refuse(fmt::format("{} can't hold the client's address: it has a meaning of its own", text));
    }
    client_ip_header_ = text;
    client_ip_kind_ = http::field_kind(text);
}

void Rewriting::set_rules(Action action, std::span<const std::string> texts) {
    std::erase_if(rules_, [action](const FieldRule& rule) { return rule.action == action; });
    for (const std::string& text : texts) rules_.push_back(rule_of(action, text));
    name_sizes_ = 0;
    added_lines_.clear();
    for (const FieldRule& rule : rules_) {
        name_sizes_ |= bit_of(rule.name.size());
        if (rule.action == Action::set) added_lines_ += fmt::format("{}: {}\r\n", rule.name, rule.value);
    }
}

void Rewriting::validate() const {
    if (rules_.size() > max_rules) {
        refuse(fmt::format("--set-header, --remove-header and --redact-header: {} rules are too many; {} will do",
            rules_.size(), max_rules));
    }
    for (const FieldRule& rule : rules_) {
        const FieldRule& first = *search(rule.name);
        if (client_ip != ClientIp::keep && equal_ignoring_case(rule.name, client_ip_header_)) {
            refuse(fmt::format("{} {}: the client's address goes there, unless --client-ip is keep",
                option_of(rule.action), rule.name));
        }
        if (&first == &rule) continue;
        refuse(first.action == rule.action
                   ? fmt::format("{} {}: is given twice", option_of(rule.action), rule.name)
                   : fmt::format("{} {}: {} has it, too", option_of(rule.action), rule.name, option_of(first.action)));
    }
}

std::vector<std::string> Rewriting::texts(Action action) const {
    std::vector<std::string> texts;
    for (const FieldRule& rule : rules_) {
        if (rule.action != action) continue;
        texts.push_back(action == Action::set ? fmt::format("{}: {}", rule.name, rule.value) : rule.name);
    }
    return texts;
}

const FieldRule* Rewriting::search(std::string_view name) const noexcept {
    const auto found = std::find_if(
        rules_.begin(), rules_.end(), [name](const FieldRule& rule) { return equal_ignoring_case(rule.name, name); });
    return found == rules_.end() ? nullptr : &*found;
}

void write_redacted(ChainWriter& out, std::string_view value) noexcept {
    constexpr std::string_view crosses = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    for (std::size_t left = unfolded_size(value); left != 0;) {
        const std::string_view part = crosses.substr(0, left);
        out << part;
        left -= part.size();
    }
}

}  // namespace rebuilder::forward
