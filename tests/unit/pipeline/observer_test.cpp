// SPDX-License-Identifier: Apache-2.0
// What an observer is told, and when: of chunks and segments behind what they did, in bursts, ticks and drains, and of
// the connection that is evicted as well as of the one that takes its place.
#include "pipeline/observer.h"

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/worker.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::test;

namespace {

constexpr std::uint8_t syn = 0x02, rst = 0x04, ack = 0x10;
constexpr std::string_view request = "GET / HTTP/1.1\r\n\r\n";  // 18 bytes

// Each line ends with the requests that have ended so far, and the connections.
class Diary : public pipeline::Observer {
  public:
    explicit Diary(const Counters& counters) : counters_(counters) {}

    void on_chunk(const packet::FlowKey& key, packet::Side sender, const tcp::StreamChunk& chunk) noexcept override {
        constexpr const char* kinds[] = {"open", "data", "gap", "close"};
        add(std::to_string(key.endpoint(sender).port) + ' ' + kinds[static_cast<std::size_t>(chunk.kind)] + " at " +
            std::to_string(chunk.offset));
    }
    void on_segment(const packet::Segment& segment) noexcept override {
        add("segment of " + std::to_string(segment.payload.size()));
    }

    std::vector<std::string> lines;

  private:
    void add(const std::string& what) {
        const std::uint64_t ended = counters_[Counter::requests_rebuilt] + counters_[Counter::requests_lost_to_gap];
        lines.push_back(what + ": " + std::to_string(ended) + ", " + std::to_string(counters_[Counter::flows_opened]));
    }

    const Counters& counters_;
};

Octets segment(std::uint16_t port, std::uint32_t seq, std::string_view text, std::uint8_t flags = ack) {
    return PacketBuilder().eth().ipv4().tcp({.from = port, .seq = seq, .flags = flags}).payload(text).build();
}

}  // namespace

TEST_CASE("an observer is told of chunks and segments, behind what they did", "[worker]") {
    pipeline::WorkerConfig config;
    config.decap.accept_plain = true;
    config.tcp.max_flows = 1;
    config.tcp.held_bytes = 1 << 20;
    config.buffer_bytes = 1 << 20;
    pipeline::Worker worker(config, {});
    Diary diary(worker.counters());
    worker.observe(diary);

    const std::string text = std::string(request) + "GET";
    const std::vector<Octets> bytes{
        segment(1000, 0, "", syn), segment(1000, 1, text), segment(1000, 30, "lost"), segment(2000, 5, "no flow", rst)};
    std::vector<packet::Frame> burst;
    for (const Octets& frame : bytes) burst.push_back({frame, 1});
    worker.on_burst(burst);
    worker.on_tick(2 * tcp::second_ns);
    const Octets other = segment(2000, 0, request);
    const std::vector<packet::Frame> second{{other, 3 * tcp::second_ns}};
    worker.on_burst(second);
    worker.drain();

    CHECK(diary.lines == std::vector<std::string>{
                             "1000 open at 0: 0, 1",
                             "segment of 0: 0, 1",
                             "1000 data at 0: 1, 1",
                             "segment of 21: 1, 1",
                             "segment of 4: 1, 1",
                             "segment of 7: 1, 1",
                             "1000 gap at 21: 2, 1",
                             "1000 data at 29: 2, 1",
                             "1000 close at 33: 2, 1",
                             "segment of 18: 2, 2",
                             "2000 open at 0: 2, 2",
                             "2000 data at 0: 3, 2",
                             "2000 close at 18: 3, 2",
                         });
}
