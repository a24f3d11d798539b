// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <map>
#include <ostream>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/error.h"
#include "config_file.h"
#include "config_print.h"
#include "option_values.h"

namespace rebuilder {

namespace {

[[noreturn]] void refuse(const std::string& sentence) {
    throw Error(ExitStatus::usage, sentence);
}

Values words_of(std::string_view text) {
    std::istringstream stream{std::string(text)};
    Values words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

Values lines_of(const std::string& text) {
    std::istringstream stream(text);
    Values lines;
    for (std::string line; std::getline(stream, line);) {
        if (!line.empty()) lines.push_back(line);
    }
    return lines;
}

// ---- the command line ----

struct CommandText {
    Command command;
    unsigned bit;
    const char* name;
    const char* usage;
    const char* description;
    const char* examples;
};

constexpr std::array commands{
    CommandText{Command::run, Option::in_run, "run", "[OPTIONS] [-- EAL_OPTIONS]",
        "Rebuild the HTTP requests in mirrored traffic and send them on, until SIGTERM\n"
        "or until every pcap: input has ended.",
        R"(Examples:
  rebuilder run -c /etc/rebuilder/rebuilder.toml
  rebuilder run --input af_packet:eth1 --output http://analyser.internal:80
  rebuilder run --input dpdk:0000:00:06.0 --workers 4 --output http://10.0.3.7:80
  rebuilder run --input pcap:mirror.pcap --output jsonl:requests.jsonl --ledger ledger.json)"},
    CommandText{Command::replay, Option::in_replay, "replay", "FILE... [OPTIONS]",
        "Rebuild the HTTP requests in capture files (pcap, pcapng), as run would.\n"
        "Needs no hugepages, no root and no network card.",
        R"(Examples:
  rebuilder replay mirror.pcap
  rebuilder replay --explain mirror.pcap
  rebuilder replay --why mirror.pcap
  rebuilder replay --tunnel none span-port.pcap --output http://127.0.0.1:8080
  rebuilder replay --output null --ledger ledger.json monday.pcap tuesday.pcapng)"},
    CommandText{Command::check, Option::in_check, "check", "[OPTIONS] [-- EAL_OPTIONS]",
        "Read the configuration as run would, print all of it, and say what this host\n"
        "lacks for it.",
        R"(Examples:
  rebuilder check -c /etc/rebuilder/rebuilder.toml
  rebuilder check --input dpdk:0000:00:06.0 --output http://10.0.3.7:80
  REBUILDER_WORKERS=4 rebuilder check -c rebuilder.toml)"},
    CommandText{Command::top, 0, "top", "[OPTIONS]",
        "Show what a running rebuilder does: what is wrong, and what became of the traffic.\n"
        "q or Ctrl-C ends it. NO_COLOR in the environment turns colours off.",
        R"(Examples:
  rebuilder top
  rebuilder top --url http://10.0.1.5:9446 --interval 5s
  rebuilder top --once | mail -s "how it is" ops@example.com)"},
};

constexpr const char* sources = "Every option can also be a key of the file (max-body = \"2M\") or a variable of the\n"
                                "environment (REBUILDER_MAX_BODY=2M). The command line counts before the\n"
                                "environment, and that before the file.";

struct CommandLine {
    const CommandText* command = nullptr;
    std::map<std::string_view, Values> options;
    std::string config_file;
    Values files;
    Values eal;
    bool explain = false;
    bool why = false;
    std::string url;
    std::string interval;
    std::string count;
    bool once = false;
};

class Help : public CLI::Formatter {
  public:
    explicit Help(std::string arguments) : arguments_(std::move(arguments)) {
        column_width(34);
        label("Positionals", "Files");
    }
    std::string make_usage(const CLI::App*, std::string name) const override {
        return fmt::format("\nUsage: {} {}\n", name, arguments_);
    }
    // One empty line between groups is enough.
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
        while (help.find("\n\n\n") != std::string::npos) help.erase(help.find("\n\n\n"), 1);
        return help;
    }

  private:
    std::string arguments_;
};

// The help of an option, in lines of the width that the column beside its name has.
std::string help_of(const Option& option, Command command) {
    constexpr std::size_t width = 54;
    Values words = words_of(option.help);
    Values defaults = option.get(Config{});
    if (option.name == "output" && command == Command::replay) defaults = {"jsonl:-"};
    if (!defaults.empty() && option.form != Option::Form::flag) {
        words.push_back(fmt::format("[default: {}]", defaults.front()));
    }
    std::string text;
    std::size_t column = 0;
    for (const std::string& word : words) {
        const bool new_line = column + word.size() > width;
        if (!text.empty()) text += new_line ? '\n' : ' ';
        if (new_line) column = 0;
        text += word;
        column += word.size() + 1;
    }
    return text;
}

void add_option(CLI::App& app, const Option& option, Command command, CommandLine& line) {
    const std::string name = fmt::format("--{}", option.name);
    const std::string help = help_of(option, command);
    Values& target = line.options[option.name];
    CLI::Option* added = nullptr;
    if (option.form == Option::Form::flag) {
        added = app.add_flag(name, target, help);
    } else {
        added = app.add_option_function<Values>(
            name, [&target](const Values& values) { target = values; }, help);
        added->expected(1)->allow_extra_args(false)->option_text(std::string(option.value));
    }
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->group(std::string(option.group));
}

void add_top_options(CLI::App& app, CommandLine& line) {
    const auto add = [&](const char* name, std::string& value, const char* kind, const char* help) {
        app.add_option(name, value, help)->option_text(kind)->group("Options");
    };
    add("--url", line.url, "URL", "where the rebuilder's --admin-listen is [default:\nhttp://127.0.0.1:9446]");
    add("--interval", line.interval, "DURATION", "from one screen to the next [default: 1s]");
    add("--count", line.count, "N", "end after so many screens [default: never]");
    app.add_flag("--once", line.once, "one screen, as --count 1")->group("Options");
    app.set_help_flag("-h,--help", "print this and exit")->group("Options");
}

// What the command's arguments say arrives in `line` when they are parsed. Of one that can't be meant there is the name only:
// options are many, and a short replay is over before all are entered.
void add_command(CLI::App& program, const CommandText& text, bool meant, CommandLine& line) {
    CLI::App& app = *program.add_subcommand(text.name, text.description);
    app.group("Commands");
    if (!meant) return;
    app.callback([&] { line.command = &text; });
    app.formatter(std::make_shared<Help>(text.usage));
    app.allow_extras();  // refused later, in our own words
    app.set_help_flag();
    if (text.command == Command::top) {
        add_top_options(app, line);
        app.footer(fmt::format("\n{}", text.examples));
        return;
    }
    if (text.command == Command::replay) {
        app.add_option("FILE", line.files, "captures, one after the other")->option_text("...");
    }
    for (const Option& option : option_table()) {
        if ((option.commands & text.bit) != 0) add_option(app, option, text.command, line);
    }
    if (text.command == Command::replay) {
        app.add_flag("--explain", line.explain, "print what each stage did with each frame")->group("Operation");
        constexpr auto* why = "print which connections gave no requests, or not all\n"
                              "of theirs, and why; then null is the default output";
        app.add_flag("--why", line.why, why)->group("Operation");
    }
    CLI::Option* file = app.add_option("-c,--config", line.config_file, "configuration, in TOML [default: none]");
    file->option_text("FILE")->group("Operation");
    app.set_help_flag("-h,--help", "print this and exit")->group("Operation");
    app.footer(fmt::format("\n{}\n\n{}", sources, text.examples));
}

[[noreturn]] void refuse_extra(const std::string& word, const std::string& command) {
    const std::string name = word.substr(0, word.find('='));
    const auto is_named = [&](const Option& option) { return fmt::format("--{}", option.name) == name; };
    if (std::ranges::any_of(option_table(), is_named)) refuse(fmt::format("{}: not an option of `{}`", name, command));
    refuse(fmt::format(
        "{} '{}'; see `{} --help`", word.starts_with('-') ? "unknown option" : "unexpected argument", name, command));
}

// False when help or the version was asked for.
bool read_command_line(Values arguments, CommandLine& line, std::ostream& out) {
    Values behind;
    if (const auto dashes = std::ranges::find(arguments, "--"); dashes != arguments.end()) {
        behind.assign(dashes + 1, arguments.end());
        arguments.erase(dashes, arguments.end());
    }

    CLI::App program(
        "Rebuild the HTTP requests in mirrored VXLAN traffic and send them to an HTTP endpoint.", "rebuilder");
    program.formatter(std::make_shared<Help>("COMMAND [OPTIONS]"));
    program.allow_extras();
    program.require_subcommand(0, 1);
    program.set_help_flag("-h,--help", "print this and exit");
    bool version = false;
    program.add_flag("--version", version, "print the versions of this program and its libraries, and exit");
    program.footer("`rebuilder COMMAND --help` explains the command's options.");
    const auto comes_first = [&](const CommandText& command) {
        return !arguments.empty() && arguments.front() == command.name;
    };
    const bool any_first = std::ranges::any_of(commands, comes_first);
    for (const CommandText& command : commands) {
        add_command(program, command, !any_first || comes_first(command), line);
    }

    try {
        std::ranges::reverse(arguments);  // as CLI11 takes them
        program.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        out << program.help();
        return false;
    } catch (const CLI::ArgumentMismatch& error) {
        const std::string sentence = error.what();
        refuse(fmt::format("{}: a value is missing", sentence.substr(0, sentence.find(':'))));
    } catch (const CLI::ParseError& error) {
        const std::string sentence = error.what();
        refuse(sentence.substr(0, sentence.find('\n')));
    }
    if (version) {
        out << version_text();
        return false;
    }
    const Values words = program.remaining();
    if (!words.empty()) {
        const char* kind = words.front().starts_with('-') ? "unexpected option" : "unknown command";
        refuse(fmt::format("{} '{}'; a command comes first: run, replay, check or top", kind, words.front()));
    }
    if (line.command == nullptr) refuse("no command is given: run, replay, check or top; see `rebuilder --help`");
    const Values extra = program.get_subcommands().front()->remaining();
    if (!extra.empty()) refuse_extra(extra.front(), fmt::format("rebuilder {}", line.command->name));
    // For replay, which starts no EAL, "--" has its usual meaning: no option comes behind it.
    Values& target = line.command->command == Command::replay ? line.files : line.eal;
    target.insert(target.end(), behind.begin(), behind.end());
    return true;
}

// ---- all sources together ----

std::string environment_name(std::string_view option) {
    std::string name = "REBUILDER_";
    for (const char c : option) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

// Empty counts as not set.
std::string environment(std::string_view option) {
    const char* value = std::getenv(environment_name(option).c_str());
    return value == nullptr ? "" : value;
}

// What one source says of an option, and how to name it there: "SUBJECT: what is wrong PLACE".
struct Given {
    Values values;
    std::string subject;
    std::string place;
};

std::optional<Given> find_given(
    const Option& option, const CommandLine& line, const std::string& path, const std::vector<ConfigItem>& file) {
    const auto found = line.options.find(option.name);
    if (found != line.options.end() && !found->second.empty()) {
        // A flag that is repeated says the same again.
        const bool flag = option.form == Option::Form::flag;
        return Given{flag ? Values{found->second.back()} : found->second, fmt::format("--{}", option.name), ""};
    }
    if (const std::string value = environment(option.name); !value.empty()) {
        Values values{value};
        if (option.repeat == Option::Repeat::lines) {
            values = lines_of(value);
        } else if (option.repeat != Option::Repeat::no) {
            values = words_of(value);
        }
        return Given{values, environment_name(option.name), ""};
    }
    const auto item = std::ranges::find(file, option.name, &ConfigItem::key);
    if (item == file.end()) return std::nullopt;
    return Given{item->values, fmt::format("{}: {}", path, option.name), fmt::format(" (line {})", item->line)};
}

void apply(const Option& option, const Given& given, Config& config) {
    try {
        if (option.repeat == Option::Repeat::no && given.values.size() != 1) {
            refuse(fmt::format("takes one value, {} are given", given.values.size()));
        }
        option.set(config, given.values);
    } catch (const Error& error) {
        // parse_output() says "--output", which is true only of the command line.
        std::string sentence = error.what();
        const std::string prefix = fmt::format("--{} ", option.name);
        if (sentence.starts_with(prefix)) sentence.erase(0, prefix.size());
        throw Error(error.exit_status, fmt::format("{}: {}{}", given.subject, sentence, given.place));
    }
}

// These are about another process, so no file and no variable has them.
TopOptions read_top_options(const CommandLine& line) {
    TopOptions options;
    const auto given = [](const char* name, const std::string& text, auto set) {
        try {
            if (!text.empty()) set(text);
        } catch (const Error& error) {
            refuse(fmt::format("{}: {}", name, error.what()));
        }
    };
    given("--url", line.url, [&](const std::string& text) { options.url = read_url(text); });
    given("--interval", line.interval,
        [&](const std::string& text) { options.interval_ns = read_duration(text, 100 * millisecond, hour); });
    given("--count", line.count, [&](const std::string& text) { options.count = read_number(text, 1, 1'000'000'000); });
    if (line.once) options.count = 1;
    if (!line.eal.empty())
        refuse(fmt::format("unexpected argument '{}'; see `rebuilder top --help`", line.eal.front()));
    return options;
}

// What no option can know of alone.
void validate(const Config& config) {
    if (config.command == Command::run && config.inputs.empty()) {
        refuse("no input is given; add --input SPEC, see `rebuilder run --help`");
    }
    if (config.command == Command::run && config.outputs.empty()) {
        refuse("no output is given; add --output SPEC, see `rebuilder run --help`");
    }
    if (config.command == Command::replay && config.files.empty()) {
        refuse("no FILE to replay is given, see `rebuilder replay --help`");
    }
    if (config.exception_path != nic::ExceptionKind::none && config.decap.accept_plain) {
        refuse("--exception-path can't go with --tunnel none: there every frame is the mirror's");
    }
    config.rewriting.validate();
    if (config.explain && config.why) refuse("--explain and --why can't both be given");
    // Each output may hold its share of the buffers, assembly has one, too, and blocks are not filled to the
    // last byte.
    const std::uint64_t shares = std::max<std::uint64_t>(config.outputs.size(), 1) + 2;
    if (config.http.max_body > config.buffer_bytes / shares) {
        refuse(fmt::format("--max-body {}: --buffers must be at least {} times that for {} output{}, and is {}",
            write_size(config.http.max_body), shares, shares - 2, shares == 3 ? "" : "s",
            write_size(config.buffer_bytes)));
    }
    if (config.tcp.held_bytes_per_flow > config.tcp.held_bytes) {
        refuse(fmt::format("--held-per-flow {}: larger than --held, which is {}",
            write_size(config.tcp.held_bytes_per_flow), write_size(config.tcp.held_bytes)));
    }
    if (config.tcp.gap_timeout_ns > config.tcp.idle_timeout_ns) {
        refuse(fmt::format("--gap-timeout {}: longer than --idle-timeout, which is {}",
            write_duration(config.tcp.gap_timeout_ns), write_duration(config.tcp.idle_timeout_ns)));
    }
    const forward::ResolverOptions& dns = config.http_output.resolver;
    if (dns.least_ns > dns.most_ns) {
        refuse(fmt::format("--dns-min-ttl {}: longer than --dns-max-ttl, which is {}", write_duration(dns.least_ns),
            write_duration(dns.most_ns)));
    }
    if (config.health_listen == config.admin_listen && config.health_listen != "none") {
        refuse(fmt::format("--health-listen and --admin-listen can't both be {}", config.health_listen));
    }
}

}  // namespace

std::optional<Config> parse_options(int argc, const char* const* argv, std::ostream& out) {
    CommandLine line;
    if (!read_command_line({argv + std::min(argc, 1), argv + argc}, line, out)) return std::nullopt;

    Config config;
    config.command = line.command->command;
    config.files = line.files;
    config.eal = line.eal;
    config.explain = line.explain;
    config.why = line.why;
    if (config.command == Command::top) {
        config.top = read_top_options(line);
        return config;
    }

    const std::string path = line.config_file.empty() ? environment("config") : line.config_file;
    std::vector<ConfigItem> file;
    if (!path.empty()) file = read_config_file(path);
    for (const ConfigItem& item : file) {
        if (std::ranges::find(option_table(), item.key, &Option::name) != option_table().end()) continue;
        refuse(fmt::format("{}: unknown key '{}' (line {})", path, item.key, item.line));
    }
    for (const Option& option : option_table()) {
        if ((option.commands & line.command->bit) == 0) continue;
        if (const auto given = find_given(option, line, path, file)) apply(option, *given, config);
    }
    if (config.command == Command::replay && config.outputs.empty()) {
        config.outputs.push_back(forward::parse_output(config.why ? "null" : "jsonl:-"));
    }
    // Who only says that all get little says so of each.
    const std::size_t usual = tcp::Limits{}.held_bytes_per_flow;
    if (config.tcp.held_bytes_per_flow == usual) config.tcp.held_bytes_per_flow = std::min(usual, config.tcp.held_bytes);
    // A flow of full segments is to meet the limit in bytes first, however far that is.
    config.tcp.held_blocks_per_flow = std::max(config.tcp.held_blocks_per_flow, config.tcp.held_bytes_per_flow / 512);
    validate(config);
    return config;
}

}  // namespace rebuilder
