// SPDX-License-Identifier: Apache-2.0
#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "base/descriptor.h"

namespace rebuilder {

Notify::Notify() {
    if (const char* path = std::getenv("NOTIFY_SOCKET")) path_ = path;
}

void Notify::reloading() const {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1'000));
}

void Notify::stopping(std::uint64_t within_ns) const {
    send(fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}", within_ns / 1'000));
}

void Notify::status(std::string_view sentence) const {
    send(fmt::format("STATUS={}", sentence.substr(0, sentence.find('\n'))));
}

void Notify::send(const std::string& lines) const {
    sockaddr_un address{};
    if (path_.empty() || path_.size() >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    if (path_.front() == '@') address.sun_path[0] = '\0';  // abstract
    const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
    (void)::sendto(
        socket.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace rebuilder
