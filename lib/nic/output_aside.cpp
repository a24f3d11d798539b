// SPDX-License-Identifier: Apache-2.0
#include "nic/output_aside.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace rebuilder::nic {

namespace {

void put_back(int saved, int descriptor) noexcept {
    if (saved < 0) {
        ::close(descriptor);  // it was closed before
        return;
    }
    ::dup2(saved, descriptor);
    ::close(saved);
}

}  // namespace

OutputAside::OutputAside(bool aside) noexcept : file_(aside ? ::memfd_create("aside", MFD_CLOEXEC) : -1) {
    if (file_ < 0) return;
    std::fflush(nullptr);
    stdout_ = ::dup(STDOUT_FILENO);
    stderr_ = ::dup(STDERR_FILENO);
    ::dup2(file_, STDOUT_FILENO);
    ::dup2(file_, STDERR_FILENO);
}

OutputAside::~OutputAside() {
    if (file_ < 0) return;
    std::fflush(nullptr);
    put_back(stdout_, STDOUT_FILENO);
    put_back(stderr_, STDERR_FILENO);
    ::close(file_);
}

std::string OutputAside::text() const {
    std::fflush(nullptr);
    std::array<char, 8192> text{};
    const ssize_t size = file_ < 0 ? 0 : ::pread(file_, text.data(), text.size(), 0);
    return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

}  // namespace rebuilder::nic
