// SPDX-License-Identifier: Apache-2.0
// HttpStage: what comes out doesn't depend on how the bytes were cut, and everything is accounted for.
//
// Input: options, a number of cuts, each a place and the size of a hole behind it, then the stream.
//   - whole and cut: the same requests, byte for byte, and the same counters
//   - with holes in it: of the same requests some are missing, and none is new
//   - the same with each piece a segment, in too little memory: only the laws hold
// Each run ends with every request begun in one counter, and with all memory given back.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/fuzz.h"
#include "fuzz/http_run.h"
#include "support/request_text.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;

namespace {

struct Cut {
    std::size_t at;
    std::size_t hole;  // bytes behind it that never come
};

struct Story {
    Bytes stream;
    std::vector<Cut> cuts;  // by place
    bool midstream;
    tcp::CloseReason reason;
};

struct Outcome {
    std::vector<std::string> requests;
    CounterValues counters;
};

std::string all_of(const http::Request& request) {
    const std::string_view head(request.text, request.header_at + request.header_size);
    return test::show(request).append(" head: ").append(head).append(request.canonical_lines ? " canonical" : "");
}

Outcome play(HttpRun& run, const Story& story, bool each_is_a_segment) {
    Outcome outcome;
    run.on_request = [&](const http::Request& request) { outcome.requests.push_back(all_of(request)); };
    run.open(story.midstream);
    std::size_t begin = 0;
    const auto piece = [&](std::size_t end) {
        run.data(story.stream.subspan(begin, end - begin), each_is_a_segment || begin == 0);
        begin = end;
    };
    for (const Cut& cut : story.cuts) {
        if (cut.at > begin) piece(cut.at);
        const std::size_t hole = std::min(cut.hole, story.stream.size() - begin);
        if (hole != 0) run.gap(hole);
        begin += hole;
    }
    piece(story.stream.size());
    run.close(story.reason);
    outcome.counters = run.counters();
    return outcome;
}

// What must not depend on the cuts. Joined in mid-stream, it may take another piece to tell what a stream is, so events
// differ then. And the one name that is too many may be malformed, too: what it is counted as depends on what comes
// first, the end of the name or of the piece.
CounterValues comparable(const Outcome& outcome, bool midstream) {
    CounterValues values = outcome.counters;
    for (std::size_t i = 0; i < counter_count && midstream; ++i) {
        if (counter_table[i].role == CounterRole::event) values.values[i] = 0;
    }
    const auto at = [](Counter which) { return static_cast<std::size_t>(which); };
    for (const Counter which : {Counter::requests_lost_head_malformed, Counter::requests_lost_body_malformed}) {
        values.values[at(Counter::requests_lost_too_many_fields)] += std::exchange(values.values[at(which)], 0);
    }
    return values;
}

std::string list_of(const Outcome& outcome) {
    std::string text;
    for (const std::string& request : outcome.requests) text += "  " + printable(request) + '\n';
    Ledger ledger;
    ledger.workers = outcome.counters;
    return text + ledger.text();
}

Story read_story(Input& input, std::uint8_t options) {
    Story story{{}, {}, (options & 4) != 0, static_cast<tcp::CloseReason>(options >> 3 & 3)};
    constexpr std::size_t every_byte = 15;
    const std::size_t count = input.byte() & 15u;
    for (std::size_t i = 0; i < count && count != every_byte; ++i) {
        const std::size_t at = input.word();
        story.cuts.push_back({at, input.byte()});
    }
    story.stream = input.rest();
    const std::size_t size = story.stream.size();
    for (Cut& cut : story.cuts) cut.at = std::min(cut.at, size);
    for (std::size_t at = 1; at < size && count == every_byte; ++at) story.cuts.push_back({at, 0});
    // Joined in mid-stream, a segment has to begin with as much of a request line as tells it from a body.
    if (story.midstream) std::erase_if(story.cuts, [](const Cut& cut) { return cut.at <= http::longest_method; });
    std::sort(story.cuts.begin(), story.cuts.end(), [](const Cut& a, const Cut& b) { return a.at < b.at; });
    return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > longest_stream) return 0;
    Input input(data, size);
    const std::uint8_t options = input.byte();
    const Story story = read_story(input, options);

    http::Limits limits = HttpRun::roomy();
    if ((options & 3) != 0) limits.max_body = 7;
    if ((options & 3) == 2) limits.oversize = http::Oversize::drop;
    if ((options & 3) == 3) limits.max_head = 256;
    const auto roomy = [&](const Story& told) {
        HttpRun run(limits);
        return play(run, told, false);
    };
    Story whole_story = story;
    whole_story.cuts.clear();
    Story cut_story = story;
    for (Cut& cut : cut_story.cuts) cut.hole = 0;

    const Outcome whole = roomy(whole_story);
    const Outcome cut = roomy(cut_story);
    const bool same_counters = comparable(whole, story.midstream).values == comparable(cut, story.midstream).values;
    if (whole.requests != cut.requests || !same_counters) {
        fail("cut, the stream reads otherwise\nwhole:\n" + list_of(whole) + "cut:\n" + list_of(cut));
    }

    // Of a lost request the trailers are only followed to their end, so what is wrong in them may go unseen.
    const std::uint64_t wrong_trailers =
        whole.counters[Counter::requests_lost_body_malformed] + whole.counters[Counter::requests_lost_too_many_fields];
    const Outcome holed = roomy(story);
    if (wrong_trailers == 0 && !is_part_of(holed.requests, whole.requests)) {
        fail("a request is made across a hole\nwhole:\n" + list_of(whole) + "with holes:\n" + list_of(holed));
    }

    limits.max_head = 256;
    limits.large_heads = 1;
    limits.max_requests = (options >> 5) != 0;
    HttpRun tight(limits, options >> 5, 128);
    (void)play(tight, story, true);
    return 0;
}
