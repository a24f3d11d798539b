// SPDX-License-Identifier: Apache-2.0
#include "nic/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <rte_mbuf.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "nic/kernel_interface.h"

namespace rebuilder::nic {

namespace {

[[noreturn]] void fail(const std::string& name, std::string_view what) {
    const int error = errno;
    std::string reason = std::strerror(error);
    if (error == EPERM) reason += "; this needs CAP_NET_ADMIN, or a tap device that this user owns";
    throw Error(ExitStatus::runtime, fmt::format("{}: {}: {}", name, what, reason));
}

class AnySocket {
  public:
    AnySocket() noexcept : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

    [[nodiscard]] bool ask(unsigned long request, ifreq& about) const noexcept {
        return ::ioctl(descriptor_.get(), request, &about) == 0;
    }

  private:
    Descriptor descriptor_;
};

}  // namespace

Tap::Tap(const std::string& name, const MacAddress& address, std::uint16_t mtu, rte_mempool* buffers)
    : buffers_(buffers) {
    set_up(name, address, mtu);
}

void Tap::set_up(const std::string& name, const MacAddress& address, std::uint16_t mtu) {
    const bool is_new = !kernel_interface_exists(name);
    descriptor_ = Descriptor(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!descriptor_) fail(name, "/dev/net/tun");
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(descriptor_.get(), TUNSETIFF, &request) != 0) {
        fail(name, is_new ? "can't be made" : "is there already and can't be taken");
    }

    const AnySocket socket;
    if (!socket.ask(SIOCGIFHWADDR, request)) fail(name, "its address");
    if (std::memcmp(request.ifr_hwaddr.sa_data, address.data(), address.size()) != 0) {
        request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        std::memcpy(request.ifr_hwaddr.sa_data, address.data(), address.size());
        if (!socket.ask(SIOCSIFHWADDR, request)) fail(name, "can't be given the port's address");
    }
    if (is_new) {
        request.ifr_mtu = mtu;
        if (!socket.ask(SIOCSIFMTU, request)) fail(name, fmt::format("can't be given an MTU of {}", mtu));
    }
    if (!socket.ask(SIOCGIFFLAGS, request)) fail(name, "its flags");
    if ((request.ifr_flags & IFF_UP) == 0) {
        request.ifr_flags |= IFF_UP;
        if (!socket.ask(SIOCSIFFLAGS, request)) fail(name, "can't be set up");
    }
}

Tap::~Tap() {
    if (spare_ != nullptr) rte_pktmbuf_free(spare_);
}

bool Tap::give(Bytes frame) noexcept {
    return ::write(descriptor_.get(), frame.data(), frame.size()) == static_cast<ssize_t>(frame.size());
}

std::uint16_t Tap::take(std::span<rte_mbuf*> frames) noexcept {
    std::uint16_t count = 0;
    while (count < frames.size()) {
        if (spare_ == nullptr) spare_ = rte_pktmbuf_alloc(buffers_);
        if (spare_ == nullptr) break;
        const ssize_t size = ::read(descriptor_.get(), rte_pktmbuf_mtod(spare_, void*), rte_pktmbuf_tailroom(spare_));
        if (size <= 0) {
            if (size < 0 && errno == EBADFD) descriptor_.reset();
            break;
        }
        spare_->data_len = static_cast<std::uint16_t>(size);
        spare_->pkt_len = static_cast<std::uint32_t>(size);
        frames[count++] = std::exchange(spare_, nullptr);
    }
    return count;
}

}  // namespace rebuilder::nic
