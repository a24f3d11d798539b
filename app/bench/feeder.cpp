// SPDX-License-Identifier: Apache-2.0
#include "feeder.h"

#include <fmt/format.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>

#include "base/error.h"
#include "measure.h"
#include "pace.h"

namespace rebuilder::bench {
namespace {

constexpr std::uint64_t turn_ns = 100'000;  // a turn takes some 10 µs of the core that it shares
constexpr std::size_t most_in_run = 64;     // frames between two looks at the clock
constexpr std::uint64_t most_lag_share = 100;
constexpr std::uint64_t hopeless_lag_share = 10;

void sleep_until(std::uint64_t ns) {
    timespec time{};
    time.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
    time.tv_nsec = static_cast<long>(ns % 1'000'000'000);
    (void)::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

// Without the right to it, the thread has to do with its share.
void go_before_all_others() {
    sched_param parameter{};
    parameter.sched_priority = 1;
    (void)::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &parameter);
}

}  // namespace

std::vector<std::uint32_t> request_ends(const Traffic& traffic) {
    const auto frames = traffic.mirror.frames();
    std::vector<std::uint32_t> ends(frames.size(), no_request);
    struct Coming {
        std::uint32_t number = no_request;
        std::size_t last_frame = 0;
    };
    // Of each connection, the last request that has begun, and the last frame that has bytes of it.
    std::vector<Coming> coming(traffic.connections);
    const auto end = [&ends](Coming& each) {
        if (each.number != no_request) ends[each.last_frame] = each.number;
        each.number = no_request;
    };
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const std::string_view payload = as_text(Mirror::payload_of(frames[i]));
        if (!Mirror::is_clients(frames[i]) || payload.empty()) continue;
        Coming& here = coming[Mirror::connection_of(frames[i])];
        const std::string_view line = payload.substr(0, payload.find("\r\n"));
        if (line.ends_with(" HTTP/1.1")) {
            end(here);
            here.number = request_number(line);
        }
        here.last_frame = i;
    }
    for (Coming& each : coming) end(each);
    return ends;
}

Feeder::Feeder(const Traffic& traffic, Cable& cable, Arrivals& arrivals)
    : traffic_(traffic)
    , cable_(cable)
    , arrivals_(arrivals)
    , ends_(request_ends(traffic)) {
    if (ends_.size() > cable.most_in_port()) return;
    throw Error(ExitStatus::usage, fmt::format("--requests {}: these are {} frames; to be sent again and again there "
                                               "have to be more than {}",
                                       traffic.requests.size(), ends_.size(), cable.most_in_port()));
}

Feeder::Fed Feeder::feed(double requests_per_s, std::uint64_t duration_ns, const std::atomic<bool>& stop) {
    go_before_all_others();
    // All frames of the last time are out of the port, and these begin as other connections.
    next_ = 0;
    ++client_;
    const double frames_per_request = static_cast<double>(ends_.size()) / static_cast<double>(traffic_.requests.size());
    Fed fed;
    const std::uint64_t begin_ns = clock_ns();
    Pace pace(requests_per_s * frames_per_request, turn_ns, begin_ns);
    std::uint64_t now_ns = begin_ns;
    for (std::uint64_t next_ns = begin_ns + turn_ns; !stop.load(std::memory_order_relaxed);) {
        hand_over(pace.take(now_ns), fed);
        sleep_until(next_ns);
        now_ns = clock_ns();
        next_ns = std::max(next_ns + turn_ns, now_ns - now_ns % turn_ns);
        if (now_ns - begin_ns >= duration_ns || pace.lag_ns(now_ns) > duration_ns / hopeless_lag_share) break;
    }
    fed.wall_ns = now_ns - begin_ns;
    fed.kept_pace = pace.lag_ns(now_ns) <= duration_ns / most_lag_share;
    return fed;
}

void Feeder::hand_over(std::uint64_t count, Fed& fed) {
    while (count > 0) {
        const std::size_t run = std::min<std::size_t>({count, most_in_run, ends_.size() - next_});
        hand_over_run(run, fed);
        count -= run;
        next_ += run;
        if (next_ < ends_.size()) continue;
        next_ = 0;
        ++client_;
    }
}

void Feeder::hand_over_run(std::size_t count, Fed& fed) {
    const std::uint64_t now_ns = clock_ns();
    for (std::size_t i = next_; i < next_ + count; ++i) {
        fed.bytes += traffic_.mirror.frames()[i].bytes.size();
        if (ends_[i] == no_request) continue;
        arrivals_.left(ends_[i], now_ns);
        ++fed.requests;
    }
    fed.frames += count;
    const std::size_t taken = cable_.send(next_, count, client_);
    if (taken < count)
        refused_.store(refused_.load(std::memory_order_relaxed) + count - taken, std::memory_order_relaxed);
}

}  // namespace rebuilder::bench
