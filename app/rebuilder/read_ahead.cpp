// SPDX-License-Identifier: Apache-2.0
#include "read_ahead.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace rebuilder {

ReadAhead::ReadAhead(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (!descriptor_ || ::fstat(descriptor_.get(), &status) != 0) {
        throw Error(ExitStatus::usage, fmt::format("{}: {}", path, std::strerror(errno)));
    }
    file_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

bool ReadAhead::more() noexcept {
    if (begin_ == end_ || end_ == home_ + block) {
        const std::size_t left = rest().size();
        assert(left <= most_kept);
        std::memmove(home_ - left, begin_, left);
        begin_ = home_ - left;
        end_ = home_;
    }
    // A pipe gives less than a block; the next read goes behind it.
    const auto room = static_cast<std::size_t>(home_ + block - end_);
    ssize_t size = 0;
    do size = ::read(descriptor_.get(), end_, room);
    while (size < 0 && errno == EINTR);
    error_ = size < 0 ? errno : 0;
    if (size <= 0) return false;
    end_ += size;
    bytes_read_ += static_cast<std::uint64_t>(size);
    return true;
}

double ReadAhead::progress() const noexcept {
    return is_pipe() ? 0 : static_cast<double>(position()) / static_cast<double>(file_bytes_);
}

}  // namespace rebuilder
