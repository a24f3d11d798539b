// SPDX-License-Identifier: Apache-2.0
// --input SPEC: what is read, what is refused and how, and what DPDK is told.
#include "nic/input.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <pcap/pcap.h>
#include <unistd.h>

#include "base/error.h"
#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::nic;

namespace {

// The sentence with which `action` is refused; empty if it is not.
template <class Action>
std::string refusal(Action&& action, ExitStatus status = ExitStatus::usage) {
    try {
        action();
    } catch (const Error& error) {
        CHECK(error.exit_status == status);
        return error.what();
    }
    return {};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Device device(const std::string& spec, std::uint16_t queues = 1) {
    return make_device(parse_input(spec), 3, queues);
}

// A file that is gone with its test.
class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& name)
        : path_(std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()))) {}
    ~TemporaryFile() { std::filesystem::remove(path_); }
    [[nodiscard]] std::string path() const { return path_; }
    [[nodiscard]] Input input() const { return parse_input("pcap:" + path()); }

  private:
    std::filesystem::path path_;
};

void write_capture(const std::string& path, int link) {
    pcap_t* dead = ::pcap_open_dead(link, 65535);
    pcap_dumper_t* file = ::pcap_dump_open(dead, path.c_str());
    REQUIRE(file != nullptr);
    ::pcap_dump_close(file);
    ::pcap_close(dead);
}

}  // namespace

TEST_CASE("every kind of input is read") {
    CHECK(parse_input("dpdk:0000:00:06.0").kind == InputKind::dpdk);
    CHECK(parse_input("af_xdp:eth1").kind == InputKind::af_xdp);
    CHECK(parse_input("af_packet:eth1").kind == InputKind::af_packet);
    CHECK(parse_input("pcap:/tmp/a:b.pcap").argument == "/tmp/a:b.pcap");
    CHECK(parse_input("vdev:net_ring0,nodeaction=r:0:CREATE").argument == "net_ring0,nodeaction=r:0:CREATE");
    CHECK(parse_input("af_packet:eth1").name == "af_packet:eth1");
}

TEST_CASE("what is no input is refused with the forms that are") {
    for (const std::string spec : {"", "eth1", "raw:eth1", ":eth1", "DPDK:0000:00:06.0"}) {
        const std::string sentence = refusal([&] { (void)parse_input(spec); });
        CAPTURE(spec, sentence);
        CHECK(sentence.starts_with(spec + ": "));
        CHECK(contains(sentence, "af_packet:INTERFACE"));
    }
    CHECK(contains(refusal([] { (void)parse_input("pcap:"); }), "pcap:FILE"));
}

TEST_CASE("a PCI address has to look like one") {
    for (const std::string address : {"eth1", "0000:00:06", "0000:00:06.0.0", "000g:00:06.0", "00-06.0"}) {
        CAPTURE(address);
        CHECK(contains(refusal([&] { (void)parse_input("dpdk:" + address); }), "not a PCI address"));
    }
}

TEST_CASE("names that DPDK would cut at a comma are refused") {
    CHECK(contains(refusal([] { (void)parse_input("pcap:a,b.pcap"); }), "comma"));
}

TEST_CASE("behind an interface stand the arguments of its driver that are for users") {
    const Input input = parse_input("af_xdp:eth1,force_copy=1,busy_budget=0");
    CHECK(input.argument == "eth1");
    CHECK(input.name == "af_xdp:eth1,force_copy=1,busy_budget=0");
    CHECK(device(input.name, 2).eal_value ==
          "net_af_xdp3,iface=eth1,start_queue=0,queue_count=2,force_copy=1,busy_budget=0");
    CHECK(contains(device("af_packet:eth1,framecnt=20000").eal_value, ",framecnt=20004"));  // whole blocks
    CHECK(refusal([] { (void)parse_input("af_packet:eth1,framesz=2048"); }) ==
          "af_packet:eth1,framesz=2048: 'framesz=2048' can't follow the interface; framecnt can");
    CHECK(contains(refusal([] { (void)parse_input("af_xdp:eth1,shared_umem=1"); }),
        "'shared_umem=1' can't follow the interface; busy_budget, force_copy, xdp_prog can"));
    CHECK(contains(refusal([] { (void)parse_input("af_xdp:a,b"); }), "'b' can't follow"));
    CHECK(contains(refusal([] { (void)parse_input("af_xdp:a,"); }), "'' can't follow"));
    CHECK(contains(refusal([] { (void)parse_input("af_xdp:a,force_copy="); }), "force_copy=VALUE"));
    CHECK(contains(refusal([] { (void)parse_input("af_xdp:,force_copy=1"); }), "interface is missing"));
    for (const std::string count : {"0", "many", "10k", "-1", "99999999", "99999999999999999999999"}) {
        CAPTURE(count);
        CHECK(contains(refusal([&] { (void)parse_input("af_packet:eth1,framecnt=" + count); }), "from 1 to"));
    }
}

TEST_CASE("a PCI device is allowed, and found by its full address") {
    CHECK(device("dpdk:0000:00:06.0").eal_option == "-a");
    CHECK(device("dpdk:0000:00:06.0,llq_policy=1").eal_value == "0000:00:06.0,llq_policy=1");
    CHECK(device("dpdk:0000:00:06.0,llq_policy=1").port_name == "0000:00:06.0");
    CHECK(device("dpdk:3B:00.1").port_name == "0000:3b:00.1");
}

TEST_CASE("virtual devices get a name of their own and their queues") {
    const Device xdp = device("af_xdp:eth1", 4);
    CHECK(xdp.eal_option == "--vdev");
    CHECK(xdp.port_name == "net_af_xdp3");
    CHECK(xdp.eal_value == "net_af_xdp3,iface=eth1,start_queue=0,queue_count=4");
    CHECK(device("pcap:/tmp/a.pcap").eal_value == "net_pcap3,rx_pcap=/tmp/a.pcap");
    CHECK(device("vdev:net_ring7,x=1").port_name == "net_ring7");
    CHECK(device("vdev:net_ring7,x=1").eal_value == "net_ring7,x=1");
}

TEST_CASE("a packet ring holds jumbo frames, in blocks that they fill") {
    const std::string arguments = device("af_packet:eth1", 2).eal_value;
    CHECK(arguments.starts_with("net_af_packet3,iface=eth1,qpairs=2,"));
    const auto number = [&](const std::string& key) {
        return std::stoull(arguments.substr(arguments.find(key + "=") + key.size() + 1));
    };
    CHECK(number("framesz") == default_frame_room);
    CHECK(number("framesz") > 9216 + 18 + 96);
    CHECK(number("blocksz") % number("framesz") == 0);
    CHECK(number("blocksz") % static_cast<unsigned long long>(::sysconf(_SC_PAGESIZE)) == 0);
    CHECK(number("framecnt") % (number("blocksz") / number("framesz")) == 0);
    CHECK(number("framecnt") >= 8192);
}

TEST_CASE("a capture is one queue, an interface one for each worker") {
    CHECK(queues_for(parse_input("pcap:/tmp/a.pcap"), 4) == 1);
    CHECK(queues_for(parse_input("af_packet:eth1"), 4) == 4);
    CHECK(queues_for(parse_input("dpdk:0000:00:06.0"), 4) == 4);
}

TEST_CASE("what is not on this host is refused by name") {
    // They may come yet, and the service manager tries again for that.
    const auto missing = [](const char* spec) {
        return refusal([&] { check_input(parse_input(spec)); }, ExitStatus::runtime);
    };
    CHECK(contains(missing("af_packet:no-such-if"), "no-such-if"));
    CHECK(contains(missing("af_xdp:no-such-if"), "no-such-if"));
    CHECK(contains(missing("dpdk:ffff:ff:1f.7"), "ffff:ff:1f.7"));
    CHECK(contains(refusal([] { check_input(parse_input("pcap:/no/such/file")); }), "/no/such/file"));
    CHECK(contains(refusal([] { check_input(parse_input("pcap:/tmp")); }), "regular file"));
    CHECK(refusal([] { check_input(parse_input("af_packet:lo")); }).empty());
}

TEST_CASE("a capture has to be one, of Ethernet frames") {
    const TemporaryFile file("nic-input-test-");
    write_capture(file.path(), DLT_EN10MB);
    CHECK(refusal([&] { check_input(file.input()); }).empty());
    write_capture(file.path(), DLT_LINUX_SLL);
    CHECK(contains(refusal([&] { check_input(file.input()); }), "LINUX_SLL"));
    std::ofstream(file.path()) << "not a capture, whatever its name says";
    CHECK(contains(refusal([&] { check_input(file.input()); }), "not a capture"));
}
