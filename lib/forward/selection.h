// SPDX-License-Identifier: Apache-2.0
// Selection: which of the rebuilt requests go to the outputs: the operator's own choice, by default all.
//
// In:    a Request, whose source and client are filled in, and the time.
// Out:   nothing when it is selected, else the counter that says why not. Asked in this order: some --deny rule matches
//        (requests_denied); there are --allow rules and none matches (requests_not_allowed); it isn't in the sample
//        (requests_not_sampled); --max-rate is used up (requests_over_rate).
// Rules: a rule is terms joined by commas, and matches when all of them do. A comma begins a new term only where a term's
//        name and '=' follow it, so expressions need no quoting.
//          host=GLOB,...    the host that the analyser is sent, in any case, without its port, a trailing dot, and the
//                           brackets of IPv6; a request without one has the empty host. '*' is any text, '?' any byte
//          path=RE          the path as the client wrote it, not decoded, without the query
//          method=NAME,...  as the client wrote it
//          header=NAME:RE   the value of some field of that name, as the client wrote it; not of a trailer field
//          cidr=PREFIX,...  the client: who the PROXY protocol says it is, else the sender. IPv4 and IPv6 don't mix
//        Text beyond longest_text isn't looked at: it counts as what sends the request, so that no length hides one.
//        RE is RE2's syntax, over bytes (Latin-1); it is found anywhere, unless ^ and $ say where, and '.' is any byte.
// Sample: by a key, each of its values is in or out, in all workers and instances alike: the hash has a fixed key, so
//        whoever writes the key (a client its headers) can find one that is out. A request without the key goes by its
//        client. Without a key, each request is drawn; `seed` decides how.
// Rate:  a token bucket that holds the tokens of one second, at least one token. Each worker has its share of --max-rate.
// Owns:  its expressions: nobody else asks for RE2's locks. While it meets new bytes, RE2 fills the cache of each expression,
//        up to expression_bytes; the time of a match is linear in the bytes, whatever they are, and an expression that would
//        step through too much for each of them is refused.
// Never: blocks, throws after construction, reads a clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "http/request.h"

namespace rebuilder::forward {

struct Sample {
    enum class Key : std::uint8_t { none, client, host, header };

    std::string text = "100%";  // as written
    double share = 1;           // of all requests
    Key key = Key::none;
    std::string header;
};

struct SelectionConfig {
    static constexpr std::size_t max_rules = 64;  // of each kind

    std::vector<std::string> allow{};  // as written; check_rule() has passed them
    std::vector<std::string> deny{};
    Sample sample{};
    std::uint64_t max_rate = 0;  // requests a second, of all workers; 0: any number
    std::uint64_t workers = 1;
};

// Throw Error (usage) that says what is wrong.
void check_rule(const std::string& text);
[[nodiscard]] Sample parse_sample(const std::string& text);

class Rule;

class Selection {
  public:
    static constexpr std::size_t expression_bytes = 1 << 20;
    static constexpr std::size_t longest_text = 8 << 10;

    // Throws as check_rule() does.
    Selection(const SelectionConfig& config, std::uint64_t seed);
    ~Selection();
    Selection(const Selection&) = delete;
    Selection& operator=(const Selection&) = delete;

    [[nodiscard]] std::optional<Counter> refuse(const http::Request& request, std::uint64_t now_ns) noexcept {
        if (empty_) return std::nullopt;
        return decide(request, now_ns);
    }

    // The most memory that its expressions can come to use.
    [[nodiscard]] std::size_t bytes() const noexcept { return expressions_ * expression_bytes; }

  private:
    [[nodiscard]] std::optional<Counter> decide(const http::Request& request, std::uint64_t now_ns) noexcept;
    [[nodiscard]] bool in_sample(const http::Request& request, std::string_view host) noexcept;
    [[nodiscard]] bool take_token(std::uint64_t now_ns) noexcept;

    bool empty_ = true;  // nothing is configured
    std::vector<Rule> allow_;
    std::vector<Rule> deny_;
    std::size_t expressions_ = 0;

    Sample sample_;
    std::uint64_t sample_below_ = 0;  // of 2^53
    std::uint64_t random_;

    double tokens_per_ns_ = 0;  // 0: no limit
    double most_tokens_ = 0;
    double tokens_ = 0;
    std::uint64_t tokens_at_ns_ = 0;
};

}  // namespace rebuilder::forward
