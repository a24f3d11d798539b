// SPDX-License-Identifier: Apache-2.0
#include "capture_reader.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"

namespace rebuilder {
namespace {

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

// What libpcap reads goes through the same buffer: it needn't be put back, which a pipe couldn't.
std::FILE* stream_of(ReadAhead& file) {
    const auto read = [](void* cookie, char* to, std::size_t size) -> ssize_t {
        ReadAhead& from = *static_cast<ReadAhead*>(cookie);
        if (from.rest().empty() && !from.more()) {
            errno = from.error();
            return errno != 0 ? -1 : 0;
        }
        size = std::min(size, from.rest().size());
        std::memcpy(to, from.rest().data(), size);
        from.take(size);
        return static_cast<ssize_t>(size);
    };
    std::FILE* stream = ::fopencookie(&file, "rb", {.read = read, .write = nullptr, .seek = nullptr, .close = nullptr});
    // It takes what it is asked for, and no more: there is one buffer, and behind the header we may go on.
    if (stream != nullptr) std::setvbuf(stream, nullptr, _IONBF, 0);
    return stream;
}

}  // namespace

void CaptureReader::Close::operator()(pcap* handle) const noexcept {
    pcap_close(handle);
}

CaptureReader::CaptureReader(const std::string& path) : path_(path), file_(path) {
    std::array<std::uint8_t, PcapRecords::file_header> header{};
    while (file_.rest().size() < header.size() && file_.more()) {
    }
    const Bytes beginning = file_.rest().first(std::min(file_.rest().size(), header.size()));
    std::copy(beginning.begin(), beginning.end(), header.begin());
    std::FILE* stream = stream_of(file_);
    if (stream == nullptr) throw Error(ExitStatus::runtime, fmt::format("{}: {}", path, std::strerror(errno)));
    char reason[PCAP_ERRBUF_SIZE] = "";
    handle_.reset(pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, reason));
    if (!handle_) {
        std::fclose(stream);  // only a handle closes it
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
    frames_.reserve(max_burst);
    if (PcapRecords::usual(header) && file_.position() == header.size()) {
        records_.emplace(file_, header, static_cast<std::uint32_t>(pcap_snapshot(handle_.get())), link_);
    } else {
        copies_.resize(max_burst * 2048 + PcapRecords::largest_frame);
    }
}

CaptureReader::~CaptureReader() = default;

// Makes sure that next_ is a frame; false at the end.
bool CaptureReader::fetch() {
    if (found_) return true;
    if (!problem_.empty()) return false;
    if (!records_) return found_ = ask_libpcap();
    found_ = records_->fetch(next_);
    if (!records_->problem().empty()) problem_ = fmt::format("{}: {}", path_, records_->problem());
    return found_;
}

bool CaptureReader::ask_libpcap() {
    pcap_pkthdr* header = nullptr;
    const std::uint8_t* bytes = nullptr;
    const int result = pcap_next_ex(handle_.get(), &header, &bytes);
    if (result == PCAP_ERROR) problem_ = fmt::format("{}: {}", path_, pcap_geterr(handle_.get()));
    if (result != 1) return false;
    // With nanosecond precision tv_usec holds nanoseconds.
    const std::uint64_t time_ns =
        static_cast<std::uint64_t>(header->ts.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(header->ts.tv_usec);
    // Damaged files have any time; nobody's clock is to run over, nor the file to seem at its end.
    next_ = {{bytes, header->caplen}, std::min(time_ns, latest_time), link_};
    return true;
}

std::span<const packet::Frame> CaptureReader::read(std::size_t limit, std::uint64_t until_ns) {
    frames_.clear();
    limit = std::min(limit, max_burst);
    std::size_t used = 0;
    while (frames_.size() < limit) {
        if (records_ && !found_ && !frames_.empty()) {
            // To read on would take away what this burst has.
            if (!records_->ready(next_)) break;
            found_ = true;
        }
        if (!fetch() || next_.time_ns >= until_ns) break;
        if (!records_) {
            if (used + next_.bytes.size() > copies_.size()) break;
            std::uint8_t* copy = copies_.data() + used;
            std::copy(next_.bytes.begin(), next_.bytes.end(), copy);
            used += next_.bytes.size();
            next_.bytes = {copy, next_.bytes.size()};
        }
        frames_.push_back(next_);
        found_ = false;
    }
    return frames_;
}

std::uint64_t CaptureReader::peek_time() {
    return fetch() ? next_.time_ns : no_time;
}

}  // namespace rebuilder
