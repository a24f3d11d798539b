// SPDX-License-Identifier: Apache-2.0
#include "sink_connection.h"

#include <string>

#include "support/catch.h"

using namespace rebuilder::bench;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string post = "POST /p HTTP/1.1\r\ncontent-length: 8\r\nHost: a\r\n\r\n\r\n\r\n4567";

std::size_t answers_in(const std::string& output) {
    std::size_t count = 0;
    for (std::size_t at = output.find("HTTP/1.1 200"); at != output.npos; at = output.find("HTTP/1.1 200", at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("sink: requests are counted, however their bytes are cut", "[bench]") {
    const std::string all = get + post + post + get + post;
    for (std::size_t size = 1; size <= all.size(); ++size) {
        INFO("in pieces of " << size);
        SinkConnection connection;
        std::uint64_t ended = 0;
        for (std::size_t at = 0; at < all.size(); at += size) {
            const auto more = connection.feed(std::string_view(all).substr(at, size));
            REQUIRE(more);
            ended += *more;
        }
        REQUIRE(ended == 5);
        REQUIRE(answers_in(connection.output) == 5);
    }
}

TEST_CASE("sink: the first line of each request is told when it has ended", "[bench]") {
    const std::string all = get + post + get;
    for (std::size_t size = 1; size <= all.size(); ++size) {
        INFO("in pieces of " << size);
        std::string told;
        SinkConnection connection([&told](std::string_view line) { told += std::string(line) + "\n"; });
        for (std::size_t at = 0; at < all.size(); at += size) {
            REQUIRE(connection.feed(std::string_view(all).substr(at, size)));
        }
        REQUIRE(told == "GET / HTTP/1.1\nPOST /p HTTP/1.1\nGET / HTTP/1.1\n");
    }
}

TEST_CASE("sink: the beginning of a request is none", "[bench]") {
    SinkConnection connection;
    CHECK(connection.feed(post.substr(0, post.size() - 1)) == 0u);
    CHECK(connection.output.empty());
    CHECK(connection.feed(post.substr(post.size() - 1)) == 1u);
}

TEST_CASE("sink: what can't be counted is said, not guessed", "[bench]") {
    for (const std::string text :
        {"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 1 2\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        INFO(text);
        CHECK_FALSE(RequestCounter().feed(text));
    }
    CHECK_FALSE(RequestCounter().feed(std::string(1 << 20, 'x')));
}
