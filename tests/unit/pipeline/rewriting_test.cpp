// SPDX-License-Identifier: Apache-2.0
// A worker with rules: they hold for outputs of either form, and each field is counted once, however many outputs there
// are.
#include "forward/rewriting.h"

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/worker.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::test;
using Action = forward::FieldRule::Action;
using forward::Form;

TEST_CASE("rules hold for every output, and what they hide is counted once", "[worker]") {
    pipeline::WorkerConfig config;
    config.decap.accept_plain = true;
    config.tcp.max_flows = 16;
    config.tcp.held_bytes = 1 << 20;
    config.buffer_bytes = 1 << 20;
    config.rewriting.set_rules(Action::set, std::vector<std::string>{"X-Stage: test"});
    config.rewriting.set_rules(Action::remove, std::vector<std::string>{"Cookie"});
    config.rewriting.set_rules(Action::redact, std::vector<std::string>{"Authorization", "X-A"});
    forward::Channel wires(16, 64), more_wires(16, 64), records(16, 64);
    pipeline::Worker worker(config, {{Form::wire, &wires}, {Form::record, &records}, {Form::wire, &more_wires}});

    constexpr std::uint8_t syn = 0x02;
    const Octets frame = PacketBuilder()
                             .eth()
                             .ipv4()
                             .tcp({.from = 1000, .seq = 0, .flags = syn})
                             .payload("POST / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nAuthorization: secret\r\n"
                                      "x-stage: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "0\r\nX-A: secret\r\ncookie: secret\r\nX-B: c\r\n\r\n"
                                      "GET / HTTP/1.1\r\nHost: a\r\nCOOKIE: secret\r\n\r\n")
                             .build();
    const std::vector<packet::Frame> burst{{frame, 1}};
    worker.on_burst(burst);
    CHECK(worker.counters()[Counter::requests_rebuilt] == 2);
    CHECK(worker.counters()[Counter::request_fields_removed] == 3);
    CHECK(worker.counters()[Counter::request_fields_redacted] == 2);
    for (forward::Channel* channel : {&wires, &more_wires, &records}) {
        std::string text;
        for (forward::Slot slot; channel->take(slot); channel->give_back(slot)) {
            for (const Block* block = slot.first; block != nullptr; block = block->next)
                text += as_text(block->bytes());
        }
        INFO(text);
        CHECK(text.find("Host") != text.npos);
        CHECK(text.find("secret") == text.npos);
        CHECK(text.find("xxxxxx") != text.npos);
        CHECK((text.find("X-Stage: test") != text.npos) == (channel != &records));
        CHECK((text.find("x-stage") != text.npos) == (channel == &records));
    }
    worker.drain();
}
