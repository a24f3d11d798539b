// SPDX-License-Identifier: Apache-2.0
#include "h1_requests.h"

#include <cctype>
#include <string_view>
#include <utility>

namespace rebuilder::bench {
namespace {

// "user-agent" as "User-Agent".
std::string as_browsers_write(std::string name) {
    bool first = true;
    for (char& c : name) {
        if (first) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        first = c == '-';
    }
    return name;
}

}  // namespace

H1Requests::H1Requests(H1Mix mix, std::uint64_t seed)
    : mix_(mix)
    , random_(seed)
    , like_(mix == H1Mix::api ? H2Mix::api : H2Mix::browser, seed) {}

std::string H1Requests::body(std::size_t bytes) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789+/{}\",:";
    std::string text(bytes, '\0');
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
        if (i % 8 == 0) bits = random_();
        text[i] = letters[(bits >> (i % 8 * 8) & 0xff) % letters.size()];
    }
    return text;
}

H1Request H1Requests::next(const std::string& tag) {
    H2Request like = like_.next();
    H1Request request;
    request.method = "GET";
    request.host = like[":authority"];
    const std::size_t lot = below(100);
    std::string more;  // fields
    const auto post = [&](std::size_t bytes) {
        request.method = "POST";
        request.body = body(bytes);
        more = "Content-Type: application/json\r\nContent-Length: " + std::to_string(bytes) + "\r\n";
    };
    switch (mix_) {
    case H1Mix::api:
        request.method = "POST";
        request.body = std::move(like.body);
        break;
    case H1Mix::upload: post(100 << 10); break;
    case H1Mix::browser:
        if (lot >= 75) post(1'024 + below(7 << 10));
        break;
    case H1Mix::design:
        if (lot >= 96) {
            request.method = "DELETE";
        } else if (lot >= 70) {
            post(1'024 + below(7 << 10));
        }
        more += "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n"
                "Upgrade-Insecure-Requests: 1\r\n";
        break;
    }
    const std::string& path = like[":path"];
    request.target = path + (path.find('?') == path.npos ? "?r=" : "&r=") + tag;
    request.text = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + request.host +
                   "\r\nConnection: keep-alive\r\n";
    std::string cookie;
    for (const auto& [name, value] : like.fields) {
        if (name.front() == ':') continue;
        if (name == "cookie") {
            cookie += (cookie.empty() ? "Cookie: " : "; ") + value;
        } else {
            request.text += as_browsers_write(name) + ": " + value + "\r\n";
        }
    }
    if (!cookie.empty()) request.text += cookie + "\r\n";
    request.text += more + "\r\n" + request.body;
    return request;
}

}  // namespace rebuilder::bench
