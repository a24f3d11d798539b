// SPDX-License-Identifier: Apache-2.0
// What is kept of DPDK's log as the reason of a failure.
#include "nic/eal_log.h"

#include <rte_log.h>

#include "support/catch.h"

using namespace rebuilder::nic;

TEST_CASE("the first error is the reason, without its decoration") {
    const EalLog log(false);
    EalLog::forget();
    CHECK(EalLog::first_error().empty());
    rte_log(RTE_LOG_WARNING, RTE_LOGTYPE_EAL, "EAL: not yet an error\n");
    CHECK(EalLog::first_error().empty());
    rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "EAL: Cannot open device 5: busy\n");
    rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "EAL: Bus (vdev) probe failed.\n");
    CHECK(EalLog::first_error() == "Cannot open device 5: busy");
    EalLog::forget();
    rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "open_it(): No such file.\n");
    CHECK(EalLog::first_error() == "No such file");
    EalLog::forget();
    rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "Couldn't open a.pcap: unknown\n");
    CHECK(EalLog::first_error() == "Couldn't open a.pcap: unknown");
}
