// SPDX-License-Identifier: Apache-2.0
// hostile-pcap SEED COUNT FILE: a capture of so many client connections that try to be read in two ways, as a VXLAN
// mirror shows them. Same seed, same bytes. For tests that are not written in C++; see hostile_requests.h.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "support/hostile_requests.h"
#include "support/packet_builder.h"
#include "support/random.h"

using namespace rebuilder::test;

namespace {

// Classic pcap with nanoseconds, in this machine's byte order, as its magic number says.
class PcapFile {
  public:
    explicit PcapFile(const std::string& path) : file_(path, std::ios::binary) {
        put(0xa1b23c4d);
        put(2u | 4u << 16);  // version 2.4
        put(0);
        put(0);
        put(262144);
        put(1);  // Ethernet
    }

    void frame(const Octets& bytes) {
        const std::uint64_t now_ns = (time_ns_ += 20'000);
        put(static_cast<std::uint32_t>(now_ns / 1'000'000'000));
        put(static_cast<std::uint32_t>(now_ns % 1'000'000'000));
        put(static_cast<std::uint32_t>(bytes.size()));
        put(static_cast<std::uint32_t>(bytes.size()));
        file_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }

    bool close() {
        file_.close();
        return file_.good();
    }

  private:
    void put(std::uint32_t value) { file_.write(reinterpret_cast<const char*>(&value), sizeof(value)); }

    std::ofstream file_;
    std::uint64_t time_ns_ = 1'719'830'000'000'000'000;
};

// One connection from its SYN to its FIN, in segments of any size.
void connection(PcapFile& file, const std::string& bytes, std::size_t number, Random& random) {
    constexpr std::uint8_t syn = 0x02, fin_ack = 0x11, ack = 0x10;
    const auto frame = [&](std::size_t offset, std::uint8_t flags, std::string_view payload) {
        const auto high = static_cast<unsigned>(number / 250);
        const auto low = static_cast<unsigned>(number % 250 + 1);
        PacketBuilder packet;
        packet.eth().ipv4().udp().vxlan({.vni = 7}).eth();
        packet.ipv4({.from = address4(198, 18, high, low), .to = address4(10, 0, 2, 10)});
        packet.tcp({.from = 40000, .seq = static_cast<std::uint32_t>(1000 + offset), .flags = flags}).payload(payload);
        file.frame(packet.build());
    };
    const std::size_t most = random.one_in(4) ? 40 : 1448;
    frame(0, syn, "");
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t size = std::min(random.between(1, most), bytes.size() - at);
        frame(1 + at, ack, std::string_view(bytes).substr(at, size));
        at += size;
    }
    frame(1 + bytes.size(), fin_ack, "");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: hostile-pcap SEED COUNT FILE\n";
        return 2;
    }
    Random random(std::strtoull(argv[1], nullptr, 0));
    HostileRequests hostile(random);
    PcapFile file(argv[3]);
    const std::size_t count = std::strtoul(argv[2], nullptr, 10);
    for (std::size_t i = 0; i < count; ++i) connection(file, hostile.stream().bytes, i, random);
    if (!file.close()) {
        std::cerr << "hostile-pcap: " << argv[3] << " could not be written\n";
        return 1;
    }
    return 0;
}
