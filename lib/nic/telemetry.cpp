// SPDX-License-Identifier: Apache-2.0
#include "nic/telemetry.h"

#include <algorithm>
#include <cctype>
#include <mutex>
#include <utility>

#include <rte_telemetry.h>
#include <rte_version.h>

namespace rebuilder::nic {

namespace {

// DPDK's callbacks carry nothing of ours, so what they call stands here.
std::mutex mutex;  // for the next one
std::vector<TelemetryCommand> registered;

int add_number(rte_tel_data* to, const char* name, std::uint64_t number) {
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
    return rte_tel_data_add_dict_uint(to, name, number);
#else
    return rte_tel_data_add_dict_u64(to, name, number);
#endif
}

std::string usable_name(std::string name) {
    for (char& c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '/') c = '_';
    }
    return name.substr(0, RTE_TEL_MAX_STRING_LEN - 1);
}

int fill(rte_tel_data* to, const std::vector<TelemetryEntry>& entries);

int add_group(rte_tel_data* to, const char* name, const std::vector<TelemetryEntry>& entries) {
    rte_tel_data* group = rte_tel_data_alloc();
    if (group == nullptr) return -1;
    int error = fill(group, entries);
    if (error == 0) error = rte_tel_data_add_dict_container(to, name, group, 0);
    if (error != 0) rte_tel_data_free(group);
    return error;
}

int fill(rte_tel_data* to, const std::vector<TelemetryEntry>& entries) {
    int error = rte_tel_data_start_dict(to);
    for (const TelemetryEntry& entry : entries) {
        if (error != 0) return error;
        const std::string name = usable_name(entry.name);
        if (const auto* number = std::get_if<std::uint64_t>(&entry.value)) {
            error = add_number(to, name.c_str(), *number);
        } else if (const auto* text = std::get_if<std::string>(&entry.value)) {
            error = rte_tel_data_add_dict_string(to, name.c_str(), text->substr(0, RTE_TEL_MAX_STRING_LEN - 1).c_str());
        } else {
            error = add_group(to, name.c_str(), std::get<2>(entry.value));
        }
    }
    return error;
}

int on_command(const char* path, const char* parameter, rte_tel_data* answer) {
    const std::lock_guard lock(mutex);
    const auto command = std::ranges::find(registered, std::string_view(path), &TelemetryCommand::path);
    if (command == registered.end()) return -1;
    return fill(answer, command->answer(parameter != nullptr ? parameter : ""));
}

}  // namespace

Telemetry::Telemetry(std::vector<TelemetryCommand> commands) {
    const std::lock_guard lock(mutex);
    registered = std::move(commands);
    for (const TelemetryCommand& command : registered) {
        (void)rte_telemetry_register_cmd(command.path.c_str(), on_command, command.help.c_str());
    }
}

Telemetry::~Telemetry() {
    const std::lock_guard lock(mutex);
    registered.clear();
}

}  // namespace rebuilder::nic
