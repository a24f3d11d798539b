// SPDX-License-Identifier: Apache-2.0
#include "forward/write_cursor.h"

#include <string>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using forward::Pending;
using forward::PendingRing;
using forward::WriteCursor;

namespace {

struct Queue {
    void push(const std::string& text) {
        Chain chain;
        REQUIRE(chain.append(pool, as_bytes(text)));
        Pending pending;
        pending.slot.first = chain.head;
        ring.push_back(pending);
    }

    // At most `limit` bytes of what comes next, in at most `parts` parts, as the kernel would take them.
    std::string write(std::size_t parts, std::size_t limit) {
        std::vector<iovec> vectors(parts);
        const std::size_t used = cursor.gather(ring, vectors);
        std::string text;
        for (std::size_t i = 0; i < used; ++i) {
            text.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
        }
        text.resize(std::min(text.size(), limit));
        cursor.advance(ring, text.size());
        return text;
    }

    BlockPool pool{64, 128};  // 64 bytes less the header: requests span blocks
    PendingRing ring{8};
    WriteCursor cursor;
};

}  // namespace

TEST_CASE("write cursor: all bytes once and in order, whatever is taken at a time", "[forward]") {
    for (std::size_t parts = 1; parts <= 5; ++parts) {
        for (std::size_t limit = 1; limit <= 130; ++limit) {
            Queue queue;
            const std::string first(100, 'a');
            const std::string second(40, 'b');
            const std::string third(3, 'c');
            queue.push(first);
            queue.push(second);
            std::string written = queue.write(parts, limit);
            queue.push(third);  // behind a cursor that is on its way
            for (;;) {
                CHECK(queue.cursor.written() == (written.size() >= 140 ? 2u : written.size() >= 100 ? 1u : 0u));
                CHECK(queue.cursor.begun() == (written.size() > 140 ? 3u : written.size() > 100 ? 2u : 1u));
                const std::string part = queue.write(parts, limit);
                written += part;
                if (written.size() == 143) break;
                REQUIRE_FALSE(part.empty());
            }
            CHECK(written == first + second + third);
            CHECK(queue.cursor.written() == 3);
            CHECK(queue.cursor.begun() == 3);
            CHECK(queue.write(parts, limit).empty());
        }
    }
}

TEST_CASE("write cursor: what is answered leaves, what follows is written", "[forward]") {
    Queue queue;
    for (int i = 0; i < 100; ++i) {
        queue.push(std::to_string(i));
        CHECK(queue.write(4, 1000) == std::to_string(i));
        queue.cursor.popped();
        (void)queue.ring.pop_front();
        CHECK(queue.cursor.begun() == 0);
        CHECK(queue.ring.empty());
    }
}

TEST_CASE("write cursor: empty blocks and empty requests are passed over", "[forward]") {
    Queue queue;
    Block* empty = queue.pool.take();
    queue.push("a");
    queue.ring[0].slot.first->next = empty;
    queue.ring.push_back(Pending{});
    queue.push("b");
    queue.ring.push_back(Pending{});
    CHECK(queue.write(8, 1) == "a");
    CHECK(queue.cursor.written() == 1);
    CHECK(queue.write(8, 100) == "b");
    CHECK(queue.write(8, 100).empty());
    CHECK(queue.cursor.written() == 4);
}

TEST_CASE("pending ring: open at both ends", "[forward]") {
    PendingRing ring(3);  // has four places
    for (std::uint32_t i = 0; i < 4; ++i) ring.push_back(Pending{.slot = {}, .channel = i});
    CHECK(ring.pop_back().channel == 3);
    CHECK(ring.pop_front().channel == 0);
    ring.push_front(Pending{.slot = {}, .channel = 9});
    ring.push_front(Pending{.slot = {}, .channel = 8});
    CHECK(ring.size() == 4);
    CHECK(ring.front().channel == 8);
    CHECK(ring[1].channel == 9);
    CHECK(ring[2].channel == 1);
    CHECK(ring[3].channel == 2);
}
