// SPDX-License-Identifier: Apache-2.0
#include "requests.h"

namespace rebuilder::bench {
namespace {

std::vector<std::pair<std::string, std::string>> browser_fields() {
    return {
        {"Host", "shop.example.com"},
        {"User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
        {"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
        {"Accept-Language", "en-GB,en;q=0.9,de;q=0.7"},
        {"Accept-Encoding", "gzip, deflate, br, zstd"},
        {"Referer", "https://shop.example.com/catalogue/shoes"},
        {"Cookie",
            "session=6f1b0c52a94e4d17b8c3f20e9d57a1c4; consent=analytics%3Dyes; _ga=GA1.2.1179523498.1719830000"},
        {"Sec-Fetch-Dest", "document"},
        {"Sec-Fetch-Mode", "navigate"},
        {"Sec-Fetch-Site", "same-origin"},
        {"Priority", "u=0, i"},
        {"X-Forwarded-For", "203.0.113.7"},
        {"X-Forwarded-Proto", "http"},
        {"X-Forwarded-Port", "80"},
    };
}

std::string json_body(std::size_t bytes) {
    std::string body = R"({"items":[)";
    for (std::size_t i = 0; body.size() < bytes; ++i) {
        body += R"({"sku":")" + std::to_string(100'000 + i) + R"(","quantity":1,"price":"19.90"},)";
    }
    body.resize(bytes - 2);
    return body + "]}";
}

}  // namespace

std::string Sample::wire() const {
    std::string text = method + " " + target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : fields) text += name + ": " + value + "\r\n";
    return text + "\r\n" + body;
}

std::vector<Sample> make_samples(Mix mix) {
    if (mix == Mix::get) {
        return {{"GET", "/catalogue/shoes/running?colour=blue&size=43&sort=price&page=2", browser_fields(), ""}};
    }
    std::vector<Sample> samples;
    for (std::size_t kilobytes = 1; kilobytes <= 8; ++kilobytes) {
        Sample sample{"POST", "/api/v1/basket/items", browser_fields(), json_body(kilobytes << 10)};
        sample.fields.emplace_back("Content-Type", "application/json");
        sample.fields.emplace_back("Content-Length", std::to_string(sample.body.size()));
        samples.push_back(std::move(sample));
    }
    return samples;
}

}  // namespace rebuilder::bench
