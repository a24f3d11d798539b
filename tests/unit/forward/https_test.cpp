// SPDX-License-Identifier: Apache-2.0
// HttpOutput over TLS: whom it trusts, what it offers, resumption; and HTTP/2 over real connections.
#include <atomic>
#include <string>
#include <vector>

#include "base/error.h"
#include "forward/http_output.h"
#include "support/catch.h"
#include "support/certificates.h"
#include "support/http2_peer.h"
#include "support/http2_server.h"
#include "support/loopback_server.h"
#include "support/sending_side.h"
#include "support/tls_peer.h"

using namespace rebuilder;
using forward::HttpOptions;
using test::Authority;
using test::Http2Peer;
using test::Http2Request;
using test::LoopbackServer;
using test::Peer;
using test::PlainStream;
using test::SendingSide;
using test::serve_http2;
using test::TlsPeer;
using test::TlsServer;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string url(const LoopbackServer& server, const char* host = "127.0.0.1") {
    return std::string("https://") + host + ":" + std::to_string(server.port());
}

HttpOptions options(const std::string& ca, std::uint32_t connections = 1, std::uint32_t pipeline = 1) {
    HttpOptions made;
    made.connections = connections;
    made.pipeline = pipeline;
    made.timeout_ns = 2'000'000'000;
    made.tls.ca = ca;
    return made;
}

LoopbackServer::Script https(TlsServer& tls) {
    return [&tls](Peer& peer, int) {
        TlsPeer stream(tls, peer);
        while (stream.read_request()) stream.send(ok);
    };
}

LoopbackServer::Script http2(Http2Peer::Script script, Http2Peer::Options options = {}) {
    return [=](Peer& peer, int) {
        PlainStream stream{peer};
        serve_http2(stream, script, options);
    };
}

Http2Peer::Script answer_all(int status) {
    return [=](Http2Peer& peer, const Http2Request& request) { peer.answer(request, status, "ok"); };
}

}  // namespace

TEST_CASE("https: requests and answers of any size", "[forward]") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    Authority ca;
    TlsServer tls(ca.sign({.addresses = {"127.0.0.1"}}), {.most_version = version});
    std::atomic<std::size_t> body_bytes{0};
    LoopbackServer server([&](Peer& peer, int) {
        TlsPeer stream(tls, peer);
        while (const auto request = stream.read_request()) {
            body_bytes += request->size() - request->find("\r\n\r\n") - 4;
            stream.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
        }
    });
    SendingSide side(url(server), options(ca.file(), 2, 4), {.slots = 256, .blocks = 8192, .block_bytes = 4096});
    for (std::uint64_t i = 0; i < 30; ++i) side.get(i);
    side.post("/large", std::string(3'000'000, 'b'));
    side.post("/small", "b");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 32);
    CHECK(side[Counter::tls_failures] == 0);
    CHECK(body_bytes == 3'000'001);
    CHECK(side.forwarder.trouble().empty());
}

TEST_CASE("https: the certificate has to be good, and for this host", "[forward]") {
    Authority ca, other("another CA");
    struct Case {
        std::string what;
        test::Identity identity;
        const char* host;
        std::string trusted;
        std::string trouble;  // none: it is accepted
    };
    const Case cases[] = {
        {"by address", ca.sign({.addresses = {"127.0.0.1"}}), "127.0.0.1", ca.file(), ""},
        {"by name", ca.sign({.names = {"localhost"}}), "localhost", ca.file(), ""},
        {"another address", ca.sign({.addresses = {"127.0.0.2"}}), "127.0.0.1", ca.file(), "IP address mismatch"},
        {"a name for an address", ca.sign({.names = {"127.0.0.1"}}), "127.0.0.1", ca.file(), "IP address mismatch"},
        {"another name", ca.sign({.names = {"example.com"}}), "localhost", ca.file(), "hostname mismatch"},
        {"another CA", ca.sign({.addresses = {"127.0.0.1"}}), "127.0.0.1", other.file(),
            "unable to get local issuer certificate"},
        {"expired", ca.sign({.addresses = {"127.0.0.1"}, .from_s = -7200, .until_s = -3600}), "127.0.0.1", ca.file(),
            "certificate has expired"},
        {"not yet valid", ca.sign({.addresses = {"127.0.0.1"}, .from_s = 3600, .until_s = 7200}), "127.0.0.1",
            ca.file(), "certificate is not yet valid"},
    };
    for (const Case& each : cases) {
        INFO(each.what);
        TlsServer tls(each.identity, {});
        std::atomic<int> requests{0};
        LoopbackServer server([&](Peer& peer, int) {
            TlsPeer stream(tls, peer);
            while (stream.read_request()) {
                ++requests;
                stream.send(ok);
            }
        });
        {
            SendingSide side(url(server, each.host), options(each.trusted));
            side.get(1);
            side.get(2);
            side.settle();
            const bool fine = each.trouble.empty();
            CHECK(side[Counter::answered_2xx] == (fine ? 2 : 0));
            CHECK(side[Counter::failed_connect] == (fine ? 0 : 2));
            CHECK((side[Counter::tls_failures] > 0) == !fine);
            CHECK(side[Counter::connect_failures] >= side[Counter::tls_failures]);
            CHECK(side[Counter::sent_bytes] == (fine ? side[Counter::sent_bytes] : 0));
            CHECK(requests == (fine ? 2 : 0));
            const std::string trouble = side.forwarder.trouble();
            INFO(trouble);
            CHECK((fine ? trouble.empty() : trouble.find(each.trouble) != std::string::npos));
        }
        // Unless nobody asks.
        HttpOptions insecure = options("");
        insecure.tls.insecure = true;
        SendingSide side(url(server, each.host), insecure);
        side.get(3);
        side.settle();
        CHECK(side[Counter::answered_2xx] == 1);
    }
}

TEST_CASE("https: the name is told to the server, an address is not", "[forward]") {
    Authority ca;
    TlsServer tls(ca.sign({.names = {"localhost"}, .addresses = {"127.0.0.1"}}), {});
    std::string name = "?";
    LoopbackServer server([&](Peer& peer, int) {
        TlsPeer stream(tls, peer);
        name = stream.server_name();
        while (stream.read_request()) stream.send(ok);
    });
    for (const char* host : {"localhost", "127.0.0.1"}) {
        SendingSide side(url(server, host), options(ca.file()));
        side.get(1);
        side.settle();
        CHECK(side[Counter::answered_2xx] == 1);
        CHECK(name == (host == std::string("localhost") ? "localhost" : ""));
    }
}

TEST_CASE("https: sessions are resumed", "[forward]") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    Authority ca;
    TlsServer tls(ca.sign({.addresses = {"127.0.0.1"}}), {.most_version = version});
    LoopbackServer server([&](Peer& peer, int) {
        TlsPeer stream(tls, peer);
        if (stream.read_request()) stream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
    SendingSide side(url(server), options(ca.file()));
    for (std::uint64_t i = 0; i < 10; ++i) side.get(i);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 10);
    CHECK(side[Counter::connects] == 10);
    CHECK(side[Counter::tls_resumed] == 9);
    CHECK(tls.resumed == 9);
}

TEST_CASE("https: a server that doesn't speak TLS, or only what is too old", "[forward]") {
    Authority ca;
    TlsServer old(ca.sign({.addresses = {"127.0.0.1"}}), {.most_version = TLS1_1_VERSION});
    const auto script = GENERATE_REF(
        as<LoopbackServer::Script>{}, https(old),
        [](Peer& peer, int) {
            peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            peer.wait_for_end();
        },
        [](Peer&, int) {}, [](Peer& peer, int) { peer.reset(); }, [](Peer& peer, int) { peer.wait_for_end(); });
    LoopbackServer server(script);
    HttpOptions limited = options(ca.file());
    limited.timeout_ns = 300'000'000;
    SendingSide side(url(server), limited);
    side.get(1);
    REQUIRE(side.run_until([&] { return side[Counter::failed_connect] == 1; }));
    side.settle();
    CHECK(side[Counter::connects] == 0);
    CHECK(side[Counter::connect_failures] > 0);
    CHECK_FALSE(side.forwarder.trouble().empty());
}

TEST_CASE("https: what can't be trusted is said at start", "[forward]") {
    for (const auto& [ca, why] :
        {std::pair{"/nowhere/ca.pem", "No such file"}, std::pair{"/dev/null", "no certificate"}}) {
        try {
            SendingSide side("https://127.0.0.1:1", options(ca));
            FAIL("it was accepted");
        } catch (const Error& error) {
            CHECK(error.exit_status == ExitStatus::runtime);
            CHECK(std::string(error.what()).find(std::string("output https://127.0.0.1:1: --tls-ca ") + ca) == 0);
            CHECK(std::string(error.what()).find(why) != std::string::npos);
        }
    }
}

TEST_CASE("http/2: by ALPN where both want it", "[forward]") {
    struct Case {
        bool wanted;
        std::vector<std::string> spoken;
        bool used;
    };
    const Case each = GENERATE(Case{true, {"h2", "http/1.1"}, true}, Case{true, {"http/1.1"}, false},
        Case{true, {}, false}, Case{false, {"h2", "http/1.1"}, false});
    Authority ca;
    TlsServer tls(ca.sign({.addresses = {"127.0.0.1"}}), {.protocols = each.spoken});
    std::atomic<int> over_http2{0};
    LoopbackServer server([&](Peer& peer, int) {
        TlsPeer stream(tls, peer);
        if (each.used) {
            serve_http2(stream,
                [&](Http2Peer& http2, const Http2Request& request) {
                    ++over_http2;
                    http2.answer(request, 200, std::string(50'000, 'x'));
                },
                {});
        } else {
            while (stream.read_request()) stream.send(ok);
        }
    });
    HttpOptions wanted = options(ca.file(), 2);
    wanted.http2 = each.wanted;
    SendingSide side(url(server), wanted, {.slots = 256, .blocks = 8192, .block_bytes = 4096});
    for (std::uint64_t i = 0; i < 50; ++i) side.get(i);
    side.post("/large", std::string(2'000'000, 'b'));
    side.settle();
    CHECK(side[Counter::answered_2xx] == 51);
    CHECK(over_http2 == (each.used ? 51 : 0));
}

TEST_CASE("http/2: with prior knowledge", "[forward]") {
    std::atomic<std::size_t> body_bytes{0};
    LoopbackServer server(http2([&](Http2Peer& peer, const Http2Request& request) {
        body_bytes += request.body.size();
        peer.answer(request, 200, "ok");
    }));
    HttpOptions wanted = options("", 2);
    wanted.http2 = true;
    SendingSide side(server.url(), wanted, {.slots = 256, .blocks = 8192, .block_bytes = 4096});
    for (std::uint64_t i = 0; i < 200; ++i) side.get(i);
    side.post("/large", std::string(1'000'000, 'b'));
    side.settle();
    CHECK(side[Counter::answered_2xx] == 201);
    CHECK(side[Counter::connects] == 2);
    CHECK(body_bytes == 1'000'000);
}

TEST_CASE("http/2: refused streams and closed connections cost no request", "[forward]") {
    std::atomic<int> seen{0};
    const auto script = GENERATE_REF(
        as<Http2Peer::Script>{},
        [&](Http2Peer& peer, const Http2Request& request) {
            if (++seen % 3 == 0) {
                peer.reset(request, NGHTTP2_REFUSED_STREAM);
            } else {
                peer.answer(request, 200);
            }
        },
        [&](Http2Peer& peer, const Http2Request& request) {
            peer.answer(request, 200);
            if (++seen % 5 == 0) peer.go_away(request.stream);
        });
    LoopbackServer server(http2(script));
    HttpOptions wanted = options("", 4);
    wanted.http2 = true;
    wanted.retries = 0;
    SendingSide side(server.url(), wanted);
    for (std::uint64_t i = 0; i < 100; ++i) side.get(i);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 100);
    CHECK(side[Counter::retries] > 0);
}

TEST_CASE("http/2: a stream that breaks is sent again as often as retries allow", "[forward]") {
    const std::uint32_t retries = GENERATE(0u, 1u, 3u);
    std::atomic<int> poisoned{0};
    LoopbackServer server(http2([&](Http2Peer& peer, const Http2Request& request) {
        if (request[":path"] == "/7") {
            ++poisoned;
            peer.reset(request, NGHTTP2_INTERNAL_ERROR);
        } else {
            peer.answer(request, 200);
        }
    }));
    HttpOptions wanted = options("", 2);
    wanted.http2 = true;
    wanted.retries = retries;
    SendingSide side(server.url(), wanted);
    for (std::uint64_t i = 0; i < 20; ++i) side.get(i);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 19);
    CHECK(side[Counter::failed_reset] == 1);
    CHECK(side[Counter::retries] == retries);
    CHECK(poisoned == static_cast<int>(retries) + 1);
}

TEST_CASE("http/2: a request that ends each connection it is on costs no other", "[forward]") {
    std::atomic<int> poisoned{0};
    LoopbackServer server([&](Peer& peer, int) {
        PlainStream stream{peer};
        bool poison = false;
        Http2Peer http2([&](Http2Peer& each, const Http2Request& request) {
            poison = poison || request[":path"] == "/7";
            if (request[":path"] == "/7") ++poisoned;
            if (!poison) each.answer(request, 200);
        });
        while (!poison) {
            stream.send(http2.output());
            const std::string bytes = stream.read();
            if (bytes.empty() || !http2.feed(as_bytes(bytes))) return;
        }
        http2.go_away((1u << 31) - 1, NGHTTP2_INTERNAL_ERROR);
        stream.send(http2.output());
    });
    HttpOptions wanted = options("", 2);
    wanted.http2 = true;
    SendingSide side(server.url(), wanted);
    for (std::uint64_t i = 0; i < 100; ++i) side.get(i);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 99);
    CHECK(side[Counter::failed_reset] == 1);
    CHECK(poisoned == 2);
}

TEST_CASE("http/2: a server of HTTP/1", "[forward]") {
    LoopbackServer server([](Peer& peer, int) {
        if (peer.read_more(1000))
            peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        peer.wait_for_end();
    });
    HttpOptions wanted = options("", 2);
    wanted.http2 = true;
    SendingSide side(server.url(), wanted);
    side.get(1);
    side.settle();
    CHECK(side[Counter::failed_response] == 1);
}

TEST_CASE("http/2: a server that wants no streams", "[forward]") {
    LoopbackServer server(http2(answer_all(200), {.streams = 0}));
    HttpOptions wanted = options("", 1);
    wanted.http2 = true;
    wanted.timeout_ns = 300'000'000;
    SendingSide side(server.url(), wanted);
    for (std::uint64_t i = 0; i < 5; ++i) side.get(i);
    side.settle();
    // nghttp2's server lets the one pass that was on its way when its SETTINGS came.
    CHECK(side[Counter::answered_2xx] + side[Counter::failed_timeout] + side[Counter::failed_reset] == 5);
    CHECK(side[Counter::failed_timeout] >= 4);  // connections could be made
}
