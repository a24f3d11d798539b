// SPDX-License-Identifier: Apache-2.0
#include "forward/file_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/sleep.h"
#include "forward/wait.h"

namespace rebuilder::forward {
namespace {

constexpr std::size_t max_parts = 256;

// A pipe that poll() calls writable takes this much without blocking, whether it is in non-blocking mode or
// not.
constexpr std::size_t sure_bytes = PIPE_BUF;

// Shortens `parts` to at most `bytes` in all; answers how many are left.
std::size_t cut(std::span<iovec> parts, std::size_t bytes) noexcept {
    std::size_t used = 0;
    while (used < parts.size() && bytes > 0) {
        parts[used].iov_len = std::min(parts[used].iov_len, bytes);
        bytes -= parts[used++].iov_len;
    }
    return used;
}

void ignore_sigpipe() noexcept {
    struct sigaction now {};
    if (::sigaction(SIGPIPE, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
    now.sa_handler = SIG_IGN;
    (void)::sigaction(SIGPIPE, &now, nullptr);
}

}  // namespace

FileOutput::FileOutput(const OutputSpec& spec, Counters& counters, Done done)
    : spec_(spec)
    , counters_(counters)
    , done_(std::move(done))
    , standard_output_(spec.path == "-") {
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | (spec_.waits ? 0 : O_NONBLOCK);
    fd_ = standard_output_ ? STDOUT_FILENO : ::open(spec_.path.c_str(), flags, 0644);
    struct stat about {};
    if (fd_ < 0 || ::fstat(fd_, &about) != 0) {
        const std::string reason = errno == ENXIO ? "nobody reads it" : std::generic_category().message(errno);
        if (fd_ >= 0 && !standard_output_) ::close(fd_);
        throw Error(ExitStatus::runtime, "output " + spec_.text + ": cannot open " +
                                             (standard_output_ ? "standard output" : spec_.path) + ": " + reason);
    }
    may_block_ = S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode) || ::isatty(fd_) == 1;
    if (may_block_) ignore_sigpipe();
}

FileOutput::~FileOutput() {
    if (fd_ >= 0 && !standard_output_) ::close(fd_);
}

void FileOutput::submit(const Slot& slot, std::uint32_t channel, std::uint64_t) noexcept {
    batch_.push_back(Pending{.slot = slot, .channel = channel});
}

void FileOutput::poll(std::uint64_t, std::uint64_t timeout_ns) noexcept {
    if (batch_.empty()) {
        sleep_for(timeout_ns);
        return;
    }
    while (!batch_.empty()) {
        if (may_block_ && !writable(timeout_ns)) return;
        timeout_ns = 0;
        const Wrote wrote = write_some();
        if (wrote == Wrote::failed) {
            torn_ = torn_ || cursor_.begun() > cursor_.written();
            fail_batch(Counter::failed_write);
        } else if (wrote == Wrote::none_now) {
            return;
        }
    }
}

FileOutput::Wrote FileOutput::write_some() noexcept {
    if (torn_) return write_newline();
    std::array<iovec, max_parts> parts;  // written by gather() as far as it is used
    std::size_t used = cursor_.gather(batch_, parts);
    if (may_block_) used = cut(std::span(parts).first(used), sure_bytes);
    const ssize_t sent = used == 0 ? 0 : ::writev(fd_, parts.data(), static_cast<int>(used));
    if (sent < 0) return refused(errno);
    counters_.add(Counter::sent_bytes, static_cast<std::uint64_t>(sent));
    error_now_.store(0, std::memory_order_relaxed);
    cursor_.advance(batch_, static_cast<std::size_t>(sent));
    finish_written();
    return Wrote::some;
}

FileOutput::Wrote FileOutput::write_newline() noexcept {
    if (::write(fd_, "\n", 1) < 0) return refused(errno);
    counters_.add(Counter::sent_bytes);
    torn_ = false;
    return Wrote::some;
}

FileOutput::Wrote FileOutput::refused(int error) noexcept {
    if (error == EINTR) return Wrote::some;  // nothing was written, and nothing is wrong: the caller tries again
    if (error == EAGAIN) return Wrote::none_now;
    error_ = error;
    error_now_.store(error, std::memory_order_relaxed);
    return Wrote::failed;
}

bool FileOutput::writable(std::uint64_t timeout_ns) const noexcept {
    return wait_for({fd_, POLLOUT, 0}, timeout_ns);  // errors count as writable: the write says which one it is
}

void FileOutput::finish_written() noexcept {
    while (cursor_.written() > 0) {
        cursor_.popped();
        const Pending line = batch_.pop_front();
        done_(line.slot, line.channel, Counter::written);
    }
}

void FileOutput::fail_batch(Counter outcome) noexcept {
    cursor_.reset();
    while (!batch_.empty()) {
        const Pending line = batch_.pop_front();
        done_(line.slot, line.channel, outcome);
    }
}

void FileOutput::abandon() noexcept {
    fail_batch(Counter::failed_drain);
    if (fd_ < 0 || standard_output_) return;
    // Some file systems say only now that there was no room.
    if (::close(fd_) != 0) error_ = errno;
    fd_ = -1;
}

std::string FileOutput::trouble() const {
    if (error_ == 0) return {};
    return "output " + spec_.text + ": cannot write: " + std::generic_category().message(error_);
}

std::string FileOutput::trouble_now() const {
    const int error = error_now_.load(std::memory_order_relaxed);
    return error == 0 ? std::string() : "cannot write: " + std::generic_category().message(error);
}

}  // namespace rebuilder::forward
