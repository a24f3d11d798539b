// SPDX-License-Identifier: Apache-2.0
#include "traffic.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

#include "h1_requests.h"

namespace rebuilder::bench {
namespace {

constexpr std::size_t answer_bytes = 2'048;
constexpr std::uint32_t no_request = 0xffffffff;

H1Mix h1_mix(TrafficMix mix) {
    switch (mix) {
    case TrafficMix::api: return H1Mix::api;
    case TrafficMix::upload: return H1Mix::upload;
    case TrafficMix::design: return H1Mix::design;
    case TrafficMix::browser:
    case TrafficMix::noise: break;
    }
    return H1Mix::browser;
}

// What clients of other protocols write: a TLS ClientHello, then records; or bytes that mean nothing to anybody.
std::string noise(std::mt19937_64& random, bool tls, bool first) {
    std::string text(tls && first ? 517 : 64 + random() % 3'000, '\0');
    for (char& c : text) c = static_cast<char>(random());
    if (tls) {
        const std::size_t size = text.size() - 5;
        const char kind = first ? 22 : 23;
        const char head[]{kind, 3, first ? char{1} : char{3}, static_cast<char>(size >> 8), static_cast<char>(size)};
        std::copy(std::begin(head), std::end(head), text.begin());
        if (first) text[5] = 1;  // ClientHello
    } else {
        text[0] = '\x81';
    }
    return text;
}

class Maker {
  public:
    explicit Maker(const TrafficSettings& settings)
        : settings_(settings)
        , random_(settings.seed)
        , traffic_{Mirror(settings.most_payload), {}, settings.connections}
        , started_(settings.connections) {
        constexpr std::size_t clients = 256;  // of whom each has many connections
        for (std::size_t i = 0; i < clients; ++i) clients_.emplace_back(h1_mix(settings.mix), random_());
    }

    Traffic make() {
        const std::vector<std::uint32_t> turns = make_turns();
        std::vector<Write> writing;
        for (std::size_t next = 0; next < turns.size() || !writing.empty();) {
            while (next < turns.size() && writing.size() < settings_.writers && !is_writing(writing, turns[next])) {
                writing.push_back(begin(turns[next++]));
            }
            const std::size_t which = random_() % writing.size();
            if (!go_on(writing[which])) continue;
            std::swap(writing[which], writing.back());
            writing.pop_back();
        }
        for (std::uint32_t i = 0; i < settings_.connections; ++i) {
            if (started_[i]) traffic_.mirror.close(i);
        }
        if (settings_.impairment.any()) impair();
        return std::move(traffic_);
    }

  private:
    struct Write {
        std::uint32_t connection;
        std::uint32_t request;
        std::string text;
        std::size_t sent = 0;
    };

    // A connection's writes don't overlap.
    static bool is_writing(const std::vector<Write>& writing, std::uint32_t connection) {
        return std::any_of(
            writing.begin(), writing.end(), [connection](const Write& each) { return each.connection == connection; });
    }

    // The connection of each write, in the order of their beginnings: all have one before any has its next.
    std::vector<std::uint32_t> make_turns() {
        std::vector<std::uint32_t> turns;
        std::vector<std::uint32_t> lap(settings_.connections);
        for (std::uint32_t i = 0; i < settings_.connections; ++i) lap[i] = i;
        while (turns.size() < settings_.requests) {
            std::shuffle(lap.begin(), lap.end(), random_);
            const std::size_t left = std::min<std::size_t>(lap.size(), settings_.requests - turns.size());
            turns.insert(turns.end(), lap.begin(), lap.begin() + static_cast<std::ptrdiff_t>(left));
        }
        return turns;
    }

    Write begin(std::uint32_t connection) {
        const bool first = !started_[connection];
        started_[connection] = true;
        if (first) {
            traffic_.mirror.open(connection);
            if (settings_.both) traffic_.mirror.accept(connection);
        }
        if (settings_.mix == TrafficMix::noise) {
            return {connection, no_request, noise(random_, connection % 10 != 0, first)};
        }
        const auto number = static_cast<std::uint32_t>(traffic_.requests.size());
        H1Request request = clients_[connection % clients_.size()].next(std::to_string(number));
        traffic_.requests.push_back({std::move(request.method), std::move(request.target), std::move(request.host),
            request.body.size(), hash_of(as_bytes(request.body))});
        return {connection, number, std::move(request.text)};
    }

    // The next packet of a write. True when it was the last.
    bool go_on(Write& write) {
        const Bytes rest = traffic_.mirror.send_packet(write.connection, as_bytes(write.text).subspan(write.sent));
        write.sent = write.text.size() - rest.size();
        frame_request_.resize(traffic_.mirror.frames().size(), no_request);
        frame_request_.back() = write.request;
        if (!rest.empty()) return false;
        if (settings_.both) traffic_.mirror.reply(write.connection, as_bytes(answer()));
        for (std::uint32_t i = 0; i < settings_.acknowledgements; ++i) traffic_.mirror.acknowledge(write.connection);
        return true;
    }

    static const std::string& answer() {
        static const std::string text = [] {
            std::string made = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1984\r\n\r\n";
            made.resize(answer_bytes, 'x');
            return made;
        }();
        return text;
    }

    void impair() {
        frame_request_.resize(traffic_.mirror.frames().size(), no_request);
        for (const std::size_t place : traffic_.mirror.impair(settings_.impairment, random_())) {
            const std::uint32_t request = frame_request_[place];
            if (request != no_request) traffic_.requests[request].lost = true;
        }
    }

    const TrafficSettings& settings_;
    std::mt19937_64 random_;
    Traffic traffic_;
    std::vector<bool> started_;
    std::vector<H1Requests> clients_;
    std::vector<std::uint32_t> frame_request_;  // of each frame, the request that it has bytes of
};

}  // namespace

std::uint64_t Traffic::whole_requests() const noexcept {
    return static_cast<std::uint64_t>(
        std::count_if(requests.begin(), requests.end(), [](const Made& each) { return !each.lost; }));
}

Traffic make_traffic(const TrafficSettings& settings) {
    return Maker(settings).make();
}

std::uint64_t hash_of(Bytes bytes, std::uint64_t so_far) noexcept {
    for (const std::uint8_t byte : bytes) so_far = (so_far ^ byte) * 0x100000001b3;
    return so_far;
}

std::uint32_t request_number(std::string_view target) noexcept {
    const std::size_t at = target.rfind("r=");
    std::uint32_t number = no_request;
    if (at != target.npos) std::from_chars(target.data() + at + 2, target.data() + target.size(), number);
    return number;
}

}  // namespace rebuilder::bench
