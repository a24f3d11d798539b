// SPDX-License-Identifier: Apache-2.0
// Http2Peer: the server's side of an HTTP/2 connection, in memory: an nghttp2 server session that notes the requests
// and answers as a script says.
//
//   Http2Peer server([](Http2Peer& peer, const Http2Request& request) { peer.answer(request, 200, "ok"); });
//   server.feed(bytes of the client);  send(server.output());
//
// The script runs when a request is whole. It may answer later, or never.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace rebuilder::test {

struct Http2Request {
    std::int32_t stream = 0;
    std::vector<std::pair<std::string, std::string>> fields;  // pseudo-header fields, too
    std::string body;

    [[nodiscard]] std::string operator[](std::string_view name) const {
        for (const auto& [key, value] : fields) {
            if (key == name) return value;
        }
        return {};
    }
};

class Http2Peer {
  public:
    using Script = std::function<void(Http2Peer& peer, const Http2Request& request)>;
    struct Options {
        std::uint32_t streams = 100;   // SETTINGS_MAX_CONCURRENT_STREAMS
        std::uint32_t window = 65535;  // SETTINGS_INITIAL_WINDOW_SIZE
        bool grants_window = true;     // WINDOW_UPDATEs are sent
    };

    explicit Http2Peer(Script script) : Http2Peer(std::move(script), Options{}) {}
    Http2Peer(Script script, const Options& options) : script_(std::move(script)) {
        nghttp2_session_callbacks* table = nullptr;
        nghttp2_session_callbacks_new(&table);
        nghttp2_session_callbacks_set_on_header_callback(
            table, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
                request(user, frame->hd.stream_id)
                    .fields.emplace_back(as_text({name, name_size}), as_text({value, value_size}));
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            table, [](nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data, std::size_t size,
                       void* user) {
                request(user, stream).body.append(as_text({data, size}));
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            table, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
                const bool has_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
                if (has_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
                    Http2Peer& me = *static_cast<Http2Peer*>(user);
                    me.whole.push_back(request(user, frame->hd.stream_id));
                    if (me.script_) me.script_(me, me.whole.back());
                }
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            table, [](nghttp2_session*, std::int32_t, std::uint32_t code, void* user) {
                ++static_cast<Http2Peer*>(user)->closed[code];
                return 0;
            });
        nghttp2_option* option = nullptr;
        nghttp2_option_new(&option);
        nghttp2_option_set_no_auto_window_update(option, options.grants_window ? 0 : 1);
        nghttp2_session_server_new2(&session, table, this, option);
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(table);
        const nghttp2_settings_entry settings[] = {
            {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams},
            {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.window},
        };
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2);
    }
    Http2Peer(const Http2Peer&) = delete;
    Http2Peer& operator=(const Http2Peer&) = delete;
    ~Http2Peer() { nghttp2_session_del(session); }

    // False when the client broke the rules so that no server would listen on.
    bool feed(Bytes bytes) { return nghttp2_session_mem_recv(session, bytes.data(), bytes.size()) >= 0; }

    // What is to be sent by now.
    std::string output() {
        std::string all;
        const std::uint8_t* frames = nullptr;
        for (ssize_t size = 0; (size = nghttp2_session_mem_send(session, &frames)) > 0;) {
            all.append(as_text({frames, static_cast<std::size_t>(size)}));
        }
        return all;
    }

    void answer(const Http2Request& to, int status, const std::string& body = {}) {
        const std::string digits = std::to_string(status);
        nghttp2_nv fields[] = {field(":status", digits), field("server", "test")};
        bodies_[to.stream] = {body, 0};
        nghttp2_data_provider provider{};
        provider.source.ptr = &bodies_[to.stream];
        provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t room,
                                     std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
            auto& [text, at] = *static_cast<std::pair<std::string, std::size_t>*>(source->ptr);
            const std::size_t size = std::min(room, text.size() - at);
            std::memcpy(buffer, text.data() + at, size);
            at += size;
            if (at == text.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
            return static_cast<ssize_t>(size);
        };
        nghttp2_submit_response(session, to.stream, fields, 2, body.empty() ? nullptr : &provider);
    }
    // A 1xx in front of the answer.
    void interim(const Http2Request& to, int status) {
        const std::string digits = std::to_string(status);
        nghttp2_nv fields[] = {field(":status", digits)};
        nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, to.stream, nullptr, fields, 1, nullptr);
    }
    void reset(const Http2Request& to, std::uint32_t code) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, to.stream, code);
    }
    // No stream above `last` was, or will be, looked at.
    void go_away(std::int32_t last, std::uint32_t code = NGHTTP2_NO_ERROR) {
        nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, last, code, nullptr, 0);
    }

    std::vector<Http2Request> whole;      // requests, in the order of their ends
    std::map<std::uint32_t, int> closed;  // streams, by error code
    nghttp2_session* session = nullptr;

  private:
    static nghttp2_nv field(std::string_view name, std::string_view value) {
        const auto bytes = [](std::string_view text) {
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
        };
        return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    }
    static Http2Request& request(void* user, std::int32_t stream) {
        Http2Request& found = static_cast<Http2Peer*>(user)->requests_[stream];
        found.stream = stream;
        return found;
    }

    Script script_;
    std::map<std::int32_t, Http2Request> requests_;
    std::map<std::int32_t, std::pair<std::string, std::size_t>> bodies_;
};

// One direction's decoder of header blocks: nghttp2's.
class Inflater {
  public:
    using Fields = std::vector<std::pair<std::string, std::string>>;

    Inflater() { nghttp2_hd_inflate_new(&inflater); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { nghttp2_hd_inflate_del(inflater); }

    // Nothing when it isn't a header block.
    std::optional<Fields> operator()(Bytes block) {
        Fields fields;
        for (;;) {
            nghttp2_nv field{};
            int flags = 0;
            const ssize_t taken = nghttp2_hd_inflate_hd2(inflater, &field, &flags, block.data(), block.size(), 1);
            if (taken < 0) return std::nullopt;
            block = block.subspan(static_cast<std::size_t>(taken));
            if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
                fields.emplace_back(as_text({field.name, field.namelen}), as_text({field.value, field.valuelen}));
            }
            if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
        }
        nghttp2_hd_inflate_end_headers(inflater);
        return fields;
    }

    nghttp2_hd_inflater* inflater = nullptr;
};

// The fields of the first HEADERS frame that a client sent, without CONTINUATIONs, whatever is in them.
inline Inflater::Fields inflate_request(Bytes sent) {
    constexpr std::size_t preface = 24, frame_head = 9;
    for (Bytes rest = sent.subspan(preface); rest.size() >= frame_head;) {
        const std::size_t size = load_be24(rest.data());
        if (rest[3] == NGHTTP2_HEADERS) return Inflater()(rest.subspan(frame_head, size)).value_or(Inflater::Fields{});
        rest = rest.subspan(frame_head + size);
    }
    return {};
}

}  // namespace rebuilder::test
