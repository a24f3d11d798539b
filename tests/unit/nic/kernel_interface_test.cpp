// SPDX-License-Identifier: Apache-2.0
// What the kernel says of an interface, on the one that every host has.
#include "nic/kernel_interface.h"

#include "support/catch.h"

using namespace rebuilder::nic;

TEST_CASE("an interface is asked about by name") {
    CHECK(kernel_interface_exists("lo"));
    CHECK(kernel_interface_mtu("lo") >= 1500);
    CHECK(kernel_interface_channels("lo").combined == 0);
}

TEST_CASE("an interface that is not there gets harmless answers") {
    for (const std::string name : {"", "no-such-if", "a-name-too-long-for-an-interface"}) {
        CAPTURE(name);
        CHECK_FALSE(kernel_interface_exists(name));
        CHECK_FALSE(kernel_interface_up(name));
        CHECK(kernel_interface_mtu(name) == 0);
        CHECK(kernel_interface_channels(name).combined == 0);
        CHECK_FALSE(PromiscuousMembership(name).active());
        CHECK(PacketSocketDrops(name).count() == 0);
    }
}
