// SPDX-License-Identifier: Apache-2.0
// EAL's arguments: lcores, memory, devices, and whose word counts.
#include "nic/eal_plan.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::nic;

namespace {

constexpr std::uint64_t megabyte = 1u << 20;

Host host(std::vector<unsigned> cpus, std::uint64_t total_2m_pages = 0, std::uint64_t free_2m_pages = 0) {
    return {std::move(cpus), {{2 * megabyte, total_2m_pages, free_2m_pages}, {1024 * megabyte, 0, 0}}};
}

EalOptions options(const std::string& spec) {
    EalOptions options;
    options.devices = {make_device(parse_input(spec), 0, 1)};
    options.buffer_bytes = 36 * megabyte;  // 100 MB with EAL's own
    return options;
}

bool has(const EalPlan& plan, const std::string& argument) {
    return std::ranges::find(plan.arguments, argument) != plan.arguments.end();
}

// The argument behind `name`, or "".
std::string value(const EalPlan& plan, const std::string& name) {
    const auto found = std::ranges::find(plan.arguments, name);
    return found == plan.arguments.end() || found + 1 == plan.arguments.end() ? "" : *(found + 1);
}

}  // namespace

TEST_CASE("workers own the highest CPUs, everything else shares the rest") {
    CHECK(plan_lcores(std::vector<unsigned>{0, 1, 2, 3}, 2) == "0@(0,1),1@2,2@3");
    CHECK(plan_lcores(std::vector<unsigned>{0, 1}, 1) == "0@(0),1@1");
    CHECK(plan_lcores(std::vector<unsigned>{4, 9, 200}, 2) == "0@(4),1@9,2@200");
}

TEST_CASE("without a CPU to spare all threads float over all CPUs") {
    CHECK(plan_lcores(std::vector<unsigned>{0, 1}, 2) == "0@(0,1),1@(0,1),2@(0,1)");
    CHECK(plan_lcores(std::vector<unsigned>{5}, 1) == "0@(5),1@(5)");
    CHECK(plan_lcores(std::vector<unsigned>{0, 1}, 3) == "0@(0,1),1@(0,1),2@(0,1),3@(0,1)");
}

TEST_CASE("workers are put on the NUMA node of their device, as far as it has CPUs") {
    EalOptions wanted = options("vdev:net_ring0");
    wanted.workers = 2;
    Host two = host({0, 1, 2, 3, 4, 5});
    two.nodes = {0, 0, 0, 1, 1, 1};
    CHECK(value(plan_eal(wanted, two), "--lcores") == "0@(0,1,2,3),1@4,2@5");
    wanted.node = 0;
    CHECK(value(plan_eal(wanted, two), "--lcores") == "0@(3,4,5,0),1@1,2@2");
    wanted.workers = 4;
    CHECK(value(plan_eal(wanted, two), "--lcores") == "0@(3,4),1@5,2@0,3@1,4@2");
    wanted.node = 7;
    wanted.workers = 1;
    CHECK(value(plan_eal(wanted, two), "--lcores") == "0@(0,1,2,3,4),1@5");
}

TEST_CASE("the lcores are the plan's, the option's or the operator's") {
    EalOptions wanted = options("vdev:net_ring0");
    wanted.workers = 2;
    CHECK(value(plan_eal(wanted, host({0, 1, 2})), "--lcores") == "0@(0),1@1,2@2");
    wanted.lcores = "0@0,(1-2)@1";
    CHECK(value(plan_eal(wanted, host({0, 1, 2})), "--lcores") == "0@0,(1-2)@1");
    wanted.lcores.clear();
    for (const std::string mine : {"-l0-2", "-l", "--lcores=0-2", "-c7"}) {
        CAPTURE(mine);
        wanted.extra = {mine};
        CHECK_FALSE(has(plan_eal(wanted, host({0, 1, 2})), "--lcores"));
    }
    wanted.extra = {"--legacy-mem", "--log-level=debug"};
    CHECK(has(plan_eal(wanted, host({0, 1, 2})), "--lcores"));
}

TEST_CASE("a map has an lcore for each worker") {
    EalOptions wanted = options("vdev:net_ring0");
    const auto [map, workers] = GENERATE(table<std::string, unsigned>({
        {"0@0", 0},
        {"0@0,0@1", 0},
        {"0@(0-7)", 0},
        {"0,1", 1},
        {"0@0,1@(2,3)", 1},
        {"(0,1)@(4,5)", 1},
        {"0-3", 3},
        {"3-0@1", 3},
        {"1,2@(5-7),(3-5)@(0,2),(0,6),7-8", 8},
    }));
    CAPTURE(map);
    wanted.lcores = map;
    wanted.workers = std::max(workers, 1u);
    if (workers != 0) CHECK(value(plan_eal(wanted, host({0, 1})), "--lcores") == map);
    wanted.workers = workers + 1;
    try {
        (void)plan_eal(wanted, host({0, 1}));
        FAIL("was not refused");
    } catch (const Error& error) {
        CHECK(error.exit_status == ExitStatus::usage);
        CHECK(error.what() == "--lcores gives " + std::to_string(workers) + " worker lcores beside the main one, " +
                                  std::to_string(workers + 1) + " are needed");
    }
}

TEST_CASE("a map that can't be read is left to EAL") {
    EalOptions wanted = options("vdev:net_ring0");
    wanted.workers = 3;
    for (const std::string map : {"0-", "0--1", "9999999999999999999999", "0-5000"}) {
        CAPTURE(map);
        wanted.lcores = map;
        CHECK(value(plan_eal(wanted, host({0, 1})), "--lcores") == map);
    }
}

TEST_CASE("hugepages are used when enough of them are free") {
    const EalPlan plan = plan_eal(options("dpdk:0000:00:06.0"), host({0, 1}, 60, 50));
    CHECK(has(plan, "--in-memory"));
    CHECK_FALSE(has(plan, "--no-huge"));
    CHECK(plan.hint.empty());
}

TEST_CASE("without hugepages kernel interfaces and files still work, and the log says what to do") {
    const EalPlan plan = plan_eal(options("af_packet:eth1"), host({0, 1}, 60, 49));
    CHECK(has(plan, "--no-huge"));
    CHECK(has(plan, "--no-shconf"));
    CHECK(value(plan, "-m") == "100");
    CHECK_FALSE(has(plan, "--in-memory"));
    CHECK(plan.hint.find("echo 61 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages") != std::string::npos);
}

TEST_CASE("a PCI device needs hugepages") {
    try {
        (void)plan_eal(options("dpdk:0000:00:06.0"), host({0, 1}, 10, 10));
        FAIL("was not refused");
    } catch (const Error& error) {
        const std::string sentence = error.what();
        CHECK(error.exit_status == ExitStatus::runtime);
        CHECK(sentence.starts_with("dpdk:0000:00:06.0: 100 MB of hugepages needed, 20 MB free"));
        CHECK(sentence.find("echo 50 > ") != std::string::npos);
    }
}

TEST_CASE("an operator who decides about memory is asked nothing") {
    EalOptions wanted = options("dpdk:0000:00:06.0");
    for (const std::string mine : {"--no-huge", "--huge-dir=/mnt", "-m512", "--legacy-mem", "--in-memory"}) {
        CAPTURE(mine);
        wanted.extra = {mine};
        const EalPlan plan = plan_eal(wanted, host({0, 1}));
        CHECK(std::ranges::count(plan.arguments, mine) == 1);
        CHECK_FALSE(has(plan, "--no-shconf"));
        CHECK(plan.hint.empty());
    }
}

TEST_CASE("PCI is scanned only for a PCI device") {
    CHECK(has(plan_eal(options("pcap:a.pcap"), host({0, 1})), "--no-pci"));
    CHECK_FALSE(has(plan_eal(options("dpdk:00:06.0"), host({0, 1}, 99, 99)), "--no-pci"));
    EalOptions wanted = options("vdev:net_bonding0,member=0000:00:06.0");
    wanted.extra = {"-a", "0000:00:06.0"};
    CHECK_FALSE(has(plan_eal(wanted, host({0, 1})), "--no-pci"));
}

TEST_CASE("devices are passed on, the operator's options come last") {
    EalOptions wanted = options("dpdk:0000:00:06.0");
    wanted.devices.push_back(make_device(parse_input("af_packet:eth1"), 1, 2));
    wanted.extra = {"--log-level=debug"};
    const EalPlan plan = plan_eal(wanted, host({0, 1}, 99, 99));
    CHECK(value(plan, "-a") == "0000:00:06.0");
    CHECK(value(plan, "--vdev").starts_with("net_af_packet1,iface=eth1,qpairs=2,"));
    CHECK(plan.arguments.back() == "--log-level=debug");
}

TEST_CASE("EAL keeps quiet unless it is asked to speak") {
    EalOptions wanted = options("pcap:a.pcap");
    CHECK_FALSE(plan_eal(wanted, host({0, 1})).verbose);
    CHECK(has(plan_eal(wanted, host({0, 1})), "--log-level=warning"));
    wanted.extra = {"--help"};
    CHECK(plan_eal(wanted, host({0, 1})).verbose);
}
