// SPDX-License-Identifier: Apache-2.0
#include "metrics.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>
#include <utility>

#include "nic/eal.h"

namespace rebuilder {
namespace {

// Backslash, line feed, and in label values the quotation mark: the format's only escapes.
std::string escaped(std::string_view text, bool label) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || (label && c == '"')) out += '\\';
        out += c;
    }
    return out;
}

// Labels in the making: {a="1",b="2"}, or nothing.
class Labels {
  public:
    Labels() = default;
    Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> labels) {
        for (const auto& [name, value] : labels) add(name, value);
    }
    Labels& add(std::string_view name, std::string_view value) {
        text_ += fmt::format("{}{}=\"{}\"", text_.empty() ? "" : ",", name, escaped(value, true));
        return *this;
    }
    [[nodiscard]] std::string text() const { return text_.empty() ? "" : "{" + text_ + "}"; }

  private:
    std::string text_;
};

class Page {
  public:
    // What follows are samples of it; the format wants them together.
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        fmt::format_to(to_, "# HELP rebuilder_{} {}\n# TYPE rebuilder_{} {}\n", name, escaped(help, false), name, type);
    }
    template <class Value>
    void sample(const Labels& labels, const Value& value, std::string_view suffix = "") {
        fmt::format_to(to_, "rebuilder_{}{}{} {}\n", name_, suffix, labels.text(), value);
    }

    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    std::string out_;
    std::back_insert_iterator<std::string> to_{out_};
    std::string name_;
};

Labels worker_labels(std::size_t worker) {
    return {{"worker", std::to_string(worker)}};
}

Labels forwarder_labels(const Snapshot::Output& output, std::size_t forwarder) {
    return {{"output", output.name}, {"forwarder", std::to_string(forwarder)}};
}

// Of an output, and of none of its forwarders: the resolver's, and those while it wasn't there.
bool is_shared(Counter which) {
    return which == Counter::resolutions || which == Counter::resolve_failures || which == Counter::requests_absent;
}

// What a reload has ended was counted by forwarders that are gone: that has a series without one.
void put_output_counter(Page& page, const Snapshot::Output& output, Counter which) {
    const bool shared = is_shared(which);
    std::uint64_t rest = output.counters[which];
    for (std::size_t f = 0; f < output.forwarders.size() && !shared; ++f) {
        const std::uint64_t value = output.forwarders[f].counters[which];
        rest -= value;
        page.sample(forwarder_labels(output, f), value);
    }
    if (shared || rest != 0 || output.forwarders.empty()) page.sample({{"output", output.name}}, rest);
}

// What no worker has counted, the exception path's and the control thread's, has a series of its own.
void put_worker_counter(Page& page, const Snapshot& snapshot, Counter which) {
    std::uint64_t of_workers = 0;
    for (std::size_t w = 0; w < snapshot.workers.size(); ++w) {
        const std::uint64_t value = snapshot.workers[w].counters[which];
        of_workers += value;
        page.sample(worker_labels(w), value);
    }
    const std::uint64_t all = snapshot.counters[which];
    if (all > of_workers) page.sample({{"worker", "none"}}, all - of_workers);
}

void put_counters(Page& page, const Snapshot& snapshot) {
    for (std::size_t i = 0; i < counter_count; ++i) {
        const CounterInfo& counter = counter_table[i];
        page.family(
            fmt::format("{}_total", counter.name), "counter", fmt::format("{} ({})", counter.help, counter.unit));
        if (counter.scope == CounterScope::worker) {
            put_worker_counter(page, snapshot, static_cast<Counter>(i));
            continue;
        }
        for (const Snapshot::Output& output : snapshot.outputs) {
            put_output_counter(page, output, static_cast<Counter>(i));
        }
    }
}

// One family: a value of each worker, forwarder or port.
template <class Value>
void put_workers(Page& page, const Snapshot& snapshot, std::string_view name, std::string_view type,
    std::string_view help, Value&& value) {
    page.family(name, type, help);
    for (std::size_t w = 0; w < snapshot.workers.size(); ++w) page.sample(worker_labels(w), value(snapshot.workers[w]));
}

template <class Value>
void put_forwarders(Page& page, const Snapshot& snapshot, std::string_view name, std::string_view help, Value&& value) {
    page.family(name, "gauge", help);
    for (const Snapshot::Output& output : snapshot.outputs) {
        for (std::size_t f = 0; f < output.forwarders.size(); ++f) {
            page.sample(forwarder_labels(output, f), value(output.forwarders[f]));
        }
    }
}

template <class Value>
void put_ports(Page& page, const Snapshot& snapshot, std::string_view name, std::string_view type,
    std::string_view help, Value&& value) {
    page.family(name, type, help);
    for (const Snapshot::Port& port : snapshot.ports) page.sample({{"port", port.name}}, value(port));
}

void put_build_and_health(Page& page, const Snapshot& snapshot) {
    page.family("build_info", "gauge", "the version that runs, always 1");
    page.sample({{"version", snapshot.version}, {"dpdk", nic::Eal::version()}, {"host", snapshot.host}}, 1);
    page.family("uptime_seconds", "gauge", "seconds since the start");
    page.sample({}, snapshot.uptime_s);
    page.family("healthy", "gauge", "whether the health check answers 200");
    page.sample({}, snapshot.ill_health.empty() ? 1 : 0);
}

void put_worker_gauges(Page& page, const Snapshot& snapshot) {
    using Worker = Snapshot::Worker;
    put_workers(page, snapshot, "worker_heartbeat_age_seconds", "gauge", "since the worker's loop last came round",
        [](const Worker& worker) { return worker.heartbeat_age_s; });
    put_workers(page, snapshot, "worker_busy_seconds_total", "counter", "in rounds of the loop that received frames",
        [](const Worker& worker) { return worker.busy_s; });
    put_workers(page, snapshot, "worker_flows", "gauge", "connections followed now",
        [](const Worker& worker) { return worker.flows.now; });
    put_workers(page, snapshot, "worker_flows_limit", "gauge", "connections that can be followed at once",
        [](const Worker& worker) { return worker.flows.most; });
    put_workers(page, snapshot, "worker_buffers", "gauge",
        "buffers in use by requests in assembly and on their way out",
        [](const Worker& worker) { return worker.buffers.now; });
    put_workers(page, snapshot, "worker_buffers_limit", "gauge", "buffers that there are",
        [](const Worker& worker) { return worker.buffers.most; });
    put_workers(page, snapshot, "worker_held_blocks", "gauge", "blocks in use by bytes behind holes",
        [](const Worker& worker) { return worker.held.now; });
    put_workers(page, snapshot, "worker_held_blocks_limit", "gauge", "blocks that there are",
        [](const Worker& worker) { return worker.held.most; });
}

void put_output_gauges(Page& page, const Snapshot& snapshot) {
    using Forwarder = Snapshot::Forwarder;
    put_forwarders(page, snapshot, "output_waiting_requests", "requests that wait for the forwarder",
        [](const Forwarder& forwarder) { return forwarder.waiting.now; });
    put_forwarders(page, snapshot, "output_waiting_requests_limit", "requests that can wait; what comes then is shed",
        [](const Forwarder& forwarder) { return forwarder.waiting.most; });
    put_forwarders(page, snapshot, "output_connections", "connections open",
        [](const Forwarder& forwarder) { return forwarder.connections; });
    page.family("output_reachable", "gauge", "0 while the output can't be reached or written to");
    for (const Snapshot::Output& output : snapshot.outputs) {
        if (output.forwarders.empty()) continue;  // a reload took it away
        page.sample({{"output", output.name}}, output.trouble.empty() ? 1 : 0);
    }
}

void put_latency(Page& page, const Snapshot& snapshot) {
    page.family("answer_seconds", "histogram", "from giving a request to a connection until its answer");
    for (const Snapshot::Output& output : snapshot.outputs) {
        for (std::size_t f = 0; f < output.forwarders.size(); ++f) {
            const Snapshot::Latency& latency = output.forwarders[f].latency;
            if (latency.counts.empty()) continue;
            std::uint64_t count = 0;
            for (std::size_t i = 0; i < latency.counts.size(); ++i) {
                count += latency.counts[i];
                Labels labels = forwarder_labels(output, f);
                labels.add("le", i < latency.bounds_s.size() ? fmt::format("{}", latency.bounds_s[i]) : "+Inf");
                page.sample(labels, count, "_bucket");
            }
            page.sample(forwarder_labels(output, f), latency.sum_s, "_sum");
            page.sample(forwarder_labels(output, f), count, "_count");
        }
    }
}

void put_port_statistics(Page& page, const Snapshot& snapshot) {
    using Port = Snapshot::Port;
    put_ports(page, snapshot, "port_up", "gauge", "whether the port has a link",
        [](const Port& port) { return port.link ? 1 : 0; });
    put_ports(page, snapshot, "port_frames_total", "counter", "frames received by the port",
        [](const Port& port) { return port.frames; });
    put_ports(
        page, snapshot, "port_bytes_total", "counter", "bytes of these", [](const Port& port) { return port.bytes; });
    put_ports(page, snapshot, "port_missed_total", "counter", "frames that found no room in an RX ring",
        [](const Port& port) { return port.missed; });
    put_ports(
        page, snapshot, "port_errors_total", "counter", "broken frames", [](const Port& port) { return port.errors; });
    put_ports(page, snapshot, "port_no_buffers_total", "counter", "times that the driver found no buffer",
        [](const Port& port) { return port.no_buffers; });
    page.family("port_xstat", "untyped", "the driver's own statistics, by its names (DPDK's xstats)");
    for (const Port& port : snapshot.ports) {
        for (const auto& [name, value] : port.xstats) page.sample({{"port", port.name}, {"name", name}}, value);
    }
}

void put_sources(Page& page, const Snapshot& snapshot) {
    const auto put = [&](auto&& value) {
        for (const Snapshot::Source& source : snapshot.sources) {
            page.sample({{"vni", std::to_string(source.vni)}, {"source", source.address}}, value(source));
        }
        page.sample({{"vni", ""}, {"source", "other"}}, value(snapshot.other_sources));
    };
    page.family("source_frames_total", "counter", "frames by the VNI and the source address of their tunnel");
    put([](const Snapshot::Source& source) { return source.frames; });
    page.family("source_bytes_total", "counter", "bytes of these");
    put([](const Snapshot::Source& source) { return source.bytes; });
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot) {
    Page page;
    put_build_and_health(page, snapshot);
    put_port_statistics(page, snapshot);
    put_sources(page, snapshot);
    put_worker_gauges(page, snapshot);
    put_output_gauges(page, snapshot);
    put_latency(page, snapshot);
    put_counters(page, snapshot);
    return page.take();
}

}  // namespace rebuilder
