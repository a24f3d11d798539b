// SPDX-License-Identifier: Apache-2.0
#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "support/catch.h"

using namespace rebuilder;

namespace {

// Who is told. The name is an abstract one: it goes with the socket.
class Manager {
  public:
    Manager() : name_(fmt::format("@rebuilder-notify-test-{}", ::getpid())) {
        fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path + 1, name_.data() + 1, name_.size() - 1);
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    }
    ~Manager() { ::close(fd_); }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::string heard() const {
        std::array<char, 256> text;
        const ssize_t size = ::recv(fd_, text.data(), text.size(), 0);
        return size < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
    }

  private:
    std::string name_;
    int fd_;
};

}  // namespace

TEST_CASE("the service manager is told") {
    const Manager manager;
    const Notify notify(manager.name());
    notify.ready();
    CHECK(manager.heard() == "READY=1");
    notify.alive();
    CHECK(manager.heard() == "WATCHDOG=1");
    notify.reloading();
    CHECK(manager.heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    notify.status("works\nREADY=1");
    CHECK(manager.heard() == "STATUS=works");
    notify.stopping(15'000'000'000);
    CHECK(manager.heard() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000");
    CHECK(manager.heard().empty());
}

TEST_CASE("without a service manager nothing is done") {
    Notify("").ready();
    Notify("@nobody-listens-there").ready();
    Notify(std::string(500, 'x')).ready();
}
