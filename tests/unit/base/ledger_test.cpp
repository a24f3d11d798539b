// SPDX-License-Identifier: Apache-2.0
// - each law holds and breaks, by one, on either side, by every counter that is part of it
// - a fault in one output is found although another is right
// - JSON parses, has every counter once, and quotes what users typed
#include "base/ledger.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "support/catch.h"

using namespace rebuilder;

namespace {

// Accepts JSON (RFC 8259) without floating point, and counts nothing else.
class JsonCheck {
  public:
    static bool accepts(std::string_view text) {
        JsonCheck check(text);
        return check.value() && (check.skip(), check.rest_.empty());
    }

  private:
    explicit JsonCheck(std::string_view text) : rest_(text) {}

    void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n\t\r"), rest_.size())); }
    bool take(std::string_view token) {
        skip();
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }
    bool string() {
        if (!take("\"")) return false;
        while (!rest_.empty()) {
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') return true;
            if (static_cast<unsigned char>(c) < 0x20) return false;
            if (c != '\\') continue;
            if (rest_.empty()) return false;
            const char escaped = rest_.front();
            rest_.remove_prefix(1);
            if (escaped == 'u') {
                if (rest_.size() < 4 || rest_.substr(0, 4).find_first_not_of("0123456789abcdefABCDEF") < 4)
                    return false;
                rest_.remove_prefix(4);
            } else if (std::string_view("\"\\/bfnrt").find(escaped) == std::string_view::npos) {
                return false;
            }
        }
        return false;
    }
    template <class Member>
    bool list(std::string_view close, Member&& member) {
        if (take(close)) return true;
        do {
            if (!member()) return false;
        } while (take(","));
        return take(close);
    }
    bool value() {
        if (take("{")) return list("}", [this] { return string() && take(":") && value(); });
        if (take("[")) return list("]", [this] { return value(); });
        if (take("true") || take("false") || take("null")) return true;
        skip();
        if (rest_.starts_with('"')) return string();
        const std::size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        if (digits == 0 || (digits > 1 && rest_.front() == '0')) return false;
        rest_.remove_prefix(digits);
        return true;
    }

    std::string_view rest_;
};

std::uint64_t& at(CounterValues& values, Counter which) {
    return values.values[static_cast<std::size_t>(which)];
}

std::size_t broken(const Ledger& ledger) {
    const std::vector<Law> laws = ledger.laws();
    return static_cast<std::size_t>(
        std::count_if(laws.begin(), laws.end(), [](const Law& law) { return !law.holds(); }));
}

// A run with something in every counter, in balance.
Ledger balanced() {
    Ledger ledger;
    ledger.outputs.resize(2);
    ledger.outputs[0].name = "http://one";
    ledger.outputs[1].name = "http://two";
    for (std::size_t i = 0; i < counter_count; ++i) ledger.workers.values[i] = i + 1;
    CounterValues& workers = ledger.workers;
    using Role = CounterRole;
    at(workers, Counter::frames) = workers.sum(Role::frame_out) + workers.sum(Role::frame_drop);
    at(workers, Counter::tcp_payload_bytes) = workers.sum(Role::byte_out) + workers.sum(Role::byte_drop);
    at(workers, Counter::flows_opened) = workers.sum(Role::flow_ended);
    at(workers, Counter::requests_rebuilt) = 100'000;
    at(workers, Counter::requests_started) = 100'000 + workers.sum(Role::request_lost);
    for (Ledger::Output& output : ledger.outputs) {
        for (std::size_t i = 0; i < counter_count; ++i) output.values.values[i] = i + 1;
        at(output.values, Counter::handed_off) = 100'000 - workers.sum(Role::request_filtered) -
                                                 output.values.sum(Role::request_absent) -
                                                 output.values.sum(Role::request_shed);
        at(output.values, Counter::written) += output.values.sum(Role::request_handed) -
                                               output.values.sum(Role::request_answered) -
                                               output.values.sum(Role::request_failed);
    }
    return ledger;
}

}  // namespace

TEST_CASE("ledger: an empty run is in balance", "[ledger]") {
    const Ledger ledger;
    CHECK(ledger.holds());
    CHECK(ledger.laws().size() == 4);
}

TEST_CASE("ledger: every counter with a role breaks its law when it is off by one", "[ledger]") {
    const Ledger right = balanced();
    REQUIRE(right.holds());
    REQUIRE(right.laws().size() == 4 + 2 * 2);
    for (std::size_t i = 0; i < counter_count; ++i) {
        const CounterInfo& info = counter_table[i];
        INFO(std::string(info.name));
        Ledger worker_off = right;
        ++worker_off.workers.values[i];
        Ledger output_off = right;
        ++output_off.outputs[1].values.values[i];
        if (info.role == CounterRole::event) {
            CHECK(worker_off.holds());
            CHECK(output_off.holds());
        } else if (info.scope == CounterScope::worker) {
            CHECK_FALSE(worker_off.holds());
            // A rebuilt request is missed by each output, too; the others belong to one law, or one for each output.
            const std::size_t laws = info.role == CounterRole::request_rebuilt    ? 3
                                     : info.role == CounterRole::request_filtered ? 2
                                                                                  : 1;
            CHECK(broken(worker_off) == laws);
        } else {
            CHECK_FALSE(output_off.holds());
            CHECK(broken(output_off) == (info.role == CounterRole::request_handed ? 2 : 1));
        }
    }
}

TEST_CASE("ledger: a law's two sides do not hide each other's faults", "[ledger]") {
    Ledger ledger;
    at(ledger.workers, Counter::frames) = 1;
    at(ledger.workers, Counter::flows_closed) = 1;
    CHECK(broken(ledger) == 2);
    CHECK(ledger.text().find("BROKEN") != std::string::npos);
}

TEST_CASE("ledger: JSON", "[ledger]") {
    Ledger ledger = balanced();
    ledger.outputs[0].name = "a\"b\\c\nd\te\x01 \xc3\xa9";
    const std::string json = ledger.json();
    INFO(json);
    CHECK(JsonCheck::accepts(json));
    CHECK(JsonCheck::accepts(Ledger{}.json()));
    CHECK(json.find(R"(a\"b\\c\u000ad\u0009e\u0001)") != std::string::npos);
    for (const CounterInfo& info : counter_table) {
        std::size_t found = 0;
        const std::string quoted = '"' + std::string(info.name) + '"';
        for (std::size_t from = json.find(quoted); from != std::string::npos; from = json.find(quoted, from + 1))
            ++found;
        INFO(quoted);
        CHECK(found == (info.scope == CounterScope::worker ? 1u : 2u));
    }
    CHECK(json.find("\"holds\": false") == std::string::npos);
    ++at(ledger.workers, Counter::frames);
    CHECK(ledger.json().find("\"holds\": false") != std::string::npos);
    CHECK(ledger.json().find("\"frames\": " + std::to_string(ledger.workers[Counter::frames])) != std::string::npos);
}

TEST_CASE("ledger: the JSON check of this test refuses what is not JSON", "[ledger]") {
    CHECK(JsonCheck::accepts(R"({"a": [1, true, "x\u0001"], "b": {}})"));
    for (const char* text : {"", "{", "{\"a\":}", "{\"a\":1,}", "[1 2]", "\"\n\"", "\"\\x\"", "01", "{} {}", "{a:1}"}) {
        INFO(text);
        CHECK_FALSE(JsonCheck::accepts(text));
    }
}

TEST_CASE("ledger: the text shows what is not zero, and every law", "[ledger]") {
    const std::string text = balanced().text();
    CHECK(text.find("output http://two") != std::string::npos);
    CHECK(text.find("BROKEN") == std::string::npos);
    CHECK(text.find("frames = segments + dropped") != std::string::npos);
    CHECK(Ledger{}.text().find("frames received") == std::string::npos);
}
