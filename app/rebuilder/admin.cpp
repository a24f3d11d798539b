// SPDX-License-Identifier: Apache-2.0
#include "admin.h"

#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "metrics.h"
#include "page_server.h"
#include "status_page.h"

namespace rebuilder {

struct Admin::State {
    Sources sources;
    std::atomic<bool> draining{false};
};

namespace {

std::unique_ptr<PageServer> listen(const char* option, const std::string& address, PageServer::Pages pages) {
    try {
        return std::make_unique<PageServer>(address, std::move(pages));
    } catch (const std::system_error& error) {
        throw Error(ExitStatus::runtime,
            fmt::format("{}: cannot listen on {}: {}", option, address, std::strerror(error.code().value())));
    }
}

}  // namespace

Admin::Admin(const Config& config, Sources sources) : state_(std::make_shared<State>()) {
    state_->sources = std::move(sources);
    const auto state = state_;
    if (config.health_listen != "none") {
        health_ = listen("--health-listen", config.health_listen,
            {
                {"/-/healthcheck",
                    [state] {
                        const std::string reason = state->draining ? "draining" : state->sources.ill_health();
                        return Page{
                            .status = reason.empty() ? 200 : 503, .body = reason.empty() ? "OK" : reason, .fields = {}};
                    }},
                {"/-/ping", [] { return Page{.body = "PONG", .fields = {}}; }},
            });
    }
    if (config.admin_listen != "none") {
        constexpr const char* json = "application/json";
        admin_ = listen("--admin-listen", config.admin_listen,
            {
                {"/ledger",
                    [state] { return Page{.type = json, .body = state->sources.ledger().json(), .fields = {}}; }},
                {"/metrics",
                    [state] {
                        return Page{
                            .type = metrics_type, .body = metrics_text(state->sources.snapshot()), .fields = {}};
                    }},
                {"/status.json",
                    [state] { return Page{.type = json, .body = state->sources.snapshot().json(), .fields = {}}; }},
                {"/status",
                    [] {
                        return Page{.type = "text/html; charset=utf-8",
                            .body = std::string(status_page),
                            .fields = {{"Content-Security-Policy", status_page_policy},
                                {"Referrer-Policy", "no-referrer"}, {"Cross-Origin-Opener-Policy", "same-origin"},
                                {"X-Frame-Options", "DENY"}}};
                    }},
            });
    }
}

Admin::~Admin() = default;

void Admin::drain() noexcept {
    state_->draining = true;
}

}  // namespace rebuilder
