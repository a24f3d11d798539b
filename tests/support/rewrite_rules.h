// SPDX-License-Identifier: Apache-2.0
// RewriteRules (expected_wire.h), as forward::Rewriting reads them, and random ones about fields that HostileRequests
// sends.
#pragma once

#include <cctype>
#include <string>
#include <vector>

#include "forward/rewriting.h"
#include "support/expected_wire.h"
#include "support/random.h"

namespace rebuilder::test {

inline forward::Rewriting rewriting_of(const RewriteRules& rules) {
    using Action = forward::FieldRule::Action;
    forward::Rewriting rewriting;
    rewriting.client_ip = rules.client_ip == "append" ? forward::ClientIp::append
                          : rules.client_ip == "set"  ? forward::ClientIp::set
                                                      : forward::ClientIp::keep;
    rewriting.set_client_ip_header(rules.client_ip_header);
    std::vector<std::string> set;
    for (const auto& [name, value] : rules.set) set.push_back(name + ": " + value);
    rewriting.set_rules(Action::set, set);
    rewriting.set_rules(Action::remove, rules.removed);
    rewriting.set_rules(Action::redact, rules.redacted);
    rewriting.validate();
    return rewriting;
}

inline RewriteRules random_rules(Random& random) {
    static const std::vector<std::string> names{"User-Agent", "Cookie", "X-A", "X-Empty", "X-Value", "X-Long", "X-Name",
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-IP", "Forwarded", "Via", "Content-Encoding",
        "HTTP2-Settings", "X-Server", "X-B"};
    RewriteRules rules;
    if (random.one_in(4)) return rules;
    rules.client_ip = random.of(std::vector<std::string>{"append", "set", "keep"});
    rules.client_ip_header =
        random.of(std::vector<std::string>{"X-Forwarded-For", "x-forwarded-FOR", "X-Real-IP", "X-A", "X-Client"});
    if (random.one_in(4)) rules.set.emplace_back("Host", "routed.example:80");
    for (std::string name : names) {
        const bool says_client = strict::lower(name) == strict::lower(rules.client_ip_header);
        if (says_client && rules.client_ip != "keep") continue;
        for (char& c : name) {
            if (random.one_in(4)) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
        switch (random.below(5)) {
        case 0: rules.set.emplace_back(name, random.one_in(3) ? "" : "set, by: a rule"); break;
        case 1: rules.removed.push_back(name); break;
        case 2: rules.redacted.push_back(name); break;
        default: break;
        }
    }
    return rules;
}

}  // namespace rebuilder::test
