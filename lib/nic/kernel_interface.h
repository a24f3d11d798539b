// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of the interface behind an af_packet or af_xdp port, and what the drivers leave to us.
//
// Used at start and by the control thread, never on the line. Nothing throws: what cannot be found out is
// answered with a harmless value, and what cannot be done is left undone and says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/descriptor.h"

namespace rebuilder::nic {

[[nodiscard]] unsigned kernel_interface_index(const std::string& interface) noexcept;  // 0: there is none
[[nodiscard]] bool kernel_interface_exists(const std::string& interface) noexcept;
[[nodiscard]] bool kernel_interface_up(const std::string& interface) noexcept;
[[nodiscard]] bool kernel_interface_running(
    const std::string& interface) noexcept;  // up, with a carrier where it knows such
[[nodiscard]] unsigned kernel_interface_mtu(const std::string& interface) noexcept;  // 0: unknown

// As `ethtool -l` shows them; 0 where the driver has none of a kind, or no such notion.
struct Channels {
    std::uint16_t combined = 0;
    std::uint16_t rx_only = 0;
};
[[nodiscard]] Channels kernel_interface_channels(const std::string& interface) noexcept;

// Promiscuous mode for as long as this lives. A membership of our own socket: the kernel ends it when the
// process ends, however that happens, and it leaves the interface's own flag to its administrator.
class PromiscuousMembership {
  public:
    PromiscuousMembership() noexcept = default;
    explicit PromiscuousMembership(const std::string& interface) noexcept;

    [[nodiscard]] bool active() const noexcept { return static_cast<bool>(socket_); }

  private:
    Descriptor socket_;
};

// Frames that this process's packet sockets on an interface lost because their rings were full. The af_packet
// driver does not report them, so the kernel is asked, through the sockets that the driver opened in this
// process.
class PacketSocketDrops {
  public:
    PacketSocketDrops() noexcept = default;
    explicit PacketSocketDrops(const std::string& interface);

    // Since the first call or construction; control thread only (asking resets the kernel's count).
    [[nodiscard]] std::uint64_t count() noexcept;

  private:
    std::vector<int> sockets_;  // owned by the driver; valid while its port is open
    std::uint64_t dropped_ = 0;
};

}  // namespace rebuilder::nic
