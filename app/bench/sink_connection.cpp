// SPDX-License-Identifier: Apache-2.0
#include "sink_connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/ascii.h"

namespace rebuilder::bench {
namespace {

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";
constexpr std::string_view answer_body = "ok\n";
constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t longest_head = 64u << 10;

// The value of the field `line`, if its name is `lower`.
std::optional<std::string_view> value_of(std::string_view line, std::string_view lower) {
    if (line.size() <= lower.size() || line[lower.size()] != ':' || !begins_with_ignoring_case(line, lower)) {
        return std::nullopt;
    }
    line.remove_prefix(lower.size() + 1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    return line;
}

}  // namespace

// ---- HTTP/1.1 ----

std::optional<std::uint64_t> RequestCounter::feed(std::string_view bytes) {
    constexpr std::string_view head_end = "\r\n\r\n";
    std::uint64_t ended = 0;
    while (!bytes.empty()) {
        if (body_ > 0) {
            const auto part = std::min<std::uint64_t>(body_, bytes.size());
            body_ -= part;
            bytes.remove_prefix(part);
            if (body_ > 0) continue;
            ++ended;
            if (on_request_) on_request_(line_);
            continue;
        }
        std::string_view text = bytes;
        if (!partial_.empty()) text = partial_.append(bytes);
        const std::size_t end = text.find(head_end);
        if (end == std::string_view::npos) {
            if (text.size() > longest_head) return std::nullopt;
            if (partial_.empty()) partial_ = text;
            return ended;
        }
        const std::size_t known = text.size() - bytes.size();  // of the head, before these bytes
        if (!head(text.substr(0, end))) return std::nullopt;
        if (body_ == 0) ++ended;
        if (on_request_) {
            const std::string_view line = text.substr(0, text.find("\r\n"));
            if (body_ == 0) {
                on_request_(line);
            } else {
                line_ = line;
            }
        }
        bytes.remove_prefix(end + head_end.size() - known);
        partial_.clear();
    }
    return ended;
}

// Reads the length of the body. `text` is without the empty line.
bool RequestCounter::head(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find("\r\n"), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 2, text.size()));
        if (const auto length = value_of(line, "content-length")) {
            const auto read = std::from_chars(length->data(), length->data() + length->size(), body_);
            if (read.ec != std::errc{} || read.ptr != length->data() + length->size()) return false;
        }
        if (value_of(line, "transfer-encoding")) return false;
    }
    return true;
}

// ---- HTTP/2 ----

struct Http2Answerer::Session {
    nghttp2_session* session = nullptr;
    std::uint64_t ended = 0;

    ~Session() { nghttp2_session_del(session); }

    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
        const bool can_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
        if (!can_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
        ++static_cast<Session*>(user)->ended;
        nghttp2_data_provider body{};
        body.read_callback = [](nghttp2_session*, int32_t, std::uint8_t* to, std::size_t, std::uint32_t* flags,
                                 nghttp2_data_source*, void*) -> ssize_t {
            std::memcpy(to, answer_body.data(), answer_body.size());
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            return static_cast<ssize_t>(answer_body.size());
        };
        const std::array fields{field(":status", "200"), field("content-type", "text/plain")};
        return nghttp2_submit_response(session, frame->hd.stream_id, fields.data(), fields.size(), &body);
    }

    static nghttp2_nv field(std::string_view name, std::string_view value) {
        // nghttp2 only reads them.
        const auto bytes = [](std::string_view text) {
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
        };
        return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    }
};

Http2Answerer::Http2Answerer() : session_(std::make_unique<Session>()) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Session::on_frame);
    nghttp2_session_server_new(&session_->session, callbacks, session_.get());
    nghttp2_session_callbacks_del(callbacks);
    // Windows that bodies don't fill: what a client waits for isn't what it costs.
    constexpr std::int32_t window = 16 << 20;
    const std::array settings{
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1000},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20},
    };
    nghttp2_submit_settings(session_->session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_->session, NGHTTP2_FLAG_NONE, 0, window);
}

Http2Answerer::~Http2Answerer() = default;

std::optional<std::uint64_t> Http2Answerer::feed(std::string_view bytes) {
    session_->ended = 0;
    const ssize_t taken =
        nghttp2_session_mem_recv(session_->session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (taken != static_cast<ssize_t>(bytes.size())) return std::nullopt;
    return session_->ended;
}

void Http2Answerer::take_output(std::string& out) {
    for (;;) {
        const std::uint8_t* bytes = nullptr;
        const ssize_t size = nghttp2_session_mem_send(session_->session, &bytes);
        if (size <= 0) return;
        out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
}

// ---- either ----

std::optional<std::uint64_t> SinkConnection::feed(std::string_view bytes) {
    if (!http1_ && !http2_) {
        if (!first_.empty() || bytes.size() < preface.size()) bytes = first_.append(bytes);
        const std::size_t known = std::min(bytes.size(), preface.size());
        const bool is_http2 = bytes.substr(0, known) == preface.substr(0, known);
        if (is_http2 && known < preface.size()) return 0;
        if (is_http2) {
            http2_ = std::make_unique<Http2Answerer>();
        } else {
            http1_.emplace(on_request_);
        }
    }
    if (http2_) {
        const auto ended = http2_->feed(bytes);
        http2_->take_output(output);
        return ended;
    }
    const auto ended = http1_->feed(bytes);
    for (std::uint64_t i = 0; ended && i < *ended; ++i) output += answer;
    return ended;
}

}  // namespace rebuilder::bench
