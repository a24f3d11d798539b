// SPDX-License-Identifier: Apache-2.0
// Settings: what of a worker may change while it runs: which frames it looks at, which requests it selects, how it rewrites
// them, its time and body limits, and the outputs it hands them to. What memory is mapped for, and what holds its flows
// together, is not in it.
//
// Made whole by the control thread, which alone allocates, compiles expressions and throws; then given to the worker, which
// takes it between two bursts (Worker::change). No flow and no request in assembly is touched by that.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/siphash.h"
#include "forward/handoff.h"
#include "forward/output.h"
#include "forward/record.h"
#include "forward/rewriting.h"
#include "forward/selection.h"
#include "http/limits.h"
#include "packet/decap.h"
#include "pipeline/own_outputs.h"
#include "tcp/limits.h"

namespace rebuilder::pipeline {

struct WorkerConfig {
    packet::DecapConfig decap;
    packet::FragmentLimits fragments;
    tcp::Limits tcp;
    http::Limits http;
    forward::Rewriting rewriting;
    HashSecret secret;
    std::size_t buffer_bytes = 128 << 20;  // requests in assembly and on their way out
    bool record_bodies = false;
    forward::SelectionConfig selection;
    std::uint64_t seed = 0;  // of what is drawn by lot
};

// One output, seen from a worker. The channel outlives the worker's use of it.
struct OutputLink {
    forward::Form form;
    forward::Channel* channel;
    const forward::EndpointBoard* addresses = nullptr;  // where it sends to, if it does
    std::size_t quota_blocks = 0;                       // of the channel from now on; 0: as it is
};

struct Settings {
    // Throws what Selection and RecordWriter throw.
    Settings(const WorkerConfig& config, std::vector<OutputLink> output_links);

    [[nodiscard]] bool has(const forward::Channel* channel) const noexcept;

    tcp::Limits tcp;    // of these, what Reassembler::adopt() takes
    http::Limits http;  // and HttpStage::adopt()
    packet::Decapsulator decapsulator;
    forward::Selection selection;
    forward::Rewriting rewriting;
    std::vector<OutputLink> outputs;
    std::optional<forward::RecordWriter> record_writer;  // some output wants records
    OwnOutputs own_outputs;
    bool wires = false;  // some output wants the wire form
};

}  // namespace rebuilder::pipeline
