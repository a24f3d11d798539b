// SPDX-License-Identifier: Apache-2.0
#include "capture_reader.h"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/error.h"

namespace rebuilder {
namespace {

constexpr std::size_t largest_frame = 262'144;  // libpcap's own limit
constexpr std::size_t read_ahead = 256 << 10;

std::optional<packet::LinkType> link_type(int datalink) {
    switch (datalink) {
    case DLT_EN10MB: return packet::LinkType::ethernet;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6: return packet::LinkType::raw_ip;
    case DLT_LINUX_SLL: return packet::LinkType::linux_sll;
    case DLT_LINUX_SLL2: return packet::LinkType::linux_sll2;
    case DLT_NULL:
    case DLT_LOOP: return packet::LinkType::null_loopback;
    case DLT_C_HDLC: return packet::LinkType::cisco_hdlc;
    case DLT_PPP: return packet::LinkType::ppp;
    case DLT_PPP_ETHER: return packet::LinkType::pppoe;
    default: return std::nullopt;
    }
}

}  // namespace

void CaptureReader::Close::operator()(pcap* handle) const noexcept {
    pcap_close(handle);
}

CaptureReader::CaptureReader(const std::string& path) : path_(path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    struct stat status {};
    if (file == nullptr || ::fstat(::fileno(file), &status) != 0) {
        const int error = errno;
        if (file != nullptr) std::fclose(file);
        throw Error(ExitStatus::usage, fmt::format("{}: {}", path, std::strerror(error)));
    }
    file_bytes_ = static_cast<std::uint64_t>(status.st_size);
    // stdio's own 4 KiB cost a system call for every few frames; of what it allocates itself glibc ignores the size.
    read_ahead_.resize(read_ahead);
    std::setvbuf(file, read_ahead_.data(), _IOFBF, read_ahead_.size());
    char reason[PCAP_ERRBUF_SIZE] = "";
    handle_.reset(pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason));
    if (!handle_) {
        std::fclose(file);  // only a handle closes it
        throw Error(ExitStatus::usage, fmt::format("{}: {}", path, reason));
    }
    const int datalink = pcap_datalink(handle_.get());
    const std::optional<packet::LinkType> known = link_type(datalink);
    if (!known) {
        const char* name = pcap_datalink_val_to_name(datalink);
        throw Error(ExitStatus::usage,
            fmt::format("{}: link type {} is not one of Ethernet, raw IP, Linux cooked, BSD loopback, Cisco HDLC, "
                        "PPP and PPPoE",
                path, name != nullptr ? name : std::to_string(datalink)));
    }
    link_ = *known;
    bytes_.resize(max_burst * 2048 + largest_frame);
    frames_.reserve(max_burst);
}

CaptureReader::~CaptureReader() = default;

// Makes sure that next_ holds a frame; false at the end.
bool CaptureReader::fetch() {
    if (next_ != nullptr) return true;
    if (!problem_.empty()) return false;
    pcap_pkthdr* header = nullptr;
    const int result = pcap_next_ex(handle_.get(), &header, &next_);
    if (result == 1) {
        next_size_ = header->caplen;
        // With nanosecond precision tv_usec holds nanoseconds.
        next_time_ = static_cast<std::uint64_t>(header->ts.tv_sec) * 1'000'000'000 +
                     static_cast<std::uint64_t>(header->ts.tv_usec);
        return true;
    }
    next_ = nullptr;
    next_time_ = no_time;
    if (result == PCAP_ERROR) problem_ = fmt::format("{}: {}", path_, pcap_geterr(handle_.get()));
    return false;
}

std::span<const packet::Frame> CaptureReader::read(std::size_t limit, std::uint64_t until_ns) {
    frames_.clear();
    std::size_t used = 0;
    while (frames_.size() < limit && frames_.size() < max_burst && fetch()) {
        if (next_time_ >= until_ns || used + next_size_ > bytes_.size()) break;
        std::uint8_t* copy = bytes_.data() + used;
        std::memcpy(copy, next_, next_size_);
        used += next_size_;
        frames_.push_back({{copy, next_size_}, next_time_, link_});
        next_ = nullptr;
    }
    return frames_;
}

std::uint64_t CaptureReader::peek_time() {
    return fetch() ? next_time_ : no_time;
}

double CaptureReader::progress() const {
    const long at = std::ftell(pcap_file(handle_.get()));
    return file_bytes_ == 0 || at < 0 ? 0 : static_cast<double>(at) / static_cast<double>(file_bytes_);
}

}  // namespace rebuilder
