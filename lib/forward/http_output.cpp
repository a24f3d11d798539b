// SPDX-License-Identifier: Apache-2.0
#include "forward/http_output.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "forward/http2_exchange.h"
#include "forward/wait.h"

namespace rebuilder::forward {
namespace {

constexpr std::size_t buffer_bytes = 64u << 10;
constexpr std::size_t list_bytes = 32u << 10;  // of addresses and connections
constexpr std::size_t max_events = 64;
constexpr std::uint64_t check_interval_ns = 1'000'000;
constexpr std::uint64_t longest_wait_ns = 10'000'000;  // while requests are pending, so that their deadlines are kept
// A new SYN finds an output that is back sooner than the kernel's repetition of an old one.
constexpr std::uint64_t probe_timeout_ns = 1'000'000'000;

// So long a request that may break connections waits for a new one, and the others with it.
constexpr std::uint64_t fresh_wait_ns = 100'000'000;

constexpr std::uint64_t resolve_interval_ns = 1'000'000'000;
// A server that says each time that it processed nothing is believed so often.
constexpr std::size_t most_refusals = 100;

// Requests held for so many connections: those on them, and as many that wait for room.
std::size_t held_for(std::size_t connections, const HttpOptions& options) noexcept {
    const std::uint32_t streams = options.http2 ? Http2Exchange::most_streams : 0;
    const std::size_t at_once = connections * std::max(options.pipeline, streams);
    return at_once + std::max<std::size_t>(at_once, 16);
}

HttpOptions usable(HttpOptions options) noexcept {
    options.connections = std::max(options.connections, 1u);
    options.pipeline = std::max(options.pipeline, 1u);
    return options;
}

// Why a connection could not be made.
std::string words_of(int error, const char* trouble) {
    if (trouble != nullptr) return trouble;
    std::string words = std::generic_category().message(error);
    words.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(words.front())));
    return words;
}

Counter answered_counter(int status) noexcept {
    switch (status / 100) {
    case 2: return Counter::answered_2xx;
    case 3: return Counter::answered_3xx;
    case 4: return Counter::answered_4xx;
    default: return Counter::answered_5xx;
    }
}

}  // namespace

HttpOutput::HttpOutput(const OutputSpec& spec, const HttpOptions& options, Counters& counters, Done done,
    std::shared_ptr<Resolver> resolver)
    : spec_(spec)
    , options_(usable(options))
    , counters_(counters)
    , done_(std::move(done))
    , resolver_(std::move(resolver))
    , tls_(spec.tls ? std::make_unique<TlsContext>(spec.text, spec.host, options.tls, options.http2) : nullptr)
    , most_connections_(static_cast<std::uint32_t>(most_connections(spec, options_)))
    , idle_(most_connections_)
    , with_room_(most_connections_)
    , to_send_(most_connections_)
    , waiting_(held_for(most_connections_, options_))
    , random_(std::random_device{}())
    , buffer_(std::make_unique<std::uint8_t[]>(buffer_bytes)) {
    epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) {
        throw Error(ExitStatus::runtime, "output " + spec_.text + ": epoll: " + std::generic_category().message(errno));
    }
    closed_.reserve(most_connections_);
    for (std::uint32_t i = 0; i < most_connections_; ++i) {
        connections_.emplace_back(epoll_.get(), i, options_, tls_.get(), static_cast<Exchange::Owner&>(*this));
        closed_.push_back(most_connections_ - 1 - i);
    }
    upstreams_.reserve(2 * Resolver::most_addresses);
    take_addresses();
    next_upstream_ = random_() % upstreams_.size();  // not every appliance's first request to the same one
}

std::size_t HttpOutput::most_connections(const OutputSpec& spec, const HttpOptions& options) {
    return options.connections * (Resolver::is_address(spec.host) ? 1 : Resolver::most_addresses);
}

std::size_t HttpOutput::most_bytes(const OutputSpec& spec, const HttpOptions& options) {
    const std::size_t connections = most_connections(spec, options);
    std::size_t each = sizeof(UpstreamConnection) + PendingRing::bytes(options.pipeline);
    if (spec.tls) each += TlsStream::most_bytes;
    if (options.http2) each += Http2Exchange::most_bytes;
    return connections * each + PendingRing::bytes(held_for(connections, options)) + buffer_bytes + list_bytes;
}

HttpOutput::~HttpOutput() = default;

void HttpOutput::submit(const Slot& slot, std::uint32_t channel, std::uint64_t now_ns) noexcept {
    was_used_ = true;
    ++pending_;
    waiting_.push_back(Pending{.slot = slot, .channel = channel, .since_ns = now_ns});
}

void HttpOutput::poll(std::uint64_t now_ns, std::uint64_t timeout_ns) noexcept {
    now_ns_ = now_ns;
    const std::uint64_t moves = moves_;
    if (now_ns >= next_check_ns_) {
        next_check_ns_ = now_ns + check_interval_ns;
        if (resolver_->version() != version_) take_addresses();
        check_deadlines();
    }
    assign();
    if (moves_ != moves) timeout_ns = 0;
    if (pending_ > 0) timeout_ns = std::min(timeout_ns, longest_wait_ns);
    wait(timeout_ns);
    assign();  // what the answers made room for
    connections_now_.store(open_, std::memory_order_relaxed);
}

// ---- connections for requests ----

void HttpOutput::assign() noexcept {
    std::size_t crowded = 0;  // requests that found no idle connection
    UpstreamConnection* connection = nullptr;
    while (!waiting_.empty() && (connection = waiting_.front().suspect ? pick_fresh() : pick()) != nullptr) {
        Exchange& exchange = connection->exchange();
        if (!exchange.empty()) ++crowded;
        connection->reserved = waiting_.front().suspect;
        for (std::size_t left = exchange.batch(); left > 0; --left) {
            Pending request = waiting_.pop_front();
            request.since_ns = now_ns_;
            exchange.add(request, now_ns_);
            if (waiting_.empty() || waiting_.front().suspect || !connection->has_room()) break;
        }
        to_send_.push(connection->number());
        if (exchange.empty()) connection->reserved = false;  // what was added could not be said
        if (connection->has_room()) got_room(*connection);
    }
    send_all();
    open_for(waiting_.size() + crowded);
}

// All that came in one go leaves in one go, pipelined requests in one call.
void HttpOutput::send_all() noexcept {
    while (!to_send_.empty()) {
        UpstreamConnection& each = connections_[to_send_.pop()];
        if (each.state == State::open && each.unsent()) send(each);
    }
}

// An open connection with room, an idle one if there is one; in turn. Those in the queues may have closed since, or have
// got requests: that is found out here.
UpstreamConnection* HttpOutput::pick() noexcept {
    while (!idle_.empty()) {
        UpstreamConnection& each = connections_[idle_.pop()];
        if (each.has_room() && each.exchange().empty()) return &each;
    }
    while (!with_room_.empty()) {
        UpstreamConnection& each = connections_[with_room_.pop()];
        if (each.has_room()) return &each;
    }
    return nullptr;
}

// For a suspect: a connection that nothing else is on, so that it hits no other request if it breaks this one, too; and
// a new one, which isn't about to end with those that it was on. An idle one makes room for it where there is none, and
// does when a new one is long in coming.
UpstreamConnection* HttpOutput::pick_fresh() noexcept {
    const bool patient = now_ns_ - waiting_.front().since_ns < fresh_wait_ns;
    for (std::size_t left = idle_.size(); left > 0; --left) {
        UpstreamConnection& each = connections_[idle_.pop()];
        if (!each.has_room() || !each.exchange().empty()) continue;
        if (!patient || !each.exchange().proven()) return &each;
        if (connecting_ == 0 && !can_open() && upstreams_[each.upstream].address.may_try(now_ns_)) {
            end(each, Ending::orderly);
        } else {
            idle_.push(each.number());
        }
    }
    return nullptr;
}

void HttpOutput::got_room(UpstreamConnection& connection) noexcept {
    (connection.exchange().empty() ? idle_ : with_room_).push(connection.number());
}

// Begins as many connections as there are requests without one. The first time, one for each address at
// least, so that a few requests already spread over all of them.
void HttpOutput::open_for(std::size_t requests) noexcept {
    if (!ever_connected_ && requests > 0) requests = std::max(requests, listed_);
    while (connecting_ < requests && !closed_.empty()) {
        Upstream* upstream = next_upstream();
        if (upstream == nullptr) return;
        UpstreamAddress& address = upstream->address;
        const std::uint64_t limit =
            address.failing() ? std::min(options_.timeout_ns, probe_timeout_ns) : options_.timeout_ns;
        address.trying();
        UpstreamConnection& each = connections_[closed_.back()];
        closed_.pop_back();
        each.deadline_ns = now_ns_ + limit;
        ++connecting_;
        ++upstream->connections;
        const auto index = static_cast<std::size_t>(upstream - upstreams_.data());
        const int error = each.connect(address.address(), index, now_ns_);
        if (error != 0) not_connected(each, error);
    }
}

bool HttpOutput::is_open_to(const Upstream& upstream) const noexcept {
    return upstream.listed && upstream.connections < options_.connections && upstream.address.may_try(now_ns_);
}

bool HttpOutput::can_open() const noexcept {
    return std::any_of(upstreams_.begin(), upstreams_.end(), [this](const Upstream& each) { return is_open_to(each); });
}

// Of those that may be tried, the one with the fewest connections; of equals, each in turn.
HttpOutput::Upstream* HttpOutput::next_upstream() noexcept {
    Upstream* best = nullptr;
    for (std::size_t i = 0; i < upstreams_.size(); ++i) {
        Upstream& each = upstreams_[(next_upstream_ + i) % upstreams_.size()];
        if (!is_open_to(each)) continue;
        if (best == nullptr || each.connections < best->connections) best = &each;
    }
    if (best != nullptr) next_upstream_ = static_cast<std::size_t>(best - upstreams_.data()) + 1;
    return best;
}

// What the resolver lists now. Allocates nothing but the list.
void HttpOutput::take_addresses() {
    const std::uint64_t version = resolver_->version();
    const std::vector<SocketAddress> found = resolver_->addresses();
    const auto with = [this](const SocketAddress& address) {
        return std::find_if(upstreams_.begin(), upstreams_.end(),
            [&address](const Upstream& each) { return each.address.address() == address; });
    };
    for (Upstream& each : upstreams_) each.listed = false;
    bool all = true;
    for (const SocketAddress& address : found) {
        auto place = with(address);
        if (place == upstreams_.end()) {
            place = std::find_if(upstreams_.begin(), upstreams_.end(),
                [](const Upstream& each) { return !each.listed && each.connections == 0; });
            if (place != upstreams_.end()) {
                *place = Upstream{UpstreamAddress(address)};
            } else if (upstreams_.size() < upstreams_.capacity()) {
                place = upstreams_.insert(place, Upstream{UpstreamAddress(address)});
            } else {
                all = false;  // until the connections to an old one are gone
                continue;
            }
        }
        place->listed = true;
    }
    if (all) version_ = version;
    listed_ = static_cast<std::size_t>(
        std::count_if(upstreams_.begin(), upstreams_.end(), [](const Upstream& each) { return each.listed; }));
    max_pending_ = held_for(listed_ * options_.connections, options_);
    for (UpstreamConnection& each : connections_) {
        if (each.state != State::open) continue;
        each.retiring = !upstreams_[each.upstream].listed;
        if (each.retiring) {
            retire(each);
        } else if (each.has_room()) {
            got_room(each);
        }
    }
}

void HttpOutput::retire(UpstreamConnection& connection) noexcept {
    connection.retiring = true;
    if (connection.exchange().empty()) end(connection, Ending::orderly);
}

// The connection is closed: its place is another's.
void HttpOutput::release(UpstreamConnection& connection) noexcept {
    --upstreams_[connection.upstream].connections;
    closed_.push_back(connection.number());
}

void HttpOutput::connected(UpstreamConnection& connection) noexcept {
    Upstream& upstream = upstreams_[connection.upstream];
    --connecting_;
    counters_.add(Counter::connects);
    ever_connected_ = true;
    error_now_.store(0, std::memory_order_relaxed);
    ++open_;
    upstream.address.reached();
    if (!upstream.listed) {
        retire(connection);
        return;
    }
    got_room(connection);
    if (connection.unsent()) to_send_.push(connection.number());  // HTTP/2 has something to say first
}

void HttpOutput::not_connected(UpstreamConnection& connection, int error, const char* trouble) noexcept {
    --connecting_;
    counters_.add(Counter::connect_failures);
    last_error_ = error;
    last_trouble_ = trouble;
    reason_now_.store(trouble, std::memory_order_relaxed);
    error_now_.store(error, std::memory_order_relaxed);
    upstreams_[connection.upstream].address.refused(connection.started_ns, now_ns_, random_);
    release(connection);
}

// ---- events ----

// Time goes on by what was slept, so that an answer is not stamped with the time from before.
void HttpOutput::wait(std::uint64_t timeout_ns) noexcept {
    std::array<epoll_event, max_events> events;  // written by the kernel as far as it is used
    using Clock = std::chrono::steady_clock;
    const auto begin = timeout_ns != 0 ? Clock::now() : Clock::time_point{};
    const std::size_t count = wait_for_events(epoll_.get(), events, timeout_ns);
    if (timeout_ns != 0) {
        const auto waited = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
        now_ns_ += static_cast<std::uint64_t>(waited);
    }
    for (std::size_t i = 0; i < count; ++i) on_event(connections_[events[i].data.u32], events[i].events);
}

void HttpOutput::on_event(UpstreamConnection& connection, std::uint32_t events) noexcept {
    if (connection.state == State::closed) return;
    if (connection.state == State::connecting) {
        switch (connection.proceed(counters_, now_ns_)) {
        case Io::later: return;
        case Io::done: connected(connection); break;
        case Io::broken: not_connected(connection, connection.error(), connection.trouble()); return;
        }
        // The end of a TLS handshake may have brought the server's first bytes with it.
        if (connection.state == State::open && connection.buffered()) receive_all(connection);
        return;
    }
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0) receive_all(connection);
    if ((events & EPOLLOUT) != 0 && connection.state == State::open) send(connection);
}

void HttpOutput::send(UpstreamConnection& connection) noexcept {
    if (connection.flush(counters_, now_ns_) == Io::broken) {
        // What the server said before it went is still to be read, then the end.
        while (connection.state == State::open && receive(connection)) {
        }
        if (connection.state == State::open) end(connection, Ending::broken);
        return;
    }
    progressed(connection);
}

// Reads once, and what TLS has taken from the socket already.
void HttpOutput::receive_all(UpstreamConnection& connection) noexcept {
    while (receive(connection) && connection.state == State::open && connection.buffered()) {
    }
}

// Reads once. False when there was nothing to read.
bool HttpOutput::receive(UpstreamConnection& connection) noexcept {
    Bytes got;
    switch (connection.read({buffer_.get(), buffer_bytes}, got)) {
    case Io::later: return false;
    case Io::broken: end(connection, Ending::broken); return true;
    case Io::done: break;
    }
    Ending ending = Ending::none;
    if (!got.empty()) {
        ending = connection.exchange().receive(got, now_ns_);
    } else {
        ending = connection.exchange().end_of_stream();
        if (ending == Ending::closed && connection.was_reset) ending = Ending::broken;
    }
    if (ending != Ending::none) {
        end(connection, ending);
        return true;
    }
    progressed(connection);
    if (connection.state == State::open && connection.unsent()) to_send_.push(connection.number());
    return true;
}

// Some of its requests may have been answered.
void HttpOutput::progressed(UpstreamConnection& connection) noexcept {
    if (connection.exchange().empty()) connection.reserved = false;
    if (connection.retiring) {
        retire(connection);
    } else if (connection.has_room()) {
        got_room(connection);
    }
}

void HttpOutput::end(UpstreamConnection& connection, Ending why) noexcept {
    const Exchange& exchange = connection.exchange();
    if (!exchange.empty() && !exchange.proven() && why != Ending::orderly) {
        upstreams_[connection.upstream].address.useless(now_ns_, random_);
    }
    --open_;
    connection.close(why);
    release(connection);
}

// ---- what becomes of requests ----

void HttpOutput::answered(const Pending& request, int status) noexcept {
    latency_.add(now_ns_ - request.since_ns);
    finish(request, answered_counter(status));
}

void HttpOutput::interim() noexcept {
    counters_.add(Counter::responses_1xx);
}

// Lost requests go to the head of the queue, so that the oldest is the next to be sent.
void HttpOutput::lost(const Pending& lost, Loss why, bool begun) noexcept {
    Pending request = lost;
    switch (why) {
    case Loss::abandoned: finish(request, Counter::failed_drain); return;
    case Loss::garbled: finish(request, Counter::failed_response); return;
    case Loss::timed_out: finish(request, Counter::failed_timeout); return;
    case Loss::unsayable: finish(request, Counter::failed_unsayable); return;
    case Loss::unsent:
    case Loss::unread: send_again(request, begun); return;
    case Loss::refused:
    case Loss::crossed:
        request.suspect = request.suspect || why == Loss::crossed;
        if (request.forgiven < (why == Loss::refused ? most_refusals : connections_.size())) {
            ++request.forgiven;
            send_again(request, begun);
            return;
        }
        break;
    case Loss::broken: break;
    }
    if (request.charged < options_.retries) {
        ++request.charged;
        request.suspect = true;
        send_again(request, begun);
    } else {
        finish(request, Counter::failed_reset);
    }
}

void HttpOutput::send_again(Pending request, bool begun) noexcept {
    if (begun) counters_.add(Counter::retries);
    ++moves_;
    request.since_ns = now_ns_;
    waiting_.push_front(request);
}

void HttpOutput::check_deadlines() noexcept {
    for (UpstreamConnection& each : connections_) {
        if (each.state == State::connecting && now_ns_ >= each.deadline_ns) {
            each.close();
            not_connected(each, ETIMEDOUT);
        } else if (each.state == State::open) {
            const Ending ending = each.exchange().check(now_ns_);
            if (ending != Ending::none) {
                end(each, ending);
            } else if (each.unsent()) {
                to_send_.push(each.number());
            }
        }
    }
    if (pending_ > waiting_.size()) return;  // some are on connections: there is hope
    const auto all = [this](bool (UpstreamAddress::*are)() const noexcept) {
        return std::all_of(upstreams_.begin(), upstreams_.end(),
            [are](const Upstream& each) { return !each.listed || (each.address.*are)(); });
    };
    if (now_ns_ >= next_resolve_ns_ && all(&UpstreamAddress::failing)) {
        next_resolve_ns_ = now_ns_ + resolve_interval_ns;
        resolver_->again();
    }
    const bool hopeless = draining_ && connecting_ == 0 && all(&UpstreamAddress::refused_in_drain);
    while (!waiting_.empty() && (hopeless || now_ns_ - waiting_.front().since_ns > options_.timeout_ns)) {
        // Where connections can be made, and took too long with others, its answer is what didn't come.
        finish(waiting_.pop_front(),
            all(&UpstreamAddress::unreachable) ? Counter::failed_connect : Counter::failed_timeout);
    }
}

void HttpOutput::finish(const Pending& request, Counter outcome) noexcept {
    --pending_;
    ++moves_;
    done_(request.slot, request.channel, outcome);
}

void HttpOutput::begin_drain() noexcept {
    draining_ = true;
    for (Upstream& each : upstreams_) each.address.begin_drain();
}

void HttpOutput::abandon() noexcept {
    for (UpstreamConnection& each : connections_) {
        if (each.state == State::closed) continue;
        each.close();
        release(each);
    }
    open_ = 0;
    connections_now_.store(0, std::memory_order_relaxed);
    connecting_ = 0;
    while (!waiting_.empty()) finish(waiting_.pop_front(), Counter::failed_drain);
}

std::string HttpOutput::trouble() const {
    if (!was_used_ || ever_connected_ || last_error_ == 0) return {};
    return "output " + spec_.text + ": " + words_of(last_error_, last_trouble_);
}

std::string HttpOutput::trouble_now() const {
    const int error = error_now_.load(std::memory_order_relaxed);
    if (error == 0 || connections() != 0) return {};
    return words_of(error, reason_now_.load(std::memory_order_relaxed));
}

}  // namespace rebuilder::forward
