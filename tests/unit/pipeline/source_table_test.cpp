// SPDX-License-Identifier: Apache-2.0
// - frames and bytes by VNI and address; frames in no tunnel are the others'
// - a full table sends what is new to the others, and makes room by forgetting the silent ones
// - whatever happens, sources and others together are all that was counted
// - a reader beside the owner (to be run under TSan, too)
#include "pipeline/source_table.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using packet::IpAddress;
using packet::Origin;
using pipeline::SourceTable;

namespace {

constexpr std::uint64_t minute_ns = SourceTable::forget_after_ns;

Origin origin(std::uint32_t number) {
    return {IpAddress::v4(0x0a000000 + number), 1000 + number % 3};
}

struct Seen {
    explicit Seen(const SourceTable& table) { REQUIRE(table.read(sources, others)); }

    [[nodiscard]] const SourceTable::Source* find(const Origin& wanted) const {
        const auto place = std::ranges::find(sources, wanted, &SourceTable::Source::origin);
        return place == sources.end() ? nullptr : &*place;
    }
    [[nodiscard]] std::uint64_t frames() const {
        std::uint64_t sum = others.frames;
        for (const auto& source : sources) sum += source.frames;
        return sum;
    }
    [[nodiscard]] std::uint64_t bytes() const {
        std::uint64_t sum = others.bytes;
        for (const auto& source : sources) sum += source.bytes;
        return sum;
    }

    std::vector<SourceTable::Source> sources;
    SourceTable::Source others;
};

}  // namespace

TEST_CASE("sources: frames and bytes by VNI and address", "[pipeline]") {
    SourceTable table({1, 2});
    const Origin one{IpAddress::v4(1), 5};
    const Origin other_vni{IpAddress::v4(1), 6};
    const Origin other_address{IpAddress{1, 1}, 5};
    for (int i = 0; i < 3; ++i) {
        table.count(one, 1, 100);
        table.count(one, 1, 10);
        table.count(other_vni, 1, 7);
        table.count({}, 1, 60);
        table.count(other_address, 1, 1);
    }
    const Seen seen(table);
    CHECK(seen.sources.size() == 3);
    REQUIRE(seen.find(one) != nullptr);
    CHECK(seen.find(one)->frames == 6);
    CHECK(seen.find(one)->bytes == 330);
    REQUIRE(seen.find(other_vni) != nullptr);
    CHECK(seen.find(other_vni)->bytes == 21);
    REQUIRE(seen.find(other_address) != nullptr);
    CHECK(seen.find(other_address)->frames == 3);
    CHECK(seen.others.frames == 3);
    CHECK(seen.others.bytes == 180);
}

TEST_CASE("sources: a run counts what each of its frames would", "[pipeline]") {
    SourceTable table({1, 2});
    {
        SourceTable::Run run(table);
        for (const std::uint32_t number : {1u, 1u, 2u, 1u, 1u, 1u}) run.count(origin(number), 10);
        CHECK(Seen(table).frames() == 3);
    }
    { const SourceTable::Run empty(table); }
    const Seen seen(table);
    CHECK(seen.sources.size() == 2);
    CHECK(seen.others.frames == 0);
    REQUIRE(seen.find(origin(1)) != nullptr);
    CHECK(seen.find(origin(1))->frames == 5);
    CHECK(seen.find(origin(1))->bytes == 50);
}

TEST_CASE("sources: a full table forgets the silent, and nothing that was counted", "[pipeline]") {
    SourceTable table({3, 4});
    table.tick(minute_ns);
    for (std::uint32_t i = 0; i < SourceTable::capacity; ++i) table.count(origin(i), 1, 10);
    const Origin late = origin(100'000);
    table.count(late, 1, 10);
    CHECK(Seen(table).find(late) == nullptr);
    CHECK(Seen(table).others.frames == 1);

    table.tick(2 * minute_ns);  // all have come since the last one
    CHECK(Seen(table).sources.size() == SourceTable::capacity);
    for (std::uint32_t i = 0; i < 10; ++i) table.count(origin(i * 7), 1, 10);
    table.tick(3 * minute_ns - 1);
    CHECK(Seen(table).sources.size() == SourceTable::capacity);
    table.tick(3 * minute_ns);
    CHECK(Seen(table).sources.size() == 10);
    for (std::uint32_t i = 0; i < 10; ++i) {
        INFO(i);
        REQUIRE(Seen(table).find(origin(i * 7)) != nullptr);
        CHECK(Seen(table).find(origin(i * 7))->frames == 2);
    }
    CHECK(Seen(table).others.frames == 1 + SourceTable::capacity - 10);

    table.count(late, 1, 10);
    table.count(origin(7), 1, 10);
    const Seen seen(table);
    REQUIRE(seen.find(late) != nullptr);
    CHECK(seen.find(late)->frames == 1);
    CHECK(seen.find(origin(7))->frames == 3);
    CHECK(seen.frames() == SourceTable::capacity + 13);
    CHECK(seen.bytes() == 10 * seen.frames());
}

TEST_CASE("sources: with room left, silence is not forgotten", "[pipeline]") {
    SourceTable table({5, 6});
    table.count(origin(1), 1, 1);
    for (std::uint64_t i = 1; i < 10; ++i) table.tick(i * minute_ns);
    CHECK(Seen(table).sources.size() == 1);
}

TEST_CASE("sources: read beside the owner, totals never go back", "[pipeline]") {
    const auto table = std::make_unique<SourceTable>(HashSecret{7, 8});
    std::atomic<bool> stop{false};
    std::thread owner([&] {
        std::uint32_t next = 0;
        for (std::uint64_t i = 1; !stop; ++i) {
            for (int n = 0; n < 1000; ++n) table->count(origin(next++ % 2000), 1, 5);
            table->tick(i * minute_ns);
        }
    });
    std::uint64_t last = 0;
    for (int reads = 0; reads < 2000;) {
        std::vector<SourceTable::Source> sources;
        SourceTable::Source others;
        if (!table->read(sources, others)) {
            std::this_thread::yield();
            continue;
        }
        ++reads;
        if (others.frames < last) FAIL("the others went back");
        last = others.frames;
        for (const auto& source : sources) {
            const std::uint32_t number = source.origin.source.v4_address() - 0x0a000000;
            if (!(source.origin == origin(number)) || number >= 2000) FAIL("a source that was never counted");
        }
    }
    stop = true;
    owner.join();
    const Seen seen(*table);
    CHECK(seen.bytes() == 5 * seen.frames());
}
