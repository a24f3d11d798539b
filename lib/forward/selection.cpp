// SPDX-License-Identifier: Apache-2.0
#include "forward/selection.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <utility>
#include <variant>

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/siphash.h"
#include "forward/target.h"
#include "http/token.h"

namespace rebuilder::forward {

using http::Request;
using packet::IpAddress;

namespace {

[[noreturn]] void refuse_text(const std::string& sentence) {
    throw Error(ExitStatus::usage, sentence);
}

// ---- what is looked at ---------------------------------------------------------------------------------------

struct Seen {
    const Request& request;
    std::string_view host;
    std::string_view path;
    bool long_text_matches = false;  // without being looked at

    explicit Seen(const Request& seen) noexcept : request(seen) {
        Target target;
        if (!parse_target(request, target)) target = {request.target, false, {}};
        path = target.origin_form.substr(0, target.origin_form.find_first_of("?#"));
        if (path.empty() && target.add_slash) path = "/";
        host = target.authority;
        const http::Field* field = host.empty() ? request.find(http::FieldKind::host) : nullptr;
        if (field != nullptr) host = request.value(*field);
        if (host.starts_with('[')) {
            host = host.substr(1, host.find(']') - 1);
        } else {
            host = host.substr(0, host.find(':'));
        }
        if (host.ends_with('.')) host.remove_suffix(1);
    }
};

// ---- expressions ---------------------------------------------------------------------------------------------

class Expression {
  public:
    // `whole`: all of the text has to match, not any part of it.
    Expression(const std::string& pattern, bool whole, bool any_case) : whole_(whole) {
        re2::RE2::Options options(re2::RE2::Quiet);
        options.set_encoding(re2::RE2::Options::EncodingLatin1);  // any byte is a character
        options.set_dot_nl(true);
        options.set_never_capture(true);
        options.set_case_sensitive(!any_case);
        options.set_max_mem(Selection::expression_bytes);
        compiled_ = std::make_unique<re2::RE2>(pattern, options);
        if (!compiled_->ok())
            refuse_text(fmt::format("'{}' is no regular expression: {}", pattern, compiled_->error()));
        if (compiled_->ProgramSize() > largest_program) {
            refuse_text(fmt::format("'{}' is too costly: it compiles to {} steps, {} will do", pattern,
                compiled_->ProgramSize(), largest_program));
        }
    }

    [[nodiscard]] bool matches(const Seen& seen, std::string_view text) const noexcept {
        if (text.size() > Selection::longest_text) return seen.long_text_matches;
        const auto anchor = whole_ ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED;
        return compiled_->Match({text.data(), text.size()}, 0, text.size(), anchor, nullptr, 0);
    }

  private:
    // When hostile bytes need more states than fit the cache, RE2 steps through all of the program for each byte: so much of
    // it, over the longest text, takes some 20 ms.
    static constexpr int largest_program = 300;

    std::unique_ptr<const re2::RE2> compiled_;
    bool whole_;
};

// ---- terms ---------------------------------------------------------------------------------------------------

// Throws for an empty part.
std::vector<std::string_view> parts_of(std::string_view list, std::string_view kind) {
    std::vector<std::string_view> parts;
    for (std::size_t from = 0; from <= list.size();) {
        const std::size_t end = std::min(list.find(',', from), list.size());
        parts.push_back(list.substr(from, end - from));
        while (parts.back().starts_with(' ')) parts.back().remove_prefix(1);
        if (parts.back().empty()) refuse_text(fmt::format("'{}={}' has an empty part", kind, list));
        from = end + 1;
    }
    return parts;
}

// A glob as an expression.
std::string expression_of_host(std::string_view glob) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*?";
    const bool address = glob.size() > 2 && glob.starts_with('[') && glob.ends_with(']');
    std::string_view text = address ? glob.substr(1, glob.size() - 2) : glob;
    for (const char c : text) {
        if (letters.find(c) == letters.npos && !(address && c == ':')) {
            refuse_text(fmt::format("'{}' is not a host such as shop.example.com, *.example.com or [2001:db8::1]; "
                                    "it has no port",
                glob));
        }
    }
    if (text.size() > 1 && text.ends_with('.')) text.remove_suffix(1);
    std::string expression;
    for (const char c : text) {
        if (c == '*') {
            expression += ".*";
        } else if (c == '?') {
            expression += '.';
        } else {
            expression += re2::RE2::QuoteMeta(std::string(1, c));
        }
    }
    return expression;
}

struct HostTerm {
    Expression globs;

    explicit HostTerm(std::string_view list) : globs(expression_of(list), true, true) {}
    [[nodiscard]] bool matches(const Seen& seen) const noexcept { return globs.matches(seen, seen.host); }
    static std::string expression_of(std::string_view list) {
        std::string all;
        for (const std::string_view glob : parts_of(list, "host")) {
            all += fmt::format("{}{}", all.empty() ? "" : "|", expression_of_host(glob));
        }
        return all;
    }
};

struct PathTerm {
    Expression expression;

    explicit PathTerm(std::string_view pattern) : expression(std::string(pattern), false, false) {}
    [[nodiscard]] bool matches(const Seen& seen) const noexcept { return expression.matches(seen, seen.path); }
};

struct MethodTerm {
    std::vector<std::string> names;

    explicit MethodTerm(std::string_view list) {
        for (const std::string_view name : parts_of(list, "method")) {
            if (http::token_size(name) != name.size()) refuse_text(fmt::format("'{}' is not a method", name));
            names.emplace_back(name);
        }
    }
    [[nodiscard]] bool matches(const Seen& seen) const noexcept {
        return std::ranges::find(names, seen.request.method) != names.end();
    }
};

struct HeaderTerm {
    std::string name;
    Expression expression;

    explicit HeaderTerm(std::string_view text)
        : name(text.substr(0, text.find(':')))
        , expression(pattern_of(text), false, false) {}
    [[nodiscard]] bool matches(const Seen& seen) const noexcept {
        const Request& request = seen.request;
        return std::ranges::any_of(request.headers, [&](const http::Field& field) {
            return equal_ignoring_case(request.name(field), name) && expression.matches(seen, request.value(field));
        });
    }
    static std::string pattern_of(std::string_view text) {
        const std::size_t size = http::token_size(text);
        if (size == 0 || size == text.size() || text[size] != ':') {
            refuse_text(fmt::format("'header={}' is not header=NAME:EXPRESSION", text));
        }
        const std::size_t begin = text.find_first_not_of(' ', size + 1);
        return std::string(text.substr(std::min(begin, text.size())));
    }
};

struct CidrTerm {
    struct Prefix {
        IpAddress address;
        IpAddress mask;
    };
    std::vector<Prefix> prefixes;

    explicit CidrTerm(std::string_view list) {
        for (const std::string_view text : parts_of(list, "cidr")) prefixes.push_back(prefix_of(text));
    }
    [[nodiscard]] bool matches(const Seen& seen) const noexcept {
        const IpAddress& client = seen.request.client;
        return std::ranges::any_of(prefixes, [&](const Prefix& prefix) {
            return client.is_v4() == prefix.address.is_v4() && masked(client, prefix.mask) == prefix.address;
        });
    }

    static IpAddress masked(const IpAddress& address, const IpAddress& mask) noexcept {
        return {address.high & mask.high, address.low & mask.low};
    }
    static std::uint64_t leading_ones(unsigned bits) noexcept {
        return bits == 0 ? 0 : ~std::uint64_t{0} << (64 - std::min(bits, 64u));
    }
    static Prefix prefix_of(std::string_view text) {
        const std::size_t slash = std::min(text.find('/'), text.size());
        const std::string address(text.substr(0, slash));
        std::array<std::uint8_t, 16> bytes{};
        const bool v4 = ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
        if (!v4 && ::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
            refuse_text(fmt::format("'{}' is not a network such as 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32", text));
        }
        Prefix prefix;
        prefix.address = v4 ? IpAddress::v4(load_be32(bytes.data())) : IpAddress::v6(bytes.data());
        const unsigned most = v4 ? 32 : 128;
        unsigned bits = most;
        if (slash != text.size()) {
            const char* end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
            if (error != std::errc{} || stop != end || bits > most) {
                refuse_text(fmt::format("'{}' has no prefix length of 0 to {} behind its '/'", text, most));
            }
        }
        if (v4) bits += 96;
        prefix.mask = {leading_ones(bits), leading_ones(bits > 64 ? bits - 64 : 0)};
        const IpAddress first = masked(prefix.address, prefix.mask);
        if (first != prefix.address) refuse_text(fmt::format("'{}' has bits set behind its prefix", text));
        if (!v4 && prefix.address.is_v4()) refuse_text(fmt::format("'{}' is an IPv4 address: write it as one", text));
        return prefix;
    }
};

using Term = std::variant<HostTerm, PathTerm, MethodTerm, HeaderTerm, CidrTerm>;

constexpr auto term_names = std::to_array<std::string_view>({"host", "path", "method", "header", "cidr"});

// The name of the term that begins there, or nothing.
std::string_view term_name(std::string_view text) {
    const std::string_view word = text.substr(0, text.find('='));
    return word.size() < text.size() && std::ranges::find(term_names, word) != term_names.end() ? word : "";
}

Term make_term(std::string_view name, std::string_view value) {
    if (value.empty()) refuse_text(fmt::format("nothing is behind '{}='", name));
    if (name == "host") return HostTerm(value);
    if (name == "path") return PathTerm(value);
    if (name == "method") return MethodTerm(value);
    if (name == "header") return HeaderTerm(value);
    return CidrTerm(value);
}

}  // namespace

// ---- rules ---------------------------------------------------------------------------------------------------

class Rule {
  public:
    explicit Rule(std::string_view text) {
        if (term_name(text).empty()) {
            refuse_text(fmt::format("'{}' begins with none of host=, path=, method=, header= and cidr=", text));
        }
        std::vector<std::string_view> names;
        while (!text.empty()) {
            const std::string_view name = term_name(text);
            // Two of these in one rule would be meant as one or the other, and never match.
            const bool list = name != "path" && name != "header";
            if (list && std::ranges::find(names, name) != names.end()) {
                refuse_text(fmt::format("{}= is in one rule twice; {}=A,B is one or the other", name, name));
            }
            names.push_back(name);
            text.remove_prefix(name.size() + 1);
            const std::size_t size = term_size(text);
            terms_.push_back(make_term(name, text.substr(0, size)));
            text.remove_prefix(size);
            text.remove_prefix(std::min(text.find_first_not_of(", "), text.size()));
        }
    }

    [[nodiscard]] bool matches(const Seen& seen) const noexcept {
        const auto match = [&](const auto& term) { return term.matches(seen); };
        return std::ranges::all_of(terms_, [&](const Term& term) { return std::visit(match, term); });
    }
    [[nodiscard]] std::size_t expressions() const noexcept {
        return static_cast<std::size_t>(std::ranges::count_if(terms_, [](const Term& term) {
            return !std::holds_alternative<MethodTerm>(term) && !std::holds_alternative<CidrTerm>(term);
        }));
    }

  private:
    // Up to the comma in front of the next term.
    static std::size_t term_size(std::string_view text) {
        for (std::size_t at = text.find(','); at != text.npos; at = text.find(',', at + 1)) {
            const std::size_t next = std::min(text.find_first_not_of(' ', at + 1), text.size());
            if (!term_name(text.substr(next)).empty()) return at;
        }
        return text.size();
    }

    std::vector<Term> terms_;
};

void check_rule(const std::string& text) {
    (void)Rule(text);
}

// ---- samples -------------------------------------------------------------------------------------------------

Sample parse_sample(const std::string& text) {
    constexpr std::string_view header = "header=";
    const std::size_t sign = text.find('%');
    double percent = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + std::min(sign, text.size()), percent, std::chars_format::fixed);
    // "inf" and "nan" would be numbers, too.
    if (sign == std::string::npos || error != std::errc{} || end != text.data() + sign || !(percent > 0) ||
        percent > 100) {
        refuse_text(fmt::format("'{}' is not a share such as 10% or 0.1%, more than 0% and at most 100%", text));
    }
    Sample sample;
    sample.text = text;
    sample.share = percent / 100;
    std::string_view key = std::string_view(text).substr(sign + 1);
    if (key.empty()) return sample;
    if (key == ":client") {
        sample.key = Sample::Key::client;
    } else if (key == ":host") {
        sample.key = Sample::Key::host;
    } else if (key.starts_with(':') && key.substr(1).starts_with(header)) {
        sample.key = Sample::Key::header;
        sample.header = key.substr(1 + header.size());
        if (sample.header.empty() || http::token_size(sample.header) != sample.header.size()) {
            refuse_text(fmt::format("'{}' is not the name of a header field", sample.header));
        }
    } else {
        refuse_text(fmt::format("'{}' has no key behind its share; :client, :host and :header=NAME are", text));
    }
    return sample;
}

namespace {

// The same in every process: whatever one instance takes of a key, the others take, too.
constexpr HashSecret sample_secret{0x72656275696c6465, 0x722073616d706c65};

std::uint64_t hash_of(const IpAddress& address) noexcept {
    return siphash13<2>(sample_secret, std::array{address.high, address.low});
}

// Word by word, then the rest with the length; without regard to the case of ASCII letters.
std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = text.size();
    for (std::size_t at = 0; at < text.size(); at += 8) {
        std::array<std::uint8_t, 8> word{};
        for (std::size_t i = at; i < std::min(at + 8, text.size()); ++i) {
            word[i - at] = static_cast<std::uint8_t>(ascii_lower(text[i]));
        }
        hash = siphash13<2>(sample_secret, std::array{hash, load_be64(word.data())});
    }
    return hash;
}

// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
std::uint64_t next_random(std::uint64_t& state) noexcept {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

}  // namespace

// ---- the stage -----------------------------------------------------------------------------------------------

Selection::Selection(const SelectionConfig& config, std::uint64_t seed)
    : sample_(config.sample)
    , sample_below_(static_cast<std::uint64_t>(std::ldexp(config.sample.share, 53)))
    , random_(seed) {
    for (const std::string& text : config.allow) allow_.emplace_back(text);
    for (const std::string& text : config.deny) deny_.emplace_back(text);
    for (const Rule& rule : allow_) expressions_ += rule.expressions();
    for (const Rule& rule : deny_) expressions_ += rule.expressions();
    if (config.max_rate != 0) {
        const double per_second = static_cast<double>(config.max_rate) / static_cast<double>(config.workers);
        tokens_per_ns_ = per_second / 1e9;
        most_tokens_ = std::max(per_second, 1.0);
        tokens_ = most_tokens_;
    }
    empty_ = allow_.empty() && deny_.empty() && sample_.share >= 1 && config.max_rate == 0;
}

Selection::~Selection() = default;

std::optional<Counter> Selection::decide(const Request& request, std::uint64_t now_ns) noexcept {
    Seen seen(request);
    const auto match = [&seen](const Rule& rule) { return rule.matches(seen); };
    if (std::ranges::any_of(deny_, match)) return Counter::requests_denied;
    seen.long_text_matches = true;
    if (!allow_.empty() && std::ranges::none_of(allow_, match)) return Counter::requests_not_allowed;
    if (sample_.share < 1 && !in_sample(request, seen.host)) return Counter::requests_not_sampled;
    if (tokens_per_ns_ > 0 && !take_token(now_ns)) return Counter::requests_over_rate;
    return std::nullopt;
}

bool Selection::in_sample(const Request& request, std::string_view host) noexcept {
    if (sample_.key == Sample::Key::none) return next_random(random_) >> 11 < sample_below_;
    std::string_view key;
    if (sample_.key == Sample::Key::host) key = host;
    if (sample_.key == Sample::Key::header) {
        const auto field = std::ranges::find_if(request.headers,
            [&](const http::Field& each) { return equal_ignoring_case(request.name(each), sample_.header); });
        if (field != request.headers.end()) key = request.value(*field);
    }
    const std::uint64_t hash = key.empty() ? hash_of(request.client) : hash_of(key);
    return hash >> 11 < sample_below_;
}

bool Selection::take_token(std::uint64_t now_ns) noexcept {
    if (now_ns > tokens_at_ns_) {
        const auto passed = static_cast<double>(now_ns - tokens_at_ns_);
        tokens_ = std::min(tokens_ + passed * tokens_per_ns_, most_tokens_);
        tokens_at_ns_ = now_ns;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
}

}  // namespace rebuilder::forward
