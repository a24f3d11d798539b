// SPDX-License-Identifier: Apache-2.0
// Ports for real: EAL, a capture file as a port, its frames byte for byte. One test case, as EAL starts once
// a process; needs neither root nor hugepages.
#include "nic/port.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <pcap/pcap.h>
#include <unistd.h>

#include "base/error.h"
#include "nic/eal.h"
#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::nic;

namespace {

using FrameBytes = std::vector<std::uint8_t>;

// Sizes around one buffer and up to the largest frame; the bytes tell frames and offsets apart.
std::vector<FrameBytes> make_frames() {
    std::vector<FrameBytes> frames;
    for (std::size_t repeat = 0; repeat < 20; ++repeat) {
        for (const std::size_t size : {60u, 1514u, 9014u, 10'240u, 10'241u, 20'481u, 65'535u}) {
            FrameBytes frame(size);
            for (std::size_t i = 0; i < size; ++i)
                frame[i] = static_cast<std::uint8_t>(i * 7 + i / 256 + frames.size());
            frames.push_back(std::move(frame));
        }
    }
    return frames;
}

void write_capture(const std::string& path, const std::vector<FrameBytes>& frames) {
    pcap_t* dead = ::pcap_open_dead(DLT_EN10MB, 65'535);
    pcap_dumper_t* file = ::pcap_dump_open(dead, path.c_str());
    REQUIRE(file != nullptr);
    for (const FrameBytes& frame : frames) {
        pcap_pkthdr header{};
        header.caplen = header.len = static_cast<bpf_u_int32>(frame.size());
        ::pcap_dump(reinterpret_cast<u_char*>(file), &header, frame.data());
    }
    ::pcap_dump_close(file);
    ::pcap_close(dead);
}

}  // namespace

TEST_CASE("frames of a capture come out of a port unchanged, whatever their size") {
    const auto path = std::filesystem::temp_directory_path() / ("nic-port-test-" + std::to_string(::getpid()));
    const std::vector<FrameBytes> frames = make_frames();
    write_capture(path, frames);

    EalOptions options;
    const PortOptions port_options;
    options.devices.push_back(make_device(parse_input("pcap:" + path.string()), 0, 1));
    options.devices.push_back(make_device(parse_input("vdev:net_null1,size=64"), 1, 2));
    for (const Device& device : options.devices) options.buffer_bytes += buffer_bytes(device, port_options);
    Eal eal(plan_eal(options, read_host()));
    REQUIRE(eal.workers() == 1);

    {
        Port port(options.devices[0], port_options);
        CHECK(port.queues() == 1);
        CHECK(port.notes().empty());
        CHECK(port.link_up());
        std::vector<FrameBytes> received;
        std::uint64_t joined = 0;
        std::uint64_t cut = 0;
        eal.launch(0, [&] {
            RxQueue queue = port.rx_queue(0);
            while (!queue.ended()) {
                for (const packet::Frame& frame : queue.receive(42)) {
                    received.emplace_back(frame.bytes.begin(), frame.bytes.end());
                    if (frame.time_ns != 42 || frame.link != packet::LinkType::ethernet) received.clear();
                }
            }
            joined = queue.frames_joined();
            cut = queue.frames_cut();
        });
        eal.wait();
        CHECK(received == frames);
        CHECK(joined == 20 * 3);
        CHECK(cut == 0);
        const PortStats stats = port.stats();
        CHECK(stats.frames == frames.size());
        CHECK(stats.missed + stats.errors + stats.no_buffers == 0);
        CHECK_FALSE(port.failed());
    }
    std::filesystem::remove(path);

    {
        Port port(options.devices[1], port_options);
        REQUIRE(port.queues() == 2);
        RxQueue first = port.rx_queue(0);
        RxQueue second = port.rx_queue(1);
        for (int burst = 0; burst < 1000; ++burst) {  // many more frames than buffers: all come back
            REQUIRE(first.receive(1).size() == RxQueue::burst_size);
            REQUIRE(second.receive(1).size() == RxQueue::burst_size);
        }
        CHECK_FALSE(first.ended());
        first.release();
        first.release();
        CHECK(first.receive(2).front().time_ns == 2);
    }

    Device absent = options.devices[1];
    absent.port_name = "net_null7";
    CHECK_THROWS_AS(Port(absent), Error);
}
