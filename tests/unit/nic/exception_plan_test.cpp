// SPDX-License-Identifier: Apache-2.0
// What the exception path is to be, as text: names, arguments for DPDK, what the host lacks.
#include "nic/exception_plan.h"

#include <unistd.h>

#include "nic/exception_path.h"
#include "support/catch.h"

using namespace rebuilder::nic;

TEST_CASE("each input has an interface of its own") {
    CHECK(exception_interface(0) == "rb0");
    CHECK(exception_interface(12) == "rb12");
}

TEST_CASE("a capture has no exception path, ports have") {
    CHECK_FALSE(takes_exceptions(parse_input("pcap:a.pcap")));
    for (const char* spec : {"dpdk:0000:00:06.0", "af_xdp:eth1", "af_packet:eth1", "vdev:net_ring0"}) {
        CAPTURE(spec);
        CHECK(takes_exceptions(parse_input(spec)));
    }
}

TEST_CASE("virtio-user gets the port's address") {
    const MacAddress address{0x02, 0x0a, 0, 0xff, 0x10, 1};
    CHECK(write_address(address) == "02:0a:00:ff:10:01");
    CHECK(virtio_user_arguments("rb1", address) ==
          "path=/dev/vhost-net,queues=1,queue_size=256,iface=rb1,mac=02:0a:00:ff:10:01");
}

TEST_CASE("what the host lacks is named") {
    CHECK(exception_shortage(ExceptionKind::none, "rb0").empty());
    if (::access("/dev/vhost-net", F_OK) != 0) {
        CHECK(exception_shortage(ExceptionKind::virtio_user, "rb0") ==
              "/dev/vhost-net: No such file or directory; `modprobe vhost_net`, and let this user read and write it");
    }
    const std::string of_tap = exception_shortage(ExceptionKind::tap, "rb0");
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
        CHECK(of_tap.starts_with("/dev/net/tun: "));
    } else if (::geteuid() != 0) {
        CHECK(of_tap == "making rb0 needs CAP_NET_ADMIN");
    }
}

TEST_CASE("only who has an exception path needs memory for it") {
    CHECK(exception_bytes(ExceptionKind::none) == 0);
    CHECK(exception_bytes(ExceptionKind::tap) > 1023 * 9216);
    CHECK(exception_bytes(ExceptionKind::virtio_user) > exception_bytes(ExceptionKind::tap));
}
