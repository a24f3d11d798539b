// SPDX-License-Identifier: Apache-2.0
// Origin: who mirrored a frame: the VNI of its tunnel, and the address that the tunnel comes from. With AWS a traffic mirror
// session and the primary address of the mirrored interface.
#pragma once

#include <cstdint>

#include "packet/flow_key.h"

namespace rebuilder::packet {

struct Origin {
    IpAddress source;
    std::uint32_t vni = no_vni;  // no_vni: the frame came in no tunnel

    bool operator==(const Origin&) const = default;
};

}  // namespace rebuilder::packet
