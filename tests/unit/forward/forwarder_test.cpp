// SPDX-License-Identifier: Apache-2.0
#include "forward/forwarder.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/loopback_server.h"
#include "support/sending_side.h"

using namespace rebuilder;
using forward::Channel;
using forward::Forwarder;
using forward::HttpOptions;
using forward::Slot;
using test::LoopbackServer;
using test::Peer;
using test::SendingSide;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::uint64_t ms = 1'000'000;

// A worker's thread: hands over `requests`, and takes its blocks back until it has them all.
void work(Channel& channel, int requests, std::atomic<bool>& drained, bool& whole) {
    BlockPool pool(256, 64);
    const auto reclaim = [&] {
        for (Slot slot; channel.reclaim(slot);) {
            for (Block* block = slot.first; block != nullptr;) {
                Block* next = block->next;
                pool.give(block);
                block = next;
            }
        }
    };
    for (int i = 0; i < requests;) {
        Chain chain;
        Slot slot;
        if (chain.append(pool, as_bytes("GET /" + std::string(300, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"))) {
            slot.first = chain.head;
            slot.bytes = chain.bytes;
            slot.blocks = chain.blocks;
            if (channel.offer(slot) == Counter::handed_off) {
                ++i;
                continue;
            }
        }
        chain.release(pool);
        reclaim();
        std::this_thread::yield();
    }
    while (!drained) std::this_thread::yield();
    reclaim();
    whole = pool.available() == pool.total();
}

}  // namespace

TEST_CASE("forwarder: workers, its thread and a server, all at once", "[forward]") {
    LoopbackServer server(test::always(ok));
    HttpOptions options;
    options.connections = 3;
    options.pipeline = 4;
    Channel first(32, 64);
    Channel second(32, 64);
    Forwarder forwarder(forward::parse_output(server.url()), options, {&first, &second});
    forwarder.start();
    std::atomic<bool> drained{false};
    bool first_whole = false;
    bool second_whole = false;
    std::thread first_worker(work, std::ref(first), 1000, std::ref(drained), std::ref(first_whole));
    std::thread second_worker(work, std::ref(second), 500, std::ref(drained), std::ref(second_whole));
    while (first.handing()[Counter::handed_off] < 1000 || second.handing()[Counter::handed_off] < 500) {
        std::this_thread::yield();
    }
    forwarder.drain(10'000 * ms);
    drained = true;
    first_worker.join();
    second_worker.join();
    CHECK(first_whole);
    CHECK(second_whole);
    CHECK(forwarder.counters()[Counter::answered_2xx] == 1500);
    CHECK(forwarder.counters().read().sum(CounterRole::request_failed) == 0);
}

TEST_CASE("forwarder: an idle thread notices a slot by itself", "[forward]") {
    LoopbackServer server(test::always(ok));
    SendingSide side(server.url());
    side.forwarder.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // now it sleeps
    const auto begin = std::chrono::steady_clock::now();
    side.get("/");
    while (side[Counter::answered_2xx] == 0) std::this_thread::yield();
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(500));
    side.settle();
}

TEST_CASE("forwarder: channels take turns", "[forward]") {
    BlockPool pool(64, 256);
    Channel busy(256, 256);
    Channel quiet(256, 256);
    const auto offer = [&](Channel& channel) {
        Slot slot;
        slot.first = pool.take();
        slot.blocks = 1;
        REQUIRE(channel.offer(slot) == Counter::handed_off);
    };
    for (int i = 0; i < 200; ++i) offer(busy);
    for (int i = 0; i < 5; ++i) offer(quiet);
    // A server that never answers: what is taken at first stays pending.
    LoopbackServer server([](Peer& peer, int) { peer.wait_for_end(); });
    HttpOptions options;
    options.connections = 1;
    Forwarder forwarder(forward::parse_output(server.url()), options, {&busy, &quiet});
    CHECK(forwarder.step(0));
    CHECK(quiet.waiting() == 0);
    CHECK(busy.waiting() == 200 - (17 - 5));  // 17: one on the connection, sixteen waiting for it
    forwarder.drain(0);
}

TEST_CASE("forwarder: what is left when the drain time is over has failed", "[forward]") {
    LoopbackServer server([](Peer& peer, int) {
        for (int i = 0; i < 3 && peer.read_request(); ++i) peer.send(ok);
        peer.wait_for_end();
    });
    HttpOptions options;
    options.connections = 1;
    for (const bool threaded : {false, true}) {
        INFO("threaded " << threaded);
        SendingSide side(server.url(), options);
        if (threaded) side.forwarder.start();
        for (int i = 0; i < 50; ++i) side.get("/");
        const auto begin = std::chrono::steady_clock::now();
        side.settle(200 * ms);
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
        CHECK(side[Counter::answered_2xx] == 3);
        CHECK(side[Counter::failed_drain] == 47);
    }
}

TEST_CASE("forwarder: without a drain the destructor gives everything back", "[forward]") {
    LoopbackServer server([](Peer& peer, int) { peer.wait_for_end(); });
    BlockPool pool(64, 16);
    Channel channel(16, 16);
    {
        Forwarder forwarder(forward::parse_output(server.url()), {}, {&channel});
        forwarder.start();
        for (int i = 0; i < 16; ++i) {
            Slot slot;
            slot.first = pool.take();
            slot.blocks = 1;
            REQUIRE(channel.offer(slot) == Counter::handed_off);
        }
    }
    int spent = 0;
    for (Slot slot; channel.reclaim(slot); ++spent) pool.give(slot.first);
    CHECK(spent == 16);
    CHECK(pool.available() == pool.total());
}

TEST_CASE("forwarder: an output that is down fills the channel, and then the worker sheds", "[forward]") {
    const int closed = test::bound_socket();
    HttpOptions options;
    options.connections = 2;
    SendingSide side("http://127.0.0.1:" + std::to_string(test::port_of(closed)), options,
        {.slots = 32, .blocks = 1024, .block_bytes = 128});
    for (int i = 0; i < 200; ++i) {
        (void)side.offer("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (void)side.forwarder.step(0);
        side.reclaim();
    }
    CHECK(side.channel.handing()[Counter::handed_off] == 32 + 2 + 16);
    CHECK(side.channel.handing()[Counter::shed_queue_full] == 200 - (32 + 2 + 16));
    side.settle();
    CHECK(side[Counter::failed_connect] == 50);
    (void)::close(closed);
}
