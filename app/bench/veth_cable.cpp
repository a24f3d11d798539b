// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"
#include "cable.h"
#include "mirror.h"

namespace rebuilder::bench {
namespace {

constexpr const char* our_end = "feeder";
constexpr const char* their_end = "mirror";

[[noreturn]] void fail(const std::string& what) {
    throw Error(ExitStatus::runtime, "--port af_packet: " + what);
}
[[noreturn]] void fail_call(const char* call) {
    fail(fmt::format("{}: {}", call, std::generic_category().message(errno)));
}

void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) fail(fmt::format("`{}` failed", command));
}

// In a namespace of this process, so nobody else sees the pair. IPv6 would send frames of its own.
void make_pair() {
    if (::unshare(CLONE_NEWNET) != 0) {
        if (errno == EPERM) fail("needs root, to make a network namespace");
        fail_call("unshare");
    }
    run("ip link set lo up");
    std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1;
    run(fmt::format("ip link add {} mtu 9300 type veth peer name {} mtu 9300", our_end, their_end));
    for (const char* end : {our_end, their_end}) run(fmt::format("ip link set {} arp off up", end));
}

class VethCable final : public Cable {
  public:
    VethCable() {
        make_pair();
        const nic::Input input = nic::parse_input(fmt::format("af_packet:{}", their_end));
        nic::check_input(input);
        device_ = nic::make_device(input, 0, 1);
    }

    [[nodiscard]] std::size_t most_in_port() const noexcept override { return 8192; }
    [[nodiscard]] const nic::Device& device() const noexcept override { return device_; }
    [[nodiscard]] bool opened_by_eal() const noexcept override { return true; }

    void connect(std::span<const packet::Frame> frames) override {
        frames_ = frames;
        parts_.resize(frames.size());
        messages_.resize(frames.size());
        for (std::size_t i = 0; i < frames.size(); ++i) {
            parts_[i] = {const_cast<std::uint8_t*>(frames[i].bytes.data()), frames[i].bytes.size()};
            messages_[i].msg_hdr.msg_iov = &parts_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
        socket_ = Descriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));  // protocol 0: receives nothing
        if (!socket_) fail_call("socket");
        const int on = 1;
        if (::setsockopt(socket_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0) fail_call("setsockopt");
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_ifindex = static_cast<int>(::if_nametoindex(our_end));
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail_call("bind");
    }

    // The kernel takes a copy of each, and what the port has no room for is counted there.
    [[nodiscard]] std::size_t send(std::size_t first, std::size_t count, std::uint32_t client) override {
        for (std::size_t i = first; i < first + count; ++i) Mirror::set_client(frames_[i], client);
        for (std::size_t sent = 0; sent < count;) {
            const int done =
                ::sendmmsg(socket_.get(), &messages_[first + sent], static_cast<unsigned>(count - sent), MSG_DONTWAIT);
            if (done < 0) {
                if (errno == ENOBUFS || errno == EAGAIN) return sent;
                fail_call("sendmmsg");
            }
            sent += static_cast<std::size_t>(done);
        }
        return count;
    }

  private:
    nic::Device device_;
    std::span<const packet::Frame> frames_;
    std::vector<iovec> parts_;
    std::vector<mmsghdr> messages_;
    Descriptor socket_;
};

}  // namespace

std::unique_ptr<Cable> make_veth_cable() {
    return std::make_unique<VethCable>();
}

}  // namespace rebuilder::bench
