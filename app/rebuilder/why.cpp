// SPDX-License-Identifier: Apache-2.0
#include "why.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <string_view>
#include <vector>

#include "packet/address_text.h"

namespace rebuilder {
namespace {

using Moved = Connection::Moved;

constexpr std::size_t examples_shown = 3;
constexpr std::string_view indent = "            ";  // below a reason's name

struct Reason {
    std::string_view name;
    std::string_view words;
    std::string_view advice;  // what to do about it, where something can be done
};

std::string_view advice(Counter which) {
    switch (which) {
    case Counter::frame_not_tunnel: return "If these are the mirrored frames, name what wraps them with --tunnel.";
    case Counter::frame_outer_truncated:
    case Counter::frame_tunnel_truncated:
    case Counter::frame_inner_truncated: return "Capture whole frames: raise the capture's snap length.";
    case Counter::frame_outer_fragment:
        return "Give the mirror's path an MTU that has room for the tunnel's headers, too.";
    case Counter::frame_vni_refused: return "If they are wanted, add their VNI to --vni.";
    case Counter::frame_port_refused: return "If they are wanted, add their port to --http-ports.";
    case Counter::frame_bad_checksum:
        return "Where a capture shows them before they are computed, as at the sender, leave out --verify-checksums.";
    case Counter::tcp_truncated_segments:
        return "Capture whole frames: raise the mirror's packet length, or the capture's snap length.";
    case Counter::tcp_gaps:
    case Counter::requests_lost_to_gap:
        return "Frames are missing or cut: look for drops at the mirror and at the capture, and at their lengths.";
    case Counter::tcp_held_full_bytes: return "Raise --held.";
    case Counter::flows_midstream: return "Begin the capture before the connections do.";
    case Counter::streams_http1_responses:
    case Counter::streams_http2_responses: return "Mirror what the server receives, too: the requests.";
    case Counter::streams_http2_midstream: return "Only connections that begin after the mirror does can be read.";
    case Counter::streams_tls: return "Mirror behind the load balancer or proxy that decrypts it.";
    case Counter::requests_lost_to_idle: return "If clients are that slow, raise --idle-timeout.";
    case Counter::requests_lost_to_eviction: return "Raise --max-flows.";
    case Counter::requests_lost_to_drain: return "Let the capture go on until the requests are whole.";
    case Counter::requests_lost_head_too_large: return "Raise --max-head.";
    case Counter::requests_lost_body_too_large: return "Raise --max-body, or let --oversize truncate.";
    case Counter::requests_lost_no_memory: return "Raise --buffers.";
    case Counter::requests_denied: return "If they are wanted, make --deny name less.";
    case Counter::requests_not_allowed: return "If they are wanted, make --allow name more.";
    case Counter::requests_not_sampled: return "If they are wanted, raise --sample.";
    case Counter::requests_over_rate: return "If they are wanted, raise --max-rate.";
    case Counter::requests_truncated: return "Raise --max-body.";
    default: return {};
    }
}

const CounterInfo& info(Counter which) {
    return counter_table[static_cast<std::size_t>(which)];
}

Reason reason(Counter which) {
    return {info(which).name, info(which).help, advice(which)};
}

// A counter that says more here than its help does.
Reason reason(Counter which, std::string_view words) {
    return {info(which).name, words, advice(which)};
}

std::string counted(std::uint64_t number, std::string_view thing) {
    return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

void print_reason(std::string& out, std::uint64_t amount, const Reason& reason) {
    const auto to = std::back_inserter(out);
    fmt::format_to(to, "  {:>8}  {:<28} {}\n", amount, reason.name, reason.words);
    if (!reason.advice.empty()) fmt::format_to(to, "{}{}\n", indent, reason.advice);
}

std::string hole_text(const Hole& hole) {
    if (hole.bytes == 0) return {};
    if (hole.bytes == tcp::unknown_gap) return fmt::format(", last hole of unknown size at offset {}", hole.offset);
    return fmt::format(", last hole of {} bytes at offset {}", hole.bytes, hole.offset);
}

// Connections that share a reason.
struct Group {
    Reason reason;
    std::uint64_t amount = 0;  // of what the reason counts
    std::uint64_t connections = 0;
    std::uint64_t bytes = 0;
    const Connection* last = nullptr;  // both its directions may be here
    std::string examples;
};

class Section {
  public:
    void add(const Connection& connection, std::uint64_t amount, const Reason& reason, std::string_view detail = {}) {
        auto group = std::ranges::find(groups_, reason.words, [](const Group& each) { return each.reason.words; });
        if (group == groups_.end()) group = groups_.insert(group, {.reason = reason, .examples = {}});
        group->amount += amount;
        if (group->last == &connection) return;
        group->last = &connection;
        group->bytes += connection.bytes;
        if (++group->connections <= examples_shown) group->examples += example(connection, detail);
    }

    [[nodiscard]] bool empty() const noexcept { return groups_.empty(); }

    // The largest group first.
    void print(std::string& out, std::string_view title) {
        if (groups_.empty()) return;
        std::ranges::stable_sort(groups_, std::greater{}, &Group::amount);
        const auto to = std::back_inserter(out);
        fmt::format_to(to, "\n{}\n", title);
        for (const Group& group : groups_) {
            print_reason(out, group.amount, group.reason);
            fmt::format_to(to, "{}{}, {}\n{}", indent, counted(group.connections, "connection"),
                counted(group.bytes, "byte"), group.examples);
            if (group.connections <= examples_shown) continue;
            fmt::format_to(to, "{}and {} more\n", indent, group.connections - examples_shown);
        }
    }

  private:
    static std::string example(const Connection& connection, std::string_view detail) {
        const packet::Side client = connection.client();
        const packet::AddressText from(connection.key.endpoint(client));
        const packet::AddressText to(connection.key.endpoint(packet::opposite(client)));
        std::string text = fmt::format("{}{} > {}", indent, from.view(), to.view());
        if (connection.key.vni != packet::no_vni) text += fmt::format(" vni {}", connection.key.vni);
        return text + fmt::format(", from frame {}{}\n", connection.first_frame, detail);
    }

    std::vector<Group> groups_;
};

void print_frames(std::string& out, const CounterValues& counters) {
    std::string lines;
    for (std::size_t i = 0; i < counter_count; ++i) {
        const auto which = static_cast<Counter>(i);
        const bool shown = info(which).role == CounterRole::frame_drop || which == Counter::tcp_truncated_segments;
        if (shown && counters[which] != 0) print_reason(lines, counters[which], reason(which));
    }
    if (!lines.empty()) out += "\nframes that held no segment, or not all of it\n" + lines;
}

// A connection with neither a request nor a part of one that was recognised.
void add_silent(Section& silent, const Connection& connection) {
    // What one of its directions is. Responses tell only that the requests are elsewhere.
    const Moved* stream = nullptr;
    const Moved* drop = nullptr;
    for (const Moved& moved : connection.moved) {
        const CounterInfo& counter = info(moved.which);
        const bool tells = stream == nullptr || stream->which == Counter::streams_http1_responses ||
                           stream->which == Counter::streams_http2_responses;
        if (counter.unit == "streams" && tells) stream = &moved;
        const bool most = drop == nullptr || drop->amount < moved.amount;
        if (counter.role == CounterRole::byte_drop && most) drop = &moved;
    }
    const bool unknown = stream == nullptr || stream->which == Counter::streams_unknown;
    const auto& [low, high] = connection.directions;
    const Hole& any_hole = low.holes != 0 ? low.hole : high.hole;
    const Hole& hole = stream != nullptr ? stream->hole : any_hole;
    if (unknown && hole.bytes != 0) {
        silent.add(connection, 1, reason(Counter::tcp_gaps, "a hole, and no request line before or behind it"),
            hole_text(hole));
    } else if (unknown && stream != nullptr && connection.direction(stream->sender).midstream) {
        silent.add(connection, 1, reason(Counter::flows_midstream, "joined in mid-stream, and no request line since"));
    } else if (stream != nullptr) {
        silent.add(connection, 1, reason(stream->which));
    } else if (connection.count(Counter::tcp_delivered_bytes) != 0) {
        silent.add(connection, 1, {"too short", "ended before the first line did, so it may be anything", {}});
    } else if (drop != nullptr) {
        silent.add(connection, 1, reason(drop->which));
    } else if (connection.cut != 0) {
        silent.add(connection, 1, reason(Counter::tcp_truncated_segments, "all payload was cut off"));
    } else {
        silent.add(connection, 1,
            {"no payload", "a SYN, and no payload behind it",
                "If there was some, it is not mirrored or not captured: look at the filters."});
    }
}

// What a connection with requests may have had besides.
void add_doubtful(Section& doubtful, const Connection& connection) {
    for (const Direction& direction : connection.directions) {
        if (!direction.requests) continue;
        if (direction.midstream && direction.request_at != 0) {
            doubtful.add(connection, 1,
                reason(Counter::flows_midstream, "joined in mid-stream, before the first request line"),
                fmt::format(", {} before it", counted(direction.request_at, "byte")));
        }
        if (direction.holes != 0 && connection.count(Counter::requests_lost_to_gap) == 0) {
            doubtful.add(connection, direction.holes,
                reason(Counter::tcp_gaps, "holes that no request was lost to; what was in them is not known"),
                hole_text(direction.hole));
        }
    }
}

}  // namespace

std::string why(const ConnectionLog& log, const CounterValues& counters) {
    Section lost;
    Section silent;
    Section doubtful;
    Section unselected;
    for (const Connection& connection : log.connections()) {
        if (connection.count(Counter::requests_started) == 0) add_silent(silent, connection);
        for (const Moved& moved : connection.moved) {
            const CounterInfo& counter = info(moved.which);
            const std::string hole = moved.which == Counter::requests_lost_to_gap ? hole_text(moved.hole) : "";
            if (counter.role == CounterRole::request_lost) {
                lost.add(connection, moved.amount, reason(moved.which),
                    fmt::format(", lost by frame {}{}", moved.frame, hole));
            } else if (counter.role == CounterRole::request_filtered) {
                unselected.add(connection, moved.amount, reason(moved.which));
            } else if (moved.which == Counter::requests_truncated) {
                doubtful.add(connection, moved.amount, reason(moved.which), fmt::format(", by frame {}", moved.frame));
            }
        }
        add_doubtful(doubtful, connection);
    }
    const std::uint64_t rebuilt = counters[Counter::requests_rebuilt];
    std::string out = fmt::format("{}, {}, {}, {} rebuilt, {} lost\n", counted(counters[Counter::frames], "frame"),
        counted(counters[Counter::segments], "segment"), counted(counters[Counter::flows_opened], "connection"),
        counted(rebuilt, "request"), counters.sum(CounterRole::request_lost));
    print_frames(out, counters);
    if (const std::uint64_t segments = log.others().segments; segments != 0) {
        out += "\nsegments of no connection\n";
        print_reason(out, segments, {"no flow", "ACKs, FINs and RSTs of connections that are not known", {}});
    }
    lost.print(out, "requests lost");
    silent.print(out, "connections without a request");
    doubtful.print(out, "connections with requests, but perhaps not all, or not whole");
    unselected.print(out, "requests rebuilt, but not selected to be sent");
    if (rebuilt != 0 && lost.empty() && silent.empty() && doubtful.empty()) out += "\nevery request was rebuilt\n";
    return out;
}

}  // namespace rebuilder
