// SPDX-License-Identifier: Apache-2.0
// write_wire: whatever bytes the client put into a request, the receiver gets one request, and it is the client's.
//
// Input: how many blocks are free for the wire form and which rules there are, the places of four cuts, then a stream
// of requests.
// Of each request that is rebuilt, the wire form is one request for a strict reader, with nothing behind it, and that
// request is what expected_wire() makes of its record and the rules. The record that is written by the rules is what
// expected_record() makes of the one without. What can't be written holds no memory.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "forward/record.h"
#include "forward/wire.h"
#include "fuzz/fuzz.h"
#include "fuzz/http_run.h"
#include "support/expected_wire.h"
#include "support/record_line.h"
#include "support/rewrite_rules.h"
#include "support/strict_request.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
using test::ExpectedWire;
using test::FieldList;
using test::StrictRequest;
using test::StrictResult;

namespace {

constexpr packet::Endpoint source{packet::IpAddress::v4(0xcb007107), 51234};
constexpr packet::Endpoint destination{packet::IpAddress::v4(0x0a00020a), 8080};

// Gives back the blocks of a slot.
std::string take_text(const forward::Slot& slot, BlockPool& pool) {
    std::string text;
    std::uint32_t blocks = 0;
    for (Block* block = slot.first; block != nullptr; ++blocks) {
        Block* next = block->next;
        text += as_text(block->bytes());
        pool.give(block);
        block = next;
    }
    check(text.size() == slot.bytes && blocks == slot.blocks, "a slot is not as large as it says");
    return text;
}

struct RuleSet {
    test::RewriteRules rules;
    forward::Rewriting rewriting = test::rewriting_of(rules);
};

// The first has none.
const std::array<RuleSet, 8>& rule_sets() {
    static const std::array<RuleSet, 8> sets{{
        {},
        {{.client_ip = "set"}},
        {{.client_ip = "keep", .redacted = {"X-Forwarded-For", "X-A", "a"}}},
        {{.client_ip_header = "X-A"}},
        {{.client_ip = "set", .client_ip_header = "a", .removed = {"cookie", "X-Forwarded-Proto"}}},
        {{.set = {{"Host", "b:1"}, {"X-A", ""}, {"x-forwarded-port", "1"}}, .redacted = {"A", "Cookie"}}},
        {{.removed = {"A", "X-A", "Content-Type"}, .redacted = {"x-forwarded-proto", "B", "User-Agent"}}},
        {{.client_ip = "keep", .set = {{"X-Forwarded-For", "a"}}, .removed = {"B"}, .redacted = {"X-A", "A", "C"}}},
    }};
    return sets;
}

// The request as its record says that the client sent it.
std::string record_of(const http::Request& request, const forward::Rewriting& rewriting) {
    constexpr std::size_t largest = 8 * longest_stream;  // a byte may be written as six
    static BlockPool pool(4096, largest / 4096);
    static forward::RecordWriter writer(true);
    forward::Slot slot;
    check(writer.write(request, rewriting, pool, slot) == Counter::handed_off, "a record doesn't find room");
    return take_text(slot, pool);
}

bool same_fields(FieldList a, FieldList b) {
    for (FieldList* fields : {&a, &b}) {
        std::erase_if(*fields, [](const auto& field) { return test::strict::lower(field.first) == "content-length"; });
    }
    return a == b;
}

// HTTP/2: of Host, its record doesn't tell whether :authority said it, which goes first, or a field did at its place; nor
// of an empty one whether it was there.
void forget_place_of_host(FieldList& fields, const test::RecordLine& sent) {
    const auto host = std::find_if(
        fields.begin(), fields.end(), [](const auto& field) { return test::strict::lower(field.first) == "host"; });
    if (host == fields.end()) return;
    host->first = "host";
    if (sent.host.empty() && host->second.empty()) host->second = sent.destination;
    std::rotate(fields.begin(), host, host + 1);
}

// What is wrong with the wire form; empty when nothing is.
std::string fault_of(std::string_view text, ExpectedWire expected, const test::RecordLine& sent) {
    StrictResult result = test::parse_strict_request(text);
    if (result.verdict == StrictResult::Verdict::refused) return result.fault;
    if (result.verdict == StrictResult::Verdict::more) return "it is not whole";
    if (result.size != text.size()) return "something stands behind it";
    StrictRequest& written = result.request;
    if (written.method != expected.request.method) return "the method is another";
    if (written.target != expected.request.target) return "the target is another";
    if (written.body != expected.request.body) return "the body is another";
    const bool has_length = !written.values("content-length").empty();
    if (has_length != expected.has_length && !(has_length && expected.may_have_length)) {
        return "it has a length, or lacks one";
    }
    if (sent.version == "HTTP/2") {
        for (FieldList* fields : {&written.fields, &expected.request.fields}) forget_place_of_host(*fields, sent);
    }
    if (!same_fields(written.fields, expected.request.fields)) return "the fields are others";
    return "";
}

void check_wire(http::Request& request, const RuleSet& set, BlockPool& pool, std::size_t free_blocks) {
    request.source = source;
    request.destination = destination;
    request.client = source.address;
    const std::string record = record_of(request, {});
    const test::RecordLine sent = test::parse_record(record);
    const ExpectedWire expected = test::expected_wire(sent, set.rules);
    const test::RecordLine shown = test::parse_record(record_of(request, set.rewriting));
    const test::RecordLine fit = test::expected_record(sent, set.rules);
    check(shown.headers == fit.headers && shown.trailers == fit.trailers, "a record shows other fields");
    const bool head_request = request.method == "HEAD";
    Chain kept_away;
    while (pool.available() > free_blocks) kept_away.push(pool.take());
    const std::size_t before = pool.available() + request.body.blocks->blocks;

    forward::Slot slot;
    const Counter verdict = forward::write_wire(request, set.rewriting, pool, slot);
    if (verdict != expected.verdict && verdict != Counter::shed_no_memory)
        fail("another verdict\n" + printable(record));
    if (verdict == Counter::handed_off) {
        const std::string text = take_text(slot, pool);
        const std::string fault = fault_of(text, expected, sent);
        if (!fault.empty()) fail(fault + "\nrecord:  " + printable(record) + "\nwritten: " + printable(text));
        check(slot.head_request == head_request, "HEAD is not marked, or another method is");
    }
    check(pool.available() + request.body.blocks->blocks == before, "a block is held");
    kept_away.release(pool);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > longest_stream) return 0;
    Input input(data, size);
    const std::uint8_t options = input.byte();
    const std::size_t free_blocks = (options & 15) == 15 ? roomy_blocks : options & 15;
    const RuleSet& set = rule_sets()[options >> 5];
    std::array<std::size_t, 4> cuts;
    for (std::size_t& cut : cuts) cut = input.word();
    std::sort(cuts.begin(), cuts.end());

    http::Limits limits = HttpRun::roomy();
    if ((options & 16) != 0) limits.max_body = 20;
    HttpRun run(limits);
    run.on_request = [&](http::Request& request) { check_wire(request, set, run.pool(), free_blocks); };
    run.open(false);
    std::size_t begin = 0;
    for (const std::size_t cut : cuts) {
        run.data(input.take(cut - begin), begin == 0);
        begin = cut;
    }
    run.data(input.rest(), begin == 0);
    run.close(tcp::CloseReason::ended);
    return 0;
}
