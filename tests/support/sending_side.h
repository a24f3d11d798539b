// SPDX-License-Identifier: Apache-2.0
// SendingSide: a worker's end of a hand-off with a Forwarder on the other, for tests.
//
// offer() puts text into blocks and hands it over; settle() drains, takes every block back and asserts
// what must hold whatever the output did: handed off = answered + failed, and the pool is as full as it
// was.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/block.h"
#include "base/counters.h"
#include "forward/forwarder.h"
#include "support/catch.h"

namespace rebuilder::test {

struct SendingSide {
    struct Sizes {
        std::size_t slots = 256;
        std::size_t blocks = 1024;
        std::size_t block_bytes = 256;  // small, so that a request has several
    };

    explicit SendingSide(const std::string& output, const forward::HttpOptions& options = {})
        : SendingSide(output, options, Sizes{}) {}
    SendingSide(const std::string& output, const forward::HttpOptions& options, Sizes sizes)
        : pool(sizes.block_bytes, sizes.blocks)
        , channel(sizes.slots, sizes.blocks)
        , forwarder(forward::parse_output(output), options, {&channel}) {}

    // Counter::handed_off, or why not.
    Counter offer(std::string_view text, bool head_request = false) {
        Chain chain;
        if (!chain.append(pool, as_bytes(text))) {
            chain.release(pool);
            return Counter::shed_no_memory;
        }
        forward::Slot slot;
        slot.first = chain.head;
        slot.bytes = chain.bytes;
        slot.blocks = chain.blocks;
        slot.head_request = head_request;
        const Counter verdict = channel.offer(slot);
        if (verdict != Counter::handed_off) chain.release(pool);
        return verdict;
    }
    void get(std::string_view target) {
        std::string request("GET ");
        request.append(target).append(" HTTP/1.1\r\nHost: test\r\n\r\n");
        CHECK(offer(request) == Counter::handed_off);
    }
    void get(std::uint64_t number) { get(numbered(number)); }
    void post(std::string_view target, std::string_view body) {
        std::string request("POST ");
        request.append(target).append(" HTTP/1.1\r\nHost: test\r\nContent-Length: ");
        request.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
        CHECK(offer(request) == Counter::handed_off);
    }
    static std::string numbered(std::uint64_t number) { return std::string("/").append(std::to_string(number)); }

    // Rounds until `done()`, or until ten seconds are over. True when it is done.
    template <class Done>
    [[nodiscard]] bool run_until(Done done) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!done()) {
            if (std::chrono::steady_clock::now() > end) return false;
            (void)forwarder.step(1'000'000);
            reclaim();
        }
        return true;
    }

    void reclaim() {
        for (forward::Slot slot; channel.reclaim(slot);) {
            for (Block* block = slot.first; block != nullptr;) {
                Block* next = block->next;
                pool.give(block);
                block = next;
            }
        }
    }

    void settle(std::uint64_t limit_ns = 10'000'000'000) {
        forwarder.drain(limit_ns);
        reclaim();
        const CounterValues values = forwarder.counters().read();
        CHECK(channel.handing()[Counter::handed_off] ==
              values.sum(CounterRole::request_answered) + values.sum(CounterRole::request_failed));
        CHECK(pool.available() == pool.total());
    }

    [[nodiscard]] std::uint64_t operator[](Counter which) const { return forwarder.counters()[which]; }

    BlockPool pool;
    forward::Channel channel;
    forward::Forwarder forwarder;
};

}  // namespace rebuilder::test
