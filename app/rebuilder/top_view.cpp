// SPDX-License-Identifier: Apache-2.0
#include "top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "figures.h"
#include "stages.h"

namespace rebuilder {
namespace {

enum class Ink : std::uint8_t { plain, bold, dim, red, yellow, green, blue };

constexpr std::array sequences{"", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[33m", "\x1b[32m", "\x1b[34m"};

std::string printable(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return out;
}

// Columns that a text takes; of other characters than ASCII there are only our own, one column each.
std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string_view clip(std::string_view text, std::size_t width) {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if ((text[at] & 0xc0) != 0x80 && width-- == 0) break;
    }
    return text.substr(0, at);
}

std::string padded(std::string text, std::size_t width, bool right) {
    const std::size_t have = columns(text);
    if (have >= width) return std::string(clip(text, width));
    return right ? std::string(width - have, ' ') + text : text + std::string(width - have, ' ');
}

struct Piece {
    std::string text;
    Ink ink = Ink::plain;
};

struct Column {
    const char* title;
    bool right = true;
    int weight = 0;  // the highest are left out first, where there is no room; 0: never
};

class View {
  public:
    View(std::span<const Snapshot> past, const TopScreen& screen)
        : past_(past)
        , screen_(screen)
        , now_(past.back())
        , before_(calm_before())
        , moved_(difference(before_, now_))
        , seconds_(now_.uptime_s - before_.uptime_s) {}

    std::string draw() {
        head();
        findings();
        questions();
        outputs();
        workers();
        ledger();
        sources();
        ports();
        return text();
    }

  private:
    // ---- lines ----

    void line(std::vector<Piece> pieces) { lines_.push_back(std::move(pieces)); }
    void gap() {
        if (!lines_.empty()) lines_.emplace_back();
    }
    void title(const char* text) {
        gap();
        line({{text, Ink::bold}});
    }

    // In as many lines as it needs.
    void paragraph(const std::string& first, const std::string& text, Ink ink) {
        const std::string words = printable(text);
        const std::size_t room = std::max<std::size_t>(screen_.width, first.size() + 20) - first.size();
        for (std::size_t at = 0; at < words.size();) {
            std::size_t end = words.size();
            if (end - at > room) {
                end = words.rfind(' ', at + room);
                if (end == std::string::npos || end <= at) end = at + room;
            }
            line({{at == 0 ? first : std::string(first.size(), ' '), ink}, {words.substr(at, end - at), ink}});
            at = end;
            while (at < words.size() && words[at] == ' ') ++at;
        }
    }

    // The first column takes what the others leave; those that find no room are left out.
    void table(std::vector<Column> head, std::vector<std::vector<Piece>> rows) {
        constexpr std::size_t first_least = 14;
        std::vector<std::size_t> widths;
        const auto measure = [&] {
            widths.clear();
            for (std::size_t i = 0; i < head.size(); ++i) {
                std::size_t width = columns(head[i].title);
                for (const auto& row : rows) width = std::max(width, columns(row[i].text));
                widths.push_back(width);
            }
            std::size_t all = 0;
            for (std::size_t i = 1; i < widths.size(); ++i) all += widths[i] + 2;
            return all;
        };
        std::size_t rest = measure();
        while (rest + std::min(widths[0], first_least) > screen_.width) {
            const auto least = std::ranges::max_element(head, {}, &Column::weight);
            if (least->weight == 0) break;
            const auto at = least - head.begin();
            head.erase(least);
            for (auto& row : rows) row.erase(row.begin() + at);
            rest = measure();
        }
        widths[0] = std::min(widths[0], screen_.width > rest ? screen_.width - rest : 0);
        std::vector<Piece> titles;
        for (std::size_t i = 0; i < head.size(); ++i) {
            titles.push_back({(i == 0 ? "" : "  ") + padded(head[i].title, widths[i], head[i].right), Ink::dim});
        }
        line(std::move(titles));
        for (auto& row : rows) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                row[i].text = (i == 0 ? "" : "  ") + padded(row[i].text, widths[i], head[i].right);
            }
            line(std::move(row));
        }
    }

    [[nodiscard]] std::string text() const {
        std::string out;
        const bool cut = screen_.height != 0 && lines_.size() > screen_.height;
        const std::size_t shown = cut ? screen_.height - 1 : lines_.size();
        for (std::size_t i = 0; i < shown; ++i) {
            std::size_t room = screen_.width;
            for (const Piece& piece : lines_[i]) {
                const std::string_view part = clip(piece.text, room);
                room -= columns(part);
                const bool inked = screen_.colour && piece.ink != Ink::plain && !part.empty();
                if (inked) out += sequences[static_cast<std::size_t>(piece.ink)];
                out += part;
                if (inked) out += "\x1b[0m";
            }
            while (out.ends_with(' ')) out.pop_back();
            out += '\n';
        }
        if (cut) {
            out +=
                clip(fmt::format("({} more lines; a higher window shows them)", lines_.size() - shown), screen_.width);
            out += '\n';
        }
        return out;
    }

    // ---- figures ----

    // Not the last second alone, in which light traffic jumps.
    [[nodiscard]] const Snapshot& calm_before() const {
        constexpr double calm_s = 2.5;
        for (std::size_t i = past_.size() - 1; i-- > 0;) {
            if (past_[i].uptime_s <= past_.back().uptime_s - calm_s) return past_[i];
        }
        return past_.front();
    }
    [[nodiscard]] std::string rate(std::uint64_t amount) const {
        return seconds_ > 0 ? short_number(static_cast<double>(amount) / seconds_) : "-";
    }
    [[nodiscard]] std::string megabits(std::uint64_t bytes) const {
        return seconds_ > 0 ? short_number(static_cast<double>(bytes) * 8e-6 / seconds_) : "-";
    }

    // A row of bars, of what `value` gives for each two snapshots.
    template <class Value>
    std::string spark(Value value, double axis = 0) const {
        constexpr std::size_t most = 30;
        static constexpr std::array blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
        static constexpr std::string_view letters = "_.:-=+*#";
        std::vector<double> values;
        const std::size_t first = past_.size() > most ? past_.size() - most : 1;
        for (std::size_t i = first; i < past_.size(); ++i) {
            const double passed = past_[i].uptime_s - past_[i - 1].uptime_s;
            values.push_back(passed > 0 ? std::max(0.0, value(past_[i - 1], past_[i]) / passed) : 0);
            axis = std::max(axis, values.back());
        }
        std::string out;
        for (const double each : values) {
            const auto level = axis > 0 ? static_cast<std::size_t>(each / axis * 7 + 0.5) : 0;
            if (screen_.utf8) {
                out += blocks[std::min<std::size_t>(level, 7)];
            } else {
                out += letters[std::min<std::size_t>(level, 7)];
            }
        }
        return out;
    }

    [[nodiscard]] std::string bar(double share, std::size_t width) const {
        const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width) + 0.5);
        std::string out;
        for (std::size_t i = 0; i < width; ++i)
            out += i < full ? (screen_.utf8 ? "█" : "#") : (screen_.utf8 ? "░" : ".");
        return out;
    }

    static Ink ink_of(double share) { return share > 0.9 ? Ink::red : share > 0.7 ? Ink::yellow : Ink::plain; }

    // ---- parts ----

    void head() {
        line({{"rebuilder ", Ink::bold}, {printable(now_.host), Ink::bold},
            {fmt::format("  {}, up {}", printable(now_.version), duration_text(now_.uptime_s)), Ink::dim},
            {"  " + printable(screen_.title), Ink::dim}});
        if (!screen_.problem.empty()) paragraph("!! ", screen_.problem, Ink::red);
    }

    void findings() {
        gap();
        for (const Finding& finding : now_.findings) {
            const bool error = finding.severity == Finding::Severity::error;
            const bool fine = finding.severity == Finding::Severity::fine;
            paragraph(fine    ? "ok "
                      : error ? "!! "
                              : " ! ",
                finding.text,
                fine    ? Ink::green
                : error ? Ink::red
                        : Ink::yellow);
            paragraph("   ", finding.remedy, Ink::plain);
        }
        if (now_.findings.empty()) line({{"   Nothing to say yet.", Ink::dim}});
    }

    void question(const char* ask, const std::string& value, const std::string& note, const std::string& history) {
        line({{padded(ask, 11, false), Ink::dim}, {padded(value, 20, false), Ink::bold}, {padded(note, 36, false)},
            {"  " + history, Ink::blue}});
    }

    void questions() {
        gap();
        const std::vector<Stage> all = stages(moved_);
        const CounterValues& counters = moved_.counters;
        CounterValues sent;
        for (const Snapshot::Output& output : moved_.outputs) sent += output.counters;
        const auto part = [](const Stage& stage) { return stage.in == 0 ? "-" : short_percent(1 - stage.lost()); };
        const auto of = [](Counter counter) {
            return [counter](const Snapshot& was, const Snapshot& is) {
                return static_cast<double>(is.counters[counter]) - static_cast<double>(was.counters[counter]);
            };
        };
        question("arriving", rate(counters[Counter::frames]) + " frames/s",
            fmt::format("{} Mbit/s, {} source{}", megabits(counters[Counter::frame_bytes]), now_.sources.size(),
                now_.sources.size() == 1 ? "" : "s"),
            spark(of(Counter::frames)));
        question("HTTP", rate(counters[Counter::requests_rebuilt]) + " requests/s", protocols(),
            spark(of(Counter::requests_rebuilt)));
        question("complete", part(all[2]) + " whole",
            fmt::format("{} of the payload missing", short_percent(all[1].lost())), spark(of(Counter::tcp_gaps)));
        const auto answers = [](const Snapshot& snapshot) {
            double sum = 0;
            for (const Snapshot::Output& output : snapshot.outputs) {
                sum += static_cast<double>(output.counters.sum(CounterRole::request_answered));
            }
            return sum;
        };
        question("delivered", rate(sent.sum(CounterRole::request_answered)) + " answers/s",
            fmt::format("{} shed, {} failed", short_percent(all[3].lost()), short_percent(all[4].lost())),
            spark([&](const Snapshot& was, const Snapshot& is) { return answers(is) - answers(was); }));
        double busiest = 0;
        for (const Snapshot::Worker& worker : now_.workers) busiest = std::max(busiest, worker.busy);
        question("cores", short_percent(busiest) + " busy",
            fmt::format("the busiest of {} worker{}", now_.workers.size(), now_.workers.size() == 1 ? "" : "s"), "");
    }

    // What most of the new streams were.
    [[nodiscard]] std::string protocols() const {
        static constexpr std::array kinds{std::pair{Counter::streams_http1, "HTTP/1"},
            std::pair{Counter::streams_http2, "HTTP/2"}, std::pair{Counter::streams_http1_responses, "responses"},
            std::pair{Counter::streams_http2_responses, "HTTP/2 responses"}, std::pair{Counter::streams_tls, "TLS"},
            std::pair{Counter::streams_http2_midstream, "late HTTP/2"}, std::pair{Counter::streams_ssh, "SSH"},
            std::pair{Counter::streams_redis, "Redis"}, std::pair{Counter::streams_mysql, "MySQL"},
            std::pair{Counter::streams_postgresql, "PostgreSQL"}, std::pair{Counter::streams_smtp, "SMTP"},
            std::pair{Counter::streams_unknown, "unknown"}};
        std::uint64_t all = 0;
        std::vector<std::pair<std::uint64_t, const char*>> seen;
        for (const CounterValues& counters : {moved_.counters, now_.counters}) {  // of late; else since the start
            for (const auto& [counter, name] : kinds) {
                all += counters[counter];
                if (counters[counter] != 0) seen.emplace_back(counters[counter], name);
            }
            if (all != 0) break;
        }
        std::ranges::stable_sort(seen, std::greater{}, [](const auto& each) { return each.first; });
        std::string out;
        for (std::size_t i = 0; i < std::min<std::size_t>(seen.size(), 3); ++i) {
            out += fmt::format("{}{} {}", i == 0 ? "" : ", ", seen[i].second,
                short_percent(static_cast<double>(seen[i].first) / static_cast<double>(all)));
        }
        return out;
    }

    void outputs() {
        title("OUTPUTS");
        std::vector<std::vector<Piece>> rows;
        for (std::size_t i = 0; i < moved_.outputs.size(); ++i) {
            const Snapshot::Output& output = moved_.outputs[i];
            const CounterValues& counters = output.counters;
            const auto latency = [&](double share) {
                const double value = percentile(output.latency, share);
                return value < 0 ? std::string("-") : short_duration(value);
            };
            const std::uint64_t failed = counters.sum(CounterRole::request_failed);
            const std::uint64_t shed = counters.sum(CounterRole::request_shed);
            const double full = share_of(output.waiting);
            rows.push_back({{printable(output.name), output.trouble.empty() ? Ink::plain : Ink::red},
                {rate(counters.sum(CounterRole::request_answered))},
                {rate(counters[Counter::answered_2xx] + counters[Counter::written])},
                {rate(counters[Counter::answered_3xx])}, {rate(counters[Counter::answered_4xx])},
                {rate(counters[Counter::answered_5xx]),
                    counters[Counter::answered_5xx] != 0 ? Ink::yellow : Ink::plain},
                {rate(failed), failed != 0 ? Ink::red : Ink::plain}, {rate(shed), shed != 0 ? Ink::red : Ink::plain},
                {latency(0.5)}, {latency(0.99)}, {short_percent(full), ink_of(full)}});
        }
        table({{"", false}, {"answers/s"}, {"2xx", true, 4}, {"3xx", true, 8}, {"4xx", true, 5}, {"5xx", true, 3},
                  {"failed/s", true, 1}, {"shed/s", true, 1}, {"p50", true, 7}, {"p99", true, 6}, {"queue", true, 2}},
            std::move(rows));
    }

    static double share_of(const Snapshot::Level& level) {
        return level.most == 0 ? 0 : static_cast<double>(level.now) / static_cast<double>(level.most);
    }

    void workers() {
        title("WORKERS");
        std::vector<std::vector<Piece>> rows;
        for (std::size_t i = 0; i < now_.workers.size(); ++i) {
            const Snapshot::Worker& worker = now_.workers[i];
            const bool stuck = worker.heartbeat_age_s > 2;
            const auto level = [&](const Snapshot::Level& each) {
                return Piece{short_percent(share_of(each)), ink_of(share_of(each))};
            };
            rows.push_back({{stuck ? fmt::format("{} stuck for {}", i, duration_text(worker.heartbeat_age_s))
                                   : fmt::format("{}", i),
                                stuck ? Ink::red : Ink::plain},
                {bar(worker.busy, 20), ink_of(worker.busy)}, {short_percent(worker.busy)},
                {short_number(static_cast<double>(worker.flows.now))}, level(worker.flows), level(worker.buffers),
                level(worker.held)});
        }
        table({{"", false}, {"", false, 5}, {"busy"}, {"flows", true, 1}, {"full", true, 4}, {"buffers", true, 2},
                  {"held", true, 3}},
            std::move(rows));
    }

    void ledger() {
        constexpr std::size_t reasons_shown = 3;
        title("WHERE IT WENT");
        const std::vector<Stage> totals = stages(now_);
        const std::vector<Stage> recent = stages(moved_);
        std::vector<std::vector<Piece>> rows;
        for (std::size_t i = 0; i < totals.size(); ++i) {
            const Stage& stage = totals[i];
            const auto amount = [&](std::uint64_t value) {
                return short_number(static_cast<double>(value)) + (stage.in_bytes ? "B" : "");
            };
            rows.push_back({{std::string(stage.name), Ink::bold}, {amount(stage.in)}, {rate(recent[i].in)}, {""}});
            for (std::size_t r = 0; r < std::min(stage.reasons.size(), reasons_shown); ++r) {
                const Stage::Reason& reason = stage.reasons[r];
                const auto now = std::ranges::find(recent[i].reasons, reason.text, &Stage::Reason::text);
                const std::uint64_t moved = now == recent[i].reasons.end() ? 0 : now->amount;
                const Ink ink = reason.loss ? (moved != 0 ? Ink::red : Ink::plain) : Ink::dim;
                rows.push_back({{"  " + reason.text, ink}, {amount(reason.amount), ink}, {rate(moved), ink},
                    {short_percent(static_cast<double>(reason.amount) /
                                   static_cast<double>(std::max<std::uint64_t>(stage.in, 1))),
                        ink}});
            }
        }
        rows.push_back({{"answered", Ink::bold}, {short_number(static_cast<double>(totals.back().on))},
            {rate(recent.back().on)}, {""}});
        table({{"", false}, {"since start"}, {"now/s"}, {"share", true, 1}}, std::move(rows));
    }

    void sources() {
        constexpr std::size_t most = 8;
        if (now_.sources.empty()) return;
        title("SOURCES");
        std::vector<Snapshot::Source> sorted = moved_.sources;
        std::ranges::stable_sort(sorted, std::greater{}, &Snapshot::Source::frames);
        std::vector<std::vector<Piece>> rows;
        for (const Snapshot::Source& source : std::span(sorted).first(std::min(sorted.size(), most))) {
            rows.push_back({{fmt::format("VNI {}, {}", source.vni, printable(source.address))}, {rate(source.frames)},
                {megabits(source.bytes)}});
        }
        if (sorted.size() > most)
            rows.push_back({{fmt::format("and {} more", sorted.size() - most), Ink::dim}, {""}, {""}});
        table({{"", false}, {"frames/s"}, {"Mbit/s", true, 1}}, std::move(rows));
    }

    void ports() {
        title("PORTS");
        std::vector<std::vector<Piece>> rows;
        for (std::size_t i = 0; i < now_.ports.size(); ++i) {
            const Snapshot::Port& port = now_.ports[i];
            const std::uint64_t missed = port.missed + port.no_buffers;
            rows.push_back({{printable(port.name)}, {port.link ? "up" : "down", port.link ? Ink::green : Ink::red},
                {rate(moved_.ports[i].frames)},
                {short_number(static_cast<double>(missed)), missed != 0 ? Ink::red : Ink::plain},
                {short_number(static_cast<double>(port.errors)), port.errors != 0 ? Ink::red : Ink::plain}});
        }
        table({{"", false}, {"link", false}, {"frames/s", true, 1}, {"missed", true, 2}, {"errors", true, 3}},
            std::move(rows));
    }

    std::span<const Snapshot> past_;
    const TopScreen& screen_;
    const Snapshot& now_;
    const Snapshot& before_;
    Snapshot moved_;
    double seconds_;
    std::vector<std::vector<Piece>> lines_;
};

}  // namespace

std::string top_view(std::span<const Snapshot> past, const TopScreen& screen) {
    return past.empty() ? std::string() : View(past, screen).draw();
}

}  // namespace rebuilder
