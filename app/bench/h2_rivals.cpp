// SPDX-License-Identifier: Apache-2.0
#include "h2_rivals.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <memory>
#include <new>
#include <vector>

#include "base/error.h"

namespace rebuilder::bench {
namespace {

// Both touch each name and value, so that reading them can't be left out.
struct Found {
    std::uint64_t requests = 0;
    std::uint64_t fields = 0;
    std::uint64_t field_bytes = 0;
    std::uint64_t body_bytes = 0;
    std::uint32_t last_bytes = 0;

    void field(Bytes name, Bytes value) noexcept {
        ++fields;
        field_bytes += name.size() + value.size();
        if (!name.empty()) last_bytes += name.back();
        if (!value.empty()) last_bytes += value.back();
    }
};

void verify(const char* program, const Found& found, const H2Traffic& traffic) {
    if (found.requests == traffic.requests.size() && found.fields == traffic.fields &&
        found.field_bytes == traffic.field_bytes && found.last_bytes != 0) {
        return;
    }
    throw Error(
        ExitStatus::runtime, fmt::format("{}: found {} requests with {} fields of {} bytes; made were {} with {} of {}",
                                 program, found.requests, found.fields, found.field_bytes, traffic.requests.size(),
                                 traffic.fields, traffic.field_bytes));
}

struct DeleteInflater {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
};
struct DeleteSession {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};

void inflate(nghttp2_hd_inflater* inflater, Bytes block, Found& found) {
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        const ssize_t read = nghttp2_hd_inflate_hd2(inflater, &field, &flags, block.data(), block.size(), 1);
        if (read < 0) throw Error(ExitStatus::runtime, "nghttp2's inflater refuses what its deflater wrote");
        block = block.subspan(static_cast<std::size_t>(read));
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            found.field({field.name, field.namelen}, {field.value, field.valuelen});
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater);
    ++found.requests;
}

class Sessions {
  public:
    explicit Sessions(std::uint32_t connections) {
        nghttp2_session_callbacks* table = nullptr;
        nghttp2_option* option = nullptr;
        if (nghttp2_session_callbacks_new(&table) != 0 || nghttp2_option_new(&option) != 0) throw std::bad_alloc();
        nghttp2_option_set_no_http_messaging(option, 1);
        nghttp2_session_callbacks_set_on_header_callback(
            table, [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
                static_cast<Found*>(user)->field({name, name_size}, {value, value_size});
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            table, [](nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t*, std::size_t size, void* user) {
                static_cast<Found*>(user)->body_bytes += size;
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            table, [](nghttp2_session* session, const nghttp2_frame* frame, void* user) {
                const bool has_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
                if (!has_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
                ++static_cast<Found*>(user)->requests;
                return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
            });
        for (std::uint32_t i = 0; i < connections; ++i) {
            nghttp2_session* session = nullptr;
            if (nghttp2_session_server_new2(&session, table, &found, option) != 0) throw std::bad_alloc();
            sessions_.emplace_back(session);
            nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
            send(session);
        }
        nghttp2_session_callbacks_del(table);
        nghttp2_option_del(option);
    }

    void feed(std::uint32_t connection, Bytes payload) {
        nghttp2_session* session = sessions_[connection].get();
        const ssize_t read = nghttp2_session_mem_recv(session, payload.data(), payload.size());
        if (read < 0) {
            throw Error(ExitStatus::runtime, fmt::format("nghttp2's session refuses what a client sends: {}",
                                                 nghttp2_strerror(static_cast<int>(read))));
        }
        send(session);
    }

    Found found;

  private:
    static void send(nghttp2_session* session) {
        const std::uint8_t* bytes = nullptr;
        while (nghttp2_session_mem_send(session, &bytes) > 0) {
        }
    }

    std::vector<std::unique_ptr<nghttp2_session, DeleteSession>> sessions_;
};

}  // namespace

Measurement inflate_blocks(const H2Traffic& traffic) {
    std::vector<std::unique_ptr<nghttp2_hd_inflater, DeleteInflater>> inflaters;
    for (std::uint32_t i = 0; i < traffic.connections; ++i) {
        nghttp2_hd_inflater* inflater = nullptr;
        if (nghttp2_hd_inflate_new(&inflater) != 0) throw std::bad_alloc();
        inflaters.emplace_back(inflater);
    }
    Found found;
    const Stopwatch stopwatch;
    for (const H2Traffic::HeaderBlock& block : traffic.blocks) {
        inflate(inflaters[block.connection].get(), block.bytes, found);
    }
    const Measurement measurement = stopwatch.read(found.requests);
    verify("nghttp2's inflater", found, traffic);
    return measurement;
}

Measurement serve_sessions(const H2Traffic& traffic) {
    Sessions sessions(traffic.connections);
    const Stopwatch stopwatch;
    for (const packet::Frame& frame : traffic.mirror.frames()) {
        const Bytes payload = Mirror::payload_of(frame);
        if (!payload.empty()) sessions.feed(Mirror::connection_of(frame), payload);
    }
    const Measurement measurement = stopwatch.read(sessions.found.requests);
    verify("nghttp2's session", sessions.found, traffic);
    return measurement;
}

}  // namespace rebuilder::bench
