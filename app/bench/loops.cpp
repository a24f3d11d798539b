// SPDX-License-Identifier: Apache-2.0
// The scenario `loops`: epoll or io_uring?
//
// Two clients that do as little as can be, in the same way: a number of connections, on each a number of requests under
// way, and for each answer another request. One makes the system calls that the product makes: epoll_wait, recv, sendmsg.
// The other has one io_uring, entered once a round: multishot receives into provided buffers, sends to registered files,
// completions run by the thread that waits for them. Both sleep when there is nothing to do.
#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "requests.h"
#include "scenario.h"
#include "sender.h"
#include "sink.h"
#include "sink_connection.h"

namespace rebuilder::bench {
namespace {

constexpr std::uint32_t pipelined = 16;

[[noreturn]] void fail(const char* what, int error) {
    throw Error(ExitStatus::runtime, std::string("loops: ") + what + ": " + std::generic_category().message(error));
}

struct Work {
    std::uint16_t port = 0;
    std::uint32_t connections = 0;
    std::uint32_t at_once = 0;
    std::uint64_t requests = 0;
    std::string text;
};

// What both have: connected sockets, and who is owed how many requests.
class Client {
  public:
    explicit Client(const Work& work) : work_(work), answers_(work.connections), owed_(work.connections, work.at_once) {
        for (std::uint32_t i = 0; i < work.connections; ++i) fds_.push_back(connect());
        // All requests are the same bytes, so that a message of n of them can be sent by anyone, at any time.
        parts_.assign(work.at_once, iovec{const_cast<char*>(work_.text.data()), work_.text.size()});
        messages_.resize(work.at_once + 1);
        for (std::size_t n = 0; n < messages_.size(); ++n) {
            messages_[n].msg_iov = parts_.data();
            messages_[n].msg_iovlen = n;
        }
    }
    virtual ~Client() {
        for (const int fd : fds_) ::close(fd);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Sends `count` requests and takes their answers.
    void run(std::uint64_t count) {
        unsent_ = count;
        unanswered_ = count;
        std::fill(owed_.begin(), owed_.end(), work_.at_once);
        to_send_.clear();
        for (std::uint32_t i = 0; i < work_.connections; ++i) to_send_.push_back(i);
        while (unanswered_ > 0) {
            for (const std::uint32_t each : to_send_) {
                const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(owed_[each], unsent_));
                owed_[each] = 0;
                unsent_ -= part;
                if (part > 0) send(each, messages_[part]);
            }
            to_send_.clear();
            if (unanswered_ > 0) receive();
        }
    }

  protected:
    virtual void send(std::uint32_t connection, msghdr& message) = 0;
    virtual void receive() = 0;

    // An answer ends as a request does: by head end and Content-Length.
    void received(std::uint32_t connection, std::string_view bytes) {
        const auto ended = answers_[connection].feed(bytes);
        if (!ended || *ended > unanswered_ || bytes.empty()) fail("answers", EPROTO);
        if (*ended == 0) return;
        unanswered_ -= *ended;
        if (owed_[connection] == 0) to_send_.push_back(connection);
        owed_[connection] += static_cast<std::uint32_t>(*ended);
    }

    [[nodiscard]] const std::vector<int>& fds() const { return fds_; }
    [[nodiscard]] std::size_t message_bytes(const msghdr& message) const {
        return message.msg_iovlen * work_.text.size();
    }

  private:
    [[nodiscard]] int connect() const {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(work_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            fail("connect", errno);
        }
        const int on = 1;
        (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return fd;
    }

    Work work_;
    std::vector<int> fds_;
    std::vector<RequestCounter> answers_;
    std::vector<std::uint32_t> owed_;
    std::vector<std::uint32_t> to_send_;
    std::vector<iovec> parts_;
    std::vector<msghdr> messages_;  // by the number of their requests
    std::uint64_t unsent_ = 0;
    std::uint64_t unanswered_ = 0;
};

class EpollClient final : public Client {
  public:
    explicit EpollClient(const Work& work) : Client(work), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        for (std::uint32_t i = 0; i < work.connections; ++i) {
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u32 = i;
            if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fds()[i], &event) != 0) fail("epoll_ctl", errno);
        }
    }
    ~EpollClient() override { ::close(epoll_); }

  private:
    void send(std::uint32_t connection, msghdr& message) override {
        const ssize_t sent = ::sendmsg(fds()[connection], &message, MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(message_bytes(message))) fail("sendmsg", errno);
    }
    void receive() override {
        std::array<epoll_event, 64> events;
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 5'000);
        if (count == 0) fail("epoll_wait", ETIMEDOUT);
        for (int i = 0; i < count; ++i) {
            const std::uint32_t connection = events[static_cast<std::size_t>(i)].data.u32;
            const ssize_t size = ::recv(fds()[connection], buffer_.data(), buffer_.size(), MSG_DONTWAIT);
            if (size < 0) fail("recv", errno);
            received(connection, {buffer_.data(), static_cast<std::size_t>(size)});
        }
    }

    int epoll_;
    std::array<char, 64u << 10> buffer_;
};

class UringClient final : public Client {
  public:
    explicit UringClient(const Work& work) : Client(work), buffers_(buffer_count * buffer_bytes) {
        io_uring_params params{};
        params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
        params.cq_entries = 4096;
        check("io_uring_setup", ::io_uring_queue_init_params(1024, &ring_, &params));
        check("register_ring_fd", ::io_uring_register_ring_fd(&ring_));
        check("register_files", ::io_uring_register_files(&ring_, fds().data(), static_cast<unsigned>(fds().size())));
        provide_buffers();
        for (std::uint32_t i = 0; i < work.connections; ++i) arm(i);
    }
    ~UringClient() override {
        ::io_uring_queue_exit(&ring_);
        ::free(buffer_ring_);
    }

  private:
    static constexpr unsigned buffer_count = 256;
    static constexpr unsigned buffer_bytes = 4096;
    static constexpr std::uint16_t group = 0;
    static constexpr std::uint64_t is_send = std::uint64_t{1} << 32;

    static void check(const char* what, int result) {
        if (result < 0) fail(what, -result);
    }

    void provide_buffers() {
        void* memory = ::aligned_alloc(4096, buffer_count * sizeof(io_uring_buf));
        buffer_ring_ = static_cast<io_uring_buf_ring*>(memory);
        io_uring_buf_reg registration{};
        registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
        registration.ring_entries = buffer_count;
        registration.bgid = group;
        ::io_uring_buf_ring_init(buffer_ring_);
        check("register_buf_ring", ::io_uring_register_buf_ring(&ring_, &registration, 0));
        for (unsigned i = 0; i < buffer_count; ++i) provide(i, static_cast<int>(i));
        ::io_uring_buf_ring_advance(buffer_ring_, static_cast<int>(buffer_count));
    }
    void provide(unsigned buffer, int offset) {
        ::io_uring_buf_ring_add(buffer_ring_, at(buffer), buffer_bytes, static_cast<unsigned short>(buffer),
            ::io_uring_buf_ring_mask(buffer_count), offset);
    }
    [[nodiscard]] char* at(unsigned buffer) { return buffers_.data() + std::size_t{buffer} * buffer_bytes; }

    io_uring_sqe& next() {
        io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
        if (sqe == nullptr) {
            check("io_uring_submit", ::io_uring_submit(&ring_));
            sqe = ::io_uring_get_sqe(&ring_);
        }
        return *sqe;
    }
    void arm(std::uint32_t connection) {
        io_uring_sqe& sqe = next();
        ::io_uring_prep_recv_multishot(&sqe, static_cast<int>(connection), nullptr, 0, 0);
        sqe.flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
        sqe.buf_group = group;
        ::io_uring_sqe_set_data64(&sqe, connection);
    }

    // Nothing waits for a send: what was sent shows in the answers. Only failures are told.
    void send(std::uint32_t connection, msghdr& message) override {
        io_uring_sqe& sqe = next();
        if (message.msg_iovlen == 1) {
            ::io_uring_prep_send(&sqe, static_cast<int>(connection), message.msg_iov->iov_base,
                message.msg_iov->iov_len, MSG_NOSIGNAL | MSG_WAITALL);
        } else {
            ::io_uring_prep_sendmsg(&sqe, static_cast<int>(connection), &message, MSG_NOSIGNAL | MSG_WAITALL);
        }
        sqe.flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
        ::io_uring_sqe_set_data64(&sqe, connection | is_send);
    }

    void receive() override {
        check("io_uring_enter", ::io_uring_submit_and_wait(&ring_, 1));
        unsigned head = 0;
        unsigned seen = 0;
        int returned = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            ++seen;
            const std::uint64_t data = ::io_uring_cqe_get_data64(cqe);
            const auto connection = static_cast<std::uint32_t>(data);
            if ((data & is_send) != 0) fail("send", -cqe->res);
            if (cqe->res < 0 && cqe->res != -ENOBUFS) fail("recv", -cqe->res);
            if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
                const unsigned buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
                received(connection, {at(buffer), static_cast<std::size_t>(cqe->res)});
                provide(buffer, returned++);
            }
            if ((cqe->flags & IORING_CQE_F_MORE) == 0) arm(connection);
        }
        ::io_uring_buf_ring_advance(buffer_ring_, returned);
        ::io_uring_cq_advance(&ring_, seen);
    }

    io_uring ring_{};
    io_uring_buf_ring* buffer_ring_ = nullptr;
    std::vector<char> buffers_;
};

class Loops final : public Scenario {
  public:
    void add_options(CLI::App& app) override {
        app.add_option("--requests", requests_, fmt::format("requests of a run [{}]", requests_))
            ->check(CLI::Range(1, 100'000'000))
            ->option_text("N");
        app.add_option("--connections", connections_, fmt::format("connections of each loop [{}]", connections_))
            ->check(CLI::Range(1, 256))
            ->option_text("N");
    }

    Report run(const Settings& settings) override {
        Sink sink(settings.sink_cpu);
        if (!pin_to(settings.cpu))
            throw Error(ExitStatus::runtime, fmt::format("--cpu {}: can't be used", settings.cpu));
        Work work{sink.port(), connections_, 1, requests_, make_samples(Mix::get).front().wire()};
        Report report("loops", fmt::format("loops: GETs of {} bytes, {} connections", work.text.size(), connections_));
        report.set("connections", std::to_string(connections_));
        report.set("requests", std::to_string(requests_));
        for (std::uint32_t round = 0; round < settings.rounds; ++round) {
            for (const std::uint32_t at_once : {1u, pipelined}) {
                work.at_once = at_once;
                // Either is the first one in turn.
                if (round % 2 == 0) report.add(name("epoll", at_once), measure<EpollClient>(work, sink));
                report.add(name("io_uring", at_once), measure<UringClient>(work, sink));
                report.add(name("rebuilder", at_once), forwarder(work, sink));
                if (round % 2 != 0) report.add(name("epoll", at_once), measure<EpollClient>(work, sink));
            }
        }
        for (const std::uint32_t at_once : {1u, pipelined}) {
            report.compare(name("io_uring", at_once), name("epoll", at_once));
            report.compare(name("rebuilder", at_once), name("epoll", at_once));
        }
        return report;
    }

  private:
    static std::string name(const char* loop, std::uint32_t at_once) {
        return at_once == 1 ? loop : fmt::format("{}, pipelined {}", loop, at_once);
    }

    // What the product adds to its system calls.
    static Measurement forwarder(const Work& work, const Sink& sink) {
        SendSettings settings;
        settings.output = sink.url();
        settings.http.connections = work.connections;
        settings.at_once = work.at_once;
        settings.requests = work.requests;
        const std::uint64_t before = sink.settled_requests();
        const SendResult result = send_requests(make_samples(Mix::get), settings);
        verify(sink.requests() - before, result.handed_off);
        return result.measurement;
    }

    static void verify(std::uint64_t counted, std::uint64_t sent) {
        if (counted == sent) return;
        throw Error(
            ExitStatus::runtime, fmt::format("loops: the sink counted {} requests, {} were sent", counted, sent));
    }

    template <class Loop>
    static Measurement measure(const Work& work, const Sink& sink) {
        const std::uint64_t before = sink.settled_requests();
        const std::uint64_t warm_up = std::uint64_t{work.connections} * work.at_once * 8;
        Loop loop(work);
        loop.run(warm_up);
        const std::uint64_t begin_ns = clock_ns();
        const CpuTime begin = thread_cpu_time();
        loop.run(work.requests);
        Measurement measurement;
        measurement.cpu = thread_cpu_time() - begin;
        measurement.wall_ns = clock_ns() - begin_ns;
        measurement.requests = work.requests;
        verify(sink.requests() - before, warm_up + work.requests);
        return measurement;
    }

    std::uint64_t requests_ = 200'000;
    std::uint32_t connections_ = 8;
};

}  // namespace

std::unique_ptr<Scenario> make_loops() {
    return std::make_unique<Loops>();
}

}  // namespace rebuilder::bench
