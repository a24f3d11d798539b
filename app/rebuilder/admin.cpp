// SPDX-License-Identifier: Apache-2.0
#include "admin.h"

#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <thread>

#include "base/error.h"
#include "metrics.h"
#include "status_page.h"

namespace rebuilder {

struct Admin::State {
    Sources sources;
    std::atomic<bool> draining{false};
};

// One address with its server and the thread that accepts.
class Admin::Listener {
  public:
    using Handler = std::function<void(httplib::Response&)>;

    Listener(const char* option, const std::string& address, std::map<std::string, Handler> pages)
        : pages_(std::move(pages)) {
        const std::size_t colon = address.rfind(':');
        std::string host = address.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        const int port = std::stoi(address.substr(colon + 1));

        server_.new_task_queue = [] { return new httplib::ThreadPool(2); };
        server_.set_keep_alive_max_count(1);
        server_.set_read_timeout(2);
        server_.set_write_timeout(2);
        server_.set_payload_max_length(1024);
        server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
            const auto page = pages_.find(request.path);
            if (page == pages_.end() || (request.method != "GET" && request.method != "HEAD")) {
                response.status = 405;
            } else {
                response.status = 200;
                response.set_header("Cache-Control", "no-store");
                response.set_header("X-Content-Type-Options", "nosniff");
                page->second(response);
            }
            return httplib::Server::HandlerResponse::Handled;
        });
        errno = 0;
        if (!server_.bind_to_port(host.c_str(), port)) {
            throw Error(ExitStatus::runtime, fmt::format("{}: cannot listen on {}: {}", option, address,
                                                 std::strerror(errno != 0 ? errno : EADDRNOTAVAIL)));
        }
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        // stop() before the loop runs would be lost.
        while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    ~Listener() {
        server_.stop();
        thread_.join();
    }

    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

  private:
    std::map<std::string, Handler> pages_;
    httplib::Server server_;
    std::thread thread_;
};

Admin::Admin(const Config& config, Sources sources) : state_(std::make_shared<State>()) {
    state_->sources = std::move(sources);
    const auto state = state_;
    if (config.health_listen != "none") {
        health_ = std::make_unique<Listener>("--health-listen", config.health_listen,
            std::map<std::string, Listener::Handler>{
                {"/-/healthcheck",
                    [state](httplib::Response& response) {
                        const std::string reason = state->draining ? "draining" : state->sources.ill_health();
                        response.status = reason.empty() ? 200 : 503;
                        response.set_content(reason.empty() ? "OK" : reason, "text/plain");
                    }},
                {"/-/ping", [](httplib::Response& response) { response.set_content("PONG", "text/plain"); }},
            });
    }
    if (config.admin_listen != "none") {
        admin_ = std::make_unique<Listener>("--admin-listen", config.admin_listen,
            std::map<std::string, Listener::Handler>{
                {"/ledger",
                    [state](httplib::Response& response) {
                        response.set_content(state->sources.ledger().json(), "application/json");
                    }},
                {"/metrics",
                    [state](httplib::Response& response) {
                        response.set_content(metrics_text(state->sources.snapshot()), metrics_type);
                    }},
                {"/status.json",
                    [state](httplib::Response& response) {
                        response.set_content(state->sources.snapshot().json(), "application/json");
                    }},
                {"/status",
                    [](httplib::Response& response) {
                        response.set_content(status_page.data(), status_page.size(), "text/html; charset=utf-8");
                        response.set_header("Content-Security-Policy", std::string(status_page_policy));
                        response.set_header("Referrer-Policy", "no-referrer");
                        response.set_header("Cross-Origin-Opener-Policy", "same-origin");
                        response.set_header("X-Frame-Options", "DENY");
                    }},
            });
    }
}

Admin::~Admin() = default;

void Admin::drain() noexcept {
    state_->draining = true;
}

}  // namespace rebuilder
