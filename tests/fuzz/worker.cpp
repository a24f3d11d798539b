// SPDX-License-Identifier: Apache-2.0
// Worker: the whole line, from frames to the slots of its outputs, under limits that a small input reaches.
//
// Input: two bytes of limits, then operations. Each begins with a byte: how much time passes, and one of
//   - a frame as it is, by its length
//   - a frame made around a TCP segment of one of eight connections, so that lengths need not be guessed
//   - the end of a burst; a tick; an output's turn, which may keep what it takes
// At the end all is drained. Then the laws of the ledger hold, every flow is gone, every block is back, and each
// output had as many slots as it was handed, with as many bytes and blocks in them as they say.
#include <array>
#include <deque>
#include <vector>

#include "fuzz/fuzz.h"
#include "pipeline/worker.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
using forward::Channel;
using forward::Form;
using forward::Slot;
using pipeline::Worker;
using pipeline::WorkerConfig;

namespace {

constexpr std::size_t longest_input = 64 << 10;

WorkerConfig small_config(std::uint8_t limits) {
    WorkerConfig config;
    config.decap.accept_plain = (limits & 1) != 0;
    config.fragments.max_datagrams = 2;
    config.tcp.max_flows = (limits & 2) != 0 ? 2 : 64;
    config.tcp.held_bytes = (limits & 4) != 0 ? 4096 : 64 << 10;
    config.tcp.held_bytes_per_flow = (limits & 4) != 0 ? 3000 : 32 << 10;
    config.tcp.held_blocks_per_flow = (limits & 4) != 0 ? 3 : 32;
    config.tcp.max_distance = (limits & 8) != 0 ? 2000 : 16 << 20;
    config.tcp.idle_timeout_ns = 20 * tcp::second_ns;
    config.tcp.opening_timeout_ns = config.tcp.linger_ns = 5 * tcp::second_ns;
    config.http.max_requests = (limits & 16) != 0 ? 1 : 16;
    config.http.max_head = (limits & 32) != 0 ? 5000 : 16 << 10;
    config.http.large_heads = 1;
    config.http.max_body = (limits & 32) != 0 ? 3000 : 1 << 20;
    config.http.oversize = (limits & 64) != 0 ? http::Oversize::drop : http::Oversize::truncate;
    config.buffer_bytes = (limits & 128) != 0 ? 4 * Worker::block_bytes : 64 * Worker::block_bytes;
    config.record_bodies = true;
    return config;
}

// The other end of a channel.
class Output {
  public:
    Output(Form form, std::size_t slots, std::size_t quota) : form_(form), quota_(quota), channel_(slots, quota) {}

    // Takes at most `most` slots and gives all back, or keeps them for later.
    void turn(std::size_t most, bool give_back) {
        for (Slot slot; most != 0 && channel_.take(slot); --most) {
            check_slot(slot);
            ++taken_;
            kept_.push_back(slot);
        }
        if (!give_back) return;
        for (const Slot& slot : kept_) {
            channel_.give_back(slot);
            sending_.add(Counter::written);
        }
        kept_.clear();
    }
    void finish() {
        turn(~std::size_t{0}, true);
        check(channel_.waiting() == 0, "a slot waits");
        check(taken_ == channel_.handing()[Counter::handed_off], "handed_off is not the number of slots taken");
    }

    // Once the worker has taken everything back, the whole quota is there again.
    void check_quota() {
        const Slot slot{.blocks = static_cast<std::uint32_t>(quota_)};
        check(channel_.offer(slot) == Counter::handed_off, "a part of the quota is gone");
    }

    [[nodiscard]] pipeline::OutputLink link() { return {form_, &channel_}; }
    [[nodiscard]] Ledger::Output ledger() const {
        Ledger::Output entry{form_ == Form::wire ? "wire" : "record", channel_.handing().read()};
        entry.values += sending_.read();
        return entry;
    }

  private:
    void check_slot(const Slot& slot) const {
        std::string text;
        std::uint32_t blocks = 0;
        for (const Block* block = slot.first; block != nullptr; block = block->next, ++blocks) {
            text += as_text(block->bytes());
        }
        check(text.size() == slot.bytes, "a slot doesn't have as many bytes as it says");
        check(blocks == slot.blocks, "a slot doesn't have as many blocks as it says");
        if (form_ == Form::wire) return;  // the target wire reads it
        const auto is_ascii = [](char c) { return c >= 0x20 && static_cast<unsigned char>(c) < 0x80; };
        const bool line =
            text.starts_with('{') && text.ends_with("}\n") && std::all_of(text.begin(), text.end() - 1, is_ascii);
        if (!line) fail("not a line of JSON: " + printable(text));
    }

    Form form_;
    std::size_t quota_;
    Channel channel_;
    Counters sending_;
    std::vector<Slot> kept_;
    std::uint64_t taken_ = 0;
};

// The frames of a burst, which are gone after it.
class Burst {
  public:
    void add(Bytes bytes, std::uint64_t time_ns) {
        copies_.emplace_back(bytes);
        frames_.push_back({copies_.back().bytes(), time_ns});
    }
    [[nodiscard]] bool full() const { return frames_.size() == Worker::max_burst; }
    void flush(Worker& worker) {
        worker.on_burst(frames_);
        frames_.clear();
        copies_.clear();
    }

  private:
    std::vector<Copy> copies_;
    std::vector<packet::Frame> frames_;
};

// Connection and direction in a byte, flags in the next, then a place in the stream and the payload.
test::Octets made_frame(Input& input) {
    const std::uint8_t which = input.byte();
    const std::uint8_t flags = input.byte();
    const std::uint32_t isn = which * 0x20000000u - 100;  // of half of them, the sequence wraps soon
    const std::uint32_t seq = isn + input.word();
    const auto client = static_cast<std::uint16_t>(1024 + (which & 7));
    const std::uint16_t server = 80;
    const bool to_server = (which & 8) == 0;
    return test::PacketBuilder()
        .eth()
        .ipv4()
        .udp()
        .vxlan({.vni = which & 1u})
        .eth()
        .ipv4({.from = to_server ? 0x0b000001u : 0x0a000002u, .to = to_server ? 0x0a000002u : 0x0b000001u})
        .tcp({.from = to_server ? client : server, .to = to_server ? server : client, .seq = seq, .flags = flags})
        .payload(as_text(input.take(input.byte())))
        .build();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > longest_input) return 0;
    Input input(data, size);
    const WorkerConfig config = small_config(input.byte());
    const std::uint8_t room = input.byte();
    const auto slots = [room](int bit) { return (room & bit) != 0 ? std::size_t{1} : std::size_t{256}; };
    std::array<Output, 3> outputs{Output(Form::wire, slots(1), std::size_t{room} >> 4),
        Output(Form::record, slots(2), 64), Output(Form::wire, slots(4), 64)};
    Worker worker(config, {outputs[0].link(), outputs[1].link(), outputs[2].link()});

    constexpr std::uint64_t second = tcp::second_ns;
    constexpr std::array<std::uint64_t, 8> steps{
        0, 1000, second / 1000, second / 10, second + 1, 6 * second, 21 * second, 0};
    std::uint64_t now_ns = 1'700'000'000 * second;
    Burst burst;
    while (!input.empty()) {
        const std::uint8_t operation = input.byte();
        now_ns += steps[operation >> 5];
        switch (operation & 7) {
        case 0:
        case 1: burst.add(input.take(input.word()), now_ns); break;
        case 2:
        case 3:
        case 4: burst.add(made_frame(input), now_ns); break;
        case 5: burst.flush(worker); break;
        case 6: worker.on_tick(now_ns); break;
        default: {
            const std::uint8_t most = input.byte();
            outputs[(operation >> 3 & 3) % outputs.size()].turn(most & 127, (most & 128) != 0);
        }
        }
        if (burst.full()) burst.flush(worker);
        check(worker.flows() <= config.tcp.max_flows, "more flows than the limit");
    }
    burst.flush(worker);
    worker.drain();
    check(worker.flows() == 0, "a flow is left");
    for (Output& output : outputs) output.finish();
    worker.reclaim();
    check(worker.blocks_in_use() == 0, "a block is left");
    Ledger ledger;
    ledger.workers = worker.counters().read();
    for (const Output& output : outputs) ledger.outputs.push_back(output.ledger());
    check_laws(ledger);
    for (Output& output : outputs) output.check_quota();
    return 0;
}
