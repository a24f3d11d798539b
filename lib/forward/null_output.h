// SPDX-License-Identifier: Apache-2.0
// NullOutput: every slot is given back from within submit(), as Counter::written. Nothing is ever pending.
#pragma once

#include <utility>

#include "forward/output.h"

namespace rebuilder::forward {

class NullOutput final : public Output {
  public:
    explicit NullOutput(Done done) : done_(std::move(done)) {}

    [[nodiscard]] bool ready() const noexcept override { return true; }
    void submit(const Slot& slot, std::uint32_t channel, std::uint64_t now_ns) noexcept override;
    void poll(std::uint64_t now_ns, std::uint64_t timeout_ns) noexcept override;
    [[nodiscard]] std::size_t pending() const noexcept override { return 0; }
    void abandon() noexcept override {}
    [[nodiscard]] std::string trouble() const override { return {}; }

  private:
    Done done_;
};

}  // namespace rebuilder::forward
