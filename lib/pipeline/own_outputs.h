// SPDX-License-Identifier: Apache-2.0
// OwnOutputs: the addresses that this appliance sends to, so that it can tell its own traffic.
//
// In:    the boards of the outputs; refresh(), now and then, to take in what changed on them.
// Out:   holds(): whether an endpoint is one of theirs.
// A mirror that shows what is sent to an output would make each request come round again, for ever. That is told by the
// address alone: a mark in the request could be forged, and would hide it from the analyser.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "forward/endpoint_board.h"
#include "packet/flow_key.h"

namespace rebuilder::pipeline {

class OwnOutputs {
  public:
    // Not after the first refresh(). The board outlives this.
    void add(const forward::EndpointBoard& board) { outputs_.push_back({&board}); }

    void refresh() noexcept {
        for (Output& each : outputs_) {
            if (each.board->read(each.version, each.endpoints, each.count)) look_at_ports();
        }
    }

    [[nodiscard]] bool holds(const packet::Endpoint& endpoint) const noexcept {
        if ((ports_ >> (endpoint.port % 64) & 1) == 0) return false;
        for (const Output& each : outputs_) {
            for (std::size_t i = 0; i < each.count; ++i) {
                if (each.endpoints[i] == endpoint) return true;
            }
        }
        return false;
    }

  private:
    struct Output {
        const forward::EndpointBoard* board;
        std::uint64_t version = 0;
        std::size_t count = 0;
        std::array<packet::Endpoint, forward::EndpointBoard::capacity> endpoints{};
    };

    void look_at_ports() noexcept {
        ports_ = 0;
        for (const Output& each : outputs_) {
            for (std::size_t i = 0; i < each.count; ++i) ports_ |= std::uint64_t{1} << (each.endpoints[i].port % 64);
        }
    }

    std::vector<Output> outputs_;
    std::uint64_t ports_ = 0;  // a bit for each port that some endpoint may have
};

}  // namespace rebuilder::pipeline
