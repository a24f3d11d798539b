// SPDX-License-Identifier: Apache-2.0
// Admin: what others may ask a running appliance over HTTP, each listener on a thread of its own (page_server.h).
//
// --health-listen   GET /-/healthcheck   200 OK, or 503 and the reason while this instance should get no traffic
//                   GET /-/ping          200 PONG
// --admin-listen    GET /ledger          every counter and law as JSON
//                   GET /metrics         the same for Prometheus (metrics.h)
//                   GET /status.json     what the appliance is doing now (snapshot.h)
//                   GET /status          the same as a page for people (status_page.h)
// Anything else is 405, as load balancers' probes of the old system expect. A dead output does not fail the health
// check: sending the mirror elsewhere would not help. Only counters and flags are read; the line never notices.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/ledger.h"
#include "config.h"
#include "page_server.h"
#include "snapshot.h"

namespace rebuilder {

class Admin {
  public:
    struct Sources {
        std::function<Ledger()> ledger;
        std::function<std::string()> ill_health;  // empty: fine
        std::function<Snapshot()> snapshot;
    };

    // Listens. Throws Error (runtime) that names the address which can't be had.
    Admin(const Config& config, Sources sources);
    ~Admin();
    Admin(const Admin&) = delete;
    Admin& operator=(const Admin&) = delete;

    // From now on the health check says so, whatever the sources say.
    void drain() noexcept;

  private:
    struct State;
    std::shared_ptr<State> state_;
    std::unique_ptr<PageServer> health_;
    std::unique_ptr<PageServer> admin_;
};

}  // namespace rebuilder
