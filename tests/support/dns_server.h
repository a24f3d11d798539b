// SPDX-License-Identifier: Apache-2.0
// DnsServer: a name server on the loopback (UDP) that knows one name, and what a test says of it.
//
//   DnsServer dns;
//   dns.set({.v4 = {"192.0.2.1"}, .ttl_s = 60});
//   ... ResolverOptions{.servers = dns.text()} ...
//   CHECK(dns.questions() == 2);  // one for A, one for AAAA
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rebuilder::test {

struct DnsZone {
    std::vector<std::string> v4{}, v6{};
    std::uint32_t ttl_s = 0;
    int error = 0;        // RFC 1035, section 4.1.1: 2 server failure, 3 no such name
    bool silent = false;  // no answer at all
    std::string alias{};  // the name is another's, for alias_ttl_s
    std::uint32_t alias_ttl_s = 0;
};

class DnsServer {
  public:
    // On 127.0.0.1, or on ::1: then text() is empty where there is none.
    explicit DnsServer(bool v6 = false)
        : v6_(v6)
        , fd_(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in6 address{};
        socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
        if (v6) {
            address.sin6_family = AF_INET6;
            address.sin6_addr = in6addr_loopback;
        } else {
            sockaddr_in v4{};
            v4.sin_family = AF_INET;
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            std::memcpy(&address, &v4, sizeof(v4));
        }
        if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            if (!v6) throw std::runtime_error("cannot bind to the loopback");
            address.sin6_port = 0;
        }
        port_ = ntohs(address.sin6_port);  // which is where a sockaddr_in has it
        thread_ = std::thread([this] { run(); });
    }
    ~DnsServer() {
        stop_ = true;
        thread_.join();
        ::close(fd_);
    }
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;

    void set(DnsZone zone) {
        const std::lock_guard lock(mutex_);
        zone_ = std::move(zone);
    }
    [[nodiscard]] std::string text() const {
        return port_ == 0 ? "" : (v6_ ? "[::1]:" : "127.0.0.1:") + std::to_string(port_);
    }
    [[nodiscard]] std::size_t questions() const { return questions_; }

  private:
    static constexpr std::uint16_t type_a = 1, type_cname = 5, type_aaaa = 28;

    static void put(std::string& out, std::uint16_t value) {
        out += static_cast<char>(value >> 8);
        out += static_cast<char>(value & 0xff);
    }
    static std::string record(std::uint16_t type, std::uint32_t ttl_s, const std::string& data, std::uint16_t name) {
        std::string out;
        put(out, name);  // a pointer to it
        put(out, type);
        put(out, 1);
        put(out, static_cast<std::uint16_t>(ttl_s >> 16));
        put(out, static_cast<std::uint16_t>(ttl_s & 0xffff));
        put(out, static_cast<std::uint16_t>(data.size()));
        return out + data;
    }
    static std::string label(const std::string& name) { return static_cast<char>(name.size()) + name + '\0'; }

    std::string answer(std::string question) {
        const std::lock_guard lock(mutex_);
        std::size_t at = 12;
        while (at < question.size() && question[at] != 0) at += static_cast<std::uint8_t>(question[at]) + 1u;
        question.resize(at + 5);  // without what EDNS adds
        const auto type = static_cast<std::uint16_t>(static_cast<std::uint8_t>(question[at + 2]));
        std::string records;
        std::uint16_t count = 0;
        std::uint16_t name = 0xc00c;  // that of the question
        if (!zone_.alias.empty()) {
            records += record(type_cname, zone_.alias_ttl_s, label(zone_.alias), name);
            ++count;
            name = static_cast<std::uint16_t>(0xc000 + question.size() + 12);  // the data of that record
        }
        for (const std::string& text : type == type_a ? zone_.v4 : zone_.v6) {
            std::array<char, 16> bytes{};
            ::inet_pton(type == type_a ? AF_INET : AF_INET6, text.c_str(), bytes.data());
            records += record(type, zone_.ttl_s, std::string(bytes.data(), type == type_a ? 4 : 16), name);
            ++count;
        }
        std::string out = question.substr(0, 2);
        put(out, static_cast<std::uint16_t>(0x8180 | zone_.error));
        put(out, 1);
        put(out, zone_.error == 0 ? count : std::uint16_t{0});
        out.append(4, '\0');
        out += question.substr(12);
        return zone_.error == 0 ? out + records : out;
    }

    void run() {
        std::array<char, 1500> bytes{};
        while (!stop_) {
            pollfd ready{fd_, POLLIN, 0};
            if (::poll(&ready, 1, 20) <= 0) continue;
            sockaddr_in6 from{};
            socklen_t size = sizeof(from);
            const ssize_t got =
                ::recvfrom(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 17) continue;
            ++questions_;
            const std::string text = answer(std::string(bytes.data(), static_cast<std::size_t>(got)));
            const std::lock_guard lock(mutex_);
            if (zone_.silent) continue;
            (void)::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
        }
    }

    const bool v6_;
    const int fd_;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    DnsZone zone_;
    std::atomic<std::size_t> questions_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace rebuilder::test
