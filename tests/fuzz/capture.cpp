// SPDX-License-Identifier: Apache-2.0
// CaptureReader: of whatever file, the frames, times and problem that libpcap finds in it.
//
// Input: how many frames a burst may have, then the file.
#include "capture_reader.h"

#include <pcap/pcap.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "fuzz/fuzz.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;

namespace {

class File {
  public:
    explicit File(Bytes bytes) : descriptor_(::memfd_create("capture", MFD_CLOEXEC)) {
        const bool written = ::write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
        check(written, "the file can't be written");
    }
    ~File() { ::close(descriptor_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

  private:
    int descriptor_;
};

// libpcap takes the fields for signed ones, in the host's byte order only.
bool same_time(std::uint64_t time_ns, const timeval& time, bool nanoseconds) {
    const auto seconds = static_cast<std::uint64_t>(time.tv_sec), fraction = static_cast<std::uint64_t>(time.tv_usec);
    if (time_ns == std::min(seconds * 1'000'000'000 + fraction, CaptureReader::latest_time)) return true;
    const std::uint64_t unit = nanoseconds ? 1 : 1'000;
    const auto count = static_cast<std::uint32_t>(time.tv_usec / static_cast<suseconds_t>(unit));
    return time_ns == std::uint64_t{static_cast<std::uint32_t>(time.tv_sec)} * 1'000'000'000 + count * unit;
}

void read_beside(CaptureReader& reader, pcap* handle, std::size_t limit, const std::string& path, bool nanoseconds) {
    pcap_pkthdr* header = nullptr;
    const std::uint8_t* bytes = nullptr;
    while (true) {
        const auto frames = reader.read(limit, CaptureReader::no_time);
        if (frames.empty()) break;
        check(frames.size() <= limit, "a burst is too long");
        for (const packet::Frame& frame : frames) {
            check(pcap_next_ex(handle, &header, &bytes) == 1, "libpcap has no such frame");
            check(as_text(frame.bytes) == as_text({bytes, header->caplen}), "a frame has other bytes");
            check(same_time(frame.time_ns, header->ts, nanoseconds), "a frame has another time");
        }
    }
    const int end = pcap_next_ex(handle, &header, &bytes);
    check(end != 1, "libpcap has one more frame");
    const std::string problem = end == PCAP_ERROR ? path + ": " + pcap_geterr(handle) : "";
    check(reader.problem() == problem, "the problem is another");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::size_t limit = 1 + input.byte() % CaptureReader::max_burst;
    const Bytes content = input.rest();
    const File file(content);
    char reason[PCAP_ERRBUF_SIZE] = "";
    pcap* handle = pcap_open_offline_with_tstamp_precision(file.path().c_str(), PCAP_TSTAMP_PRECISION_NANO, reason);
    try {
        CaptureReader reader(file.path());
        check(handle != nullptr, "libpcap refuses the file");
        const bool nanoseconds = content[1] == 0x3c || content[2] == 0x3c;
        read_beside(reader, handle, limit, file.path(), nanoseconds);
    } catch (const Error& error) {
        const bool link_type = std::string_view(error.what()).find("link type") != std::string_view::npos;
        check(
            link_type || (handle == nullptr && error.what() == file.path() + ": " + reason), "it is refused otherwise");
    }
    if (handle != nullptr) pcap_close(handle);
    return 0;
}
