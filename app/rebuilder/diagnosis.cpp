// SPDX-License-Identifier: Apache-2.0
#include "diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "figures.h"

namespace rebuilder {
namespace {

using Severity = Finding::Severity;

// From these shares on, something is worth a sentence.
constexpr double loss_to_warn = 0.001;
constexpr double loss_to_alarm = 0.02;
constexpr double nearly_all = 0.9;
constexpr double nearly_full = 0.9;
constexpr double mostly = 0.5;
constexpr double server_errors_to_warn = 0.05;

constexpr double stuck_s = 2;
constexpr double settled_s = 300;  // after the start: connections from before it have ended or gone idle
constexpr double impatient_s = 30;

constexpr const char* leave_checksums =
    "If the mirror shows segments before their sender's card has computed the checksum, leave out --verify-checksums. "
    "Else somebody sends what its receiver drops.";

constexpr std::uint64_t few = 20;  // below that, a share says nothing

double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// A counter may have been read a moment apart from its fellows, but it never goes back.
std::uint64_t moved(std::uint64_t before, std::uint64_t now) {
    return now > before ? now - before : 0;
}

CounterValues moved(const CounterValues& before, const CounterValues& now) {
    CounterValues out;
    for (std::size_t i = 0; i < counter_count; ++i) out.values[i] = moved(before.values[i], now.values[i]);
    return out;
}

template <class Item>
const Item* find(const std::vector<Item>& items, const std::string& name) {
    const auto found = std::ranges::find(items, name, &Item::name);
    return found == items.end() ? nullptr : &*found;
}

const CounterInfo& info(Counter which) {
    return counter_table[static_cast<std::size_t>(which)];
}

// The counter of a role that moved most.
Counter most_of(CounterRole role, const CounterValues& values) {
    std::size_t most = counter_count;
    for (std::size_t i = 0; i < counter_count; ++i) {
        if (counter_table[i].role != role) continue;
        if (most == counter_count || values.values[i] > values.values[most]) most = i;
    }
    return static_cast<Counter>(most);
}

// ---- what is seen in the streams ----

struct Streams {
    explicit Streams(const CounterValues& counters)
        : http(counters[Counter::streams_http1] + counters[Counter::streams_http2])
        , responses(counters[Counter::streams_http1_responses] + counters[Counter::streams_http2_responses])
        , late(counters[Counter::streams_http2_midstream])
        , tls(counters[Counter::streams_tls])
        , unknown(counters[Counter::streams_unknown]) {
        static constexpr std::array protocols{std::pair{Counter::streams_ssh, "SSH"},
            std::pair{Counter::streams_redis, "Redis"}, std::pair{Counter::streams_mysql, "MySQL"},
            std::pair{Counter::streams_postgresql, "PostgreSQL"}, std::pair{Counter::streams_smtp, "SMTP"}};
        std::uint64_t most = 0;
        for (const auto& [counter, name] : protocols) {
            others += counters[counter];
            if (counters[counter] <= most) continue;
            most = counters[counter];
            other = name;
        }
    }
    [[nodiscard]] std::uint64_t all() const { return http + responses + late + tls + unknown + others; }

    std::uint64_t http;
    std::uint64_t responses;
    std::uint64_t late;
    std::uint64_t tls;
    std::uint64_t unknown;
    std::uint64_t others = 0;
    const char* other = "";
};

class Diagnosis {
  public:
    Diagnosis(const Snapshot& before, const Snapshot& now)
        : before_(before)
        , now_(now)
        , seconds_(now.uptime_s - before.uptime_s)
        , moved_(moved(before.counters, now.counters)) {}

    std::vector<Finding> make() {
        if (!(seconds_ > 0)) return {};
        workers();
        ports();
        if (moved_[Counter::frames] == 0) {
            nothing_arrives();
        } else if (moved_[Counter::segments] == 0) {
            nothing_to_examine();
        } else {
            wrong_checksums();
            not_http();
            completeness();
            lost_requests();
        }
        memory();
        for (const Snapshot::Output& output : now_.outputs) output_works(output);
        unhealthy();
        std::ranges::stable_sort(findings_, std::greater{}, &Finding::severity);
        if (findings_.empty()) all_fine();
        return std::move(findings_);
    }

  private:
    void say(Severity severity, std::string text, std::string remedy) {
        findings_.push_back({severity, std::move(text), std::move(remedy)});
    }
    [[nodiscard]] std::string rate(std::uint64_t amount) const {
        return rate_text(static_cast<double>(amount) / seconds_);
    }

    // ---- the machine ----

    void workers() {
        for (std::size_t i = 0; i < now_.workers.size(); ++i) {
            const Snapshot::Worker& worker = now_.workers[i];
            if (worker.heartbeat_age_s > stuck_s) {
                reason_is_said_ = true;
                say(Severity::error,
                    fmt::format("Worker {} has been stuck for {}.", i, duration_text(worker.heartbeat_age_s)),
                    "Restart the service. If its CPU is isolated, look for what else runs there; if it happens again, "
                    "keep its log for a report.");
            } else if (worker.busy > 0.95) {
                say(Severity::warning, fmt::format("Worker {} is busy all of the time.", i),
                    "Raise --workers, up to the device's receive queues, before frames are missed.");
            }
        }
    }

    void ports() {
        for (const Snapshot::Port& port : now_.ports) {
            const Snapshot::Port* was = find(before_.ports, port.name);
            static const Snapshot::Port none;
            if (was == nullptr) was = &none;
            if (!port.link) {
                reason_is_said_ = true;
                say(Severity::error, fmt::format("The link of {} is down.", port.name),
                    "Check that the interface is attached, and up.");
            }
            missed_frames(port, *was);
            if (const std::uint64_t errors = moved(was->errors, port.errors); errors != 0) {
                say(Severity::warning, fmt::format("{} received {} damaged frames.", port.name, grouped(errors)),
                    "Check the MTU of the interface, and its own statistics at /metrics.");
            }
            allowances(port, *was);
        }
    }

    void missed_frames(const Snapshot::Port& port, const Snapshot::Port& was) {
        const std::uint64_t frames = moved(was.frames, port.frames);
        const std::uint64_t missed = moved(was.missed, port.missed);
        if (missed != 0) {
            const double part = share(missed, frames + missed);
            say(part > loss_to_warn ? Severity::error : Severity::warning,
                fmt::format(
                    "{} missed {} frames, {} of its traffic: its worker was too slow or had to wait for its CPU.",
                    port.name, grouped(missed), percent(part)),
                "Give workers CPUs of their own, raise --workers, and --rx-descriptors for short bursts.");
        }
        if (const std::uint64_t without = moved(was.no_buffers, port.no_buffers); without != 0) {
            say(Severity::error, fmt::format("{} had no buffer for a frame {} times.", port.name, grouped(without)),
                "See that there are enough hugepages, and run rebuilder check.");
        }
    }

    // What the ENA driver counts: a limit of the instance type was met, and AWS dropped or queued packets.
    void allowances(const Snapshot::Port& port, const Snapshot::Port& was) {
        static constexpr std::array limits{std::pair{"bw_in", "inbound bandwidth"},
            std::pair{"bw_out", "outbound bandwidth"}, std::pair{"pps", "packets a second"},
            std::pair{"conntrack", "tracked connections"}, std::pair{"linklocal", "packets to link-local services"}};
        constexpr std::string_view ending = "_allowance_exceeded";
        for (const auto& [name, value] : port.xstats) {
            if (!name.ends_with(ending)) continue;
            const auto old = std::ranges::find(was.xstats, name, &std::pair<std::string, std::uint64_t>::first);
            const std::uint64_t packets = moved(old == was.xstats.end() ? 0 : old->second, value);
            if (packets == 0) continue;
            const std::string limit = name.substr(0, name.size() - ending.size());
            const auto words = std::ranges::find(limits, limit, &std::pair<const char*, const char*>::first);
            const bool tracked = limit == "conntrack";
            say(Severity::error,
                fmt::format("AWS held back or dropped {} packets of {}: this instance type allows no more {} ({}).",
                    grouped(packets), port.name, words == limits.end() ? limit : words->second, name),
                tracked ? "Let the security group accept all of UDP 4789, which is not tracked then, or take a larger "
                          "instance."
                        : "Take a larger instance, or more of them behind the NLB.");
        }
    }

    void memory() {
        for (std::size_t i = 0; i < now_.workers.size(); ++i) {
            const Snapshot::Worker& worker = now_.workers[i];
            const auto full = [&](const char* what, const Snapshot::Level& level, const char* remedy) {
                const double part = share(level.now, level.most);
                if (part <= nearly_full) return;
                say(Severity::warning, fmt::format("{} of worker {} are {} full.", what, i, percent(part)), remedy);
            };
            full("The buffers for requests", worker.buffers,
                "If an output is slow or down, that is why. Else raise --buffers.");
            full("The buffers for what waits behind holes", worker.held, "If the mirror is complete, raise --held.");
            full("The tables of connections", worker.flows, "Raise --max-flows, or lower --idle-timeout.");
        }
    }

    void unhealthy() {
        if (now_.ill_health.empty() || reason_is_said_) return;
        say(now_.ill_health == "draining" ? Severity::warning : Severity::error,
            fmt::format("The health check fails: {}.", now_.ill_health), "");
    }

    // ---- the mirror ----

    void nothing_arrives() {
        const char* remedy =
            "Check that the mirror session is on and its filter accepts the traffic, that the security group "
            "lets in UDP 4789 from the mirrored interfaces, and that the NLB finds its target healthy.";
        if (now_.counters[Counter::frames] != 0) {
            say(Severity::warning,
                fmt::format("No frame has arrived for {}, after {} before.", duration_text(seconds_),
                    grouped(now_.counters[Counter::frames])),
                remedy);
        } else {
            say(now_.uptime_s < impatient_s ? Severity::warning : Severity::error,
                fmt::format("No frame has arrived since the start, {} ago.", duration_text(now_.uptime_s)), remedy);
        }
    }

    void nothing_to_examine() {
        const Counter why = most_of(CounterRole::frame_drop, moved_);
        const std::string frames = rate(moved_[Counter::frames]);
        switch (why) {
        case Counter::frame_not_tunnel:
            // Health checks come in any case (--exception-path): a mirror that pauses is no error.
            say(now_.counters[Counter::frames] == now_.counters[Counter::frame_not_tunnel] ? Severity::error
                                                                                           : Severity::warning,
                fmt::format("Frames arrive, {} a second, but none is tunnel traffic.", frames),
                "Check that a mirror session has this interface or its NLB as its target, and that --tunnel names the "
                "port it "
                "sends to: for AWS, vxlan:4789.");
            break;
        case Counter::frame_vni_refused:
            say(Severity::error,
                fmt::format("Mirrored frames arrive, {} a second, but --vni refuses their VNI{}.", frames, vnis()),
                "Add their VNI to --vni, or give the mirror sessions the one that is there.");
            break;
        case Counter::frame_port_refused:
            say(Severity::error,
                fmt::format("Mirrored frames arrive, {} a second, but --http-ports names none of their ports.", frames),
                "Add the servers' ports to --http-ports, or leave it out: HTTP is recognised on any port.");
            break;
        case Counter::frame_bad_checksum:
            say(Severity::error,
                fmt::format("Mirrored frames arrive, {} a second, but the checksums of all are wrong.", frames),
                leave_checksums);
            break;
        case Counter::frame_inner_not_tcp:
        case Counter::frame_inner_not_ip:
            say(Severity::error, fmt::format("Mirrored frames arrive, {} a second, but none has TCP in it.", frames),
                "Check the mirror filter: it has to accept TCP to the servers' ports.");
            break;
        case Counter::frame_to_output:
            say(Severity::error, "Nothing is mirrored but this appliance's own requests to its outputs.",
                "Mirror the servers, not the analysers.");
            break;
        default:
            say(Severity::error,
                fmt::format("Frames arrive, {} a second, but none can be read. Most: {}.", frames, info(why).help),
                "Check the packet length of the mirror session, and the MTU of this interface.");
        }
    }

    // A client may send some; of a whole direction it is the mirror that shows them so.
    void wrong_checksums() {
        const std::uint64_t wrong = moved_[Counter::frame_bad_checksum];
        const double part = share(wrong, wrong + moved_[Counter::segments]);
        if (wrong < few || part <= loss_to_alarm) return;
        say(Severity::warning,
            fmt::format("{} of the TCP segments have a wrong checksum and are left out.", percent(part)),
            leave_checksums);
    }

    [[nodiscard]] std::string vnis() const {
        std::string text;
        std::size_t count = 0;
        for (const Snapshot::Source& source : now_.sources) {
            const std::string vni = std::to_string(source.vni);
            if (count >= 3 || text.find(vni) != std::string::npos) continue;
            text += (count++ == 0 ? ", " : " and ") + vni;
        }
        return text;
    }

    void not_http() {
        if (moved_[Counter::requests_started] != 0) return;
        const Streams recent(moved_);
        const Streams all(now_.counters);
        const bool ever = now_.counters[Counter::requests_started] != 0;
        if (ever && (recent.http != 0 || recent.all() < few)) return;  // a pause
        const Streams& streams = ever || recent.all() != 0 ? recent : all;
        const std::string frames = rate(moved_[Counter::segments]);
        if (streams.all() == 0) {
            if (now_.counters[Counter::tcp_payload_bytes] == 0) {
                say(Severity::warning,
                    fmt::format("TCP arrives, {} segments a second, but all of them are empty.", frames),
                    "Check that the mirror filter accepts the direction to the servers, and the session's packet "
                    "length.");
            }
            return;
        }
        const auto part = [&](std::uint64_t some) { return share(some, streams.all()); };
        if (streams.http != 0) return;  // they have begun, their first request is coming
        if (part(streams.tls) >= mostly) {
            say(Severity::error,
                fmt::format("Traffic arrives, but it is TLS: {} of its streams. No request can be read.",
                    percent(part(streams.tls))),
                "Mirror behind the TLS end: the targets of the load balancer that decrypts, on their plain HTTP port.");
        } else if (part(streams.responses) >= mostly) {
            say(Severity::error,
                "Only responses arrive: the mirror shows what the servers send, not what they receive.",
                "Add a rule to the mirror filter that accepts inbound traffic to the servers' HTTP ports.");
        } else if (part(streams.late) >= mostly) {
            say(Severity::warning,
                "Only HTTP/2 connections arrive that began before the mirror did; they can't be read.",
                "Wait until clients or proxies open new ones, or restart them.");
        } else {
            const bool named = streams.others > streams.unknown;
            say(Severity::error,
                fmt::format("Traffic arrives, but none of it is HTTP{}.",
                    named ? fmt::format(": most of it is {}", streams.other) : std::string()),
                "Check that the mirror filter accepts the servers' HTTP ports.");
        }
    }

    void completeness() {
        const std::uint64_t bytes = moved_[Counter::tcp_payload_bytes];
        const std::uint64_t gaps = moved_[Counter::tcp_gap_bytes];
        const std::uint64_t lost = moved_[Counter::requests_lost_to_gap];
        const double of_bytes = share(gaps, bytes + gaps);
        const double of_requests = share(lost, moved_[Counter::requests_started]);
        if (const double worse = std::max(of_bytes, of_requests); worse > loss_to_warn) {
            say(worse > loss_to_alarm ? Severity::error : Severity::warning,
                fmt::format(
                    "The mirror loses packets: {} of the payload is missing, and {} of the requests were lost to it.",
                    percent_or_none(of_bytes), percent_or_none(of_requests)),
                "Look at NetworkSkipMirrorIn and NetworkSkipMirrorOut of the mirrored instances in CloudWatch: "
                "mirrored packets "
                "are the first that a full interface drops. And at the packet length of the mirror session.");
        }
        const double cut = share(moved_[Counter::tcp_truncated_segments], moved_[Counter::segments]);
        if (cut > loss_to_warn) {
            say(Severity::warning,
                fmt::format("The mirror cuts frames: {} of the segments lack their end.", percent(cut)),
                "Leave the packet length of the mirror session empty; behind an NLB it is 8500 at most, so give the "
                "mirrored "
                "hosts an MTU of 8486 or less.");
        }
        const std::uint64_t opened = moved_[Counter::flows_opened];
        const double joined = share(moved_[Counter::flows_midstream], opened);
        if (now_.uptime_s > settled_s && opened >= few && joined > mostly) {
            say(Severity::warning,
                fmt::format("{} of the new connections are seen first in mid-stream.", percent(joined)),
                "Check that the mirror filter accepts their first packets, and that the NLB's target group does not "
                "spread one "
                "connection over several instances.");
        }
        if (const std::uint64_t evicted = moved_[Counter::flows_evicted]; evicted != 0) {
            say(Severity::warning,
                fmt::format("{} connections were given up to make room for new ones.", grouped(evicted)),
                "Raise --max-flows, or lower --idle-timeout.");
        }
    }

    [[nodiscard]] static std::string percent_or_none(double part) { return part == 0 ? "none" : percent(part); }

    // For reasons that are no loss of the mirror's, and no whim of the client's.
    void lost_requests() {
        static constexpr std::array reasons{
            std::pair{Counter::requests_lost_head_too_large, "Raise --max-head."},
            std::pair{Counter::requests_lost_body_too_large, "Raise --max-body, or let --oversize truncate."},
            std::pair{Counter::requests_lost_no_memory, "Raise --buffers."},
            std::pair{Counter::requests_lost_to_eviction, "Raise --max-flows."},
            std::pair{Counter::requests_lost_to_idle, "If clients are that slow, raise --idle-timeout."},
            std::pair{Counter::requests_lost_line_malformed, ""},
            std::pair{Counter::requests_lost_head_malformed, ""},
            std::pair{Counter::requests_lost_framing_ambiguous, ""},
            std::pair{Counter::requests_lost_body_malformed, ""},
        };
        const std::uint64_t started = moved_[Counter::requests_started];
        for (const auto& [reason, remedy] : reasons) {
            const double part = share(moved_[reason], started);
            if (started < few || part <= loss_to_alarm / 2) continue;
            say(Severity::warning, fmt::format("{} of the requests are lost: {}.", percent(part), info(reason).help),
                *remedy != '\0'
                    ? remedy
                    : "A server would refuse them, too. See which with rebuilder replay --why on a capture.");
        }
    }

    // ---- the outputs ----

    void output_works(const Snapshot::Output& output) {
        const Snapshot::Output* was = find(before_.outputs, output.name);
        const CounterValues moves = moved(was == nullptr ? CounterValues{} : was->counters, output.counters);
        const std::uint64_t answered = moves.sum(CounterRole::request_answered);
        const bool down = output_down(output, moves, answered);
        if (!down) {
            failures(output, moves, answered);
            answers(output, moves, answered);
        }
        sheds(output, moves, down);
    }

    bool output_down(const Snapshot::Output& output, const CounterValues& moves, std::uint64_t answered) {
        const bool refused = moves[Counter::connect_failures] != 0 || moves[Counter::failed_connect] != 0;
        if (output.trouble.empty() && !(refused && answered == 0)) return false;
        // The output's own words may begin with its name.
        std::string why = output.trouble.empty() ? "it accepts no connection" : output.trouble;
        for (const std::string& name : {"output " + output.name, output.name}) {
            if (why.starts_with(name + ": ")) why.erase(0, name.size() + 2);
        }
        if (output.name.starts_with("jsonl:")) {
            say(Severity::error, fmt::format("The output {} can't be written: {}.", output.name, why),
                "Check that its disk has room and that this user may write there.");
            return true;
        }
        if (answered != 0) {
            say(Severity::warning, fmt::format("Some connections to the output {} fail: {}.", output.name, why),
                remedy_of(why));
        } else {
            say(Severity::error, fmt::format("The output {} is down: {}.", output.name, why), remedy_of(why));
        }
        return answered == 0;
    }

    static const char* remedy_of(std::string why) {
        std::ranges::transform(why, why.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
        const auto says = [&](const char* word) { return why.find(word) != std::string::npos; };
        if (says("certificate") || says("tls") || says("verif")) {
            return "Check the certificate and its name; --tls-ca says who is trusted.";
        }
        if (says("name") || says("dns") || says("resolve")) {
            return "Check the output's name, and the name servers of this host (--dns-server).";
        }
        if (says("refused")) return "Check that a server listens there. Requests are sent again as soon as it does.";
        return "Check that the server runs and that its security group lets this instance in. Requests are sent again "
               "as soon "
               "as it answers.";
    }

    void failures(const Snapshot::Output& output, const CounterValues& moves, std::uint64_t answered) {
        const std::uint64_t failed = moves.sum(CounterRole::request_failed);
        const double part = share(failed, failed + answered);
        if (part <= loss_to_warn) return;
        const Counter why = most_of(CounterRole::request_failed, moves);
        const char* remedy = "Look at the server's own log.";
        if (why == Counter::failed_timeout)
            remedy = "The server is too slow: give it more machines, or raise --timeout.";
        if (why == Counter::failed_response)
            remedy = "Check that the output's port is one for HTTP, and not TLS or HTTP/2 only.";
        if (why == Counter::failed_unsayable) remedy = "Send to this output without --http2.";
        say(part > loss_to_alarm ? Severity::error : Severity::warning,
            fmt::format("{} of the requests to {} fail: {}.", percent(part), output.name, info(why).help), remedy);
    }

    void answers(const Snapshot::Output& output, const CounterValues& moves, std::uint64_t answered) {
        const double server = share(moves[Counter::answered_5xx], answered);
        const double client = share(moves[Counter::answered_4xx], answered);
        if (server > server_errors_to_warn) {
            say(server > mostly ? Severity::error : Severity::warning,
                fmt::format("{} answers {} of the requests with 5xx.", output.name, percent(server)),
                "Look at its log; a load balancer answers so when it has no healthy target.");
        }
        if (client > mostly && answered >= few) {
            say(Severity::warning, fmt::format("{} answers {} of the requests with 4xx.", output.name, percent(client)),
                "Check that it serves these hosts (--set-header Host:NAME changes it) and takes requests of this size. "
                "An "
                "analyser that blocks answers so, too.");
        }
    }

    void sheds(const Snapshot::Output& output, const CounterValues& moves, bool down) {
        static constexpr std::array reasons{
            std::pair{Counter::shed_queue_full, "its queue is full"},
            std::pair{Counter::shed_quota, "it holds its share of the buffers already"},
            std::pair{Counter::shed_no_memory, "no buffer is free"},
        };
        const auto most = std::ranges::max_element(reasons, {}, [&](const auto& each) { return moves[each.first]; });
        std::uint64_t shed = 0;
        for (const auto& each : reasons) shed += moves[each.first];
        if (shed == 0) {
            const double waiting = share(output.waiting.now, output.waiting.most);
            if (waiting > nearly_full && !down) {
                say(Severity::warning, fmt::format("The queue of {} is {} full.", output.name, percent(waiting)),
                    faster);
            }
            return;
        }
        const double part = share(shed, shed + moves[Counter::handed_off]);
        const char* remedy = most->first == Counter::shed_queue_full
                                 ? faster
                                 : "Raise --buffers; an output that can't keep up needs more machines.";
        say(part > loss_to_alarm / 2 ? Severity::error : Severity::warning,
            fmt::format("{} requests a second, {}, are not sent to {}: {}.", rate(shed), percent(part), output.name,
                most->second),
            down ? "They are lost to it until it answers again." : remedy);
    }

    static constexpr const char* faster =
        "The output is slower than the traffic: raise --connections, --pipeline or --forwarders, "
        "or give it more machines. --queue helps in short bursts.";

    // ---- nothing of it ----

    void all_fine() {
        const std::uint64_t rebuilt = moved_[Counter::requests_rebuilt];
        if (rebuilt == 0) {
            say(Severity::fine,
                fmt::format("All is well: {} frames a second arrive, with no request in the last {}.",
                    rate(moved_[Counter::frames]), duration_text(seconds_)),
                "");
            return;
        }
        std::uint64_t answered = 0;
        for (const Snapshot::Output& output : now_.outputs) {
            const Snapshot::Output* was = find(before_.outputs, output.name);
            answered += moved(was == nullptr ? CounterValues{} : was->counters, output.counters)
                            .sum(CounterRole::request_answered);
        }
        const std::size_t outputs = now_.outputs.size();
        say(Severity::fine,
            fmt::format("All is well: {} frames a second arrive, {} requests a second are rebuilt and {} delivered{}.",
                rate(moved_[Counter::frames]), rate(rebuilt), rate(answered),
                outputs > 1 ? fmt::format(" to {} outputs", outputs) : std::string()),
            "");
    }

    const Snapshot& before_;
    const Snapshot& now_;
    double seconds_;
    CounterValues moved_;
    bool reason_is_said_ = false;  // why the health check fails
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> diagnose(const Snapshot& before, const Snapshot& now) {
    return Diagnosis(before, now).make();
}

}  // namespace rebuilder
