// SPDX-License-Identifier: Apache-2.0
// CaptureReader, beside libpcap reading the same files:
//   - the same frames, times, link types and problems: every fixture, one of them cut at every length, and files that are
//     written here: all magics, versions and byte orders, records of all sizes and such as lie about theirs, and what is no
//     capture at all
//   - the same from a pipe, however small its pieces; bursts keep their frames while they are read, and end at their time
#include "capture_reader.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <thread>

#include "base/error.h"
#include "support/catch.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::test;
using packet::LinkType;

namespace {

constexpr std::uint32_t usual_magic = 0xa1b2c3d4, nano_magic = 0xa1b23c4d, kuznetzov_magic = 0xa1b2cd34;
constexpr std::uint32_t largest = 262'144;

struct Read {
    struct Frame {
        std::string bytes;
        std::uint64_t time_ns;
        bool operator==(const Frame&) const = default;
    };
    std::vector<Frame> frames;
    std::string problem;  // or why it can't be opened
    bool operator==(const Read&) const = default;
};

Read by_libpcap(const std::string& path) {
    Read read;
    char reason[PCAP_ERRBUF_SIZE] = "";
    pcap* handle = pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, reason);
    if (handle == nullptr) {
        read.problem = path + ": " + reason;
        return read;
    }
    pcap_pkthdr* header = nullptr;
    const std::uint8_t* bytes = nullptr;
    int result = 0;
    while ((result = pcap_next_ex(handle, &header, &bytes)) == 1) {
        read.frames.push_back({std::string(as_text({bytes, header->caplen})),
            static_cast<std::uint64_t>(header->ts.tv_sec) * 1'000'000'000 +
                static_cast<std::uint64_t>(header->ts.tv_usec)});
    }
    if (result == PCAP_ERROR) read.problem = path + ": " + pcap_geterr(handle);
    pcap_close(handle);
    return read;
}

Read by_us(const std::string& path, std::size_t limit = CaptureReader::max_burst) {
    Read read;
    try {
        CaptureReader reader(path);
        while (true) {
            const auto frames = reader.read(limit, CaptureReader::no_time);
            if (frames.empty()) break;
            for (const packet::Frame& frame : frames) {
                read.frames.push_back({std::string(as_text(frame.bytes)), frame.time_ns});
            }
        }
        CHECK(reader.peek_time() == CaptureReader::no_time);
        read.problem = reader.problem();
    } catch (const Error& error) {
        CHECK(error.exit_status == ExitStatus::usage);
        read.problem = error.what();
    }
    return read;
}

// A file under construction, gone with its owner.
class File {
  public:
    File() {
        const int file = ::mkstemp(path_.data());
        REQUIRE(file >= 0);
        ::close(file);
    }
    ~File() { std::filesystem::remove(path_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    const std::string& write(std::string_view text) {
        std::ofstream(path_, std::ios::binary) << text;
        return path_;
    }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_ = (std::filesystem::temp_directory_path() / "capture-XXXXXX").string();
};

// A capture as text, in either byte order.
class Capture {
  public:
    struct Header {
        std::uint32_t magic = usual_magic;
        bool swapped = false;
        std::uint16_t major = 2;
        std::uint16_t minor = 4;
        std::uint32_t snapshot_length = largest;
        std::uint32_t link = 1;
    };
    explicit Capture(const Header& header) : header_(header) {
        number(header.magic);
        text_ += header.swapped ? as_two(__builtin_bswap16(header.major)) : as_two(header.major);
        text_ += header.swapped ? as_two(__builtin_bswap16(header.minor)) : as_two(header.minor);
        for (const std::uint32_t each : {0u, 0u, header.snapshot_length, header.link}) number(each);
    }
    // `promised` bytes, of which the file has `text`.
    Capture& record(std::string_view text, std::uint32_t promised, std::uint32_t seconds = 1'700'000'000,
        std::uint32_t fraction = 123'456) {
        for (const std::uint32_t each : {seconds, fraction, promised, promised + 7}) number(each);
        if (header_.magic == kuznetzov_magic) text_ += std::string(8, 'k');
        text_ += text;
        return *this;
    }
    Capture& record(std::string_view text) { return record(text, static_cast<std::uint32_t>(text.size())); }

    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    static std::string as_two(std::uint16_t value) { return {reinterpret_cast<const char*>(&value), sizeof(value)}; }
    void number(std::uint32_t value) {
        if (header_.swapped) value = __builtin_bswap32(value);
        text_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }

    Header header_;
    std::string text_;
};

// Bytes that differ from those of other frames, and from each other.
std::string frame_of(std::size_t size, std::size_t seed) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 31 + seed * 17 + (i >> 8)) & 0xff);
    return text;
}

void check_same(const std::string& text) {
    File file;
    const Read expected = by_libpcap(file.write(text));
    CHECK(by_us(file.path()) == expected);
    CHECK(by_us(file.path(), 1) == expected);
}

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Written into a pipe in pieces of `piece` bytes, from another thread.
Read through_pipe(const std::string& text, std::size_t piece) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    std::thread writer([&] {
        for (std::size_t at = 0; at < text.size(); at += piece) {
            if (::write(ends[1], text.data() + at, std::min(piece, text.size() - at)) < 0) break;
        }
        ::close(ends[1]);
    });
    Read read = by_us("/dev/fd/" + std::to_string(ends[0]));
    writer.join();
    ::close(ends[0]);
    return read;
}

std::string mixed_sizes() {
    Capture capture({});
    for (std::size_t i = 0; i < 600; ++i) capture.record(frame_of(i % 9 == 0 ? 0 : i * 37 % 1600, i));
    capture.record(frame_of(largest, 1)).record(frame_of(largest - 1, 2)).record(frame_of(60'000, 3));
    for (std::size_t i = 0; i < 600; ++i) capture.record(frame_of(i * 53 % 3000, i));
    return capture.text();
}

}  // namespace

TEST_CASE("a fixture holds what libpcap finds in it") {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PCAP_FIXTURES)) {
        const std::string extension = entry.path().extension();
        if (extension != ".pcap" && extension != ".pcapng") continue;
        INFO(entry.path());
        CHECK(by_us(entry.path()) == by_libpcap(entry.path()));
        ++files;
    }
    CHECK(files > 100);
}

TEST_CASE("a capture that is cut anywhere holds what libpcap finds in it") {
    Capture capture({});
    for (const std::size_t size : {60u, 0u, 61u, 200u}) capture.record(frame_of(size, size));
    const std::string fixture = content(std::filesystem::path(PCAP_FIXTURES) / "h1-get.pcap").substr(0, 3000);
    const std::string next_generation = content(std::filesystem::path(PCAP_FIXTURES) / "pcapng.pcapng").substr(0, 600);
    for (const std::string& whole : {capture.text(), fixture, next_generation}) {
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            INFO(size);
            check_same(whole.substr(0, size));
        }
    }
}

TEST_CASE("every magic, version and byte order is read as libpcap reads it") {
    for (const std::uint32_t magic :
        {usual_magic, nano_magic, kuznetzov_magic, 0xa1b234cdu, 0xa12b3c4du, 0x0a0d0d0au, 0u}) {
        for (const bool swapped : {false, true}) {
            for (const auto& [major, minor] : std::initializer_list<std::array<std::uint16_t, 2>>{{2, 4}, {2, 3},
                     {2, 2}, {2, 0}, {2, 5}, {1, 4}, {3, 4}, {543, 0}, {0, 0}, {4, 2}, {0x200, 0x400}}) {
                for (const std::uint32_t snapshot_length : {largest, 0u, 60u, 0x7fffffffu, 0xffffffffu}) {
                    INFO(std::hex << magic << " " << swapped << " " << major << "." << minor << " " << snapshot_length);
                    Capture capture({magic, swapped, major, minor, snapshot_length, 1});
                    capture.record(frame_of(100, 1)).record(frame_of(60, 2)).record(frame_of(61, 3));
                    check_same(capture.text());
                }
            }
        }
    }
}

TEST_CASE("a record of any size is read as libpcap reads it") {
    for (const bool swapped : {false, true}) {
        for (const std::uint32_t snapshot_length :
            {0u, 1u, 1500u, 65'535u, largest - 1, largest, largest + 1, 0xffffffffu}) {
            for (const std::uint32_t promised : {0u, 1u, 1500u, 1501u, 65'536u, largest - 1, largest, largest + 1,
                     0x7fffffffu, 0x80000000u, 0xffffffffu}) {
                for (const std::size_t missing : {0u, 1u, 70'000u}) {
                    INFO(swapped << " " << snapshot_length << " " << promised << " " << missing);
                    Capture capture({.swapped = swapped, .snapshot_length = snapshot_length});
                    const std::size_t size = std::min(promised, largest + 1);
                    capture.record(frame_of(60, 1)).record(frame_of(size - std::min(size, missing), 2), promised);
                    if (missing == 0) capture.record(frame_of(60, 3));
                    check_same(capture.text());
                }
            }
        }
    }
    check_same(mixed_sizes());
}

TEST_CASE("link types are libpcap's, whatever stands in the upper bits of their field") {
    struct Known {
        std::uint32_t link;
        LinkType type;
    };
    for (const Known& known : {Known{1, LinkType::ethernet}, Known{101, LinkType::raw_ip}, Known{228, LinkType::raw_ip},
             Known{229, LinkType::raw_ip}, Known{113, LinkType::linux_sll}, Known{276, LinkType::linux_sll2},
             Known{0, LinkType::null_loopback}, Known{108, LinkType::null_loopback}, Known{104, LinkType::cisco_hdlc},
             Known{9, LinkType::ppp}, Known{51, LinkType::pppoe}}) {
        for (const std::uint32_t above : {0u, 0x04000000u, 0x24000000u, 0xf4000000u}) {
            for (const bool swapped : {false, true}) {
                INFO(known.link << " " << above << " " << swapped);
                File file;
                CaptureReader reader(
                    file.write(Capture({.swapped = swapped, .link = known.link | above}).record("frame").text()));
                const auto frames = reader.read(1, CaptureReader::no_time);
                REQUIRE(frames.size() == 1);
                CHECK(frames[0].link == known.type);
                CHECK(as_text(frames[0].bytes) == "frame");
            }
        }
    }
    File file;
    CHECK_THROWS_WITH(CaptureReader(file.write(Capture({.link = 105}).text())),
        contains_text("link type IEEE802_11 is not one of Ethernet"));
}

TEST_CASE("times have nanoseconds, and go on after 2038") {
    constexpr std::uint64_t second = 1'000'000'000;
    for (const bool swapped : {false, true}) {
        File file;
        CHECK(by_us(file.write(Capture({.swapped = swapped}).record("x", 1, 0xffffffff, 999'999).text()))
                  .frames.at(0)
                  .time_ns == 0xffffffffu * second + 999'999'000);
        CHECK(
            by_us(
                file.write(
                    Capture({.magic = nano_magic, .swapped = swapped}).record("x", 1, 0x80000000, 999'999'999).text()))
                .frames.at(0)
                .time_ns == 0x80000000u * second + 999'999'999);
    }
}

TEST_CASE("an impossible time is no end") {
    // The fields of old versions are libpcap's to read: with a sign, and without one from 1.10.5 on.
    File file;
    const Capture capture =
        Capture({.minor = 3}).record("one", 3, 0, 0xffffffff).record("two", 3, 0xffffffff, 0).record("three");
    const Read read = by_us(file.write(capture.text()));
    REQUIRE(read.frames.size() == 3);
    CHECK(read.frames[0].time_ns <= CaptureReader::latest_time);
    CHECK(read.frames[1].time_ns <= CaptureReader::latest_time);
}

TEST_CASE("a pipe gives what the file would") {
    const std::string text = mixed_sizes();
    File file;
    const Read expected = by_libpcap(file.write(text));
    Random random(7);
    INFO(random.seed());
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{4096}, random.between(300, 3000)}) {
        CHECK(through_pipe(text, piece).frames == expected.frames);
    }
    CHECK(through_pipe(text.substr(0, 5000), 1).frames == by_libpcap(file.write(text.substr(0, 5000))).frames);
    const std::string next_generation = content(std::filesystem::path(PCAP_FIXTURES) / "pcapng.pcapng");
    CHECK(through_pipe(next_generation, 7).frames == by_libpcap(file.write(next_generation)).frames);
}

TEST_CASE("a burst ends where it is told to") {
    Capture capture({});
    for (std::uint32_t i = 0; i < 100; ++i) capture.record("frame", 5, i, 0);
    File file;
    CaptureReader reader(file.write(capture.text()));
    constexpr std::uint64_t second = 1'000'000'000;
    CHECK(reader.peek_time() == 0);
    CHECK(reader.read(64, 0).empty());
    CHECK(reader.read(3, 10 * second).size() == 3);
    CHECK(reader.read(64, 10 * second).size() == 7);
    CHECK(reader.read(64, 10 * second).empty());
    CHECK(reader.peek_time() == 10 * second);
    CHECK(reader.read(1000, CaptureReader::no_time).size() == 64);
    CHECK(reader.progress() < 1);
    CHECK(reader.read(1000, CaptureReader::no_time).size() == 26);
    CHECK(reader.read(1000, CaptureReader::no_time).empty());
    CHECK(reader.progress() == 1);
    CHECK(reader.problem().empty());
}

TEST_CASE("what can't be opened or read says why") {
    CHECK(by_us("/nowhere/at.all").problem == "/nowhere/at.all: No such file or directory");
    const std::string folder = std::filesystem::temp_directory_path();
    CHECK(by_us(folder).problem == folder + ": error reading dump file: Is a directory");
}
