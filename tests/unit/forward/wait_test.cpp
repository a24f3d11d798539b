// SPDX-License-Identifier: Apache-2.0
// Waits of less than a millisecond. That they end is tested, not when: a busy machine has its own ideas.
#include "forward/wait.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

#include "support/catch.h"

using namespace rebuilder::forward;

namespace {

// A descriptor that can be read once it was told so.
class Signal {
  public:
    Signal() : fd_(::eventfd(0, EFD_NONBLOCK)) { REQUIRE(fd_ >= 0); }
    ~Signal() { ::close(fd_); }
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;
    void give() const { REQUIRE(::eventfd_write(fd_, 1) == 0); }
    [[nodiscard]] int fd() const { return fd_; }

  private:
    int fd_;
};

}  // namespace

TEST_CASE("wait: an epoll gives its events, or none when the time is up", "[forward]") {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    REQUIRE(epoll >= 0);
    const Signal signal;
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u32 = 7;
    REQUIRE(::epoll_ctl(epoll, EPOLL_CTL_ADD, signal.fd(), &wanted) == 0);
    std::array<epoll_event, 4> events{};
    for (const std::uint64_t timeout_ns : {0ULL, 1ULL, 50'000ULL, 1'500'000ULL}) {
        CAPTURE(timeout_ns);
        CHECK(wait_for_events(epoll, events, timeout_ns) == 0);
    }
    signal.give();
    for (const std::uint64_t timeout_ns : {0ULL, 50'000ULL, 60'000'000'000ULL}) {
        CAPTURE(timeout_ns);
        REQUIRE(wait_for_events(epoll, events, timeout_ns) == 1);
        CHECK(events[0].data.u32 == 7);
    }
    ::close(epoll);
    CHECK(wait_for_events(epoll, events, 50'000) == 0);  // an error is no event
}

TEST_CASE("wait: a descriptor is ready, or not in time", "[forward]") {
    const Signal signal;
    CHECK_FALSE(wait_for({signal.fd(), POLLIN, 0}, 0));
    CHECK_FALSE(wait_for({signal.fd(), POLLIN, 0}, 50'000));
    signal.give();
    CHECK(wait_for({signal.fd(), POLLIN, 0}, 60'000'000'000));
}
