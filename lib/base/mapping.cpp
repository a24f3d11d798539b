// SPDX-License-Identifier: Apache-2.0
#include "base/mapping.h"

#include <sys/mman.h>

#include <string>
#include <utility>

#include "base/error.h"

namespace rebuilder {

Mapping::Mapping(std::size_t bytes) : size_(bytes) {
    if (bytes == 0) return;
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        throw Error(ExitStatus::runtime, "cannot map " + std::to_string(bytes) + " bytes of memory");
    }
    data_ = static_cast<std::uint8_t*>(at);
    constexpr std::size_t huge_page = 2u << 20;
    if (bytes >= huge_page) (void)::madvise(at, bytes, MADV_HUGEPAGE);  // only a wish; without it the table is slower
}

Mapping::~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr))
    , size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

}  // namespace rebuilder
