// SPDX-License-Identifier: Apache-2.0
// Reload: the configuration, read again while the appliance runs (SIGHUP).
//
// In:    a Config, read from the same command line, environment and file as at start.
// Out:   all of it in force, or nothing of it, with a sentence why: a value that can't be used, or an option that can't change
//        while it runs. Frames, flows and requests under way don't notice; each worker goes over between two bursts.
// Steps: the new outputs and settings are made; the workers take them; what outputs are gone send what they have; their
//        blocks come home. A reload that is asked for meanwhile waits.
// Runs on the control thread: step() does what can be done without waiting.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config.h"
#include "log.h"
#include "outputs.h"
#include "pipeline/worker.h"

namespace rebuilder {

struct ConfigChanges {
    std::vector<std::string> names;  // of the options that differ
    bool connections = false;        // those of outputs among them: they are made anew
};

// Throws Error (usage) that names an option which differs and can't change while it runs.
[[nodiscard]] ConfigChanges compare(const Config& before, const Config& after);

class Reload {
  public:
    // `config` is the one in force, and is replaced. All of it outlives this.
    Reload(Config& config, std::function<Config()> read, Outputs& outputs, Outputs::Workers workers, Log& log)
        : config_(config)
        , read_(std::move(read))
        , outputs_(outputs)
        , workers_(workers)
        , log_(log) {}

    void request() noexcept { requested_ = true; }
    void step();
    // Whether one is asked for, or under way.
    [[nodiscard]] bool busy() const noexcept { return requested_ || stage_ != Stage::idle; }
    // The workers' threads have ended: does at once what is left to do.
    void finish();

  private:
    enum class Stage : std::uint8_t { idle, taking, retiring, returning };

    void begin();
    void apply(const Config& next, const ConfigChanges& changes);

    Config& config_;
    std::function<Config()> read_;
    Outputs& outputs_;
    Outputs::Workers workers_;
    Log& log_;
    bool requested_ = false;
    Stage stage_ = Stage::idle;
    std::string what_;  // changes
    std::vector<bool> returned_;
};

}  // namespace rebuilder
