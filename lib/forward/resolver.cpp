// SPDX-License-Identifier: Apache-2.0
#include "forward/resolver.h"

#include <ares.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"

namespace rebuilder::forward {
namespace {

constexpr int try_ms = 2000;  // for the first answer of a server; c-ares doubles it
constexpr int tries = 2;
constexpr int look_up_ms = 100;  // how long the end of the program may go unnoticed

// One entry of ResolverOptions::servers, as c-ares reads it; empty when it is none.
std::string server_of(std::string_view entry) {
    const std::size_t bracket = entry.starts_with('[') ? entry.find(']') : 0;
    const std::size_t end = std::min(entry.find(':', bracket), entry.size());
    std::uint16_t port = 53;
    if (end < entry.size()) {
        const char* last = entry.data() + entry.size();
        const auto [stop, error] = std::from_chars(entry.data() + end + 1, last, port);
        if (error != std::errc{} || stop != last || port == 0) return {};
    }
    const auto address = SocketAddress::before_port(entry.substr(0, end), port);
    return address ? address->text() : std::string{};
}

// All of them; empty when one is none.
std::string servers_of(std::string_view servers) {
    std::string all;
    while (true) {
        const std::size_t end = std::min(servers.find(','), servers.size());
        const std::string one = server_of(servers.substr(0, end));
        if (one.empty()) return {};
        all.append(all.empty() ? "" : ",").append(one);
        if (end == servers.size()) return all;
        servers.remove_prefix(end + 1);
    }
}

// Whether this host would know where to send a packet to: nothing is sent.
bool has_route(const SocketAddress& address) noexcept {
    const Descriptor socket(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return socket && ::connect(socket.get(), address.get(), address.size) == 0;
}

// One question to the name servers, with all the sockets that it takes.
class Question {
  public:
    explicit Question(const std::string& servers) {
        ares_options options{};
        options.timeout = try_ms;
        options.tries = tries;
        options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
            static_cast<Question*>(self)->watch(fd, readable != 0, writable != 0);
        };
        options.sock_state_cb_data = this;
        constexpr int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
        status_ = ::ares_init_options(&channel_, &options, given);
        if (status_ == ARES_SUCCESS && !servers.empty()) {
            status_ = ::ares_set_servers_ports_csv(channel_, servers_of(servers).c_str());
        }
    }
    ~Question() {
        if (channel_ != nullptr) ::ares_destroy(channel_);
    }
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

    // ARES_SUCCESS, or what went wrong. Ends early once `stop` is set.
    int ask(const std::string& host, const std::string& port, const std::atomic<bool>& stop) {
        if (status_ != ARES_SUCCESS) return status_;
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = ARES_AI_NUMERICSERV | ARES_AI_NOSORT;
        const auto answered = [](void* self, int status, int, ares_addrinfo* result) {
            static_cast<Question*>(self)->answered(status, result);
        };
        ::ares_getaddrinfo(channel_, host.c_str(), port.c_str(), &hints, answered, this);
        while (!answered_) {
            if (stop.load(std::memory_order_acquire)) ::ares_cancel(channel_);
            if (!answered_) wait();
        }
        return status_;
    }
    [[nodiscard]] const ares_addrinfo* result() const noexcept { return result_.get(); }

  private:
    void answered(int status, ares_addrinfo* result) {
        status_ = status;
        result_.reset(result);
        answered_ = true;
    }
    void watch(ares_socket_t fd, bool readable, bool writable) {
        std::erase_if(sockets_, [fd](const pollfd& each) { return each.fd == fd; });
        const int events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
        if (events != 0) sockets_.push_back({fd, static_cast<short>(events), 0});
    }
    void wait() {
        timeval most{0, look_up_ms * 1000};
        timeval room{};
        const timeval* left = ::ares_timeout(channel_, &most, &room);
        std::vector<pollfd> ready = sockets_;  // which the answers change
        (void)::poll(ready.data(), ready.size(), static_cast<int>(left->tv_sec * 1000 + left->tv_usec / 1000 + 1));
        for (const pollfd& each : ready) {
            const bool readable = (each.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
            const bool writable = (each.revents & POLLOUT) != 0;
            if (!readable && !writable) continue;
            ::ares_process_fd(channel_, readable ? each.fd : ARES_SOCKET_BAD, writable ? each.fd : ARES_SOCKET_BAD);
        }
        ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what ran out of time
    }

    ares_channel channel_ = nullptr;
    int status_ = ARES_SUCCESS;
    bool answered_ = false;
    std::vector<pollfd> sockets_;
    std::unique_ptr<ares_addrinfo, decltype(&::ares_freeaddrinfo)> result_{nullptr, ::ares_freeaddrinfo};
};

// Those worth trying, sorted. Of too many, those that are in use already, and then any: other appliances take others.
std::vector<SocketAddress> choose(std::vector<SocketAddress> found, const std::vector<SocketAddress>& in_use) {
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    const auto unreachable = std::partition(found.begin(), found.end(), has_route);
    if (unreachable != found.begin()) found.erase(unreachable, found.end());
    if (found.size() > Resolver::most_addresses) {
        const auto used = [&in_use](const SocketAddress& each) {
            return std::find(in_use.begin(), in_use.end(), each) != in_use.end();
        };
        std::shuffle(
            std::partition(found.begin(), found.end(), used), found.end(), std::mt19937(std::random_device{}()));
        found.resize(Resolver::most_addresses);
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

bool valid_servers(const std::string& servers) {
    return !servers_of(servers).empty();
}

Resolver::Resolver(
    const std::string& output, const std::string& host, std::uint16_t port, const ResolverOptions& options)
    : host_(host)
    , port_(port)
    , options_(options) {
    if (const auto address = SocketAddress::literal(host, port)) {
        addresses_ = {*address};
        show();
        return;
    }
    Answer first = ask();
    if (first.addresses.empty()) {
        throw Error(ExitStatus::runtime, "output " + output + ": cannot resolve " + host + ": " + first.error);
    }
    addresses_ = std::move(first.addresses);
    show();
    thread_ = std::thread([this, ttl_ns = first.ttl_ns] { run(ttl_ns); });
}

Resolver::~Resolver() {
    stop_.store(true, std::memory_order_release);
    {
        const std::lock_guard lock(mutex_);
        wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

bool Resolver::is_address(const std::string& host) {
    return SocketAddress::literal(host, 0).has_value();
}

std::vector<SocketAddress> Resolver::addresses() const {
    const std::lock_guard lock(mutex_);
    return addresses_;
}

void Resolver::again() noexcept {
    const std::lock_guard lock(mutex_);
    again_ = true;
    wake_.notify_all();
}

Resolver::Answer Resolver::ask() const {
    Answer answer;
    Question question(options_.servers);
    const int status = question.ask(host_, std::to_string(port_), stop_);
    if (status != ARES_SUCCESS) {
        answer.error = ::ares_strerror(status);
        return answer;
    }
    int shortest_s = std::numeric_limits<int>::max();
    for (const ares_addrinfo_node* node = question.result()->nodes; node != nullptr; node = node->ai_next) {
        const auto address = SocketAddress::from(node->ai_addr, node->ai_addrlen);
        if (!address) continue;
        answer.addresses.push_back(*address);
        shortest_s = std::min(shortest_s, node->ai_ttl);
    }
    for (const ares_addrinfo_cname* alias = question.result()->cnames; alias != nullptr; alias = alias->next) {
        shortest_s = std::min(shortest_s, alias->ttl);
    }
    answer.addresses = choose(std::move(answer.addresses), addresses());
    answer.ttl_ns = static_cast<std::uint64_t>(std::max(shortest_s, 0)) * 1'000'000'000;
    if (answer.addresses.empty()) answer.error = "it has no address";
    return answer;
}

void Resolver::publish(std::vector<SocketAddress> found) {
    const std::lock_guard lock(mutex_);
    if (found == addresses_) return;
    addresses_ = std::move(found);
    show();
    version_.fetch_add(1, std::memory_order_release);
}

void Resolver::show() noexcept {
    static_assert(most_addresses <= EndpointBoard::capacity);
    std::array<packet::Endpoint, most_addresses> endpoints;
    std::transform(addresses_.begin(), addresses_.end(), endpoints.begin(),
        [](const SocketAddress& each) { return each.endpoint(); });
    board_.publish(std::span(endpoints).first(addresses_.size()));
}

void Resolver::run(std::uint64_t ttl_ns) {
    using Clock = std::chrono::steady_clock;
    const auto least = std::chrono::nanoseconds(options_.least_ns);
    for (;;) {
        const auto asked = Clock::now();
        const auto due = asked + std::chrono::nanoseconds(std::clamp(ttl_ns, options_.least_ns, options_.most_ns));
        {
            std::unique_lock lock(mutex_);
            const auto stopped = [this] { return stop_.load(std::memory_order_acquire); };
            wake_.wait_until(lock, asked + least, stopped);
            wake_.wait_until(lock, due, [&] { return stopped() || again_; });
            if (stopped()) return;
            again_ = false;
        }
        Answer answer = ask();
        if (stop_.load(std::memory_order_acquire)) return;
        counters_.add(Counter::resolutions);
        if (answer.addresses.empty()) {
            counters_.add(Counter::resolve_failures);
            ttl_ns = 0;  // soon again
        } else {
            ttl_ns = answer.ttl_ns;
            publish(std::move(answer.addresses));
        }
    }
}

}  // namespace rebuilder::forward
