// SPDX-License-Identifier: Apache-2.0
#include "h2_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rebuilder::bench {
namespace {

constexpr std::array hosts{"shop.example.com", "www.example.com", "accounts.example.com", "media.example.net"};

constexpr std::array browsers{
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1",
};
constexpr const char* accept_page =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
constexpr std::array accept_parts{
    "*/*",
    "text/css,*/*;q=0.1",
    "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
};
constexpr std::array part_kinds{"css/theme", "js/bundle", "images/product", "images/thumb", "fonts/sans"};
constexpr std::array topics{"shoes", "jackets", "bags", "watches", "sale"};
constexpr std::size_t parts_of_a_page = 12;

constexpr std::array services{"inventory.v1.Stock", "cart.v2.Carts", "pricing.v1.Prices", "users.v1.Profiles"};
constexpr std::array calls{"Get", "List", "Update", "BatchGet", "Reserve"};

constexpr std::array resources{"orders", "customers", "invoices", "shipments", "events"};

std::string json_of(std::size_t bytes, const std::string& id) {
    std::string text = fmt::format(R"({{"id":"{}","items":[)", id);
    for (std::size_t i = 0; text.size() + 60 < bytes; ++i) {
        text +=
            fmt::format(R"({{"sku":"{}","quantity":{},"price":"{}.90"}},)", 100'000 + i * 37, i % 5 + 1, i % 90 + 10);
    }
    text += R"({"note":")";
    text.resize(std::max(bytes, text.size() + 4) - 4, '.');
    return text + "\"}]}";
}

}  // namespace

const std::string& H2Request::operator[](const char* name) const {
    static const std::string none;
    const auto place =
        std::find_if(fields.begin(), fields.end(), [name](const auto& each) { return each.first == name; });
    return place == fields.end() ? none : place->second;
}

H2Requests::H2Requests(H2Mix mix, std::uint64_t seed)
    : mix_(mix)
    , random_(seed)
    , host_(one_of(hosts))
    , user_agent_(one_of(browsers))
    , secret_(hex(mix == H2Mix::api ? 64 : 32)) {}

H2Request H2Requests::next() {
    ++asked_;
    switch (mix_) {
    case H2Mix::browser: return browser();
    case H2Mix::grpc: return grpc();
    case H2Mix::api: return api();
    }
    return {};
}

std::string H2Requests::hex(std::size_t digits) {
    std::string text;
    while (text.size() < digits) text += fmt::format("{:016x}", random_());
    return text.substr(0, digits);
}

std::string H2Requests::uuid() {
    const std::string text = hex(32);
    return fmt::format("{}-{}-4{}-a{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(13, 3), text.substr(17, 3),
        text.substr(20));
}

H2Request H2Requests::browser() {
    const bool page = asked_ % parts_of_a_page == 1;
    const std::string from = page_;
    std::string path;
    if (page) {
        path = fmt::format("/catalogue/{}?page={}&sort=price&size={}", one_of(topics), below(40), 36 + below(12));
        page_ = fmt::format("http://{}{}", host_, path);
    } else {
        path = fmt::format("/static/{}-{}.min", one_of(part_kinds), hex(12));
    }
    return {{
                {":method", "GET"},
                {":authority", host_},
                {":scheme", "http"},
                {":path", path},
                {"user-agent", user_agent_},
                {"accept", page ? accept_page : one_of(accept_parts)},
                {"accept-encoding", "gzip, deflate, br, zstd"},
                {"accept-language", "en-GB,en;q=0.9,de;q=0.7"},
                {"referer", page && !from.empty() ? from : page_},
                {"x-request-id", uuid()},
                {"cookie", "session=" + secret_},
                {"cookie", "consent=analytics%3Dyes%26ads%3Dno"},
                {"cookie", "_ga=GA1.2.1179523498." + std::to_string(1'719'830'000 + asked_ / parts_of_a_page)},
            },
        {}};
}

H2Request H2Requests::grpc() {
    const std::size_t size = 50 + below(451);
    std::string message{'\0', '\0', '\0', static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
    while (message.size() < 5 + size) message.push_back(static_cast<char>(random_()));
    return {{
                {":method", "POST"},
                {":scheme", "http"},
                {":path", fmt::format("/example.{}/{}", one_of(services), one_of(calls))},
                {":authority", "backend.internal.example:8080"},
                {"content-type", "application/grpc"},
                {"user-agent", "grpc-go/1.64.0"},
                {"te", "trailers"},
                {"grpc-timeout", fmt::format("{}m", 900 + below(100))},
                {"grpc-accept-encoding", "gzip"},
                {"traceparent", fmt::format("00-{}-{}-01", hex(32), hex(16))},
            },
        std::move(message)};
}

H2Request H2Requests::api() {
    const std::string id = uuid();
    std::string body = json_of(200 + below(1'801), id);
    return {{
                {":method", "POST"},
                {":scheme", "http"},
                {":authority", "api.example.com"},
                {":path", fmt::format("/v1/{}/{}/items", one_of(resources), 10'000 + below(90'000))},
                {"user-agent", "okhttp/4.12.0"},
                {"accept", "application/json"},
                {"accept-encoding", "gzip"},
                {"authorization", "Bearer " + secret_},
                {"content-type", "application/json"},
                {"content-length", std::to_string(body.size())},
                {"x-request-id", id},
            },
        std::move(body)};
}

}  // namespace rebuilder::bench
