// SPDX-License-Identifier: Apache-2.0
#include "forward/wire_head.h"

#include <string>

#include "base/block.h"
#include "support/catch.h"

using namespace rebuilder;
using forward::Slot;
using forward::WireHead;

namespace {

// A slot of blocks with room for `room` bytes each.
class Blocks {
  public:
    explicit Blocks(std::size_t room) : pool_(64, 4096), room_(room) {}
    Slot slot(std::string_view text) {
        Chain chain;
        for (std::size_t at = 0; at < text.size(); at += room_) {
            Block* block = pool_.take();
            const std::string_view part = text.substr(at, room_);
            std::memcpy(block->data(), part.data(), part.size());
            block->size = static_cast<std::uint32_t>(part.size());
            chain.push(block);
        }
        Slot slot;
        slot.first = chain.head;
        slot.bytes = chain.bytes;
        slot.blocks = chain.blocks;
        return slot;
    }

  private:
    BlockPool pool_;
    std::size_t room_;
};

std::string body_of(const WireHead& head) {
    std::string body;
    std::uint32_t at = head.body_at;
    for (const Block* block = head.body; block != nullptr; block = block->next) {
        body += as_text(block->bytes().subspan(at));
        at = 0;
    }
    return body;
}

}  // namespace

TEST_CASE("wire head: however the blocks divide it", "[forward]") {
    const std::string request = "POST /a?b HTTP/1.1\r\nHost: Shop.Example\r\nX-Two:  two words \t\r\nX-None:\r\n"
                                "Content-Length: 10\r\n\r\n0123\r\n\r\n89";
    for (std::size_t room = 1; room <= 40; ++room) {
        INFO("blocks of " << room);
        Blocks blocks(room);
        WireHead head;
        REQUIRE(head.read(blocks.slot(request)));
        REQUIRE(head.method == "POST");
        REQUIRE(head.target == "/a?b");
        REQUIRE(head.fields.size() == 4);
        REQUIRE(head.fields[0].name == "host");
        REQUIRE(head.fields[0].value == "Shop.Example");
        REQUIRE(head.fields[1].name == "x-two");
        REQUIRE(head.fields[1].value == "two words");
        REQUIRE(head.fields[2].name == "x-none");
        REQUIRE(head.fields[2].value.empty());
        REQUIRE(head.fields[3].value == "10");
        REQUIRE(head.body_bytes == 10);
        REQUIRE(body_of(head) == "0123\r\n\r\n89");
    }
}

TEST_CASE("wire head: one after the other", "[forward]") {
    Blocks blocks(40);
    WireHead head;
    REQUIRE(head.read(blocks.slot("GET /1 HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n")));
    REQUIRE(head.read(blocks.slot("HEAD * HTTP/1.1\r\n\r\n")));
    CHECK(head.method == "HEAD");
    CHECK(head.target == "*");
    CHECK(head.fields.empty());
    CHECK(head.body_bytes == 0);
    CHECK(body_of(head).empty());
}

TEST_CASE("wire head: what isn't one", "[forward]") {
    Blocks blocks(32);
    WireHead head;
    for (const char* text :
        {"", "\r\n\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA: 1\r\n", "GET /\r\n\r\n", "GET  HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\n: no name\r\n\r\n"}) {
        INFO(text);
        CHECK_FALSE(head.read(blocks.slot(text)));
    }
}
