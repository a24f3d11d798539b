// SPDX-License-Identifier: Apache-2.0
// To be preloaded: a wall clock that is as many seconds ahead as the file $STEPPED_CLOCK says, while that is there.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    const char* const name = std::getenv("STEPPED_CLOCK");
    if (result != 0 || clock != CLOCK_REALTIME || name == nullptr) return result;
    long seconds = 0;
    if (std::ifstream(name) >> seconds) time->tv_sec += seconds;
    return result;
}
