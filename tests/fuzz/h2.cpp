// SPDX-License-Identifier: Apache-2.0
// HTTP/2: what HttpStage makes of a client's connection is what a server reads, here nghttp2's session, by the rules
// that are written down plainly below; and it doesn't depend on how the bytes were cut.
//
// Input: options, a number of cuts, each a place and the size of a hole behind it, then frames: type, flags, stream, size
// and payload of each, or the bytes as they are. The preface is put in front.
//   - whole: the session's requests in its order, and more only behind what ends the session
//   - cut: the same requests, and the same counters
//   - with holes: none that isn't among them, but for one that a hole or the end leaves whole, by its content-length or as a GET
//   - in too little memory: only the laws hold
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/fuzz.h"
#include "fuzz/http_run.h"
#include "http/h2_frame.h"
#include "support/request_text.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
namespace frame_type = http::frame_type;

namespace {

using Requests = std::vector<std::string>;

// ---- the other opinion -----------------------------------------------------------------------------------

struct Told {
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<std::pair<std::string, std::string>> trailers;
    std::string body;
    int sections = 0;      // HEADERS frames begun
    bool no_data = false;  // the first of them ends the stream
    bool broken = false;   // a trailer section that doesn't end the stream
};

// What test::show() says of the request, or nothing where it is to be refused.
std::string expected(const Told& told) {
    std::map<std::string, std::string> pseudo;
    std::string fields;
    bool regular = false;
    if (told.broken) return {};
    bool length_said = false;
    for (const auto& [name, value] : told.headers) {
        if (name.empty()) return {};
        if (name[0] == ':') {
            const bool known = name == ":method" || name == ":scheme" || name == ":authority" || name == ":path" ||
                               name == ":protocol";
            if (!known || regular || !pseudo.emplace(name, value).second) return {};
            if (name == ":authority") fields += " {Host: " + value + "}";
            if (name == ":protocol") fields += " {Upgrade: " + value + "}";
            continue;
        }
        if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return {};
        regular = true;
        length_said = length_said || name == "content-length";
        fields += " {" + name + ": " + value + "}";
    }
    for (const auto& [name, value] : told.trailers) {
        if (name.empty() || name[0] == ':') return {};
        if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return {};
        fields += " +{" + name + ": " + value + "}";
    }
    const std::string method = pseudo[":method"];
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    const bool token = std::all_of(method.begin(), method.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != marks.npos;
    });
    if (method.empty() || !token) return {};
    std::string target = pseudo[":path"];  // from here on each name is there, if empty
    const auto has = [&](const char* name) {
        return std::any_of(told.headers.begin(), told.headers.end(), [name](const auto& f) { return f.first == name; });
    };
    const bool connect = method == "CONNECT";
    if (connect && !has(":protocol")) {
        if (has(":path") || has(":scheme") || !has(":authority")) return {};
        target = pseudo[":authority"];
    } else if (!has(":path") || !has(":scheme") || (has(":protocol") && !connect)) {
        return {};
    }
    const bool no_body = connect || (told.no_data && !length_said);
    return method + " " + target + " HTTP/2" + fields + (no_body ? "" : " length") +
           (told.body.empty() ? "" : " <" + told.body + ">");
}

// A server's session with its settings sent, that takes any fields.
class Session {
  public:
    Session() {
        nghttp2_session_callbacks* table = nullptr;
        nghttp2_session_callbacks_new(&table);
        nghttp2_session_callbacks_set_on_begin_headers_callback(table, [](auto*, const nghttp2_frame* frame, void* me) {
            Told& told = self(me).streams_[frame->hd.stream_id];
            const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
            if (told.sections == 0) told.no_data = ends;
            if (told.sections++ != 0 && !ends) told.broken = true;
            return 0;
        });
        nghttp2_session_callbacks_set_on_header_callback(
            table, [](auto*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* me) {
                Told& told = self(me).streams_[frame->hd.stream_id];
                (told.sections == 1 ? told.headers : told.trailers)
                    .emplace_back(as_text({name, name_size}), as_text({value, value_size}));
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            table, [](auto*, std::uint8_t, std::int32_t stream, const std::uint8_t* data, std::size_t size, void* me) {
                self(me).streams_[stream].body.append(as_text({data, size}));
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(table, [](auto*, const nghttp2_frame* frame, void* me) {
            self(me).on_frame(*frame);
            return 0;
        });
        nghttp2_option* option = nullptr;
        nghttp2_option_new(&option);
        nghttp2_option_set_no_http_messaging(option, 1);
        nghttp2_session_server_new2(&session_, table, this, option);
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(table);
        const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, http::most_table_bytes},
            {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}};
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 2);
        for (int i = 0; i < 8; ++i)
            nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);  // for more of them
        send();
        const std::string ack("\0\0\0\4\1\0\0\0\0", http::frame_head_size);  // of these settings
        feed(as_bytes(std::string(http::http2_preface) + std::string("\0\0\0\4\0\0\0\0\0", 9) + ack));
    }
    ~Session() { nghttp2_session_del(session_); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void feed(Bytes bytes) {
        if (nghttp2_session_mem_recv(session_, bytes.data(), bytes.size()) < 0) ended = true;
        send();
        ended = ended || nghttp2_session_want_read(session_) == 0;
    }

    Requests requests;
    bool ended = false;

  private:
    static Session& self(void* me) { return *static_cast<Session*>(me); }

    void send() {
        const std::uint8_t* bytes = nullptr;
        while (nghttp2_session_mem_send(session_, &bytes) > 0) {
        }
    }

    void on_frame(const nghttp2_frame& frame) {
        const std::int32_t id = frame.hd.stream_id;
        if (frame.hd.type == NGHTTP2_RST_STREAM) streams_.erase(id);
        const auto found = streams_.find(id);
        if (found == streams_.end() || (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA)) return;
        const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        Told& told = found->second;
        const auto is_connect = [](const auto& field) { return field.first == ":method" && field.second == "CONNECT"; };
        const bool connect = std::any_of(told.headers.begin(), told.headers.end(), is_connect);
        // A tunnel's request ends with its head.
        if (connect ? frame.hd.type != NGHTTP2_HEADERS || told.sections != 1 : !ends) return;
        const std::string text = expected(told);
        if (!text.empty()) requests.push_back(text);
        if (!connect) streams_.erase(found);
    }

    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, Told> streams_;
};

// ---- ours --------------------------------------------------------------------------------------------------

struct Cut {
    std::size_t at;
    std::size_t hole;
};

struct Outcome {
    Requests requests;
    Requests at_end;  // that a hole or the end left whole
    CounterValues counters;
};

Outcome play(HttpRun& run, Bytes stream, const std::vector<Cut>& cuts, tcp::CloseReason reason) {
    Outcome outcome;
    Requests* into = &outcome.requests;
    run.on_request = [&](const http::Request& request) { into->push_back(test::show(request)); };
    run.open(false);
    std::size_t begin = 0;
    for (const Cut& cut : cuts) {
        if (cut.at > begin) {
            run.data(stream.subspan(begin, cut.at - begin), true);
            begin = cut.at;
        }
        const std::size_t hole = std::min(cut.hole, stream.size() - begin);
        if (hole == 0) continue;
        into = &outcome.at_end;
        run.gap(hole);
        into = &outcome.requests;
        begin += hole;
    }
    run.data(stream.subspan(begin), true);
    into = &outcome.at_end;
    run.close(reason);
    outcome.counters = run.counters();
    return outcome;
}

std::string list_of(const Requests& requests) {
    std::string text;
    for (const std::string& request : requests) text += "  " + printable(request) + '\n';
    return text;
}

std::string read_frames(Input& input, bool raw) {
    std::string bytes(http::http2_preface);
    if (raw) return bytes.append(as_text(input.rest()));
    while (!input.empty()) {
        constexpr std::uint8_t long_payload = 0xff;
        const std::uint8_t type = input.byte(), flags = input.byte(), stream = input.byte();
        std::size_t size = input.byte();
        if (size == long_payload) size = input.word();
        const Bytes payload = input.take(size);
        const std::uint8_t head[] = {0, static_cast<std::uint8_t>(payload.size() >> 8),
            static_cast<std::uint8_t>(payload.size()), type, flags, 0, 0, 0, stream};
        bytes.append(as_text(head)).append(as_text(payload));
    }
    return bytes;
}

// A server may wait for the rest before it judges, or believes that a stream ends: for the padding.
bool ends_inside_a_frame(Bytes frames) {
    while (frames.size() >= http::frame_head_size) {
        const std::size_t size = http::frame_head_size + http::FrameHead(frames.data()).size;
        if (size > frames.size()) break;
        frames = frames.subspan(size);
    }
    return !frames.empty();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > longest_stream) return 0;
    Input input(data, size);
    const std::uint8_t options = input.byte();
    std::vector<Cut> cuts;
    const std::size_t count = input.byte() & 15u;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = input.word();
        cuts.push_back({at, input.byte()});
    }
    const std::string bytes = read_frames(input, (options & 1) != 0);
    const Bytes stream = as_bytes(bytes);
    for (Cut& cut : cuts) cut.at = std::min(cut.at, stream.size());
    std::sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) { return a.at < b.at; });
    const auto reason = static_cast<tcp::CloseReason>(options >> 3 & 3);

    http::Limits limits = HttpRun::roomy();
    limits.max_requests = 300;
    limits.max_body = 1 << 16;
    const auto roomy = [&](const std::vector<Cut>& where) {
        HttpRun run(limits, 1000);
        return play(run, stream, where, reason);
    };
    const Outcome whole = roomy({});
    std::vector<Cut> no_holes = cuts;
    for (Cut& cut : no_holes) cut.hole = 0;
    if ((options & 2) != 0) {
        no_holes.clear();
        for (std::size_t at = 1; at < stream.size(); ++at) no_holes.push_back({at, 0});
    }
    const Outcome cut = roomy(no_holes);
    if (whole.requests != cut.requests || whole.counters.values != cut.counters.values) {
        Ledger one, other;
        one.workers = whole.counters;
        other.workers = cut.counters;
        fail("cut, it reads otherwise\nwhole:\n" + list_of(whole.requests) + one.text() + "cut:\n" +
             list_of(cut.requests) + other.text());
    }
    const Outcome holed = roomy(cuts);
    if (!is_part_of(holed.requests, whole.requests)) {
        fail("a request is made across a hole\nwhole:\n" + list_of(whole.requests) + "with holes:\n" +
             list_of(holed.requests));
    }

    // Where a limit of ours was reached there's nothing to compare with.
    const auto of = [&](Counter which) { return whole.counters[which]; };
    const bool limited = of(Counter::requests_lost_refused) + of(Counter::requests_lost_reset_flood) +
                             of(Counter::requests_lost_too_many_fields) + of(Counter::requests_lost_continuations) +
                             of(Counter::requests_lost_head_too_large) + of(Counter::requests_lost_no_memory) !=
                         0;
    Session session;
    const Bytes frames = stream.subspan(http::http2_preface.size());
    session.feed(frames);
    if (!limited) {
        const bool left = of(Counter::http2_lost_compression) + of(Counter::http2_lost_framing) != 0;
        const bool all = session.requests == whole.requests && !left;
        const bool first = whole.requests.size() >= session.requests.size() &&
                           std::equal(session.requests.begin(), session.requests.end(), whole.requests.begin());
        const bool same = session.ended || ends_inside_a_frame(frames) ? first : all;
        if (!same) {
            Ledger ledger;
            ledger.workers = whole.counters;
            fail("a server reads otherwise" + std::string(session.ended ? ", and ends it" : "") + "\nserver:\n" +
                 list_of(session.requests) + "here:\n" + list_of(whole.requests) + ledger.text());
        }
    }

    limits.max_head = 256;
    limits.large_heads = 1;
    limits.max_requests = 3;
    limits.h2_large_tables = 0;
    HttpRun tight(limits, 1 + (options >> 5), 128);
    (void)play(tight, stream, cuts, reason);
    return 0;
}
