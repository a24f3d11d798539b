// SPDX-License-Identifier: Apache-2.0
#include "reload.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "config_print.h"

namespace rebuilder {

ConfigChanges compare(const Config& before, const Config& after) {
    ConfigChanges changes;
    for (const Option& option : option_table()) {
        const Values was = option.get(before);
        const Values is = option.get(after);
        if (was == is) continue;
        if (option.change == Option::Change::restart) {
            throw Error(ExitStatus::usage,
                fmt::format("--{} can't change while it runs: it is {}, and would be {}; restart for that", option.name,
                    fmt::join(was, " "), fmt::join(is, " ")));
        }
        changes.names.emplace_back(option.name);
        changes.connections = changes.connections || option.change == Option::Change::connections;
    }
    return changes;
}

void Reload::step() {
    const auto all = [this](auto test) { return std::all_of(workers_.begin(), workers_.end(), test); };
    switch (stage_) {
    case Stage::idle:
        if (std::exchange(requested_, false)) begin();
        return;
    case Stage::taking:
        if (!all([](const auto& worker) { return worker->changed(); })) return;
        log_.write(LogLevel::info, "reloaded", fmt::format("reloaded: {}", what_), {{"changed", what_}});
        outputs_.retire(config_.drain_timeout_ns);
        stage_ = Stage::retiring;
        return;
    case Stage::retiring:
        if (!outputs_.retired()) return;
        returned_.assign(workers_.size(), false);
        stage_ = Stage::returning;
        return;
    case Stage::returning:
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            if (!returned_[i]) returned_[i] = workers_[i]->retire() != nullptr;
        }
        if (std::find(returned_.begin(), returned_.end(), false) != returned_.end()) return;
        outputs_.forget();
        stage_ = Stage::idle;
        return;
    }
}

void Reload::begin() {
    try {
        const Config next = read_();
        const ConfigChanges changes = compare(config_, next);
        const bool certificates =
            std::ranges::any_of(next.outputs, [](const forward::OutputSpec& spec) { return spec.tls; });
        if (changes.names.empty() && !certificates) {
            log_.write(LogLevel::info, "reload_same", "nothing to reload: the configuration is the one in force");
            return;
        }
        apply(next, changes);
    } catch (const std::exception& error) {
        log_.write(LogLevel::error, "reload_refused", fmt::format("not reloaded, all stays as it is: {}", error.what()),
            {{"why", error.what()}});
    }
}

void Reload::apply(const Config& next, const ConfigChanges& changes) {
    outputs_.change(next, changes.connections);
    // Its rules were tried when it was read, so making these can't fail where making the first ones did not.
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->change(
            std::make_unique<pipeline::Settings>(worker_config(next, workers_.size()), outputs_.links(i)));
    }
    config_ = next;
    log_.set(config_.log_format, config_.log_level);
    what_ = changes.names.empty() ? "certificates" : fmt::format("{}", fmt::join(changes.names, ", "));
    stage_ = Stage::taking;
}

void Reload::finish() {
    if (stage_ == Stage::idle) return;
    for (const auto& worker : workers_) worker->take_change();
    if (stage_ == Stage::taking) outputs_.retire(config_.drain_timeout_ns);
    outputs_.await_retirement();
    for (const auto& worker : workers_) {
        worker->take_change();
        (void)worker->retire();
    }
    outputs_.forget();
    stage_ = Stage::idle;
}

}  // namespace rebuilder
