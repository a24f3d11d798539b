// SPDX-License-Identifier: Apache-2.0
// The scenario `replay`: what does a program need to read the requests of a capture, and to send them?
//
// `rebuilder replay` as a whole process, beside other programs that read the same requests. All read files, which are in the
// page cache by then: the mirror's frames, or what is in their tunnels, for programs that know no VXLAN. Each run of ours is
// verified by its ledger: all requests rebuilt, and handed off; and where they are sent, by the count of the server.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "process.h"
#include "rounds.h"
#include "scenario.h"
#include "sink.h"
#include "traffic.h"

namespace rebuilder::bench {
namespace {

// A quarter of what PcapPlusPlus needs, to rebuild; a 20th of what goreplay needs, to send as well, and a 60th pipelined.
// httpry stands between: where these were measured, on such requests, PcapPlusPlus needed 1.14 times as much, and goreplay 23.2.
constexpr Target least_of_httpry = at_least(3.5);
constexpr Target least_of_httpry_sent = at_least(0.86);
constexpr Target least_of_httpry_pipelined = at_least(2.6);

struct Peer {
    std::string name;
    std::string command;
};

void replace_all(std::string& text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size()) {
        text.replace(at, what.size(), with);
    }
}

// The frames as a pcap, without their first bytes.
void write_capture(const std::string& path, const Mirror& mirror, std::size_t skipped_bytes, std::size_t write_bytes) {
    std::vector<char> buffer(write_bytes);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    if (file) std::setvbuf(file.get(), buffer.data(), _IOFBF, buffer.size());
    const auto write = [&file](const void* data, std::size_t size) {
        return std::fwrite(data, 1, size, file.get()) == size;
    };
    constexpr std::array<std::uint32_t, 6> header{0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65'535, 1};  // version 2.4, Ethernet
    bool fine = file && write(header.data(), sizeof(header));
    for (const packet::Frame& frame : mirror.frames()) {
        const Bytes bytes = frame.bytes.subspan(skipped_bytes);
        const auto size = static_cast<std::uint32_t>(bytes.size());
        const std::array<std::uint32_t, 4> record{static_cast<std::uint32_t>(frame.time_ns / 1'000'000'000),
            static_cast<std::uint32_t>(frame.time_ns % 1'000'000'000 / 1'000), size, size};
        fine = fine && write(record.data(), sizeof(record)) && write(bytes.data(), bytes.size());
    }
    if (!fine || std::fflush(file.get()) != 0) {
        throw Error(ExitStatus::runtime, fmt::format("{}: the capture can't be written", path));
    }
}

class Replay final : public Scenario {
  public:
    Replay() {
        traffic_.mix = TrafficMix::design;
        traffic_.requests = 50'000;
        traffic_.acknowledgements = 3;
    }

    void add_options(CLI::App& app) override {
        app.add_option("--requests", traffic_.requests, fmt::format("requests in the capture [{}]", traffic_.requests))
            ->check(CLI::Range(1, 1'000'000))
            ->option_text("N");
        app.add_option("--flows", traffic_.connections, fmt::format("their connections [{}]", traffic_.connections))
            ->check(CLI::Range(1, 1'000'000))
            ->option_text("N");
        app.add_option("--write-size", write_bytes_,
               fmt::format("bytes that the captures are written in at a time [{}]: with many,\n"
                           "the page cache holds them as it holds what comes from a disk, in\n"
                           "large pages where the kernel has them; with 4096 it can't",
                   write_bytes_))
            ->check(CLI::Range(512, 1 << 30))
            ->option_text("BYTES");
        app.add_option("--peer", peers_,
               "also measure this shell command; {} in it is the capture,\n"
               "{inner} the same without tunnels. What it does isn't checked.\n"
               "Repeat it for more")
            ->option_text("NAME=COMMAND")
            ->expected(1)
            ->take_all();
        app.add_option("--rebuilder", rebuilder_, "this program [of the same build, or else of the PATH]")
            ->option_text("PATH");
    }

    Report run(const Settings& settings) override {
        const std::vector<Peer> peers = read_peers();
        if (traffic_.requests < traffic_.connections) {
            throw Error(ExitStatus::usage, fmt::format("--requests {}: less than one for each of {} connections",
                                               traffic_.requests, traffic_.connections));
        }
        if (rebuilder_.empty()) rebuilder_ = find_rebuilder();
        cpu_ = settings.cpu;
        sink_.emplace(settings.sink_cpu);
        write_captures();

        Report report("replay", fmt::format("replay: a capture of {} requests of {} connections, whole processes",
                                    traffic_.requests, traffic_.connections));
        describe(settings, report);
        const std::vector<std::string> discarded{"--output", "null"};
        const std::vector<std::string> in_sixteens{"--pipeline", "16"};
        std::vector<Program> programs{{ours_, [=, this] { return ours(discarded); }},
            {sent_, [this] { return sent({}); }}, {pipelined_, [=, this] { return sent(in_sixteens); }},
            {httpry_, [this] { return httpry(); }}};
        for (const Peer& peer : peers) programs.push_back({peer.name, [this, peer] { return other(peer); }});
        run_rounds(std::move(programs), settings.rounds, report);
        report.compare("httpry_ratio", httpry_, ours_, least_of_httpry);
        report.compare("httpry_sent_ratio", httpry_, sent_, least_of_httpry_sent);
        report.compare("httpry_pipelined_ratio", httpry_, pipelined_, least_of_httpry_pipelined);
        for (const Peer& peer : peers) report.compare(peer.name + "_ratio", peer.name, ours_);
        report.chart({.name = "replay",
            .title = "What reading a request from a capture costs",
            .x = "",
            .y = "CPU a request, whole process, µs: median and range of the rounds",
            .bars = true,
            .series = {report.bars()}});
        return report;
    }

  private:
    [[nodiscard]] std::vector<Peer> read_peers() const {
        std::vector<Peer> peers;
        for (const std::string& text : peers_) {
            const std::size_t end = text.find('=');
            if (end == 0 || end == text.npos) {
                throw Error(ExitStatus::usage, fmt::format("--peer {}: it is not NAME=COMMAND", text));
            }
            Peer peer{text.substr(0, end), text.substr(end + 1)};
            if (peer.command.find("{}") == text.npos && peer.command.find("{inner}") == text.npos) {
                throw Error(ExitStatus::usage, fmt::format("--peer {}: it reads neither {{}} nor {{inner}}", text));
            }
            const auto has_its_name = [&peer](const std::string& name) { return name == peer.name; };
            if (has_its_name(ours_) || has_its_name(sent_) || has_its_name(pipelined_) || has_its_name(httpry_) ||
                std::any_of(peers.begin(), peers.end(), [&](const Peer& each) { return has_its_name(each.name); })) {
                throw Error(ExitStatus::usage, fmt::format("--peer {}: there is one of that name already", text));
            }
            peers.push_back(std::move(peer));
        }
        return peers;
    }

    static std::string find_rebuilder() {
        std::error_code error;
        const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
        const std::filesystem::path built = self.parent_path().parent_path() / "rebuilder" / "rebuilder";
        return std::filesystem::is_regular_file(built, error) ? built.string() : "rebuilder";
    }

    // What was generated is gone before anything is measured: a new process would have to take leave of that memory.
    void write_captures() {
        const Traffic traffic = make_traffic(traffic_);
        mirrored_.emplace();
        inner_.emplace();
        write_capture(mirrored_->path(), traffic.mirror, 0, write_bytes_);
        write_capture(inner_->path(), traffic.mirror, Mirror::tunnel_bytes, write_bytes_);
        frames_ = traffic.mirror.frames().size();
        mirrored_bytes_ = traffic.mirror.bytes();
        inner_bytes_ = mirrored_bytes_ - frames_ * Mirror::tunnel_bytes;
    }

    void describe(const Settings& settings, Report& report) const {
        report.set("mix", "design");
        report.set("requests", std::to_string(traffic_.requests));
        report.set("flows", std::to_string(traffic_.connections));
        report.set("frames", std::to_string(frames_));
        report.set("bytes", std::to_string(mirrored_bytes_));
        report.set("write size", std::to_string(write_bytes_));
        report.set("rounds", std::to_string(settings.rounds));
        report.set("cpu", std::to_string(settings.cpu));
        for (const std::string& peer : peers_) report.set("peer " + peer.substr(0, peer.find('=')), peer);
        const double requests = traffic_.requests;
        report.note(fmt::format("{} rounds, in turn. {:.1f} frames and {:.0f} bytes a request, in VXLAN for us.",
            settings.rounds, static_cast<double>(frames_) / requests, static_cast<double>(mirrored_bytes_) / requests));
        report.note("httpry lists request lines, and doesn't put streams together. When the product was designed,\n"
                    "PcapPlusPlus, which does, needed 1.14 times as much on such requests: 3.5 of httpry's is a\n"
                    "quarter of that. goreplay needed 23.2 times as much to rebuild and send them: 0.86 of httpry's\n"
                    "is a 20th of that, 2.6 a 60th.");
    }

    [[nodiscard]] Measurement measurement_of(const Finished& finished, bool inner) const {
        return {.requests = traffic_.requests,
            .cpu = finished.cpu,
            .wall_ns = finished.wall_ns,
            .frames = frames_,
            .bytes = inner ? inner_bytes_ : mirrored_bytes_};
    }

    void expect(const std::string& program, const char* what, std::optional<std::uint64_t> count) const {
        if (count == traffic_.requests) return;
        throw Error(
            ExitStatus::runtime, fmt::format("{} {} {} of {} requests", program, what,
                                     count ? std::to_string(*count) : "doesn't say how many", traffic_.requests));
    }

    Measurement ours(const std::vector<std::string>& options) const {
        const TemporaryFile ledger;
        std::vector<std::string> command{rebuilder_, "replay", "--ledger", ledger.path(), mirrored_->path()};
        command.insert(command.end(), options.begin(), options.end());
        const auto finished = run_process(rebuilder_, command, cpu_);
        if (!finished) throw Error(ExitStatus::runtime, fmt::format("--rebuilder {}: no such program", rebuilder_));
        std::ifstream file(ledger.path());
        const std::string books{std::istreambuf_iterator<char>(file), {}};
        expect(rebuilder_, "rebuilt", number_after(books, "\"requests_rebuilt\": "));
        expect(rebuilder_, "handed off", number_after(books, "\"handed_off\": "));
        return measurement_of(*finished, false);
    }

    Measurement sent(std::vector<std::string> options) const {
        options.insert(options.end(), {"--output", sink_->url()});
        const std::uint64_t before = sink_->settled_requests();
        const Measurement measurement = ours(options);
        expect("the server", "counted", sink_->settled_requests() - before);
        return measurement;
    }

    std::optional<Measurement> httpry() const {
        const auto finished = run_process(httpry_, {"httpry", "-r", inner_->path(), "-o", "/dev/null"}, cpu_);
        if (!finished) return std::nullopt;
        expect("httpry", "listed", number_before(finished->output, " http packets parsed"));
        return measurement_of(*finished, true);
    }

    std::optional<Measurement> other(const Peer& peer) const {
        std::string command = peer.command;
        const bool inner = command.find("{inner}") != command.npos;
        replace_all(command, "{inner}", inner_->path());
        replace_all(command, "{}", mirrored_->path());
        const auto finished = run_process(peer.name, {"sh", "-c", "exec " + command}, cpu_);
        if (!finished) return std::nullopt;
        return measurement_of(*finished, inner);
    }

    TrafficSettings traffic_;
    std::size_t write_bytes_ = 1 << 20;
    std::vector<std::string> peers_;
    std::string rebuilder_;

    unsigned cpu_ = 0;
    std::optional<Sink> sink_;
    std::optional<TemporaryFile> mirrored_;
    std::optional<TemporaryFile> inner_;
    std::uint64_t frames_ = 0;
    std::uint64_t mirrored_bytes_ = 0;
    std::uint64_t inner_bytes_ = 0;

    const std::string ours_ = "rebuilder replay";
    const std::string sent_ = "rebuilder replay, sent";
    const std::string pipelined_ = "rebuilder replay, pipelined";
    const std::string httpry_ = "httpry";
};

}  // namespace

std::unique_ptr<Scenario> make_replay() {
    return std::make_unique<Replay>();
}

}  // namespace rebuilder::bench
