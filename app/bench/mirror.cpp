// SPDX-License-Identifier: Apache-2.0
#include "mirror.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace rebuilder::bench {
namespace {

constexpr std::uint8_t fin = 0x01, syn = 0x02, push = 0x08, ack = 0x10;

// A frame without payload. Zero: lengths, ports and numbers, which each has its own of, and checksums.
constexpr std::array<std::uint8_t, Mirror::header_bytes> headers{
    0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00,                           // Ethernet
    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 172, 31, 0, 1, 172, 31, 0, 2,       // IPv4, from the mirrored interface
    0, 0, 4789 >> 8, 4789 & 0xff, 0, 0, 0, 0,                                       // UDP
    0x08, 0, 0, 0, 0, 0x10, 0x01, 0,                                                // VXLAN, VNI 4097
    0x02, 0, 0, 0, 0, 3, 0x02, 0, 0, 0, 0, 4, 0x08, 0x00,                           // Ethernet
    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 100, 100, 10, 10, 100, 200, 20,  // IPv4, from the client
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0xff, 0xff, 0, 0, 0, 0,            // TCP
};
constexpr std::size_t ip_at = 14;
constexpr std::size_t udp_at = ip_at + 20;
constexpr std::size_t inner_ip_at = Mirror::tunnel_bytes + 14;
constexpr std::size_t source_at = inner_ip_at + 12;
constexpr std::size_t destination_at = inner_ip_at + 16;
constexpr std::size_t tcp_at = inner_ip_at + 20;

constexpr std::uint16_t server_port = 8080;
constexpr std::uint16_t first_port = 10'000;
constexpr std::uint32_t ports = 50'000;
constexpr std::uint8_t first_client = 10;  // the last part of the address; two digits, as all that follow
constexpr std::uint64_t first_ns = 1'700'000'000'000'000'000;
static_assert(Mirror::most_connections / ports < 90);

// Segments that are late come behind one to so many others; copies, too.
constexpr std::size_t most_places_late = 16;

void store16(std::uint8_t* to, std::size_t value) noexcept {
    to[0] = static_cast<std::uint8_t>(value >> 8);
    to[1] = static_cast<std::uint8_t>(value);
}
void store32(std::uint8_t* to, std::uint32_t value) noexcept {
    store16(to, value >> 16);
    store16(to + 2, value);
}

}  // namespace

Mirror::Connection& Mirror::at(std::uint32_t connection) {
    if (connections_.size() <= connection) connections_.resize(connection + 1);
    return connections_[connection];
}

void Mirror::open(std::uint32_t connection) {
    at(connection) = {connection * 2'654'435'761U, connection * 2'246'822'519U};
    add(Sender::client, connection, syn, {});
    ++at(connection).client_seq;
}

void Mirror::accept(std::uint32_t connection) {
    add(Sender::server, connection, syn | ack, {});
    ++at(connection).server_seq;
}

Bytes Mirror::send_packet(std::uint32_t connection, Bytes written) {
    const Bytes payload = written.first(std::min(written.size(), most_payload_));
    written = written.subspan(payload.size());
    add(Sender::client, connection, written.empty() ? push | ack : ack, payload);
    return written;
}

void Mirror::send(std::uint32_t connection, Bytes written) {
    while (!written.empty()) written = send_packet(connection, written);
}

void Mirror::reply(std::uint32_t connection, Bytes written) {
    while (!written.empty()) {
        const Bytes payload = written.first(std::min(written.size(), most_payload_));
        written = written.subspan(payload.size());
        add(Sender::server, connection, written.empty() ? push | ack : ack, payload);
    }
}

void Mirror::acknowledge(std::uint32_t connection) {
    add(Sender::client, connection, ack, {});
}

void Mirror::close(std::uint32_t connection) {
    add(Sender::client, connection, fin | ack, {});
}

void Mirror::add(Sender sender, std::uint32_t connection, std::uint8_t flags, Bytes payload) {
    const auto frame = arena_.take(headers.size() + payload.size());
    std::uint8_t* to = frame.data();
    std::copy(headers.begin(), headers.end(), to);
    std::copy(payload.begin(), payload.end(), to + headers.size());
    store16(to + ip_at + 2, frame.size() - ip_at);
    store16(to + udp_at, 49'152 + connection % 16'384);
    store16(to + udp_at + 4, frame.size() - udp_at);
    store16(to + inner_ip_at + 2, frame.size() - inner_ip_at);
    Connection& numbers = at(connection);
    to[source_at + 3] = static_cast<std::uint8_t>(first_client + connection / ports);
    std::uint8_t* tcp = to + tcp_at;
    store16(tcp, first_port + connection % ports);
    store16(tcp + 2, server_port);
    store32(tcp + 4, numbers.client_seq);
    store32(tcp + 8, numbers.server_seq);
    if (sender == Sender::server) {
        std::swap_ranges(to + source_at, to + destination_at, to + destination_at);
        std::swap_ranges(tcp, tcp + 2, tcp + 2);
        std::swap_ranges(tcp + 4, tcp + 8, tcp + 8);
    }
    (sender == Sender::client ? numbers.client_seq : numbers.server_seq) += static_cast<std::uint32_t>(payload.size());
    tcp[13] = flags;
    frames_.push_back({frame, first_ns + frames_.size() * step_ns});
    bytes_ += frame.size();
}

std::vector<std::size_t> Mirror::impair(const Impairment& impairment, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto hit = [&random](double share) { return std::uniform_real_distribution<double>(0, 1)(random) < share; };
    struct Placed {
        std::size_t place;
        packet::Frame frame;
    };
    std::vector<std::size_t> lost;
    std::vector<Placed> placed;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
        if (hit(impairment.loss)) {
            lost.push_back(i);
            continue;
        }
        const auto later = [&] { return i + 1 + random() % most_places_late; };
        placed.push_back({hit(impairment.reorder) ? later() : i, frames_[i]});
        if (hit(impairment.duplicate)) placed.push_back({later(), frames_[i]});
    }
    std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.place < b.place; });
    frames_.clear();
    bytes_ = 0;
    for (const Placed& each : placed) {
        frames_.push_back({each.frame.bytes, first_ns + frames_.size() * step_ns});
        bytes_ += each.frame.bytes.size();
    }
    return lost;
}

void Mirror::renew() noexcept {
    ++clients_;
    for (packet::Frame& frame : frames_) {
        set_client(frame, clients_);
        frame.time_ns += frames_.size() * step_ns;
    }
}

void Mirror::set_client(const packet::Frame& frame, std::uint32_t client) noexcept {
    auto* const bytes = const_cast<std::uint8_t*>(frame.bytes.data());  // in our own memory
    std::uint8_t* address = bytes + (is_clients(frame) ? source_at : destination_at);
    address[1] = static_cast<std::uint8_t>(100 + client / 100 % 100);
    address[2] = static_cast<std::uint8_t>(100 + client % 100);
}

bool Mirror::is_clients(const packet::Frame& frame) noexcept {
    return load_be16(frame.bytes.data() + tcp_at + 2) == server_port;
}

std::uint32_t Mirror::connection_of(const packet::Frame& frame) noexcept {
    const bool clients = is_clients(frame);
    const std::uint8_t* address = frame.bytes.data() + (clients ? source_at : destination_at);
    const std::uint32_t port = load_be16(frame.bytes.data() + tcp_at + (clients ? 0 : 2));
    return (address[3] - std::uint32_t{first_client}) * ports + port - first_port;
}

Bytes Mirror::payload_of(const packet::Frame& frame) noexcept {
    return frame.bytes.subspan(headers.size());
}

}  // namespace rebuilder::bench
