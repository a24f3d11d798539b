// SPDX-License-Identifier: Apache-2.0
#include "nic/eal_log.h"

#include <sys/types.h>

#include <mutex>
#include <string_view>

#include <rte_log.h>

namespace rebuilder::nic {

namespace {

struct State {
    std::mutex mutex;
    std::string first_error;
    bool show = false;
};

State& state() {
    static State the_one;
    return the_one;
}

// "EAL: Cannot open it\n" and "open_it(): cannot open it\n" both become "Cannot open it".
std::string_view undecorated(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ' || line.back() == '.')) line.remove_suffix(1);
    const std::size_t colon = line.find(": ");
    const bool decorated = colon != std::string_view::npos && line.find(' ') > colon;
    return decorated ? line.substr(colon + 2) : line;
}

ssize_t take_line(void* /*cookie*/, const char* text, std::size_t size) noexcept {
    const std::string_view line(text, size);
    const std::lock_guard lock(state().mutex);
    const bool error = rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_ERR);
    if (error && state().first_error.empty()) state().first_error = undecorated(line);
    if (state().show) std::fwrite(line.data(), 1, line.size(), stderr);
    return static_cast<ssize_t>(size);
}

}  // namespace

EalLog::EalLog(bool show_all) : stream_(::fopencookie(nullptr, "w", {nullptr, take_line, nullptr, nullptr})) {
    state().show = show_all;
    rte_openlog_stream(stream_);
}

EalLog::~EalLog() {
    rte_openlog_stream(nullptr);
    if (stream_ != nullptr) std::fclose(stream_);
}

void EalLog::show() noexcept {
    const std::lock_guard lock(state().mutex);
    state().show = true;
}

bool EalLog::shown() noexcept {
    const std::lock_guard lock(state().mutex);
    return state().show;
}

std::string EalLog::first_error() {
    const std::lock_guard lock(state().mutex);
    return state().first_error;
}

void EalLog::forget() {
    const std::lock_guard lock(state().mutex);
    state().first_error.clear();
}

}  // namespace rebuilder::nic
