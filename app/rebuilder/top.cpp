// SPDX-License-Identifier: Apache-2.0
#include "top.h"

#include <fmt/format.h>
#include <httplib.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "snapshot_reader.h"
#include "top_view.h"

namespace rebuilder {
namespace {

volatile std::sig_atomic_t ended = 0;
volatile std::sig_atomic_t paused = 0;

void on_end(int) noexcept {
    ended = 1;
}

void on_pause(int) noexcept {
    paused = 1;
}

void on_resize(int) noexcept {}  // that poll() returns is enough

void handle(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    ::sigaction(signal, &action, nullptr);
}

void write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            ended = 1;  // nobody reads any more
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

// The terminal while it shows screens: another page, no cursor, and keys that come one by one. As it was afterwards.
class Terminal {
  public:
    Terminal() { enter(); }
    ~Terminal() { leave(); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    // Ctrl-Z: the shell gets the terminal as it was.
    void pause() {
        leave();
        ::raise(SIGSTOP);
        enter();
    }

  private:
    void enter() {
        has_keys_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (has_keys_) {
            termios raw = before_;
            raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
            ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        }
        write_all("\x1b[?1049h\x1b[?25l");
    }
    void leave() {
        write_all("\x1b[?25h\x1b[?1049l");
        if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

    termios before_{};
    bool has_keys_ = false;
};

bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

std::size_t number_of(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? 0 : std::strtoul(value, nullptr, 10);
}

class Top {
  public:
    explicit Top(const TopOptions& options) : options_(options), client_(options.url) {
        client_.set_connection_timeout(2);
        client_.set_read_timeout(3);
        const char* term = std::getenv("TERM");
        live_ = ::isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
        std::setlocale(LC_CTYPE, "");
        screen_.utf8 = std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
        screen_.colour = live_ && !is_set("NO_COLOR");
        screen_.title = options.url;
    }

    int run() {
        handle(SIGINT, on_end);
        handle(SIGTERM, on_end);
        handle(SIGPIPE, SIG_IGN);
        if (live_) {
            handle(SIGTSTP, on_pause);
            handle(SIGWINCH, on_resize);
        }
        past_.push_back(ask());  // before the terminal is touched: what is thrown stays readable
        if (live_) terminal_.emplace();
        // Rates need two.
        auto next =
            std::chrono::steady_clock::now() + std::chrono::nanoseconds(std::min(options_.interval_ns, first_ns));
        if (live_) show();
        for (std::uint64_t shown = 0; !ended;) {
            if (!wait_until(next)) break;
            next += std::chrono::nanoseconds(options_.interval_ns);
            next = std::max(next, std::chrono::steady_clock::now());
            refresh();
            show();
            if (options_.count != 0 && ++shown == options_.count) break;
        }
        terminal_.reset();
        return static_cast<int>(ExitStatus::fine);
    }

  private:
    static constexpr std::uint64_t first_ns = 1'000'000'000;
    static constexpr std::size_t snapshots_kept = 61;

    Snapshot ask() {
        const httplib::Result answer = client_.Get("/status.json");
        if (!answer) {
            throw Error(ExitStatus::runtime,
                fmt::format("{}: nobody answers ({}); is a rebuilder running, with this as its --admin-listen?",
                    options_.url, reason(answer.error())));
        }
        if (answer->status != 200) {
            throw Error(ExitStatus::runtime,
                fmt::format("{}: /status.json is answered with {}: that is no rebuilder of this version", options_.url,
                    answer->status));
        }
        try {
            return read_snapshot(answer->body);
        } catch (const Error& error) {
            throw Error(error.exit_status, fmt::format("{}: {}", options_.url, error.what()));
        }
    }

    static std::string reason(httplib::Error error) {
        switch (error) {
        case httplib::Error::Connection: return "no connection";
        case httplib::Error::Read: return "no answer in time";
        default: return httplib::to_string(error);
        }
    }

    void refresh() {
        try {
            Snapshot snapshot = ask();
            screen_.problem.clear();
            if (snapshot.uptime_s < past_.back().uptime_s) past_.clear();  // another process
            past_.push_back(std::move(snapshot));
            if (past_.size() > snapshots_kept) past_.erase(past_.begin());
        } catch (const Error& error) {
            if (!live_) throw;
            screen_.problem = error.what();
        }
    }

    void show() {
        winsize size{};
        if (live_ && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
            screen_.width = size.ws_col;
            screen_.height = size.ws_row;
        } else {
            screen_.width = number_of("COLUMNS") != 0 ? number_of("COLUMNS") : 100;
        }
        screen_.width = std::clamp<std::size_t>(screen_.width, 20, 160);
        const std::string text = top_view(past_, screen_);
        if (!live_) {
            write_all(text + "\n");
            return;
        }
        // In place, line by line, which doesn't flicker. Behind the last line there is no line break: it would scroll.
        std::string out = "\x1b[H";
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = text.find('\n', at);
            out.append(text, at, end - at).append("\x1b[K");
            at = end + 1;
            if (at < text.size()) out += "\r\n";
        }
        write_all(out + "\x1b[J");
    }

    // False when it is time to go.
    bool wait_until(std::chrono::steady_clock::time_point when) {
        // Signals come in only while we sleep, so that none is missed between looking and sleeping.
        sigset_t ours;
        sigset_t before;
        sigemptyset(&ours);
        for (const int signal : {SIGINT, SIGTERM, SIGTSTP, SIGWINCH}) sigaddset(&ours, signal);
        ::sigprocmask(SIG_BLOCK, &ours, &before);
        bool go_on = true;
        while (go_on) {
            if (ended) go_on = false;
            if (paused) {
                paused = 0;
                ::sigprocmask(SIG_SETMASK, &before, nullptr);
                terminal_->pause();
                ::sigprocmask(SIG_BLOCK, &ours, nullptr);
                show();
            }
            const auto left = when - std::chrono::steady_clock::now();
            if (!go_on || left <= std::chrono::nanoseconds(0)) break;
            const auto ns = std::chrono::nanoseconds(left).count();
            const timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
            pollfd keys{.fd = live_ && ::isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
            const int ready = ::ppoll(&keys, 1, &time, &before);
            if (ready < 0 && errno == EINTR && live_ && !ended && !paused) show();  // another size
            if (ready > 0) go_on = !quits();
        }
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        return go_on && !ended;
    }

    static bool quits() {
        std::array<char, 64> keys{};
        const ssize_t got = ::read(STDIN_FILENO, keys.data(), keys.size());
        if (got <= 0) return true;  // the terminal is gone
        return std::any_of(
            keys.begin(), keys.begin() + got, [](char key) { return key == 'q' || key == 'Q' || key == 4; });
    }

    const TopOptions& options_;
    httplib::Client client_;
    bool live_ = false;  // a person looks at a terminal
    TopScreen screen_;
    std::vector<Snapshot> past_;
    std::optional<Terminal> terminal_;
};

}  // namespace

int top(const TopOptions& options) {
    return Top(options).run();
}

}  // namespace rebuilder
