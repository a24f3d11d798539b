// SPDX-License-Identifier: Apache-2.0
// Whoever uses a queue is out of it while the gate is closed.
#include "nic/port_gate.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "support/catch.h"

using namespace rebuilder::nic;
using namespace std::chrono_literals;

TEST_CASE("a gate that nobody has a pass for closes at once") {
    PortGate gate(3);
    CHECK(gate.close(0ms));
    gate.open();
}

TEST_CASE("a gate waits for those who have a pass") {
    PortGate gate(2);
    PortGate::Pass pass = gate.pass(1);
    CHECK(pass.open());
    CHECK_FALSE(gate.close(1ms));
    CHECK_FALSE(pass.open());
    gate.open();
    CHECK(pass.open());
    CHECK_FALSE(gate.close(1ms));  // it was in there again
}

TEST_CASE("of two passes for a place, the one in use counts") {
    PortGate gate(1);
    [[maybe_unused]] const PortGate::Pass unused = gate.pass(0);
    PortGate::Pass used = gate.pass(0);
    std::atomic<bool> stop = false;
    std::thread user([&] {
        while (!stop) (void)used.open();
    });
    CHECK(gate.close(5s));
    gate.open();
    stop = true;
    user.join();
}

TEST_CASE("nobody is inside while the gate is closed") {
    constexpr std::size_t users = 3;
    PortGate gate(users);
    std::array<std::atomic<bool>, users> inside{};
    std::array<std::atomic<std::uint64_t>, users> visits{};
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < users; ++i) {
        threads.emplace_back([&, i, pass = gate.pass(i)]() mutable {
            while (!stop) {
                if (!pass.open()) continue;
                inside[i] = true;
                ++visits[i];
                inside[i] = false;
            }
        });
    }
    std::size_t met = 0;
    for (int turn = 0; turn < 200; ++turn) {
        REQUIRE(gate.close(10s));
        for (int look = 0; look < 100; ++look) {
            for (const auto& each : inside) met += each;
        }
        gate.open();
    }
    const std::uint64_t before = visits[0];
    while (visits[0] == before) std::this_thread::yield();  // and they come in again
    stop = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(met == 0);
}
