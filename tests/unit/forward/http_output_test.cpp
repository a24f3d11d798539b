// SPDX-License-Identifier: Apache-2.0
// HttpOutput against servers that behave: each form of an answer, pipelining, large bodies.
#include "forward/http_output.h"

#include <mutex>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/loopback_server.h"
#include "support/sending_side.h"

using namespace rebuilder;
using forward::HttpOptions;
using test::LoopbackServer;
using test::Peer;
using test::SendingSide;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

HttpOptions one_connection(std::uint32_t pipeline = 1) {
    HttpOptions options;
    options.connections = 1;
    options.pipeline = pipeline;
    return options;
}

std::string target_of(const std::string& request) {
    const std::size_t begin = request.find(' ') + 1;
    return request.substr(begin, request.find(' ', begin) - begin);
}

}  // namespace

TEST_CASE("http output: many requests go over one kept-alive connection", "[forward]") {
    LoopbackServer server(test::always(ok));
    SendingSide side(server.url(), one_connection());
    for (int i = 0; i < 200; ++i) side.get("/");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 200);
    CHECK(side[Counter::connects] == 1);
    CHECK(side[Counter::retries] == 0);
    CHECK(side[Counter::sent_bytes] == 200 * std::string("GET / HTTP/1.1\r\nHost: test\r\n\r\n").size());
    CHECK(server.connections() == 1);
    CHECK(side.forwarder.trouble().empty());
}

TEST_CASE("http output: answers are counted by class", "[forward]") {
    LoopbackServer server([](Peer& peer, int) {
        while (const auto request = peer.read_request()) {
            peer.send("HTTP/1.1 " + target_of(*request).substr(1) + " X\r\nContent-Length: 0\r\n\r\n");
        }
    });
    SendingSide side(server.url(), one_connection());
    for (const char* target : {"/200", "/204", "/301", "/304", "/400", "/404", "/429", "/500", "/503"}) {
        side.get(target);
    }
    side.settle();
    CHECK(side[Counter::answered_2xx] == 2);
    CHECK(side[Counter::answered_3xx] == 2);
    CHECK(side[Counter::answered_4xx] == 3);
    CHECK(side[Counter::answered_5xx] == 2);
    CHECK(side[Counter::connects] == 1);
}

TEST_CASE("http output: an answer may come byte by byte, chunked, or both", "[forward]") {
    LoopbackServer server([](Peer& peer, int) {
        while (peer.read_request()) {
            peer.send_byte_by_byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n");
        }
    });
    SendingSide side(server.url(), one_connection(4));
    for (int i = 0; i < 10; ++i) side.get("/");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 10);
    CHECK(server.connections() == 1);
}

TEST_CASE("http output: an answer larger than any buffer is read and forgotten", "[forward]") {
    const std::string body(3 << 20, 'x');
    LoopbackServer server(
        test::always("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
    SendingSide side(server.url(), one_connection());
    for (int i = 0; i < 3; ++i) side.get("/");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 3);
    CHECK(server.connections() == 1);
}

TEST_CASE("http output: an answer to HEAD has no body, whatever it says", "[forward]") {
    LoopbackServer server([](Peer& peer, int) {
        while (const auto request = peer.read_request()) {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
            if (!request->starts_with("HEAD")) peer.send("hello");
        }
    });
    SendingSide side(server.url(), one_connection(8));
    for (int i = 0; i < 10; ++i) {
        CHECK(side.offer("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n", true) == Counter::handed_off);
        side.get("/");
    }
    side.settle();
    CHECK(side[Counter::answered_2xx] == 20);
    CHECK(server.connections() == 1);
}

TEST_CASE("http output: interim answers are counted and passed over", "[forward]") {
    LoopbackServer server(test::always("HTTP/1.1 100 Continue\r\n\r\n"
                                       "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" +
                                       ok));
    SendingSide side(server.url(), one_connection());
    for (int i = 0; i < 5; ++i) side.post("/", "body");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 5);
    CHECK(side[Counter::responses_1xx] == 10);
    CHECK(server.connections() == 1);
}

TEST_CASE("http output: sixteen pipelined requests leave together and arrive in order", "[forward]") {
    std::mutex guard;
    std::vector<std::string> seen;
    LoopbackServer server([&](Peer& peer, int) {
        // The first one shows that the connection stays open; then sixteen are read before any is answered.
        std::size_t unanswered = 0;
        bool first = true;
        while (const auto request = peer.read_request()) {
            {
                const std::lock_guard lock(guard);
                seen.push_back(target_of(*request));
            }
            if (first) {
                peer.send(ok);
                first = false;
            } else if (++unanswered == 16) {
                for (; unanswered > 0; --unanswered) peer.send(ok);
            }
        }
    });
    SendingSide side(server.url(), one_connection(16));
    for (std::uint64_t i = 0; i < 1 + 16 * 4; ++i) side.get(i);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 65);
    CHECK(side[Counter::retries] == 0);
    const std::lock_guard lock(guard);
    REQUIRE(seen.size() == 65);
    for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == SendingSide::numbered(i));
}

TEST_CASE("http output: a large body is written as the server takes it", "[forward]") {
    const std::string body = [] {
        std::string made;
        for (std::size_t i = 0; made.size() < (4u << 20); ++i) made += std::to_string(i);
        return made;
    }();
    std::mutex guard;
    bool same = false;
    LoopbackServer server([&](Peer& peer, int) {
        const int small = 32768;
        (void)::setsockopt(peer.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        for (int i = 0; i < 50; ++i) {  // slowly at first
            if (!peer.read_more(1000)) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        while (const auto request = peer.read_request()) {
            {
                const std::lock_guard lock(guard);
                if (request->starts_with("POST")) same = request->ends_with("\r\n\r\n" + body);
            }
            peer.send(ok);
        }
    });
    SendingSide side(server.url(), one_connection(4), {.slots = 16, .blocks = 8192, .block_bytes = 2048});
    side.post("/large", body);
    side.get("/after");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 2);
    CHECK(server.connections() == 1);
    const std::lock_guard lock(guard);
    CHECK(same);
}

TEST_CASE("http output: an answer that overtakes its body does not cut the body", "[forward]") {
    const std::string body(4u << 20, 'b');
    std::mutex guard;
    std::vector<std::size_t> sizes;
    LoopbackServer server([&](Peer& peer, int) {
        if (!peer.read_more(100)) return;
        peer.send(ok);  // long before the body is read
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        while (const auto request = peer.read_request()) {
            const std::lock_guard lock(guard);
            sizes.push_back(request->size());
            if (sizes.size() > 1) peer.send(ok);
        }
    });
    SendingSide side(server.url(), one_connection(4), {.slots = 16, .blocks = 8192, .block_bytes = 2048});
    side.post("/large", body);
    side.get("/after");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 2);
    CHECK(server.connections() == 1);
    const std::lock_guard lock(guard);
    REQUIRE(sizes.size() == 2);
    CHECK(sizes[0] > body.size());
}

TEST_CASE("http output: load opens all connections, and no more", "[forward]") {
    LoopbackServer server([](Peer& peer, int) {
        while (peer.read_request()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            peer.send(ok);
        }
    });
    HttpOptions options;
    options.connections = 4;
    options.pipeline = 2;
    SendingSide side(server.url(), options);
    for (int i = 0; i < 200; ++i) side.get("/");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 200);
    CHECK(side[Counter::connects] == 4);
    CHECK(server.connections() == 4);
}

TEST_CASE("http output: one request after another needs one connection", "[forward]") {
    LoopbackServer server(test::always(ok));
    SendingSide side(server.url());
    for (std::uint64_t i = 1; i <= 20; ++i) {
        side.get("/");
        REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == i; }));
    }
    side.settle();
    CHECK(server.connections() == 1);
}

TEST_CASE("http output: holds no more than it said", "[forward]") {
    LoopbackServer server([](Peer& peer, int) { peer.wait_for_end(); });
    Counters counters;
    HttpOptions options;
    options.connections = 2;
    options.pipeline = 4;
    const auto output = forward::make_output(
        forward::parse_output(server.url()), options, counters, [](const forward::Slot&, std::uint32_t, Counter) {});
    BlockPool pool(256, 1);
    Chain chain;
    REQUIRE(chain.append(pool, as_bytes("GET / HTTP/1.1\r\n\r\n")));
    forward::Slot slot;
    slot.first = chain.head;
    slot.blocks = 1;
    for (std::uint64_t now = 1; output->ready(); now += 1'000'000) {
        output->submit(slot, 0, now);
        output->poll(now, 0);
    }
    CHECK(output->pending() == 2 * 4 + 16);
    output->abandon();
    CHECK(output->pending() == 0);
}
