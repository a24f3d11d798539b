// SPDX-License-Identifier: Apache-2.0
#include "pipeline/settings.h"

#include <algorithm>
#include <utility>

namespace rebuilder::pipeline {

Settings::Settings(const WorkerConfig& config, std::vector<OutputLink> output_links)
    : tcp(config.tcp)
    , http(config.http)
    , decapsulator(config.decap)
    , selection(config.selection, config.seed)
    , rewriting(config.rewriting)
    , outputs(std::move(output_links)) {
    for (const OutputLink& output : outputs) {
        if (output.form == forward::Form::wire) {
            wires = true;
        } else if (!record_writer) {
            record_writer.emplace(config.record_bodies);
        }
        if (output.addresses != nullptr) own_outputs.add(*output.addresses);
    }
    own_outputs.refresh();
}

bool Settings::has(const forward::Channel* channel) const noexcept {
    return std::any_of(outputs.begin(), outputs.end(), [=](const OutputLink& each) { return each.channel == channel; });
}

}  // namespace rebuilder::pipeline
