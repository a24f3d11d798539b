// SPDX-License-Identifier: Apache-2.0
// Http2Exchange against an nghttp2 server session, in memory: requests as they arrive, and what becomes of them when
// the server resets, leaves, is silent, or speaks something else.
#include "forward/http2_exchange.h"

#include <map>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/http2_peer.h"

using namespace rebuilder;
using forward::Exchange;
using forward::Http2Exchange;
using forward::Pending;
using forward::Slot;
using test::Http2Peer;
using test::Http2Request;
using Ending = Exchange::Ending;
using Loss = Exchange::Loss;

namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t timeout = 5 * second;

// An exchange, and what it said.
class Client final : private Exchange::Owner {
  public:
    explicit Client(bool tls = false) : exchange(*this, tls, timeout), pool_(4096, 16384) {
        REQUIRE(exchange.begin(now_ns));
    }

    // The number comes back in answers and losses.
    void add(const std::string& text, std::uint32_t number) {
        Chain chain;
        REQUIRE(chain.append(pool_, as_bytes(text)));
        Pending request;
        request.slot.first = chain.head;
        request.slot.bytes = chain.bytes;
        request.slot.blocks = chain.blocks;
        request.channel = number;
        exchange.add(request, now_ns);
    }
    void get(std::uint32_t number) {
        add("GET /" + std::to_string(number) + " HTTP/1.1\r\nHost: test\r\n\r\n", number);
    }
    void post(std::uint32_t number, const std::string& body) {
        add("POST /" + std::to_string(number) +
                " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
            number);
    }

    // What is to be sent by now, taken in pieces of `most`.
    std::string output(std::size_t most = 1'000'000) {
        std::string all;
        iovec part{};
        while (exchange.gather({&part, 1}, now_ns) == 1) {
            const std::size_t size = std::min(part.iov_len, most);
            all.append(static_cast<const char*>(part.iov_base), size);
            exchange.advance(size, now_ns);
        }
        return all;
    }
    // Both sides send until neither has anything to say, or the connection is over.
    Ending talk(Http2Peer& server) {
        for (;;) {
            const std::string sent = output();
            if (!sent.empty() && !server.feed(as_bytes(sent))) return Ending::broken;
            const std::string got = server.output();
            if (sent.empty() && got.empty()) return Ending::none;
            if (got.empty()) continue;
            if (const Ending ending = exchange.receive(as_bytes(got), now_ns); ending != Ending::none) return ending;
        }
    }

    std::uint64_t now_ns = second;
    std::map<std::uint32_t, int> answers;
    std::map<std::uint32_t, Loss> losses;
    std::vector<std::uint32_t> lost_in_order;
    std::vector<std::uint32_t> begun;  // of the lost ones
    int interims = 0;
    Http2Exchange exchange;

  private:
    void answered(const Pending& request, int status) noexcept override {
        ++count_[request.channel];
        answers[request.channel] = status;
        CHECK(count_[request.channel] == 1);
    }
    void interim() noexcept override { ++interims; }
    void lost(const Pending& request, Loss why, bool was_begun) noexcept override {
        ++count_[request.channel];
        losses[request.channel] = why;
        lost_in_order.push_back(request.channel);
        if (was_begun) begun.push_back(request.channel);
        CHECK(count_[request.channel] == 1);
    }

    std::map<std::uint32_t, int> count_;
    BlockPool pool_;
};

Http2Peer::Script answer_all(int status, const std::string& body = "ok") {
    return [=](Http2Peer& peer, const Http2Request& request) { peer.answer(request, status, body); };
}

// Its SETTINGS have come.
void greet(Client& client, Http2Peer& server) {
    REQUIRE(client.talk(server) == Ending::none);
    REQUIRE(client.exchange.proven());
}

// The socket has taken nothing of request 1, whose body waits.
void fill_socket(Client& client, Http2Peer& server) {
    greet(client, server);
    client.post(1, std::string(100'000, 'b'));
    iovec part{};
    REQUIRE(client.exchange.gather({&part, 1}, client.now_ns) == 1);
}

}  // namespace

TEST_CASE("http2: a request arrives as it is in wire form", "[forward]") {
    const bool tls = GENERATE(false, true);
    Client client(tls);
    Http2Peer server(answer_all(200));
    client.add("PUT /a?b=c HTTP/1.1\r\nUser-Agent: x\r\nHost: shop.example:81\r\nCookie: a=1\r\ncookie: b=2\r\n"
               "X-Forwarded-For: 203.0.113.7\r\nContent-Length: 4\r\n\r\nbody",
        7);
    CHECK(client.talk(server) == Ending::none);
    CHECK(client.answers == std::map<std::uint32_t, int>{{7, 200}});
    CHECK(client.exchange.empty());
    REQUIRE(server.whole.size() == 1);
    const std::vector<std::pair<std::string, std::string>> fields{{":method", "PUT"},
        {":scheme", tls ? "https" : "http"}, {":authority", "shop.example:81"}, {":path", "/a?b=c"},
        {"user-agent", "x"}, {"cookie", "a=1"}, {"cookie", "b=2"}, {"x-forwarded-for", "203.0.113.7"},
        {"content-length", "4"}};
    CHECK(server.whole[0].fields == fields);
    CHECK(server.whole[0].body == "body");
}

TEST_CASE("http2: what a client writes into Host stays there", "[forward]") {
    // An authority is joined with the path by some receivers, and this one would then be another path.
    const std::string host = GENERATE(as<std::string>{}, "b/x", "b/x?y=", "b#c", "u@b", "b\\c", "b c", "b\tc");
    Client client;
    Http2Peer server(answer_all(200));
    client.add("GET /real?a=b HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 1);
    const std::string sent = client.output();
    // nghttp2's server refuses most of them, so the fields are looked at by an inflater.
    const auto fields = test::inflate_request(as_bytes(sent));
    CHECK(fields == std::vector<std::pair<std::string, std::string>>{
                        {":method", "GET"}, {":scheme", "http"}, {":path", "/real?a=b"}, {"host", host}});
}

TEST_CASE("http2: a target that HTTP/2 doesn't have", "[forward]") {
    Client client;
    Http2Peer server(answer_all(200));
    client.add("GET /a#b?c#d HTTP/1.1\r\nHost: a\r\n\r\n", 1);
    client.talk(server);
    client.add("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 2);
    client.add("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 3);
    client.talk(server);
    REQUIRE(server.whole.size() == 2);
    CHECK(server.whole[0][":path"] == "/a%23b?c%23d");
    CHECK(server.whole[1][":path"] == "*");
    CHECK(client.answers.size() == 2);
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{3, Loss::unsayable}});
}

TEST_CASE("http2: a Host without a value is a field, not an authority", "[forward]") {
    Client client;
    Http2Peer server(answer_all(400));
    client.add("GET / HTTP/1.1\r\nHost:\r\n\r\n", 1);
    client.talk(server);
    // nghttp2's server refuses it, as servers do: that costs this request only.
    CHECK(client.answers.size() + client.losses.size() == 1);
    CHECK(client.exchange.has_room());
}

TEST_CASE("http2: one stream until the server has said that it speaks HTTP/2, then as many as it wants", "[forward]") {
    const std::uint32_t wanted = GENERATE(1u, 3u, 128u, 1000u);
    Client client;
    Http2Peer server(nullptr, {.streams = wanted});
    CHECK(client.exchange.has_room());
    client.get(1);
    CHECK_FALSE(client.exchange.has_room());
    greet(client, server);
    std::uint32_t open = 1;
    while (client.exchange.has_room()) client.get(++open);
    CHECK(open == std::min(wanted, Http2Exchange::most_streams));
    client.talk(server);
    CHECK(server.whole.size() == open);
    for (const Http2Request& request : server.whole) server.answer(request, 204);
    client.talk(server);
    CHECK(client.answers.size() == open);
    CHECK(client.exchange.empty());
    CHECK(client.exchange.has_room());
}

TEST_CASE("http2: bodies of any size, in any order of answers", "[forward]") {
    Client client;
    std::vector<Http2Request> waiting;
    Http2Peer server([&](Http2Peer&, const Http2Request& request) { waiting.push_back(request); });
    greet(client, server);
    std::map<std::string, std::string> bodies;
    std::uint32_t number = 0;
    for (const std::size_t size : {1u, 100u, 4000u, 4080u, 16384u, 65535u, 65536u, 300'000u, 1'000'000u}) {
        std::string body;
        while (body.size() < size) body += std::to_string(body.size() * 7919 % 100'003) + ",";
        body.resize(size);
        client.post(++number, body);
        bodies["/" + std::to_string(number)] = body;
    }
    client.talk(server);
    REQUIRE(waiting.size() == bodies.size());
    for (const Http2Request& request : waiting) CHECK(request.body == bodies[request[":path"]]);
    for (auto request = waiting.rbegin(); request != waiting.rend(); ++request) {
        server.answer(*request, 200, std::string(100'000, 'x'));
    }
    CHECK(client.talk(server) == Ending::none);
    CHECK(client.answers.size() == bodies.size());
    CHECK(client.losses.empty());
}

TEST_CASE("http2: however many bytes the socket takes", "[forward]") {
    for (const std::size_t most : {1u, 9u, 1000u}) {
        Client client;
        Http2Peer server(answer_all(200));
        greet(client, server);
        for (std::uint32_t i = 0; i < 20; ++i) client.post(i, std::string(1000, 'b'));
        CHECK(server.feed(as_bytes(client.output(most))));
        CHECK(server.whole.size() == 20);
        client.talk(server);
        CHECK(client.answers.size() == 20);
    }
}

TEST_CASE("http2: a head larger than a frame goes in CONTINUATIONs", "[forward]") {
    Client client;
    Http2Peer server(answer_all(200));
    const std::string value(50'000, 'v');
    client.add("GET / HTTP/1.1\r\nHost: test\r\nX-Large: " + value + "\r\n\r\n", 1);
    client.talk(server);
    REQUIRE(server.whole.size() == 1);
    CHECK(server.whole[0]["x-large"] == value);
    CHECK(client.answers.size() == 1);
}

TEST_CASE("http2: interim answers are none", "[forward]") {
    Client client;
    Http2Peer server([](Http2Peer& peer, const Http2Request& request) {
        peer.interim(request, 103);
        peer.answer(request, 404, "no");
    });
    client.get(1);
    client.talk(server);
    CHECK(client.interims == 1);
    CHECK(client.answers == std::map<std::uint32_t, int>{{1, 404}});
}

TEST_CASE("http2: a stream that is reset", "[forward]") {
    struct Case {
        std::uint32_t code;
        Loss loss;
    };
    const Case each = GENERATE(Case{NGHTTP2_REFUSED_STREAM, Loss::refused}, Case{NGHTTP2_PROTOCOL_ERROR, Loss::broken},
        Case{NGHTTP2_CANCEL, Loss::broken}, Case{NGHTTP2_NO_ERROR, Loss::broken});
    Client client;
    Http2Peer server([&](Http2Peer& peer, const Http2Request& request) {
        if (request[":path"] == "/2") {
            peer.reset(request, each.code);
        } else {
            peer.answer(request, 200);
        }
    });
    greet(client, server);
    for (std::uint32_t i = 1; i <= 3; ++i) client.get(i);
    CHECK(client.talk(server) == Ending::none);
    CHECK(client.answers.size() == 2);
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{2, each.loss}});
    CHECK(client.begun == std::vector<std::uint32_t>{2});
    CHECK(client.exchange.has_room());
}

TEST_CASE("http2: an answer in front of the request's end", "[forward]") {
    Client client;
    Http2Peer server(nullptr, {.window = 1000, .grants_window = false});
    greet(client, server);
    client.post(1, std::string(5000, 'x'));
    client.talk(server);
    CHECK(server.whole.empty());
    Http2Request request;
    request.stream = 1;
    server.answer(request, 413, "too large");
    client.talk(server);
    SECTION("and then the server wants no more of it") {
        server.reset(request, NGHTTP2_NO_ERROR);
        CHECK(client.talk(server) == Ending::none);
    }
    SECTION("and then nothing") {
        client.now_ns += timeout;
        server.output();
        nghttp2_submit_ping(server.session, NGHTTP2_FLAG_NONE, nullptr);  // it is still there
        client.talk(server);
        CHECK(client.exchange.check(client.now_ns) == Ending::none);
        client.talk(server);
    }
    SECTION("and then the end") {
        client.exchange.end(Ending::closed);
    }
    CHECK(client.answers == std::map<std::uint32_t, int>{{1, 413}});
    CHECK(client.losses.empty());
}

TEST_CASE("http2: a server that goes away finishes what it has begun", "[forward]") {
    Client client;
    std::vector<Http2Request> waiting;
    Http2Peer server([&](Http2Peer&, const Http2Request& request) { waiting.push_back(request); });
    greet(client, server);
    for (std::uint32_t i = 1; i <= 4; ++i) client.get(i);
    client.talk(server);
    REQUIRE(waiting.size() == 4);
    server.go_away(waiting[1].stream);
    CHECK(client.talk(server) == Ending::none);
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{3, Loss::refused}, {4, Loss::refused}});
    CHECK_FALSE(client.exchange.has_room());
    server.answer(waiting[0], 200);
    CHECK(client.talk(server) == Ending::none);
    server.answer(waiting[1], 200);
    CHECK(client.talk(server) == Ending::orderly);
    client.exchange.end(Ending::orderly);
    CHECK(client.answers.size() == 2);
}

TEST_CASE("http2: a connection that ends", "[forward]") {
    Client client;
    Http2Peer server(nullptr);
    greet(client, server);
    for (std::uint32_t i = 1; i <= 3; ++i) client.get(i);
    client.talk(server);
    client.get(4);
    client.get(5);  // of these two nothing was sent
    const auto [why, loss] = GENERATE(std::pair{Ending::closed, Loss::crossed}, std::pair{Ending::broken, Loss::broken},
        std::pair{Ending::garbled, Loss::broken}, std::pair{Ending::abandoned, Loss::abandoned});
    client.exchange.end(why);
    CHECK(client.lost_in_order == std::vector<std::uint32_t>{5, 4, 3, 2, 1});
    CHECK(client.begun == std::vector<std::uint32_t>{3, 2, 1});
    CHECK(client.losses[1] == loss);
    CHECK(client.losses[5] == (why == Ending::abandoned ? Loss::abandoned : Loss::unsent));
    CHECK(client.exchange.empty());

    // The next connection has no memory of it.
    client.answers.clear();
    client.losses.clear();
    REQUIRE(client.exchange.begin(client.now_ns));
    Http2Peer next(answer_all(200));
    client.get(6);
    CHECK(client.talk(next) == Ending::none);
    CHECK(client.answers == std::map<std::uint32_t, int>{{6, 200}});
}

TEST_CASE("http2: what was put into frames was begun, even if more waits behind it", "[forward]") {
    Client client;
    Http2Peer server(nullptr);
    greet(client, server);
    // More than goes out at once, so that some are in frames and some not.
    for (std::uint32_t i = 0; i < 100; ++i) {
        client.add(
            "GET / HTTP/1.1\r\nHost: test\r\nX-Number: " + std::to_string(i) + std::string(1000, 'n') + "\r\n\r\n", i);
    }
    iovec part{};
    REQUIRE(client.exchange.gather({&part, 1}, client.now_ns) == 1);
    REQUIRE(server.feed({static_cast<const std::uint8_t*>(part.iov_base), part.iov_len}));
    client.exchange.end(Ending::broken);
    CHECK(client.begun.size() == server.whole.size());
    CHECK(client.losses.size() == 100);
    CHECK((client.begun.size() > 10 && client.begun.size() < 90));
}

TEST_CASE("http2: a server that finds fault, and closes", "[forward]") {
    Client client;
    Http2Peer server(nullptr);
    greet(client, server);
    client.get(1);
    client.get(2);
    client.talk(server);
    server.go_away(3, NGHTTP2_INTERNAL_ERROR);
    CHECK(client.talk(server) == Ending::none);
    client.exchange.end(client.exchange.end_of_stream());
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{1, Loss::broken}, {2, Loss::broken}});
}

TEST_CASE("http2: a server that speaks something else", "[forward]") {
    const std::string text = GENERATE(as<std::string>{}, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        std::string("\x15\x03\x01\x00\x02\x02\x46 and so on", 17), "220 smtp.example ESMTP\r\n");
    Client client;
    client.get(1);
    (void)client.output();
    const Ending ending = client.exchange.receive(as_bytes(text), client.now_ns);
    CHECK(ending == Ending::garbled);
    client.exchange.end(ending);
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{1, Loss::garbled}});
}

TEST_CASE("http2: a late answer costs its stream, a silent server the connection", "[forward]") {
    Client client;
    std::vector<Http2Request> waiting;
    Http2Peer server([&](Http2Peer&, const Http2Request& request) { waiting.push_back(request); });
    greet(client, server);
    client.get(1);
    client.talk(server);
    client.now_ns += timeout / 2;
    client.get(2);
    client.talk(server);
    CHECK(client.exchange.check(client.now_ns) == Ending::none);
    SECTION("silent") {
        client.now_ns += timeout / 2;
        REQUIRE(client.exchange.check(client.now_ns) == Ending::timed_out);
        client.exchange.end(Ending::timed_out);
        CHECK(client.losses == std::map<std::uint32_t, Loss>{{1, Loss::timed_out}, {2, Loss::broken}});
    }
    SECTION("not silent") {
        client.now_ns += timeout / 2 - 1;
        CHECK(client.exchange.check(client.now_ns) == Ending::none);
        client.get(3);
        client.talk(server);
        server.answer(waiting[2], 200);
        client.talk(server);
        client.now_ns += 1;
        CHECK(client.exchange.check(client.now_ns) == Ending::none);
        CHECK(client.exchange.has_output());
        client.talk(server);
        CHECK(client.losses == std::map<std::uint32_t, Loss>{{1, Loss::timed_out}});
        CHECK(server.closed[NGHTTP2_CANCEL] == 1);
        server.answer(waiting[1], 200);
        CHECK(client.talk(server) == Ending::none);
        CHECK(client.answers.size() == 2);
    }
}

TEST_CASE("http2: an answer without a status is none", "[forward]") {
    Client client;
    Http2Peer server(nullptr);
    greet(client, server);
    client.get(1);
    client.talk(server);
    // HEADERS on stream 1 that end it, with "x: y" only, as a literal.
    const std::string frame("\x00\x00\x05\x01\x05\x00\x00\x00\x01\x00\x01x\x01y", 14);
    CHECK(client.exchange.receive(as_bytes(frame), client.now_ns) == Ending::none);
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{1, Loss::garbled}});
}

TEST_CASE("http2: what is no head in wire form is given back", "[forward]") {
    Client client;
    client.add("no head", 1);
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{1, Loss::unsayable}});
    CHECK(client.exchange.has_room());
}

TEST_CASE("http2: a server that says something, and takes nothing", "[forward]") {
    Client client;
    Http2Peer server(nullptr);
    fill_socket(client, server);
    Ending ending = Ending::none;
    for (int i = 0; i < 8 && ending == Ending::none; ++i) {
        client.now_ns += timeout / 4;
        REQUIRE(nghttp2_submit_ping(server.session, NGHTTP2_FLAG_NONE, nullptr) == 0);
        REQUIRE(client.exchange.receive(as_bytes(server.output()), client.now_ns) == Ending::none);
        ending = client.exchange.check(client.now_ns);
    }
    REQUIRE(ending == Ending::timed_out);
    CHECK(client.now_ns < second + 2 * timeout);
    client.exchange.end(ending);
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{1, Loss::timed_out}});
}

TEST_CASE(
    "http2: what waits behind a full socket when the server breaks the rules can be said to another", "[forward]") {
    Client client;
    Http2Peer server(nullptr);
    fill_socket(client, server);
    client.get(2);
    const std::string data_of_no_stream(9, '\0');
    (void)client.exchange.receive(as_bytes(data_of_no_stream), client.now_ns);
    (void)client.output();
    CHECK(client.losses.count(1) == 0);
    CHECK(client.losses[2] == Loss::refused);
    CHECK_FALSE(client.exchange.has_room());
    const Ending ending = client.exchange.check(client.now_ns);
    REQUIRE(ending == Ending::garbled);
    client.exchange.end(ending);
    CHECK(client.losses == std::map<std::uint32_t, Loss>{{1, Loss::broken}, {2, Loss::refused}});
}
