// SPDX-License-Identifier: Apache-2.0
// Http2Exchange: requests and answers in HTTP/2 (RFC 9113), each on a stream of its own, by an nghttp2 client session.
//
// A request's head is read from its wire form: `Host` becomes :authority, if it is a host and a port and nothing else, or
// stays a field; names go in lower case; a # in the target is percent-encoded; the body is sent as flow control allows. As many streams are open as the server wants (SETTINGS_MAX_CONCURRENT_STREAMS), `most_streams`
// at most, and one until its SETTINGS have come, which show that it speaks HTTP/2.
// A stream that the server didn't process (REFUSED_STREAM, or above a GOAWAY's last one; section 8.7) can be sent again;
// one that was reset, or whose connection broke, may be to blame for it, unless the connection was closed without a word. An answer that is late costs its stream, not
// the connection, unless the server has been silent, or has taken nothing of what waits for it, for as long.
// Never: accepts a push. nghttp2 allocates for each stream; its buffers and tables for a connection have limits.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "forward/exchange.h"
#include "forward/wire_head.h"

struct nghttp2_session;

namespace rebuilder::forward {

class Http2Exchange final : public Exchange {
  public:
    static constexpr std::uint32_t most_streams = 128;     // as many as an ALB allows
    static constexpr std::size_t most_bytes = 192u << 10;  // 146 KB, measured with 128 requests of 500 bytes

    Http2Exchange(Owner& owner, bool tls, std::uint64_t timeout_ns);
    ~Http2Exchange() override;

    [[nodiscard]] bool begin(std::uint64_t now_ns) noexcept override;
    void add(const Pending& request, std::uint64_t now_ns) noexcept override;
    [[nodiscard]] bool has_output() const noexcept override;
    [[nodiscard]] std::size_t gather(std::span<iovec> parts, std::uint64_t now_ns) noexcept override;
    void advance(std::size_t bytes, std::uint64_t now_ns) noexcept override;
    [[nodiscard]] Ending receive(Bytes bytes, std::uint64_t now_ns) noexcept override;
    [[nodiscard]] Ending end_of_stream() noexcept override { return Ending::closed; }
    [[nodiscard]] Ending check(std::uint64_t now_ns) noexcept override;
    void end(Ending why) noexcept override;

  private:
    struct Callbacks;
    struct Lines;

    struct Stream {
        Pending request;
        std::int32_t id = 0;           // 0: not in use
        int status = 0;                // of its answer; 0: none yet
        bool begun = false;            // its head was sent
        bool answered = false;         // its answer has ended
        bool timed_out = false;        // by us
        bool unsayable = false;        // nghttp2 would not send it
        const Block* block = nullptr;  // where its body goes on
        std::uint32_t at = 0;
        std::uint64_t left = 0;     // bytes of it to be sent
        std::uint64_t sent_ns = 0;  // when some of it was sent last
    };

    [[nodiscard]] bool submit(Stream& stream);
    [[nodiscard]] std::string_view encode_hashes(std::string_view path);
    void fill() noexcept;
    void settle(Stream& stream, std::uint32_t error_code) noexcept;
    void release(Stream& stream) noexcept;
    [[nodiscard]] Stream* find(std::int32_t id) noexcept;

    bool tls_;
    std::uint64_t timeout_ns_;
    nghttp2_session* session_ = nullptr;
    std::vector<Stream> streams_;
    std::vector<Stream*> free_;
    WireHead head_;
    std::string path_;                  // where it isn't the target as it is
    std::unique_ptr<Lines> lines_;      // the same, as nghttp2 takes it
    std::vector<std::uint8_t> output_;  // frames that are ready
    std::size_t output_at_ = 0;         // bytes of them that are sent
    std::uint64_t now_ns_ = 0;          // within a call
    std::uint64_t heard_ns_ = 0;        // when the server sent something last
    std::uint64_t taken_ns_ = 0;        // when it, or the socket, took something last
    bool found_fault_ = false;          // and that something we sent is to blame
    bool going_away_ = false;           // the server said so
};

}  // namespace rebuilder::forward
