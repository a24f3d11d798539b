// SPDX-License-Identifier: Apache-2.0
#include "h2_traffic.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace rebuilder::bench {
namespace {

// A browser asks for more with each page's worth of answers.
constexpr std::uint32_t requests_a_window_update = 8;
constexpr std::uint32_t requests_a_ping = 64;

void put32(std::string& out, std::size_t value) {
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(value >> shift));
}

void put_frame(std::string& out, std::uint8_t type, int flags, std::uint32_t stream, std::string_view payload) {
    put32(out, payload.size() << 8 | type);
    out.push_back(static_cast<char>(flags));
    put32(out, stream);
    out += payload;
}

void put_window_update(std::string& out, std::uint32_t increment) {
    std::string payload;
    put32(payload, increment);
    put_frame(out, NGHTTP2_WINDOW_UPDATE, 0, 0, payload);
}

void put_setting(std::string& out, std::uint8_t id, std::uint32_t value) {
    out.push_back('\0');
    out.push_back(static_cast<char>(id));
    put32(out, value);
}

nghttp2_nv nv_of(const std::pair<std::string, std::string>& field) {
    const auto bytes = [](const std::string& text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(field.first), bytes(field.second), field.first.size(), field.second.size(), NGHTTP2_NV_FLAG_NONE};
}

class Client {
  public:
    Client(H2Mix mix, std::uint64_t seed) : priorities_(mix == H2Mix::browser), requests_(mix, seed) {
        nghttp2_hd_deflater* deflater = nullptr;
        if (nghttp2_hd_deflate_new(&deflater, NGHTTP2_DEFAULT_HEADER_TABLE_SIZE) != 0) fail();
        deflater_.reset(deflater);
    }

    // What a client writes as soon as it is connected.
    [[nodiscard]] static std::string hello() {
        std::string settings;
        put_setting(settings, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 65'536);
        put_setting(settings, NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
        put_setting(settings, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 6 << 20);
        put_setting(settings, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 256 << 10);
        std::string out = NGHTTP2_CLIENT_MAGIC;
        put_frame(out, NGHTTP2_SETTINGS, 0, 0, settings);
        put_window_update(out, 15 << 20);
        return out;
    }

    // `count` requests, in one write.
    std::string write(std::uint32_t connection, std::uint32_t count, H2Traffic& traffic) {
        std::string out;
        if (asked_ == 0) put_frame(out, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, {});
        std::string data;
        for (std::uint32_t i = 0; i < count; ++i) {
            const H2Request request = requests_.next();
            const std::uint32_t stream = 2 * asked_ + 1;
            put_headers(out, stream, request, store_block(connection, request, traffic));
            if (!request.body.empty()) {
                put_frame(data, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, request.body);
            }
            traffic.requests.push_back(
                {request[":method"], request[":path"], request[":authority"], request.body.size()});
            ++asked_;
            if (asked_ % requests_a_window_update == 0) put_window_update(data, 64 << 10);
            if (asked_ % requests_a_ping == 0) put_frame(data, NGHTTP2_PING, 0, 0, "pingping");
        }
        return out + data;
    }

  private:
    struct Delete {
        void operator()(nghttp2_hd_deflater* deflater) const { nghttp2_hd_deflate_del(deflater); }
    };

    [[noreturn]] static void fail() { throw Error(ExitStatus::runtime, "nghttp2's HPACK deflater failed"); }

    void put_headers(std::string& out, std::uint32_t stream, const H2Request& request, Bytes block) const {
        int flags = NGHTTP2_FLAG_END_HEADERS;
        if (request.body.empty()) flags |= NGHTTP2_FLAG_END_STREAM;
        std::string payload;
        if (priorities_) {
            flags |= NGHTTP2_FLAG_PRIORITY;
            put32(payload, 1U << 31);  // on no other stream, but exclusively: so Chrome writes it
            payload.push_back(static_cast<char>(219));
        }
        payload += as_text(block);
        put_frame(out, NGHTTP2_HEADERS, flags, stream, payload);
    }

    [[nodiscard]] Bytes store_block(std::uint32_t connection, const H2Request& request, H2Traffic& traffic) {
        fields_.clear();
        for (const auto& field : request.fields) {
            fields_.push_back(nv_of(field));
            traffic.field_bytes += field.first.size() + field.second.size();
        }
        traffic.fields += fields_.size();
        buffer_.resize(nghttp2_hd_deflate_bound(deflater_.get(), fields_.data(), fields_.size()));
        const ssize_t size =
            nghttp2_hd_deflate_hd(deflater_.get(), buffer_.data(), buffer_.size(), fields_.data(), fields_.size());
        if (size < 0) fail();
        const auto block = traffic.arena.take(static_cast<std::size_t>(size));
        std::copy_n(buffer_.begin(), block.size(), block.begin());
        traffic.blocks.push_back({connection, block});
        traffic.block_bytes += block.size();
        return block;
    }

    bool priorities_;
    H2Requests requests_;
    std::unique_ptr<nghttp2_hd_deflater, Delete> deflater_;
    std::uint32_t asked_ = 0;
    std::vector<nghttp2_nv> fields_;
    std::vector<std::uint8_t> buffer_;
};

}  // namespace

H2Traffic make_h2_traffic(const H2Settings& settings) {
    struct Connection {
        std::uint32_t number;
        std::uint32_t left;
        Client client;
    };
    H2Traffic traffic;
    traffic.connections = settings.connections;
    traffic.requests.reserve(settings.requests);
    std::mt19937_64 random(settings.seed);
    std::vector<Connection> open;
    for (std::uint32_t i = 0; i < settings.connections; ++i) {
        const std::uint32_t more = i < settings.requests % settings.connections ? 1 : 0;
        open.push_back({i, settings.requests / settings.connections + more, Client(settings.mix, random())});
        traffic.mirror.open(i);
        traffic.mirror.send(i, as_bytes(Client::hello()));
    }
    while (!open.empty()) {
        Connection& connection = open[random() % open.size()];
        const auto count = std::min(connection.left, static_cast<std::uint32_t>(1 + random() % settings.batch));
        connection.left -= count;
        traffic.mirror.send(connection.number, as_bytes(connection.client.write(connection.number, count, traffic)));
        if (connection.left != 0) continue;
        traffic.mirror.close(connection.number);
        std::swap(connection, open.back());
        open.pop_back();
    }
    return traffic;
}

}  // namespace rebuilder::bench
