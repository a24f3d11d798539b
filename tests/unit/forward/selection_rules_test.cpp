// SPDX-License-Identifier: Apache-2.0
// What rules match:
//   - each term, as tables of rules and requests; terms joined, rules together
//   - hostile bytes, and expressions that other engines choke on
//   - a sentence for each mistake
//   - property: globs and prefixes against slow and simple second implementations
#include <string>
#include <string_view>
#include <vector>

#include "packet/address_text.h"
#include "support/random.h"
#include "support/selected.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;

namespace {

bool matches(const std::string& rule, const std::string& bytes, const IpAddress& client = some_client) {
    const Verdict denied = verdict({.deny = {rule}}, bytes, client);
    CHECK((verdict({.allow = {rule}}, bytes, client) == selected) == denied.has_value());
    return denied == Counter::requests_denied;
}

}  // namespace

TEST_CASE("a host is a glob on the host that is sent", "[selection]") {
    struct Case {
        const char* rule;
        std::string request;
        bool match;
    };
    const auto [rule, request, match] = GENERATE(Catch::Generators::values<Case>({
        {"host=shop.example.com", host("shop.example.com"), true},
        {"host=shop.example.com", host("SHOP.Example.com:8080"), true},
        {"host=Shop.Example.COM", host("shop.example.com"), true},
        {"host=shop.example.com", host("shop.example.com."), true},
        {"host=shop.example.com", host("shop.example.com.:80"), true},
        {"host=shop.example.com.", host("shop.example.com"), true},
        {"host=shop.example.com", host("shop.example.community"), false},
        {"host=shop.example.com", host("a.shop.example.com"), false},
        {"host=shop.example.com", host("shopxexample.com"), false},
        {"host=shop.example.com", host("shop.example.com, evil"), false},
        {"host=*.example.com", host("a.b.example.com"), true},
        {"host=*.example.com", host("example.com"), false},
        {"host=shop?.example.com", host("shop1.example.com"), true},
        {"host=shop?.example.com", host("shop12.example.com"), false},
        {"host=a,b", host("b"), true},
        {"host=a, b", host("b"), true},
        {"host=ab,c", host("bc"), false},
        {"host=a,bc", host("ac"), false},
        {"host=*", get("/", ""), true},
        {"host=?*", get("/", ""), false},
        {"host=[2001:db8::1]", host("[2001:db8::1]:80"), true},
        {"host=[2001:DB8::1]", host("[2001:db8::1]"), true},
        {"host=[2001:db8:*]", host("[2001:db8::1]"), true},
        {"host=[2001:db8::1]", host("[2001:db8::2]"), false},
        {"host=[2001:db8::1]", host("[2001:db8::1"), true},
        {"host=10.0.0.1", host("10.0.0.1:80"), true},
        // The analyser is sent the authority, so that is what counts; and the first Host field.
        {"host=real.example", get("http://real.example:80/x", "Host: other.example\r\n"), true},
        {"host=other.example", get("http://real.example/x", "Host: other.example\r\n"), false},
        {"host=real.example", get("http://user@real.example", "Host: other.example\r\n"), true},
        {"host=a", get("/", "Host: a\r\nHost: b\r\n"), true},
        {"host=b", get("/", "Host: a\r\nHost: b\r\n"), false},
        {"host=a", get("odd-target", "Host: a\r\n"), true},
    }));
    INFO(rule << " " << request);
    CHECK(matches(rule, request) == match);
}

TEST_CASE("a path is searched for an expression, without the query", "[selection]") {
    struct Case {
        const char* rule;
        const char* target;
        bool match;
    };
    const auto [rule, target, match] = GENERATE(Catch::Generators::values<Case>({
        {"path=^/api/", "/api/x", true},
        {"path=^/api/", "/v1/api/x", false},
        {"path=/api/", "/v1/api/x", true},
        {"path=^/health$", "/health", true},
        {"path=^/health$", "/health?deep=1", true},
        {"path=^/health$", "/health#top", true},
        {"path=^/health$", "/healthy", false},
        {"path=deep", "/health?deep=1", false},
        {"path=^/API", "/api", false},
        {"path=(?i)^/API", "/api", true},
        {"path=^/a{1,3}$", "/aaa", true},
        {"path=^/a{1,3}$", "/aaaa", false},
        {"path=^/a,b$", "/a,b", true},
        {"path=^/a[,]path=b$", "/a,path=b", true},
        {"path=^/%61$", "/%61", true},
        {"path=^/a$", "/%61", false},
        {"path=^/x$", "http://a/x?y", true},
        {"path=^/$", "http://a", true},
        {"path=^/$", "http://a?x", true},
        {"path=^odd$", "odd?x", true},
        {"path=^/\\xff$", "/\xff", true},
        {"path=^/\xc3\xa9$", "/\xc3\xa9", true},
        {"path=^/..$", "/\xc3\xa9", true},
        {"path=^/.$", "/\xc3\xa9", false},
    }));
    INFO(rule << " " << target);
    CHECK(matches(rule, get(target)) == match);
}

TEST_CASE("the path of OPTIONS may be an asterisk", "[selection]") {
    CHECK(matches("path=^\\*$", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(matches("path=^\\*$,host=b", "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST_CASE("methods are compared as they are", "[selection]") {
    CHECK(matches("method=GET", get("/")));
    CHECK(matches("method=PUT, GET", get("/")));
    CHECK_FALSE(matches("method=get", get("/")));
    CHECK_FALSE(matches("method=GE,GETS", get("/")));
}

TEST_CASE("some field of the name has to match", "[selection]") {
    struct Case {
        const char* rule;
        const char* fields;
        bool match;
    };
    const auto [rule, fields, match] = GENERATE(Catch::Generators::values<Case>({
        {"header=User-Agent:^kube-probe/", "user-agent: kube-probe/1.29\r\n", true},
        {"header=User-Agent: ^kube-probe/", "user-agent: kube-probe/1.29\r\n", true},
        {"header=User-Agent:^kube-probe/", "User-Agent: x kube-probe/1.29\r\n", false},
        {"header=User-Agent:probe", "User-Agent2: probe\r\n", false},
        {"header=User-Agent:probe", "User-Agen: probe\r\n", false},
        {"header=X:^b$", "X: a\r\nX: b\r\nX: c\r\n", true},
        {"header=X:^$", "X:\r\n", true},
        {"header=X:", "X: anything\r\n", true},
        {"header=X:", "Y: anything\r\n", false},
        {"header=X:a:b", "X: a:b\r\n", true},
        {"header=X:^a.*b$", "X: a\r\n b\r\n", true},
        {"header=X:a,b", "X: a,b\r\n", true},
        {"header=X:[\\x80-\\xff]", "X: \xfe\r\n", true},
    }));
    INFO(rule << " " << fields);
    CHECK(matches(rule, get("/", fields)) == match);
}

TEST_CASE("a value may hold any byte", "[selection]") {
    CHECK(matches("header=X:^a\\x00b$", get("/", "X: a\0b\r\n"s)));
    CHECK(matches("header=X:^a.b$", get("/", "X: a\0b\r\n"s)));
    CHECK_FALSE(matches("header=X:^a$", get("/", "X: a\0b\r\n"s)));
}

TEST_CASE("trailer fields are not looked at", "[selection]") {
    const std::string request = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n\r\n";
    CHECK_FALSE(matches("header=X:a", request));
    CHECK(matches("header=Transfer-Encoding:chunked", request));
}

TEST_CASE("a prefix is one of the client's address", "[selection]") {
    struct Case {
        const char* rule;
        IpAddress client;
        bool match;
    };
    const IpAddress v6{0x20010db800000000, 1};
    const auto [rule, client, match] = GENERATE_COPY(Catch::Generators::values<Case>({
        {"cidr=203.0.113.0/24", IpAddress::v4(0xcb007107), true},
        {"cidr=203.0.113.0/24", IpAddress::v4(0xcb007207), false},
        {"cidr=203.0.113.7", IpAddress::v4(0xcb007107), true},
        {"cidr=203.0.113.6", IpAddress::v4(0xcb007107), false},
        {"cidr=203.0.113.6/31", IpAddress::v4(0xcb007107), true},
        {"cidr=10.0.0.0/8,203.0.113.7/32", IpAddress::v4(0xcb007107), true},
        {"cidr=0.0.0.0/0", IpAddress::v4(0xcb007107), true},
        {"cidr=0.0.0.0/0", v6, false},
        {"cidr=::/0", v6, true},
        {"cidr=::/0", IpAddress::v4(0xcb007107), false},
        {"cidr=2001:db8::/32", v6, true},
        {"cidr=2001:db8::/64", v6, true},
        {"cidr=2001:db8::/127", v6, true},
        {"cidr=2001:db8::/128", v6, false},
        {"cidr=2001:db8::1", v6, true},
        {"cidr=2001:db9::/32", v6, false},
    }));
    INFO(rule);
    CHECK(matches(rule, get("/"), client) == match);
}

TEST_CASE("all terms of a rule have to match, and one of the rules", "[selection]") {
    const std::string request = get("/api/x", "Host: a\r\nX: y\r\n");
    CHECK(matches("host=a,path=^/api/,method=GET,header=X:y,cidr=203.0.113.0/24", request));
    CHECK(matches("cidr=203.0.113.0/24,header=X:y, method=GET,  path=^/api/,host=b,a", request));
    CHECK(matches("path=^/api,path=x$,header=X:y,header=Host:a", request));
    for (const std::string wrong : {"host=b", "path=^/x", "method=PUT", "header=X:z", "cidr=10.0.0.0/8"}) {
        INFO(wrong);
        CHECK_FALSE(matches(wrong, request));
        CHECK_FALSE(matches(wrong + ",header=Host:a", request));
        CHECK_FALSE(matches("header=Host:a," + wrong, request));
        CHECK(verdict({.allow = {wrong, "host=a"}}, request) == selected);
        CHECK(verdict({.allow = {"host=a", wrong}}, request) == selected);
        CHECK(verdict({.allow = {wrong, wrong}}, request) == Counter::requests_not_allowed);
        CHECK(verdict({.deny = {wrong, "host=a"}}, request) == Counter::requests_denied);
    }
}

TEST_CASE("bytes that other engines choke on are read in linear time", "[selection]") {
    const std::string many(8000, 'x');
    CHECK_FALSE(matches("path=^/(x+x+)+y", get("/" + many)));
    CHECK_FALSE(matches("header=X:(x|y)*x(x|y){12}z", get("/", "X: " + many + "\r\n")));
    CHECK_FALSE(matches("host=*x*x*x*x*x*x*x*x*y", host(many)));
    CHECK(matches("host=*x*x*x*x*x*x*x*x*", host(many)));
    // More states than the cache holds.
    Random random(7);
    std::string mixed;
    while (mixed.size() < 8000) mixed += random.one_in(2) ? 'x' : 'y';
    CHECK(matches("header=X:(x|y)*x(x|y){40}$", get("/", "X: " + mixed + "x" + mixed.substr(0, 40) + "\r\n")));
    CHECK_FALSE(matches("header=X:(x|y)*x(x|y){40}$", get("/", "X: " + mixed + "y" + mixed.substr(0, 40) + "\r\n")));
}

TEST_CASE("what is wrong with a rule is said", "[selection]") {
    struct Case {
        const char* rule;
        const char* sentence;
    };
    const auto [rule, sentence] = GENERATE(Catch::Generators::values<Case>({
        {"", "'' begins with none of host=, path=, method=, header= and cidr="},
        {"example.com", "'example.com' begins with none of host=, path=, method=, header= and cidr="},
        {"colour=red", "'colour=red' begins with none of host=, path=, method=, header= and cidr="},
        {"Host=a", "'Host=a' begins with none of host=, path=, method=, header= and cidr="},
        {"host=", "nothing is behind 'host='"},
        {"path=a,host=", "nothing is behind 'host='"},
        {"path=,host=a", "nothing is behind 'path='"},
        {"host=a,,b", "'host=a,,b' has an empty part"},
        {"host=a,", "'host=a,' has an empty part"},
        {"host=a:80", "'a:80' is not a host such as shop.example.com, *.example.com or [2001:db8::1]; it has no port"},
        {"host=[::1]:80",
            "'[::1]:80' is not a host such as shop.example.com, *.example.com or [2001:db8::1]; it has no port"},
        {"host=a,pth=^/",
            "'pth=^/' is not a host such as shop.example.com, *.example.com or [2001:db8::1]; it has no port"},
        {"host=[]", "'[]' is not a host such as shop.example.com, *.example.com or [2001:db8::1]; it has no port"},
        {"host=[::1", "'[::1' is not a host such as shop.example.com, *.example.com or [2001:db8::1]; it has no port"},
        {"host=a,method=GET,host=b", "host= is in one rule twice; host=A,B is one or the other"},
        {"path=(a", "'(a' is no regular expression: missing ): (a"},
        {"path=a**", "'a**' is no regular expression: bad repetition operator: **"},
        {"path=(?=a)", "'(?=a)' is no regular expression: invalid perl operator: (?="},
        {"method=GET;", "'GET;' is not a method"},
        {"method=GET,P T", "'P T' is not a method"},
        {"header=X", "'header=X' is not header=NAME:EXPRESSION"},
        {"header=:x", "'header=:x' is not header=NAME:EXPRESSION"},
        {"header=X y:z", "'header=X y:z' is not header=NAME:EXPRESSION"},
        {"header=X:[", "'[' is no regular expression: missing ]: ["},
        {"cidr=10.0.0.1/8", "'10.0.0.1/8' has bits set behind its prefix"},
        {"cidr=2001:db8::1/64", "'2001:db8::1/64' has bits set behind its prefix"},
        {"cidr=10.0.0.0/33", "'10.0.0.0/33' has no prefix length of 0 to 32 behind its '/'"},
        {"cidr=10.0.0.0/", "'10.0.0.0/' has no prefix length of 0 to 32 behind its '/'"},
        {"cidr=10.0.0.0/-1", "'10.0.0.0/-1' has no prefix length of 0 to 32 behind its '/'"},
        {"cidr=10.0.0.0/8x", "'10.0.0.0/8x' has no prefix length of 0 to 32 behind its '/'"},
        {"cidr=::/129", "'::/129' has no prefix length of 0 to 128 behind its '/'"},
        {"cidr=10.0.0/8", "'10.0.0/8' is not a network such as 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32"},
        {"cidr=here", "'here' is not a network such as 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32"},
        {"cidr=::ffff:10.0.0.1", "'::ffff:10.0.0.1' is an IPv4 address: write it as one"},
    }));
    CHECK(refusal([rule = rule] { forward::check_rule(rule); }) == sentence);
    CHECK(refusal([rule = rule] { Selection({.deny = {rule}}, 0); }) == sentence);
}

TEST_CASE("an expression that would cost too much is refused", "[selection]") {
    CHECK(refusal([] { forward::check_rule("path=(abcdefgh){40}"); }).find(" is too costly: it compiles to ") < 50);
    CHECK(refusal([] { forward::check_rule("path=(abcdefgh){30}"); }) == "nothing refused");
}

TEST_CASE("a text that is too long to look at is sent", "[selection]") {
    const std::string rest(Selection::longest_text - 1, 'x');
    for (const bool is_too_long : {false, true}) {
        INFO(is_too_long);
        const std::string path = "/" + rest + (is_too_long ? "x" : "");
        const Verdict denied = is_too_long ? selected : Verdict(Counter::requests_denied);
        const Verdict not_allowed = is_too_long ? selected : Verdict(Counter::requests_not_allowed);
        CHECK(verdict({.deny = {"path=^/x"}}, get(path)) == denied);
        CHECK(verdict({.allow = {"path=^/y"}}, get(path)) == not_allowed);
        const std::string field = "X: x" + rest + (is_too_long ? "x" : "") + "\r\n";
        CHECK(verdict({.deny = {"header=X:x"}}, get("/", field)) == denied);
        CHECK(verdict({.allow = {"header=X:y"}}, get("/", field)) == not_allowed);
        CHECK(verdict({.deny = {"host=x*"}}, host("x" + rest + (is_too_long ? "x" : ""))) == denied);
        CHECK(verdict({.allow = {"host=y"}}, host("x" + rest + (is_too_long ? "x" : ""))) == not_allowed);
        // Other terms of the rule, and other rules, hold all the same.
        CHECK(verdict({.allow = {"path=^/y,method=POST"}}, get(path)) == Counter::requests_not_allowed);
        CHECK(verdict({.deny = {"path=^/x", "method=GET"}}, get(path)) == Counter::requests_denied);
        CHECK(verdict({.deny = {"header=Y:z"}}, get("/", field + "Y: z\r\n")) == Counter::requests_denied);
    }
}

// ---- properties ----------------------------------------------------------------------------------------------

namespace {

bool glob_matches(std::string_view glob, std::string_view text) {
    if (glob.empty()) return text.empty();
    if (glob[0] == '*') {
        return glob_matches(glob.substr(1), text) || (!text.empty() && glob_matches(glob, text.substr(1)));
    }
    return !text.empty() && (glob[0] == '?' || glob[0] == text[0]) && glob_matches(glob.substr(1), text.substr(1));
}

// The address as its bits.
std::string bits_of(const IpAddress& address) {
    std::string bits;
    for (int i = 63; i >= 0; --i) bits += (address.high >> i & 1) != 0 ? '1' : '0';
    for (int i = 63; i >= 0; --i) bits += (address.low >> i & 1) != 0 ? '1' : '0';
    return address.is_v4() ? bits.substr(96) : bits;
}

IpAddress address_of(std::string bits) {
    const bool v4 = bits.size() == 32;
    if (v4) bits = std::string(80, '0') + std::string(16, '1') + bits;
    IpAddress address;
    for (const char bit : bits) {
        address.high = address.high << 1 | address.low >> 63;
        address.low = address.low << 1 | static_cast<std::uint64_t>(bit == '1');
    }
    return address;
}

}  // namespace

TEST_CASE("globs match what a slow reading of them does", "[selection][property]") {
    Random random(11);
    INFO(random.seed());
    int matching = 0;
    for (int i = 0; i < 10'000; ++i) {
        std::string glob;
        std::string name;
        for (std::size_t n = random.between(1, 7); n != 0; --n) glob += random.of("ab.-*?"s);
        for (std::size_t n = random.between(0, 8); n != 0; --n) name += random.of("ab.-"s);
        if (glob.ends_with('.') || name.ends_with('.')) continue;  // has a table above
        INFO(glob << " and " << name);
        Selection selection({.allow = {"host=" + glob}}, 0);
        const bool expected = glob_matches(glob, name);
        matching += expected;
        CHECK(Made("Host", name).passes(selection) == expected);
    }
    CHECK(matching > 200);
}

TEST_CASE("prefixes match what their bits say", "[selection][property]") {
    Random random(12);
    INFO(random.seed());
    int matching = 0;
    for (int i = 0; i < 3000; ++i) {
        const std::size_t width = random.one_in(2) ? 32 : 128;
        const std::size_t size = random.below(width + 1);
        std::string prefix(width, '0');
        for (std::size_t n = 0; n < size; ++n) prefix[n] = random.of("01"s);
        if (width == 128 && address_of(prefix).is_v4()) continue;
        std::string client = prefix;  // agrees up to some bit
        for (std::size_t n = random.below(width + 1); n < width; ++n) client[n] = random.of("01"s);
        const std::string text(packet::AddressText(address_of(prefix)).view());
        const std::string rule = "cidr=" + text + "/" + std::to_string(size);
        INFO(rule << " and " << packet::AddressText(address_of(client)).view());
        REQUIRE(bits_of(address_of(client)) == client);
        Selection selection({.allow = {rule}}, 0);
        const bool expected = client.substr(0, size) == prefix.substr(0, size);
        matching += expected;
        CHECK(Made(address_of(client)).passes(selection) == expected);
    }
    CHECK(matching > 500);
    CHECK(matching < 2900);
}
