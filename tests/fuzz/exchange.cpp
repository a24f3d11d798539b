// SPDX-License-Identifier: Apache-2.0
// Http1Exchange and Http2Exchange: whatever the server sends, cut wherever it is, every request that was added leaves
// exactly once, nothing is asked of memory that is gone, and the next connection has no memory of this one.
//
// Input: the version and the limits, then steps: a request is added, bytes are taken to be sent, bytes come from the
// server, time passes, the connection ends.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "forward/http1_exchange.h"
#include "forward/http2_exchange.h"
#include "fuzz/fuzz.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
using forward::Exchange;
using forward::Http1Exchange;
using forward::Http2Exchange;
using forward::Pending;

namespace {

constexpr std::uint64_t timeout_ns = 1'000'000'000;
constexpr std::uint32_t most_requests = 200;  // of one input

const std::string texts[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /head HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n" + std::string(300, 'b'),
    "not a head",
};

class Owner final : public Exchange::Owner {
  public:
    explicit Owner(BlockPool& pool) : pool_(pool) {}

    Pending request(std::uint8_t kind) {
        const std::string& text = texts[kind % std::size(texts)];
        Chain chain;
        check(chain.append(pool_, as_bytes(text)), "the pool is too small for this target");
        Pending made;
        made.slot.first = chain.head;
        made.slot.bytes = chain.bytes;
        made.slot.blocks = chain.blocks;
        made.slot.head_request = text.starts_with("HEAD");
        made.channel = static_cast<std::uint32_t>(left_.size());
        left_.push_back(false);
        return made;
    }
    [[nodiscard]] std::size_t made() const { return left_.size(); }
    [[nodiscard]] std::size_t gone() const {
        return static_cast<std::size_t>(std::count(left_.begin(), left_.end(), true));
    }

  private:
    void answered(const Pending& request, int status) noexcept override {
        check(status >= 200 && status < 600, "a status that ends nothing");
        leave(request);
    }
    void interim() noexcept override {}
    void lost(const Pending& request, Exchange::Loss why, bool begun) noexcept override {
        check(why != Exchange::Loss::unsent || !begun, "unsent, and begun");
        leave(request);
    }
    // Its bytes are gone then, as far as the exchange knows.
    void leave(const Pending& request) noexcept {
        check(request.channel < left_.size() && !left_[request.channel], "a request leaves twice");
        left_[request.channel] = true;
        for (Block* block = request.slot.first; block != nullptr;) {
            Block* next = block->next;
            std::fill_n(block->data(), block->capacity, std::uint8_t{0xee});
            block->size = 0;
            block->next = nullptr;
            pool_.give(block);
            block = next;
        }
    }

    BlockPool& pool_;
    std::vector<bool> left_;
};

void check_sums(const Exchange& exchange, const Owner& owner) {
    check(owner.made() == owner.gone() + exchange.size(), "requests added are not those left and those that stay");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::uint8_t setup = input.byte();
    BlockPool pool(192, 4 * most_requests);  // blocks that a head doesn't fit into
    Owner owner(pool);
    std::unique_ptr<Exchange> exchange;
    if (setup & 1) {
        exchange = std::make_unique<Http2Exchange>(owner, (setup & 2) != 0, timeout_ns);
    } else {
        exchange = std::make_unique<Http1Exchange>(owner, 1u + (setup >> 4), timeout_ns);
    }
    std::uint64_t now_ns = timeout_ns;
    check(exchange->begin(now_ns), "no memory");
    using Ending = Exchange::Ending;
    const auto end = [&](Ending why) {
        exchange->end(why);
        check(exchange->empty() && !exchange->has_room(), "an end that leaves something");
        check(exchange->begin(now_ns), "no memory");
        check(exchange->empty() && exchange->has_room() && !exchange->proven(), "a connection that isn't new");
    };
    while (!input.empty()) {
        const std::uint8_t step = input.byte();
        Ending ending = Ending::none;
        switch (step & 7) {
        case 0:
        case 1:
            if (exchange->has_room() && owner.made() < most_requests) exchange->add(owner.request(step >> 3), now_ns);
            break;
        case 2:
        case 3: {
            std::array<iovec, 4> parts;
            const std::size_t count = exchange->gather(parts, now_ns);
            if (count == 0) break;
            std::size_t room = 0;
            for (const iovec& part : std::span(parts).first(count)) room += part.iov_len;
            check(room > 0, "nothing is to be sent, and yet something");
            exchange->advance(step & 1 ? room : std::min<std::size_t>(room, 1u + (step >> 3)), now_ns);
            break;
        }
        case 4:
        case 5: {
            const Copy bytes(input.take(step & 1 ? input.byte() : 1u + (step >> 3)));
            if (!bytes.bytes().empty()) ending = exchange->receive(bytes.bytes(), now_ns);
            break;
        }
        case 6:
            now_ns += timeout_ns / 4;
            ending = exchange->check(now_ns);
            break;
        default: ending = step & 8 ? exchange->end_of_stream() : Ending::broken; break;
        }
        check_sums(*exchange, owner);
        if (ending != Ending::none) end(ending);
    }
    exchange->end(Ending::abandoned);
    check(owner.made() == owner.gone(), "a request is left");
    check(pool.available() == pool.total(), "blocks are left");
    return 0;
}
