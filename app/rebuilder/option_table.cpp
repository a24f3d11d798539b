// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "config_print.h"
#include "nic/input.h"
#include "option_values.h"

namespace rebuilder {

namespace {

// ---- lists of values ----

// What stands between the commas of all values.
Values parts_of(const Values& values) {
    Values parts;
    for (const std::string& value : values) {
        for (std::size_t from = 0; from <= value.size();) {
            const std::size_t end = std::min(value.find(',', from), value.size());
            parts.push_back(value.substr(from, end - from));
            if (parts.back().empty()) refuse_value(fmt::format("'{}' has an empty part", value));
            from = end + 1;
        }
    }
    return parts;
}

template <class Number>
void add_once(std::vector<Number>& numbers, Number number) {
    if (std::ranges::find(numbers, number) == numbers.end()) numbers.push_back(number);
}

Values tunnels_of(const Config& config) {
    Values parts;
    for (const std::uint16_t port : config.decap.vxlan_ports) parts.push_back(fmt::format("vxlan:{}", port));
    for (const std::uint16_t port : config.decap.geneve_ports) parts.push_back(fmt::format("geneve:{}", port));
    if (config.decap.accept_plain) parts.emplace_back("none");
    return {fmt::format("{}", fmt::join(parts, ","))};
}

void set_tunnels(Config& config, const Values& values) {
    packet::DecapConfig& decap = config.decap;
    decap.vxlan_ports.clear();
    decap.geneve_ports.clear();
    decap.accept_plain = false;
    config.tunnel_given = true;
    for (const std::string& part : parts_of(values)) {
        const std::size_t colon = part.find(':');
        const std::string_view name = std::string_view(part).substr(0, colon);
        if (part == "none") {
            decap.accept_plain = true;
            continue;
        }
        if (name != "vxlan" && name != "geneve") {
            refuse_value(fmt::format("'{}' is not a tunnel; vxlan:PORT, geneve:PORT and none are", part));
        }
        const std::uint16_t usual_port = name == "vxlan" ? 4789 : 6081;
        add_once(name == "vxlan" ? decap.vxlan_ports : decap.geneve_ports,
            colon == std::string::npos ? usual_port : read_port(std::string_view(part).substr(colon + 1)));
    }
    if (tunnels_of(config).front().empty()) refuse_value("an empty list would accept no frame at all");
    for (const std::uint16_t port : decap.vxlan_ports) {
        if (std::ranges::find(decap.geneve_ports, port) != decap.geneve_ports.end()) {
            refuse_value(fmt::format("port {} can't be both vxlan and geneve", port));
        }
    }
}

Values vnis_of(const Config& config) {
    Values parts;
    for (const std::uint32_t vni : config.decap.vni_allow) parts.push_back(std::to_string(vni));
    for (const std::uint32_t vni : config.decap.vni_deny) parts.push_back(fmt::format("!{}", vni));
    return {parts.empty() ? "all" : fmt::format("{}", fmt::join(parts, ","))};
}

void set_vnis(Config& config, const Values& values) {
    config.decap.vni_allow.clear();
    config.decap.vni_deny.clear();
    for (const std::string& part : parts_of(values)) {
        if (part == "all") continue;
        const bool exclude = part.front() == '!';
        const auto vni = read_number(std::string_view(part).substr(exclude ? 1 : 0), 0, (1 << 24) - 1);
        add_once(exclude ? config.decap.vni_deny : config.decap.vni_allow, static_cast<std::uint32_t>(vni));
    }
}

Values http_ports_of(const Config& config) {
    const auto& ports = config.decap.tcp_ports;
    return {ports.empty() ? "all" : fmt::format("{}", fmt::join(ports, ","))};
}

void set_http_ports(Config& config, const Values& values) {
    config.decap.tcp_ports.clear();
    for (const std::string& part : parts_of(values)) {
        if (part != "all") add_once(config.decap.tcp_ports, read_port(part));
    }
}

Values inputs_of(const Config& config) {
    return config.inputs;
}

void refuse_twice(const Values& values) {
    for (const std::string& value : values) {
        if (std::ranges::count(values, value) > 1) refuse_value(fmt::format("{} is given twice", value));
    }
}

void set_inputs(Config& config, const Values& values) {
    for (const std::string& value : values) (void)nic::parse_input(value);
    refuse_twice(values);
    config.inputs = values;
}

Values outputs_of(const Config& config) {
    Values values;
    for (const forward::OutputSpec& output : config.outputs) values.push_back(output.text);
    return values;
}

void set_outputs(Config& config, const Values& values) {
    config.outputs.clear();
    for (const std::string& value : values) config.outputs.push_back(forward::parse_output(value));
    refuse_twice(values);
}

using forward::FieldRule;

auto set_rules(FieldRule::Action action) {
    return [action](Config& config, const Values& values) { config.rewriting.set_rules(action, values); };
}

auto rules_of(FieldRule::Action action) {
    return [action](const Config& config) { return config.rewriting.texts(action); };
}

// One of the two lists of rules.
using Rules = Values forward::SelectionConfig::*;

auto set_rules(Rules rules) {
    return [=](Config& config, const Values& values) {
        const std::size_t most = forward::SelectionConfig::max_rules;
        if (values.size() > most) refuse_value(fmt::format("{} rules are too many; {} will do", values.size(), most));
        for (const std::string& value : values) forward::check_rule(value);
        refuse_twice(values);
        config.selection.*rules = values;
    };
}

auto rules_of(Rules rules) {
    return [=](const Config& config) { return config.selection.*rules; };
}

// ---- a field of the Config with one value ----

struct Access {
    Option::Form form = Option::Form::word;
    std::function<void(Config&, const Values&)> set;
    std::function<Values(const Config&)> get;
};

// A field, of a Config that is const and of one that isn't.
#define FIELD(path)                                                                                                    \
    [](auto& config) -> auto& {                                                                                        \
        return config.path;                                                                                            \
    }

template <class Field, class Read, class Write>
Access scalar(Option::Form form, Field field, Read read, Write write) {
    return {form,
        [=](Config& config, const Values& values) {
            auto& target = field(config);
            target = static_cast<std::remove_reference_t<decltype(target)>>(read(values.back()));
        },
        [=](const Config& config) { return Values{write(field(config))}; }};
}

template <class Field>
Access number(Field field, std::uint64_t least, std::uint64_t most) {
    const auto read = [=](const std::string& text) { return read_number(text, least, most); };
    return scalar(Option::Form::number, field, read, [](std::uint64_t value) { return std::to_string(value); });
}

// A number from 1 on; `word` is 0 in the Config.
template <class Field>
Access number_or(std::string word, Field field, std::uint64_t most) {
    const auto read = [=](const std::string& text) { return text == word ? 0 : read_number(text, 1, most); };
    const auto write = [=](std::uint64_t value) { return value == 0 ? word : std::to_string(value); };
    return scalar(Option::Form::number, field, read, write);
}

// A number of threads; "auto" is 0 in the Config.
template <class Field>
Access threads(Field field) {
    return number_or("auto", field, 128);
}

template <class Field>
Access sample(Field field) {
    return scalar(
        Option::Form::word, field, forward::parse_sample, [](const forward::Sample& value) { return value.text; });
}

template <class Field>
Access size(Field field, std::uint64_t least, std::uint64_t most) {
    const auto read = [=](const std::string& text) { return read_size(text, least, most); };
    return scalar(Option::Form::word, field, read, write_size);
}

template <class Field>
Access duration(Field field, std::uint64_t least, std::uint64_t most) {
    const auto read = [=](const std::string& text) { return read_duration(text, least, most); };
    return scalar(Option::Form::word, field, read, write_duration);
}

template <class Field>
Access idle_sleep(Field field) {
    const auto read = [](const std::string& text) -> std::optional<std::uint64_t> {
        if (text == "auto") return std::nullopt;
        return text == "never" ? 0 : read_duration(text, 0, 10 * millisecond);
    };
    const auto write = [](std::optional<std::uint64_t> value) -> std::string {
        if (!value) return "auto";
        return *value == 0 ? "never" : write_duration(*value);
    };
    return scalar(Option::Form::word, field, read, write);
}

// Text, for which `word` stands when it is empty.
template <class Field>
Access text_or(std::string word, Field field) {
    const auto read = [=](const std::string& text) { return text == word ? std::string() : text; };
    const auto write = [=](const std::string& text) { return text.empty() ? word : text; };
    return scalar(Option::Form::word, field, read, write);
}

template <class Field>
Access name_servers(Field field) {
    const Access text = text_or("system", field);
    const auto set = [set = text.set](Config& config, const Values& values) {
        const std::string& servers = values.back();
        if (servers != "system" && !forward::valid_servers(servers)) {
            refuse_value(fmt::format(
                "'{}' is not a list of addresses such as 10.0.0.2 or 10.0.0.2:53,[2001:db8::2]:53", servers));
        }
        set(config, values);
    };
    return {text.form, set, text.get};
}

// DPDK's own words about a bad one would come late and say little.
template <class Field>
Access lcore_map(Field field) {
    const Access text = text_or("auto", field);
    const auto set = [set = text.set](Config& config, const Values& values) {
        const std::string& map = values.back();
        if (map != "auto" && (map.empty() || map.find_first_not_of("0123456789,-@()") != std::string::npos)) {
            refuse_value(fmt::format("'{}' is not a map such as 0@0,1@2,2@3", map));
        }
        set(config, values);
    };
    return {text.form, set, text.get};
}

template <class Field>
Access listen_address(Field field) {
    return scalar(Option::Form::word, field, read_listen_address, [](const std::string& text) { return text; });
}

// One of two words.
template <class Field, class Value>
Access either(Option::Form form, Field field, std::string no_word, Value no, std::string yes_word, Value yes) {
    const auto read = [=](const std::string& text) {
        if (text != no_word && text != yes_word) {
            refuse_value(fmt::format("'{}' is neither {} nor {}", text, yes_word, no_word));
        }
        return text == yes_word ? yes : no;
    };
    return scalar(form, field, read, [=](Value value) { return value == yes ? yes_word : no_word; });
}

// One of some words.
template <class Value, class Field>
Access word(Field field, std::vector<std::pair<std::string, Value>> words) {
    const auto read = [=](const std::string& text) {
        for (const auto& [word, value] : words) {
            if (text == word) return value;
        }
        std::string all;
        for (std::size_t i = 0; i < words.size(); ++i) {
            all += fmt::format("{}{}", i == 0 ? "" : " nor ", words[i].first);
        }
        refuse_value(fmt::format("'{}' is neither {}", text, all));
    };
    const auto write = [=](Value value) {
        return std::ranges::find(words, value, [](const auto& word) { return word.second; })->first;
    };
    return scalar(Option::Form::word, field, read, write);
}

Access client_ip_header() {
    return {Option::Form::word,
        [](Config& config, const Values& values) { config.rewriting.set_client_ip_header(values.back()); },
        [](const Config& config) { return Values{config.rewriting.client_ip_header()}; }};
}

template <class Field>
Access flag(Field field) {
    return either(Option::Form::flag, field, "false", false, "true", true);
}

Option::Change change_of(std::string_view name) {
    constexpr std::array live{"tunnel", "vni", "http-ports", "verify-checksums", "output", "client-ip",
        "client-ip-header", "set-header", "remove-header", "redact-header", "bodies", "allow", "deny", "sample",
        "max-rate", "max-body", "oversize", "gap-timeout", "idle-timeout", "held-per-flow", "ledger", "lame-duck",
        "drain-timeout", "log-format", "log-level"};
    constexpr std::array connections{"connections", "pipeline", "timeout", "retries", "http2", "tls-ca", "tls-insecure",
        "dns-server", "dns-min-ttl", "dns-max-ttl"};
    if (std::ranges::find(live, name) != live.end()) return Option::Change::live;
    if (std::ranges::find(connections, name) != connections.end()) return Option::Change::connections;
    return Option::Change::restart;
}

}  // namespace

const std::vector<Option>& option_table() {
    constexpr unsigned live = Option::in_run | Option::in_check;
    constexpr unsigned any = live | Option::in_replay;
    constexpr auto array = Option::Repeat::array;
    constexpr auto list = Option::Repeat::list;
    constexpr auto lines = Option::Repeat::lines;
    static const std::vector<Option> table = [] {
        std::vector<Option> options;
        std::string_view group;
        const auto add_many = [&](std::string_view name, std::string_view value, unsigned commands,
                                  Option::Repeat repeat, std::string_view help, auto set, auto get) {
            options.push_back({name, value, group, commands, repeat, help, Option::Form::word, set, get});
        };
        const auto add = [&](std::string_view name, std::string_view value, unsigned commands, std::string_view help,
                             const Access& access) {
            options.push_back(
                {name, value, group, commands, Option::Repeat::no, help, access.form, access.set, access.get});
        };

        group = "Input";
        add_many("input", "SPEC", live, array,
            "where mirrored frames come from; repeat it for more: dpdk:PCI_ADDRESS, af_xdp:INTERFACE, "
            "af_packet:INTERFACE, pcap:FILE, vdev:DPDK_DEVICE",
            set_inputs, inputs_of);
        add_many("tunnel", "LIST", any, list,
            "what mirrored frames are wrapped in; none: in nothing (replay finds that out by itself)", set_tunnels,
            tunnels_of);
        add_many("vni", "N", any, list, "only this virtual network; !N: all but this one; repeat it for more", set_vnis,
            vnis_of);
        add_many("http-ports", "LIST", any, list,
            "only TCP connections to or from these ports; on any port, HTTP is recognised by its bytes", set_http_ports,
            http_ports_of);
        add("verify-checksums", "", any,
            "leave out TCP segments with a wrong checksum, as their receiver does; not where the mirror shows them "
            "before it is computed",
            flag(FIELD(decap.verify_checksums)));
        add("exception-path", "none|tap|virtio-user", live,
            "give frames that aren't the mirror's to the kernel, through an interface rb0, rb1, ... for each input: "
            "tap, or "
            "DPDK's virtio-user over vhost-net",
            word<nic::ExceptionKind>(
                FIELD(exception_path), {{"none", nic::ExceptionKind::none}, {"tap", nic::ExceptionKind::tap},
                                           {"virtio-user", nic::ExceptionKind::virtio_user}}));

        group = "Output";
        add_many("output", "SPEC", any, array,
            "where each request goes; repeat it for more: http://HOST:PORT, https://HOST:PORT, jsonl:FILE (- is "
            "stdout), null",
            set_outputs, outputs_of);
        add("connections", "N", any, "connections that each forwarder keeps to each address of an output",
            number(FIELD(http_output.connections), 1, 4096));
        add("pipeline", "N", any,
            "requests on one connection that may wait for their answer; more is cheaper, but a slow answer holds up "
            "those behind it",
            number(FIELD(http_output.pipeline), 1, 1024));
        add("timeout", "DURATION", any, "the longest wait for a connection, and for an answer",
            duration(FIELD(http_output.timeout_ns), millisecond, hour));
        add("retries", "N", any, "how often a request is sent again when its connection breaks",
            number(FIELD(http_output.retries), 0, 100));
        add("http2", "", any,
            "speak HTTP/2 to the outputs: over TLS where the server agrees, to http:// without asking",
            flag(FIELD(http_output.http2)));
        add("tls-ca", "PATH", any, "certificates that https outputs are trusted by: a PEM file, or a hashed folder",
            text_or("system", FIELD(http_output.tls.ca)));
        add("tls-insecure", "", any, "send to https outputs whoever they are: no certificate is verified",
            flag(FIELD(http_output.tls.insecure)));
        add("dns-server", "LIST", any,
            "who is asked for the addresses of an output's name: ADDRESS or ADDRESS:PORT, joined by commas",
            name_servers(FIELD(http_output.resolver.servers)));
        add("dns-min-ttl", "DURATION", any, "how long these are used at least before the name is asked for again",
            duration(FIELD(http_output.resolver.least_ns), 100 * millisecond, hour));
        add("dns-max-ttl", "DURATION", any, "and at most, however long the answer may be kept",
            duration(FIELD(http_output.resolver.most_ns), second, 24 * hour));
        add("queue", "N", live, "requests of one worker that may wait for a forwarder; then the newest are shed",
            number(FIELD(queue), 1, 1 << 20));
        add("client-ip", "append|set|keep", any,
            "how requests to http outputs name the client's address: behind what the client says of it, in place of "
            "that, or not at all",
            word<forward::ClientIp>(
                FIELD(rewriting.client_ip), {{"append", forward::ClientIp::append}, {"set", forward::ClientIp::set},
                                                {"keep", forward::ClientIp::keep}}));
        add("client-ip-header", "NAME", any, "the header field for that", client_ip_header());
        add_many("set-header", "NAME:VALUE", any, lines,
            "send this header field to http outputs, in place of the client's; repeat it for more",
            set_rules(FieldRule::Action::set), rules_of(FieldRule::Action::set));
        add_many("remove-header", "NAME", any, array,
            "leave out header fields of this name, on every output; repeat it for more",
            set_rules(FieldRule::Action::remove), rules_of(FieldRule::Action::remove));
        add_many("redact-header", "NAME", any, array,
            "show only how long the value of header fields of this name was, on every output; repeat it for more",
            set_rules(FieldRule::Action::redact), rules_of(FieldRule::Action::redact));
        add("bodies", "", any, "write bodies into jsonl records, in base64", flag(FIELD(record_bodies)));

        group = "Selection";
        add_many("allow", "RULE", any, lines,
            "send only requests that match a rule; repeat it for more rules. A rule is terms joined by commas, "
            "which all have to match: host=GLOB, path=RE, method=NAME, header=NAME:RE, cidr=PREFIX",
            set_rules(&forward::SelectionConfig::allow), rules_of(&forward::SelectionConfig::allow));
        add_many("deny", "RULE", any, lines, "send no request that matches such a rule; it counts before --allow",
            set_rules(&forward::SelectionConfig::deny), rules_of(&forward::SelectionConfig::deny));
        add("sample", "P%[:KEY]", any,
            "send this share of the requests, or all requests of this share of the clients, hosts or values of a "
            "field: client, host, header=NAME",
            sample(FIELD(selection.sample)));
        add("max-rate", "N", any, "send at most so many requests a second, each worker its part; or none",
            number_or("none", FIELD(selection.max_rate), 1'000'000'000));

        group = "Limits";
        add("max-head", "SIZE", any, "largest request line with its header fields",
            size(FIELD(http.max_head), kilobyte, 64 * kilobyte));
        add("max-body", "SIZE", any, "largest body that is kept whole", size(FIELD(http.max_body), 0, gigabyte));
        add("oversize", "truncate|drop", any, "what becomes of a request with a larger body",
            either(Option::Form::word, FIELD(http.oversize), "drop", http::Oversize::drop, "truncate",
                http::Oversize::truncate));
        add("max-flows", "N", any, "connections that a worker follows; then it gives up the longest idle one",
            number(FIELD(tcp.max_flows), 1, 1 << 24));
        add("gap-timeout", "DURATION", any, "how long a hole in a stream may wait to be filled",
            duration(FIELD(tcp.gap_timeout_ns), millisecond, hour));
        add("idle-timeout", "DURATION", any, "how long a silent connection is remembered",
            duration(FIELD(tcp.idle_timeout_ns), second, 24 * hour));
        add("held-per-flow", "SIZE", any, "what one connection may keep behind a hole",
            size(FIELD(tcp.held_bytes_per_flow), 2 * kilobyte, 16 * megabyte));
        add("held", "SIZE", any, "what all connections of a worker may keep behind holes",
            size(FIELD(tcp.held_bytes), 64 * kilobyte, 64 * gigabyte));
        add("buffers", "SIZE", any, "a worker's memory for requests in assembly and on their way out",
            size(FIELD(buffer_bytes), megabyte, 64 * gigabyte));

        group = "Workers";
        add("workers", "N", live, "threads that rebuild; auto: one for each receive queue of the inputs",
            threads(FIELD(workers)));
        add("forwarders", "N", live, "threads that send, for each http output; auto: one for each two workers",
            threads(FIELD(forwarders)));
        add("lcores", "MAP", live, "which thread runs on which CPU, as DPDK's --lcores; auto: by the CPUs it may use",
            lcore_map(FIELD(lcores)));
        add("idle-sleep", "DURATION", live,
            "how long a worker may sleep at a time when no frames come, at most 10ms; never: it polls; auto: it polls "
            "where it has a CPU of its own",
            idle_sleep(FIELD(idle_sleep_ns)));
        add("rx-descriptors", "N", live,
            "frames that a receive queue of a dpdk: device holds while its worker is away; the device may have fewer",
            number(FIELD(rx_descriptors), 64, 32'768));
        add("lock-memory", "auto|never", live,
            "auto: have all memory at start, where the host allows it; never: take each page when it is first needed",
            either(Option::Form::word, FIELD(lock_memory), "never", false, "auto", true));

        group = "Operation";
        add("ledger", "FILE", any, "write every counter there at the end, as JSON",
            text_or("none", FIELD(ledger_file)));
        add("health-listen", "ADDRESS:PORT", live, "where /-/healthcheck is answered; or none",
            listen_address(FIELD(health_listen)));
        add("admin-listen", "ADDRESS:PORT", live, "where the counters are served, at /ledger; or none",
            listen_address(FIELD(admin_listen)));
        add("log-format", "FORMAT", live,
            "how events are written to stderr, one a line: text: sentences; logfmt: key=value; json",
            word<LogFormat>(FIELD(log_format),
                {{"text", LogFormat::text}, {"logfmt", LogFormat::logfmt}, {"json", LogFormat::json}}));
        add("log-level", "LEVEL", live, "the least important events that are written: error, warning, info, debug",
            word<LogLevel>(FIELD(log_level), {{"error", LogLevel::error}, {"warning", LogLevel::warning},
                                                 {"info", LogLevel::info}, {"debug", LogLevel::debug}}));
        add("lame-duck", "DURATION", live,
            "when asked to stop, how long to go on while the health check fails, so that\n"
            "the mirror goes elsewhere first",
            duration(FIELD(lame_duck_ns), 0, hour));
        add("drain-timeout", "DURATION", any, "how long requests may still be sent at the end",
            duration(FIELD(drain_timeout_ns), 0, hour));
        for (Option& option : options) option.change = change_of(option.name);
        return options;
    }();
    return table;
}
#undef FIELD

}  // namespace rebuilder
