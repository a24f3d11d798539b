// SPDX-License-Identifier: Apache-2.0
#include "port_watch.h"

#include <utility>

#include <fmt/format.h>

namespace rebuilder {

PortWatch::PortWatch(std::vector<nic::Port>& ports) : ports_(ports) {
    for (const nic::Port& port : ports) {
        links_.push_back(port.link_up());
        if (!port.link_up()) tell_link(links_.size() - 1);
    }
}

void PortWatch::look(bool links_too) {
    for (std::size_t i = 0; i < ports_.size() && end_.empty(); ++i) {
        nic::Port& port = ports_[i];
        if (port.failed()) {
            end_ = fmt::format("{}: the device is gone", port.name());
        } else if (port.wants_reset()) {
            reset(port);
        }
        look_at_link(i, links_too);
    }
}

void PortWatch::look_at_link(std::size_t i, bool anyway) {
    nic::Port& port = ports_[i];
    if (anyway || port.link_changed()) port.look_at_link();
    if (port.link_up() == links_[i]) return;
    links_[i] = port.link_up();
    tell_link(i);
}

void PortWatch::tell_link(std::size_t i) {
    const std::string& name = ports_[i].name();
    if (links_[i]) {
        news_.push_back({LogLevel::info, "link_up", fmt::format("{}: the link is up", name), name});
    } else {
        news_.push_back({LogLevel::warning, "link_down", fmt::format("{}: the link is down", name), name});
    }
}

void PortWatch::reset(nic::Port& port) {
    const std::string why_not = port.reset();
    if (!why_not.empty()) {
        end_ = fmt::format("{}: the device wants a reset, which failed: {}", port.name(), why_not);
        return;
    }
    counters_.add(Counter::port_resets);
    news_.push_back({LogLevel::warning, "port_reset",
        fmt::format("{}: the device wanted a reset and was started again", port.name()), port.name()});
}

std::vector<PortNews> PortWatch::take_news() {
    return std::exchange(news_, {});
}

}  // namespace rebuilder
