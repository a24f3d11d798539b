// SPDX-License-Identifier: Apache-2.0
// Which frames get into the queue to the kernel, and what becomes of those that don't.
#include "nic/exception_queue.h"

#include <thread>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::nic;

namespace {

using Octets = std::vector<std::uint8_t>;

constexpr MacAddress own{0x02, 0, 0, 0, 0, 1};
constexpr MacAddress peer{0x02, 0, 0, 0, 0, 2};
constexpr MacAddress stranger{0x02, 0, 0, 0, 0, 3};
constexpr MacAddress all{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr MacAddress ipv6_neighbours{0x33, 0x33, 0xff, 0, 0, 1};

Octets frame(const MacAddress& to, const MacAddress& from, std::size_t size = 60, std::uint8_t fill = 0) {
    Octets bytes(size, fill);
    std::copy(to.begin(), to.end(), bytes.begin());
    std::copy(from.begin(), from.end(), bytes.begin() + 6);
    return bytes;
}

}  // namespace

TEST_CASE("frames for the port, and for all, come out in order and unchanged") {
    ExceptionQueue queue(own);
    const std::vector<Octets> frames{frame(own, peer, 60, 1), frame(all, peer, 14, 2),
        frame(ipv6_neighbours, peer, 9014, 3), frame(own, peer, ExceptionQueue::frame_room, 4)};
    for (const Octets& each : frames) queue.offer(each);
    for (const Octets& each : frames) {
        const Bytes got = queue.front();
        CHECK(Octets(got.begin(), got.end()) == each);
        queue.pop();
    }
    CHECK(queue.front().empty());
    CHECK(queue.counters()[Counter::exception_not_ours] == 0);
    CHECK(queue.counters()[Counter::exception_dropped_full] == 0);
}

TEST_CASE("frames for others, from the port itself, or without addresses are left out") {
    ExceptionQueue queue(own);
    const std::vector<Octets> frames{
        frame(stranger, peer), frame(all, own), frame(own, own), Octets(11, 0xff), Octets{}};
    for (const Octets& each : frames) queue.offer(each);
    CHECK(queue.front().empty());
    CHECK(queue.counters()[Counter::exception_not_ours] == frames.size());
}

TEST_CASE("what finds no room is dropped, and there is room again behind it") {
    ExceptionQueue queue(own);
    queue.offer(frame(own, peer, ExceptionQueue::frame_room + 1));
    CHECK(queue.counters()[Counter::exception_dropped_full] == 1);
    CHECK(queue.front().empty());
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < ExceptionQueue::most_frames + 5; ++i) queue.offer(frame(own, peer));
        std::size_t count = 0;
        for (; !queue.front().empty(); ++count) queue.pop();
        CHECK(count == ExceptionQueue::most_frames);
    }
    CHECK(queue.counters()[Counter::exception_dropped_full] == 16);
}

TEST_CASE("frames cross threads whole") {
    ExceptionQueue queue(own);
    constexpr std::uint64_t count = 200'000;
    std::thread worker([&] {
        for (std::uint64_t i = 0; i < count; ++i)
            queue.offer(frame(own, peer, 14 + i % 500, static_cast<std::uint8_t>(i)));
    });
    std::uint64_t received = 0;
    std::uint64_t broken = 0;
    const auto taken = [&] { return received + queue.counters()[Counter::exception_dropped_full]; };
    while (taken() < count || !queue.front().empty()) {
        const Bytes got = queue.front();
        if (got.empty()) continue;
        broken += static_cast<std::uint64_t>(
            std::any_of(got.begin() + 12, got.end(), [&](auto byte) { return byte != got[12]; }));
        queue.pop();
        ++received;
    }
    worker.join();
    CHECK(received > 0);
    CHECK(broken == 0);
}
