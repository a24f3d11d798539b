// SPDX-License-Identifier: Apache-2.0
#include "forward/http2_exchange.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace rebuilder::forward {
namespace {

constexpr std::size_t output_bytes = 32u << 10;              // sent at once; then comes what was made meanwhile
constexpr std::size_t largest_frame = (16u << 10) + 9;       // that nghttp2 makes (section 4.2)
constexpr std::uint32_t window_bytes = 1u << 20;             // for answers, which are thrown away as they come
constexpr std::size_t largest_head = 4u << 20;               // --max-head and more; what it is larger, nghttp2 refuses
constexpr std::int32_t last_stream_id = 0x7fffffff - 1'000;  // section 5.1.1: then a new connection is needed

nghttp2_nv field(std::string_view name, std::string_view value) noexcept {
    const auto bytes = [](std::string_view text) {  // which nghttp2 only reads
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// A host and a port, in RFC 3986's characters (section 3.2). Of anything else a receiver that joins it with the path would
// make another path.
bool is_authority(std::string_view text) noexcept {
    static constexpr std::string_view marks = "-._~%!$&'()*+,;=:[]";
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               marks.find(c) != marks.npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

int status_of(std::string_view digits) noexcept {
    int status = 0;
    for (const char c : digits) status = c >= '0' && c <= '9' && status < 1000 ? status * 10 + (c - '0') : 1000;
    return status >= 100 && status < 600 ? status : 0;
}

}  // namespace

// ---- what nghttp2 tells ---------------------------------------------------------------------------------------

struct Http2Exchange::Callbacks {
    static Http2Exchange& self(void* user) noexcept { return *static_cast<Http2Exchange*>(user); }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
        const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) noexcept {
        if (as_text({name, name_size}) != ":status") return 0;
        if (Stream* stream = self(user).find(frame->hd.stream_id))
            stream->status = status_of(as_text({value, value_size}));
        return 0;
    }

    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) noexcept {
        Http2Exchange& me = self(user);
        const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        switch (frame->hd.type) {
        case NGHTTP2_SETTINGS:
            if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) break;
            me.proven_ = true;
            if (!me.going_away_) {
                const auto wanted =
                    nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
                me.limit_ = std::min(wanted, most_streams);
            }
            break;
        case NGHTTP2_GOAWAY:
            me.going_away_ = true;
            me.found_fault_ = frame->goaway.error_code != NGHTTP2_NO_ERROR;
            me.limit_ = 0;
            break;
        case NGHTTP2_HEADERS:
            if (Stream* stream = me.find(frame->hd.stream_id)) {
                if (stream->status >= 100 && stream->status < 200) {
                    stream->status = 0;
                    me.owner_.interim();
                }
                stream->answered = stream->answered || last;
            }
            break;
        case NGHTTP2_DATA:
            if (Stream* stream = me.find(frame->hd.stream_id); stream != nullptr && last) stream->answered = true;
            break;
        default: break;
        }
        return 0;
    }

    static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        Http2Exchange& me = self(user);
        if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
        if (Stream* stream = me.find(frame->hd.stream_id)) {
            stream->begun = true;
            stream->sent_ns = me.now_ns_;
        }
        return 0;
    }

    static int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int why, void* user) noexcept {
        Http2Exchange& me = self(user);
        if (frame->hd.type != NGHTTP2_HEADERS) return 0;
        // Its stream may not even be open.
        const auto stream = std::find_if(me.streams_.begin(), me.streams_.end(),
            [frame](const Stream& each) { return each.id == frame->hd.stream_id; });
        if (stream == me.streams_.end()) return 0;
        // A connection that is ending, by the server or by what it said, opens no stream; another one will.
        const bool ending = me.going_away_ || why == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED;
        if (ending) me.limit_ = 0;
        stream->unsayable = !ending;
        me.settle(*stream, NGHTTP2_REFUSED_STREAM);
        return 0;
    }

    static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t error_code, void* user) noexcept {
        if (Stream* stream = self(user).find(id)) self(user).settle(*stream, error_code);
        return 0;
    }

    static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t room,
        std::uint32_t* flags, nghttp2_data_source* source, void*) noexcept {
        Stream& stream = *static_cast<Stream*>(source->ptr);
        std::size_t given = 0;
        while (given < room && stream.left > 0) {
            if (stream.at == stream.block->size) {
                stream.block = stream.block->next;
                stream.at = 0;
                continue;
            }
            const std::size_t piece = std::min<std::size_t>(stream.block->size - stream.at, room - given);
            std::memcpy(buffer + given, stream.block->data() + stream.at, piece);
            given += piece;
            stream.at += static_cast<std::uint32_t>(piece);
            stream.left -= piece;
        }
        if (stream.left == 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(given);
    }

    static const nghttp2_session_callbacks* table() noexcept {
        static const nghttp2_session_callbacks* const made = [] {
            nghttp2_session_callbacks* table = nullptr;
            if (nghttp2_session_callbacks_new(&table) != 0) return table;
            nghttp2_session_callbacks_set_on_header_callback(table, on_header);
            nghttp2_session_callbacks_set_on_frame_recv_callback(table, on_frame);
            nghttp2_session_callbacks_set_on_frame_send_callback(table, on_frame_sent);
            nghttp2_session_callbacks_set_on_frame_not_send_callback(table, on_frame_not_sent);
            nghttp2_session_callbacks_set_on_stream_close_callback(table, on_stream_close);
            return table;
        }();
        return made;
    }

    static const nghttp2_option* options() noexcept {
        static const nghttp2_option* const made = [] {
            nghttp2_option* option = nullptr;
            if (nghttp2_option_new(&option) != 0) return option;
            nghttp2_option_set_no_http_messaging(option, 1);  // of an answer nothing but its status and its end matters
            nghttp2_option_set_no_closed_streams(option, 1);
            nghttp2_option_set_max_send_header_block_length(option, largest_head);
            return option;
        }();
        return made;
    }
};

struct Http2Exchange::Lines {
    std::vector<nghttp2_nv> all;
};

// ---- the connection -------------------------------------------------------------------------------------------

Http2Exchange::Http2Exchange(Owner& owner, bool tls, std::uint64_t timeout_ns)
    : Exchange(owner, 32)
    , tls_(tls)
    , timeout_ns_(timeout_ns)
    , streams_(most_streams)
    , lines_(std::make_unique<Lines>()) {
    free_.reserve(most_streams);
    for (Stream& stream : streams_) free_.push_back(&stream);
}

Http2Exchange::~Http2Exchange() {
    nghttp2_session_del(session_);
}

bool Http2Exchange::begin(std::uint64_t now_ns) noexcept {
    if (Callbacks::table() == nullptr || Callbacks::options() == nullptr) return false;
    if (nghttp2_session_client_new2(&session_, Callbacks::table(), this, Callbacks::options()) != 0) return false;
    constexpr std::array<nghttp2_settings_entry, 2> settings{{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_bytes},
    }};
    if (nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0 ||
        nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, window_bytes) != 0) {
        nghttp2_session_del(session_);
        session_ = nullptr;
        return false;
    }
    output_.reserve(output_bytes + largest_frame);
    output_.clear();
    output_at_ = 0;
    heard_ns_ = taken_ns_ = now_ns;
    proven_ = going_away_ = found_fault_ = false;
    limit_ = 1;
    return true;
}

void Http2Exchange::end(Ending why) noexcept {
    // Newest first: ids grow.
    std::vector<Stream*>& left = free_;
    left.clear();
    for (Stream& stream : streams_) {
        if (stream.id != 0) left.push_back(&stream);
    }
    std::sort(left.begin(), left.end(), [](const Stream* a, const Stream* b) { return a->id > b->id; });
    const auto loss_of = [&](const Stream& stream) {
        if (why == Ending::abandoned) return Loss::abandoned;
        if (!stream.begun) return Loss::unsent;
        if (why == Ending::garbled && !proven_) return Loss::garbled;
        if (why == Ending::timed_out && now_ns_ >= stream.sent_ns + timeout_ns_) return Loss::timed_out;
        if (why == Ending::closed && proven_ && !found_fault_ && stream.status == 0) return Loss::crossed;
        return Loss::broken;
    };
    for (const Stream* stream : left) {
        if (stream->answered && stream->status != 0) {
            owner_.answered(stream->request, stream->status);
        } else {
            owner_.lost(stream->request, loss_of(*stream), stream->begun);
        }
    }
    free_.clear();
    for (Stream& stream : streams_) {
        stream = Stream{};
        free_.push_back(&stream);
    }
    size_ = limit_ = 0;
    nghttp2_session_del(session_);
    session_ = nullptr;
}

Exchange::Ending Http2Exchange::receive(Bytes bytes, std::uint64_t now_ns) noexcept {
    now_ns_ = heard_ns_ = now_ns;
    const ssize_t taken = nghttp2_session_mem_recv(session_, bytes.data(), bytes.size());
    if (taken < 0) return Ending::garbled;
    if (going_away_) return empty() ? Ending::orderly : Ending::none;
    fill();  // a fault in what came shows once nghttp2 has said so: then it wants to read no more
    return nghttp2_session_want_read(session_) == 0 ? Ending::garbled : Ending::none;
}

Exchange::Ending Http2Exchange::check(std::uint64_t now_ns) noexcept {
    now_ns_ = now_ns;
    if (output_at_ == output_.size() && nghttp2_session_want_read(session_) == 0) return Ending::garbled;
    for (Stream& stream : streams_) {
        if (stream.id == 0 || now_ns < stream.sent_ns + timeout_ns_) continue;
        if (now_ns >= heard_ns_ + timeout_ns_) return Ending::timed_out;
        if (output_at_ < output_.size() && now_ns >= taken_ns_ + timeout_ns_) return Ending::timed_out;
        if (stream.timed_out) continue;
        stream.timed_out = true;
        (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_CANCEL);
    }
    return Ending::none;
}

Http2Exchange::Stream* Http2Exchange::find(std::int32_t id) noexcept {
    auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
    return stream != nullptr && stream->id == id ? stream : nullptr;
}

// ---- requests -------------------------------------------------------------------------------------------------

void Http2Exchange::add(const Pending& request, std::uint64_t now_ns) noexcept {
    now_ns_ = now_ns;
    Stream& stream = *free_.back();
    free_.pop_back();
    ++size_;
    stream.request = request;
    stream.sent_ns = now_ns;
    if (!head_.read(request.slot) || !submit(stream)) {
        stream.unsayable = true;
        settle(stream, NGHTTP2_REFUSED_STREAM);
    }
}

bool Http2Exchange::submit(Stream& stream) {
    // Only OPTIONS may ask for the server itself (section 8.3.1).
    if (head_.target == "*" && head_.method != "OPTIONS") return false;
    // A path has no fragment here, though there may be one in a request line: receivers reset the stream.
    std::string_view path = head_.target;
    if (path.find('#') != path.npos) path = encode_hashes(path);
    std::vector<nghttp2_nv>& lines = lines_->all;
    lines.clear();
    lines.push_back(field(":method", head_.method));
    lines.push_back(field(":scheme", tls_ ? "https" : "http"));
    lines.push_back({});  // :authority, if there is one
    lines.push_back(field(":path", path));
    std::string_view authority;
    for (const WireHead::Field& each : head_.fields) {
        if (each.name == "host" && is_authority(each.value)) {
            authority = each.value;
        } else {
            lines.push_back(field(each.name, each.value));
        }
    }
    if (authority.empty()) {
        lines.erase(lines.begin() + 2);
    } else {
        lines[2] = field(":authority", authority);
    }
    stream.block = head_.body;
    stream.at = head_.body_at;
    stream.left = head_.body_bytes;
    nghttp2_data_provider body{};
    body.source.ptr = &stream;
    body.read_callback = Callbacks::read_body;
    const std::int32_t id = nghttp2_submit_request(
        session_, nullptr, lines.data(), lines.size(), stream.left > 0 ? &body : nullptr, &stream);
    if (id < 0) return false;
    stream.id = id;
    if (id > last_stream_id) {
        going_away_ = true;
        limit_ = 0;
    }
    return true;
}

std::string_view Http2Exchange::encode_hashes(std::string_view path) {
    path_.clear();
    for (const char c : path) {
        if (c == '#') {
            path_ += "%23";
        } else {
            path_ += c;
        }
    }
    return path_;
}

// The stream is over.
void Http2Exchange::settle(Stream& stream, std::uint32_t error_code) noexcept {
    const Stream over = stream;
    release(stream);
    if (over.answered && over.status != 0) {
        owner_.answered(over.request, over.status);
    } else if (over.unsayable) {
        owner_.lost(over.request, Loss::unsayable, false);
    } else if (over.timed_out) {
        owner_.lost(over.request, Loss::timed_out, over.begun);
    } else if (over.answered) {
        owner_.lost(over.request, Loss::garbled, over.begun);
    } else if (error_code == NGHTTP2_REFUSED_STREAM) {
        owner_.lost(over.request, Loss::refused, over.begun);
    } else {
        owner_.lost(over.request, Loss::broken, over.begun);
    }
}

void Http2Exchange::release(Stream& stream) noexcept {
    stream = Stream{};
    free_.push_back(&stream);
    --size_;
}

// ---- bytes to be sent -----------------------------------------------------------------------------------------

bool Http2Exchange::has_output() const noexcept {
    return output_at_ < output_.size() || nghttp2_session_want_write(session_) != 0;
}

std::size_t Http2Exchange::gather(std::span<iovec> parts, std::uint64_t now_ns) noexcept {
    now_ns_ = now_ns;
    fill();
    if (output_at_ == output_.size()) return 0;
    parts[0] = {output_.data() + output_at_, output_.size() - output_at_};
    return 1;
}

void Http2Exchange::advance(std::size_t bytes, std::uint64_t now_ns) noexcept {
    output_at_ += bytes;
    taken_ns_ = now_ns;
}

void Http2Exchange::fill() noexcept {
    if (output_at_ == output_.size()) {
        output_.clear();
        output_at_ = 0;
    }
    while (output_.size() < output_bytes) {
        const std::uint8_t* frames = nullptr;
        const ssize_t size = nghttp2_session_mem_send(session_, &frames);
        if (size <= 0) break;
        output_.insert(output_.end(), frames, frames + size);
    }
}

}  // namespace rebuilder::forward
