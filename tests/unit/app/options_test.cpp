// SPDX-License-Identifier: Apache-2.0
// Every option from every source, which source counts, the sentence for each mistake, and what check prints read back.
#include "options.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "config_print.h"
#include "support/catch.h"

using namespace rebuilder;

namespace {

class Variable {
  public:
    Variable(std::string name, const std::string& value) : name_(std::move(name)) {
        ::setenv(name_.c_str(), value.c_str(), 1);
    }
    ~Variable() { ::unsetenv(name_.c_str()); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    std::string name_;
};

class File {
  public:
    explicit File(const std::string& content)
        : path_(std::filesystem::temp_directory_path() / ("options_test-" + std::to_string(::getpid()) + ".toml")) {
        std::ofstream(path_) << content;
    }
    ~File() { std::filesystem::remove(path_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] std::string path() const { return path_; }

  private:
    std::filesystem::path path_;
};

std::optional<Config> parse_to(std::ostream& out, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "rebuilder");
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return parse_options(static_cast<int>(argv.size()), argv.data(), out);
}

Config parse(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    const std::optional<Config> config = parse_to(out, arguments);
    REQUIRE(config.has_value());
    return *config;
}

std::string refusal(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    try {
        (void)parse_to(out, arguments);
    } catch (const Error& error) {
        CHECK(error.exit_status == ExitStatus::usage);
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
        return error.what();
    }
    return "nothing refused";
}

// The same for a file, whose path is FILE in the sentence.
std::string refusal_of_file(const std::string& content) {
    const File file(content);
    std::string sentence = refusal({"check", "-c", file.path()});
    if (sentence.starts_with(file.path())) sentence.replace(0, file.path().size(), "FILE");
    return sentence;
}

std::string printed(const Config& config) {
    std::ostringstream out;
    print_config(config, out);
    return out.str();
}

std::string printed(const Config& config, const std::string& name) {
    std::istringstream lines(printed(config));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name + " = ")) return line.substr(name.size() + 3);
    }
    return "not printed";
}

std::string variable_of(std::string name) {
    for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return "REBUILDER_" + name;
}

// A value for each option that isn't its default, as it is given and as it is printed.
struct Sample {
    std::string given;
    std::string print;
};

const std::map<std::string, Sample> samples{
    {"admin-listen", {"[::1]:80", "\"[::1]:80\""}},
    {"allow", {"host=a,b,path=^/\\d{1,2}$", "['host=a,b,path=^/\\d{1,2}$']"}},
    {"bodies", {"true", "true"}},
    {"buffers", {"2G", "\"2G\""}},
    {"client-ip", {"set", "\"set\""}},
    {"client-ip-header", {"X-Real-IP", "\"X-Real-IP\""}},
    {"connections", {"16", "16"}},
    {"dns-max-ttl", {"60", "\"1m\""}},
    {"dns-min-ttl", {"1s", "\"1s\""}},
    {"dns-server", {"10.0.0.2:5353,[2001:db8::2]", "\"10.0.0.2:5353,[2001:db8::2]\""}},
    {"deny", {"cidr=10.0.0.0/8", "[\"cidr=10.0.0.0/8\"]"}},
    {"drain-timeout", {"0", "\"0s\""}},
    {"lame-duck", {"30", "\"30s\""}},
    {"exception-path", {"tap", "\"tap\""}},
    {"forwarders", {"2", "2"}},
    {"gap-timeout", {"250ms", "\"250ms\""}},
    {"health-listen", {"none", "\"none\""}},
    {"held", {"1024M", "\"1G\""}},
    {"held-per-flow", {"1000000", "\"1000000\""}},
    {"http2", {"true", "true"}},
    {"http-ports", {"80,8080", "\"80,8080\""}},
    {"idle-sleep", {"0.5ms", "\"500us\""}},
    {"idle-timeout", {"90", "\"90s\""}},
    {"input", {"af_packet:eth1", "[\"af_packet:eth1\"]"}},
    {"lcores", {"0@0,1@(2-3)", "\"0@0,1@(2-3)\""}},
    {"ledger", {"/run/ledger.json", "\"/run/ledger.json\""}},
    {"lock-memory", {"never", "\"never\""}},
    {"log-format", {"json", "\"json\""}},
    {"log-level", {"debug", "\"debug\""}},
    {"max-body", {"64K", "\"64K\""}},
    {"max-flows", {"1000", "1000"}},
    {"max-head", {"16K", "\"16K\""}},
    {"max-rate", {"5000", "5000"}},
    {"output", {"http://10.0.0.1:8080", "[\"http://10.0.0.1:8080\"]"}},
    {"oversize", {"drop", "\"drop\""}},
    {"pipeline", {"16", "16"}},
    {"queue", {"100", "100"}},
    {"redact-header", {"Authorization", "[\"Authorization\"]"}},
    {"remove-header", {"X-Debug", "[\"X-Debug\"]"}},
    {"retries", {"0", "0"}},
    {"rx-descriptors", {"16384", "16384"}},
    {"set-header", {"X-Stage:the \"test\" one", "['X-Stage: the \"test\" one']"}},
    {"sample", {"0.1%:header=X-Session", "\"0.1%:header=X-Session\""}},
    {"timeout", {"0.25s", "\"250ms\""}},
    {"tls-ca", {"/etc/ssl/own.pem", "\"/etc/ssl/own.pem\""}},
    {"tls-insecure", {"true", "true"}},
    {"tunnel", {"vxlan,vxlan:4790", "\"vxlan:4789,vxlan:4790\""}},
    {"verify-checksums", {"true", "true"}},
    {"vni", {"7,!8,9", "\"7,9,!8\""}},
    {"workers", {"4", "4"}},
};

}  // namespace

TEST_CASE("every option is taken from the command line, the environment and the file") {
    CHECK(samples.size() == option_table().size());
    for (const Option& option : option_table()) {
        const std::string name(option.name);
        INFO(name);
        const Sample& sample = samples.at(name);
        CHECK(printed(parse({"check"}), name) != sample.print);
        CHECK(printed(parse({"check", "--" + name + "=" + sample.given}), name) == sample.print);
        {
            const Variable variable(variable_of(name), sample.given);
            CHECK(printed(parse({"check"}), name) == sample.print);
        }
        const File file(name + " = " + sample.print + "\n");
        CHECK(printed(parse({"check", "-c", file.path()}), name) == sample.print);
        CHECK(printed(parse({"check", "--config", file.path()}), name) == sample.print);
        const Variable variable("REBUILDER_CONFIG", file.path());
        CHECK(printed(parse({"check"}), name) == sample.print);
    }
}

TEST_CASE("without any option, the defaults of the Config count") {
    CHECK(printed(parse({"check"})) == printed(Config{}));
}

TEST_CASE("options reach their fields") {
    const Config config = parse({"run", "--input", "pcap:a.pcap", "--input", "vdev:net_null0", "--output", "null",
        "--tunnel", "geneve:99,none", "--vni", "1", "--vni", "!2", "--http-ports", "80", "--verify-checksums",
        "--workers", "3", "--forwarders", "2", "--lcores", "0@0", "--idle-sleep", "80us", "--rx-descriptors", "512",
        "--lock-memory", "never", "--log-format", "logfmt", "--log-level", "error", "--connections", "4", "--pipeline",
        "5", "--timeout", "2m", "--retries", "6", "--http2", "--tls-ca", "ca.pem", "--tls-insecure", "--dns-server",
        "10.0.0.2", "--dns-min-ttl", "1s", "--dns-max-ttl", "2s", "--queue", "7", "--client-ip", "keep",
        "--client-ip-header", "X-Real-IP", "--set-header", "Host: a", "--set-header", "B: c, d", "--remove-header", "E",
        "--remove-header", "F", "--redact-header", "G", "--bodies", "--allow", "method=GET,PUT", "--allow",
        "header=X: a b", "--deny", "cidr=::1", "--sample", "25%:host", "--max-rate", "900", "--max-head", "2K",
        "--max-body", "1500", "--oversize", "drop", "--max-flows", "8", "--gap-timeout", "1ms", "--idle-timeout", "9s",
        "--held-per-flow", "8M", "--held", "16M", "--buffers", "1G", "--ledger", "l", "--health-listen", "1.2.3.4:5",
        "--admin-listen", "none", "--drain-timeout", "0.5", "--", "--log-level", "8", "--"});
    CHECK(config.command == Command::run);
    CHECK(config.inputs == std::vector<std::string>{"pcap:a.pcap", "vdev:net_null0"});
    CHECK(config.decap.vxlan_ports.empty());
    CHECK(config.decap.geneve_ports == std::vector<std::uint16_t>{99});
    CHECK(config.decap.accept_plain);
    CHECK(config.tunnel_given);
    CHECK(config.decap.vni_allow == std::vector<std::uint32_t>{1});
    CHECK(config.decap.vni_deny == std::vector<std::uint32_t>{2});
    CHECK(config.decap.tcp_ports == std::vector<std::uint16_t>{80});
    CHECK(config.decap.verify_checksums);
    CHECK(config.workers == 3);
    CHECK(config.forwarders == 2);
    CHECK(config.lcores == "0@0");
    CHECK(config.idle_sleep_ns == 80'000);
    CHECK(config.rx_descriptors == 512);
    CHECK_FALSE(config.lock_memory);
    CHECK(config.log_format == LogFormat::logfmt);
    CHECK(config.log_level == LogLevel::error);
    CHECK(config.http_output.connections == 4);
    CHECK(config.http_output.pipeline == 5);
    CHECK(config.http_output.http2);
    CHECK(config.http_output.tls.ca == "ca.pem");
    CHECK(config.http_output.tls.insecure);
    CHECK(config.http_output.timeout_ns == 120'000'000'000);
    CHECK(config.http_output.retries == 6);
    CHECK(config.http_output.resolver.servers == "10.0.0.2");
    CHECK(config.http_output.resolver.least_ns == 1'000'000'000);
    CHECK(config.http_output.resolver.most_ns == 2'000'000'000);
    CHECK(config.queue == 7);
    CHECK(config.rewriting.client_ip == forward::ClientIp::keep);
    CHECK(config.rewriting.client_ip_header() == "X-Real-IP");
    CHECK(config.rewriting.added_lines() == "Host: a\r\nB: c, d\r\n");
    CHECK(config.rewriting.texts(forward::FieldRule::Action::remove) == std::vector<std::string>{"E", "F"});
    CHECK(config.rewriting.texts(forward::FieldRule::Action::redact) == std::vector<std::string>{"G"});
    CHECK(config.record_bodies);
    CHECK(config.selection.allow == Values{"method=GET,PUT", "header=X: a b"});
    CHECK(config.selection.deny == Values{"cidr=::1"});
    CHECK(config.selection.sample.share == 0.25);
    CHECK(config.selection.sample.key == forward::Sample::Key::host);
    CHECK(config.selection.max_rate == 900);
    CHECK(config.http.max_head == 2048);
    CHECK(config.http.max_body == 1500);
    CHECK(config.http.oversize == http::Oversize::drop);
    CHECK(config.tcp.max_flows == 8);
    CHECK(config.tcp.gap_timeout_ns == 1'000'000);
    CHECK(config.tcp.idle_timeout_ns == 9'000'000'000);
    CHECK(config.tcp.held_bytes_per_flow == 8 << 20);
    CHECK(config.tcp.held_blocks_per_flow == 16'384);
    CHECK(config.tcp.held_bytes == 16 << 20);
    CHECK(parse({"check", "--input", "pcap:x", "--output", "null", "--held", "1M"}).tcp.held_bytes_per_flow == 1 << 20);
    CHECK(config.buffer_bytes == 1 << 30);
    CHECK(config.ledger_file == "l");
    CHECK(config.health_listen == "1.2.3.4:5");
    CHECK(config.admin_listen == "none");
    CHECK(config.drain_timeout_ns == 500'000'000);
    CHECK(config.eal == std::vector<std::string>{"--log-level", "8", "--"});
    REQUIRE(config.outputs.size() == 1);
    CHECK(config.outputs[0].kind == forward::OutputSpec::Kind::null);
}

TEST_CASE("words that stand for a default are taken") {
    const Config config = parse({"check", "--workers", "auto", "--forwarders", "auto", "--lcores", "auto",
        "--idle-sleep", "auto", "--lock-memory", "auto", "--vni", "all", "--http-ports", "all", "--ledger", "none",
        "--max-rate", "none", "--sample", "100%"});
    CHECK(printed(config) == printed(Config{}));
}

TEST_CASE("the command line counts before the environment, and that before the file") {
    const File file("workers = 1\noutput = [\"null\", \"jsonl:a\"]\nbodies = true\n");
    const std::vector<std::string> plain{"check", "-c", file.path()};
    CHECK(parse(plain).workers == 1);
    CHECK(parse(plain).outputs.size() == 2);
    CHECK(parse(plain).record_bodies);

    const Variable workers("REBUILDER_WORKERS", "2");
    const Variable output("REBUILDER_OUTPUT", "jsonl:b  jsonl:c jsonl:d");
    CHECK(parse(plain).workers == 2);
    CHECK(parse(plain).outputs.size() == 3);

    const Config config =
        parse({"check", "-c", file.path(), "--workers", "3", "--output", "jsonl:e", "--bodies=false"});
    CHECK(config.workers == 3);
    CHECK_FALSE(config.record_bodies);
    REQUIRE(config.outputs.size() == 1);
    CHECK(config.outputs[0].text == "jsonl:e");

    const Variable empty("REBUILDER_WORKERS", "");
    CHECK(parse(plain).workers == 1);
}

TEST_CASE("in the environment, fields to set are lines, and names are words") {
    const Variable set("REBUILDER_SET_HEADER", "A: b c\n\nD: e\n");
    const Variable remove("REBUILDER_REMOVE_HEADER", "F  G");
    CHECK(printed(parse({"check"}), "set-header") == R"(["A: b c", "D: e"])");
    CHECK(printed(parse({"check"}), "remove-header") == R"(["F", "G"])");
    CHECK(printed(parse({"check", "--set-header", "H: i"}), "set-header") == R"(["H: i"])");
}

TEST_CASE("replay takes files, prints them by default, and passes over what only run has") {
    const File file("input = \"dpdk:00:06.0\"\nworkers = 9\n");
    const Config config = parse({"replay", "-c", file.path(), "a.pcap", "--explain", "b.pcap", "--", "-c"});
    CHECK(config.command == Command::replay);
    CHECK(config.files == std::vector<std::string>{"a.pcap", "b.pcap", "-c"});
    CHECK(config.explain);
    CHECK(config.inputs.empty());
    CHECK(config.workers == 0);
    CHECK_FALSE(config.tunnel_given);
    REQUIRE(config.outputs.size() == 1);
    CHECK(config.outputs[0].text == "jsonl:-");
    CHECK(parse({"replay", "a", "--output", "null"}).outputs[0].text == "null");
}

TEST_CASE("replay --why prints no records unless they are asked for") {
    const Config config = parse({"replay", "--why", "a.pcap"});
    CHECK(config.why);
    REQUIRE(config.outputs.size() == 1);
    CHECK(config.outputs[0].text == "null");
    CHECK(parse({"replay", "--why", "a.pcap", "--output", "jsonl:-"}).outputs[0].text == "jsonl:-");
    CHECK_FALSE(parse({"replay", "a.pcap"}).why);
    CHECK(refusal({"check", "--exception-path", "tap", "--tunnel", "vxlan,none"}) ==
          "--exception-path can't go with --tunnel none: there every frame is the mirror's");
    CHECK(parse({"check", "--exception-path", "virtio-user"}).exception_path == nic::ExceptionKind::virtio_user);
    CHECK(refusal({"replay", "a.pcap", "--why", "--explain"}) == "--explain and --why can't both be given");
    CHECK(refusal({"run", "--why"}) == "unknown option '--why'; see `rebuilder run --help`");
}

TEST_CASE("help and version are printed and nothing is left to do") {
    std::ostringstream version;
    CHECK_FALSE(parse_to(version, {"--version"}).has_value());
    CHECK(version.str() == version_text());
    for (const std::string command : {"run", "replay", "check"}) {
        std::ostringstream help;
        CHECK_FALSE(parse_to(help, {command, "--help"}).has_value());
        for (const char* group :
            {"\nInput:\n", "\nOutput:\n", "\nSelection:\n", "\nLimits:\n", "\nOperation:\n", "\nExamples:\n"}) {
            CHECK(help.str().find(group) != std::string::npos);
        }
        CHECK(help.str().find("[default: 64K]") != std::string::npos);
        CHECK((help.str().find("[default: jsonl:-]") != std::string::npos) == (command == "replay"));
    }
    std::ostringstream help;
    CHECK_FALSE(parse_to(help, {"--help"}).has_value());
    CHECK(help.str().find("replay") != std::string::npos);
}

TEST_CASE("what the file may look like") {
    const File file("\xEF\xBB\xBF# a comment\r\n\n  input = [ # frames\n "
                    "'vdev:net_pcap0,rx_pcap=\"a#b\"',\n\n\"pcap:c,d\",]#\n"
                    "workers=2\t# two\nledger = \"a\\\"b\\\\\\tc\"\ntimeout = 1.5");
    // DPDK knows no way to quote a comma, and the input says so.
    CHECK(refusal({"check", "-c", file.path()}).find("(line 3)") != std::string::npos);
    const Config config = parse({"check", "-c", file.path(), "--input", "pcap:x"});
    CHECK(config.workers == 2);
    CHECK(config.ledger_file == "a\"b\\\tc");
    CHECK(config.http_output.timeout_ns == 1'500'000'000);
}

TEST_CASE("texts have the escapes of TOML") {
    // As JSON writers make them, of which templates are fond.
    const File file(
        "input = [\"pcap:x\"]\nledger = \"\\u003ca\\u00E9\\u20ac\\U0001F600\\b\\f\\n\\r\\t\\\"\\\\u0041\"\n");
    CHECK(
        parse({"check", "-c", file.path()}).ledger_file == "<a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\b\f\n\r\t\"\\u0041");
    for (const std::string escape : {"\\u003", "\\u00g1", "\\ud800", "\\u0000", "\\U00110000", "\\u-123"}) {
        CAPTURE(escape);
        CHECK(refusal_of_file("\nledger = \"" + escape + "\"\n") ==
              "FILE: the text of 'ledger' holds an escape that is no character (line 2)");
    }
}

TEST_CASE("what is wrong with a file is said with its line") {
    CHECK(refusal_of_file("\n\ncolour = 1\n") == "FILE: unknown key 'colour' (line 3)");
    CHECK(refusal_of_file("filter = \"tcp\"\n") == "FILE: unknown key 'filter' (line 1)");
    CHECK(refusal_of_file("explain = true\n") == "FILE: unknown key 'explain' (line 1)");
    CHECK(refusal_of_file("why = true\n") == "FILE: unknown key 'why' (line 1)");
    CHECK(refusal_of_file("output = = \"null\"\n") == "FILE: 'output' has no value (line 1)");
    CHECK(refusal_of_file("output = null\n") == "FILE: the value of 'output' wants quotes: \"null\" (line 1)");
    CHECK(refusal_of_file("output\n") == "FILE: not of the form `key = value` (line 1)");
    CHECK(refusal_of_file("= 1\n") == "FILE: not of the form `key = value` (line 1)");
    CHECK(refusal_of_file("[run]\n") == "FILE: no [section] is known; keys stand alone (line 1)");
    CHECK(refusal_of_file("output = \"null\nqueue = 1\n") == "FILE: the text of 'output' has no closing \" (line 1)");
    CHECK(refusal_of_file("output = [\"a\"\n\n") == "FILE: the list of 'output' has no end, a ']' (line 1)");
    CHECK(refusal_of_file("output = [\"a\" \"b\"]\n") == "FILE: no comma between two values of 'output' (line 1)");
    CHECK(refusal_of_file("queue = 1 2\n") == "FILE: something is behind the value of 'queue' (line 1)");
    CHECK(refusal_of_file("queue = 1\n\nqueue = 2\n") == "FILE: 'queue' is in line 1 already (line 3)");
    CHECK(refusal_of_file("ledger = \"\\q\"\n").starts_with("FILE: the text of 'ledger' holds a backslash"));
    CHECK(refusal_of_file("#\nworkers = \"many\"\n") == "FILE: workers: 'many' is not a whole number (line 2)");
    CHECK(refusal_of_file("workers = [1, 2]\n") == "FILE: workers: takes one value, 2 are given (line 1)");
    CHECK(refusal_of_file("output = \"ftp://a\"\n").starts_with("FILE: output: ftp://a: "));
    CHECK(refusal_of_file("tunnel = []\n") == "FILE: tunnel: an empty list would accept no frame at all (line 1)");
    CHECK(refusal({"check", "-c", "nowhere.toml"}) == "nowhere.toml: No such file or directory");
    CHECK(refusal({"check", "-c", "/"}) == "/: Is a directory");
}

TEST_CASE("what is wrong with a value is said with its option") {
    struct Case {
        const char* option;
        const char* value;
        const char* sentence;
    };
    const auto [option, value, sentence] = GENERATE(Catch::Generators::values<Case>({
        {"--workers", "0", "0 is out of range; 1 to 128 will do"},
        {"--workers", "-1", "-1 is out of range; 1 to 128 will do"},
        {"--workers", "129", "129 is out of range; 1 to 128 will do"},
        {"--workers", "many", "'many' is not a whole number"},
        {"--workers", "2x", "'2x' is not a whole number"},
        {"--workers", "99999999999999999999", "99999999999999999999 is far too large"},
        {"--forwarders", "0", "0 is out of range; 1 to 128 will do"},
        {"--lcores", "all", "'all' is not a map such as 0@0,1@2,2@3"},
        {"--idle-sleep", "always", "'always' is not a duration such as 500ms, 5s, 0.5s or 2m"},
        {"--rx-descriptors", "32", "32 is out of range; 64 to 32768 will do"},
        {"--log-level", "notice", "'notice' is neither error nor warning nor info nor debug"},
        {"--lock-memory", "always", "'always' is neither auto nor never"},
        {"--idle-sleep", "20ms", "20ms is out of range; 0s to 10ms will do"},
        {"--connections", "0", "0 is out of range; 1 to 4096 will do"},
        {"--dns-server", "nobody",
            "'nobody' is not a list of addresses such as 10.0.0.2 or 10.0.0.2:53,[2001:db8::2]:53"},
        {"--dns-server", "10.0.0.2,",
            "'10.0.0.2,' is not a list of addresses such as 10.0.0.2 or 10.0.0.2:53,[2001:db8::2]:53"},
        {"--dns-min-ttl", "0", "0 is out of range; 100ms to 60m will do"},
        {"--dns-max-ttl", "500ms", "500ms is out of range; 1s to 1440m will do"},
        {"--pipeline", "0", "0 is out of range; 1 to 1024 will do"},
        {"--retries", "101", "101 is out of range; 0 to 100 will do"},
        {"--queue", "0", "0 is out of range; 1 to 1048576 will do"},
        {"--allow", "shop", "'shop' begins with none of host=, path=, method=, header= and cidr="},
        {"--allow", "path=(", "'(' is no regular expression: missing ): ("},
        {"--deny", "cidr=10.0.0.1/8", "'10.0.0.1/8' has bits set behind its prefix"},
        {"--sample", "10", "'10' is not a share such as 10% or 0.1%, more than 0% and at most 100%"},
        {"--max-rate", "0", "0 is out of range; 1 to 1000000000 will do"},
        {"--max-flows", "0", "0 is out of range; 1 to 16777216 will do"},
        {"--max-head", "1023", "1023 is out of range; 1K to 64K will do"},
        {"--max-head", "65K", "65K is out of range; 1K to 64K will do"},
        {"--max-body", "1025M", "1025M is out of range; 0 to 1G will do"},
        {"--max-body", "17179869184G", "17179869184G is out of range; 0 to 1G will do"},
        {"--max-body", "1.5M", "'1.5M' is not a size such as 1500, 64K, 1M or 2G"},
        {"--max-body", "M", "'M' is not a size such as 1500, 64K, 1M or 2G"},
        {"--held", "1", "1 is out of range; 64K to 64G will do"},
        {"--held-per-flow", "17M", "17M is out of range; 2K to 16M will do"},
        {"--buffers", "1K", "1K is out of range; 1M to 64G will do"},
        {"--exception-path", "kni", "'kni' is neither none nor tap nor virtio-user"},
        {"--client-ip", "drop", "'drop' is neither append nor set nor keep"},
        {"--client-ip-header", "Host", "Host can't hold the client's address: it has a meaning of its own"},
        {"--set-header", "X-A", "'X-A' is not of the form NAME: VALUE"},
        {"--set-header", "Content-Length: 3", "Content-Length can't be set: what becomes of it is fixed"},
        {"--remove-header", "X A", "'X A' is not a field name"},
        {"--redact-header", "TE", "TE can't be redacted: what becomes of it is fixed"},
        {"--redact-header", "A\nB", "a control character stands in it"},
        {"--oversize", "cut", "'cut' is neither truncate nor drop"},
        {"--bodies", "maybe", "'maybe' is neither true nor false"},
        {"--timeout", "0", "0 is out of range; 1ms to 60m will do"},
        {"--timeout", "61m", "61m is out of range; 1ms to 60m will do"},
        {"--timeout", "5h", "'5h' is not a duration such as 500ms, 5s, 0.5s or 2m"},
        {"--timeout", "inf", "'inf' is not a duration such as 500ms, 5s, 0.5s or 2m"},
        {"--timeout", "-1s", "'-1s' is not a duration such as 500ms, 5s, 0.5s or 2m"},
        {"--gap-timeout", "s", "'s' is not a duration such as 500ms, 5s, 0.5s or 2m"},
        {"--idle-timeout", "999ms", "999ms is out of range; 1s to 1440m will do"},
        {"--drain-timeout", "1e9", "'1e9' is not a duration such as 500ms, 5s, 0.5s or 2m"},
        {"--tunnel", "gre", "'gre' is not a tunnel; vxlan:PORT, geneve:PORT and none are"},
        {"--tunnel", "none:1", "'none:1' is not a tunnel; vxlan:PORT, geneve:PORT and none are"},
        {"--tunnel", "vxlan:0", "0 is out of range; 1 to 65535 will do"},
        {"--tunnel", "vxlan,,none", "'vxlan,,none' has an empty part"},
        {"--tunnel", "vxlan:9,geneve:9", "port 9 can't be both vxlan and geneve"},
        {"--vni", "16777216", "16777216 is out of range; 0 to 16777215 will do"},
        {"--vni", "!x", "'x' is not a whole number"},
        {"--http-ports", "80,65536", "65536 is out of range; 1 to 65535 will do"},
        {"--health-listen", "9445", "'9445' is not ADDRESS:PORT, [ADDRESS]:PORT or none"},
        {"--health-listen", "::1:80", "'::1:80' does not begin with an address such as 127.0.0.1 or [::1]"},
        {"--admin-listen", "127.0.0.1:65536",
            "'127.0.0.1:65536' has no port at its end: 65536 is out of range; 1 to 65535 will do"},
    }));
    CHECK(refusal({"check", std::string(option) + "=" + value}) == std::string(option) + ": " + sentence);
}

TEST_CASE("a bad value of the environment is named by its variable") {
    const Variable variable("REBUILDER_MAX_BODY", "big");
    CHECK(refusal({"check"}) == "REBUILDER_MAX_BODY: 'big' is not a size such as 1500, 64K, 1M or 2G");
}

TEST_CASE("inputs and outputs are checked when they are read") {
    CHECK(refusal({"check", "--input", "carrier:x"}).starts_with("--input: carrier:x: not an input"));
    CHECK(refusal({"check", "--output", "ftp://x:21"}).starts_with("--output: ftp://x:21: "));
    CHECK(refusal({"check", "--output", "null", "--output", "null"}) == "--output: null is given twice");
    CHECK(refusal({"check", "--input", "pcap:a", "--input", "pcap:a"}) == "--input: pcap:a is given twice");
}

TEST_CASE("rules are read one by one, from every source") {
    const Variable variable("REBUILDER_DENY", "host=a,method=GET\nheader=X: a b");
    CHECK(parse({"check"}).selection.deny == Values{"host=a,method=GET", "header=X: a b"});
    const File file("deny = ['path=^/\\d', \"header=X:\\\"a b\\\"\"]\nallow = []\n");
    CHECK(parse({"check", "-c", file.path()}).selection.deny.size() == 2);
    ::unsetenv("REBUILDER_DENY");
    CHECK(parse({"check", "-c", file.path()}).selection.deny == Values{"path=^/\\d", "header=X:\"a b\""});
    CHECK(
        refusal_of_file("\nallow = [\"host=a\", \"host=b:1\"]\n").starts_with("FILE: allow: 'b:1' is not a host such"));
    CHECK(refusal({"check", "--deny", "host=a", "--deny", "host=a"}) == "--deny: host=a is given twice");
    std::vector<std::string> many{"check"};
    for (int i = 0; i < 64; ++i) many.push_back("--allow=host=h" + std::to_string(i));
    CHECK(parse(many).selection.allow.size() == 64);
    many.emplace_back("--allow=host=one-more");
    CHECK(refusal(many) == "--allow: 65 rules are too many; 64 will do");
}

TEST_CASE("options that don't go together are refused") {
    CHECK(refusal({"check", "--max-body", "100M"}) ==
          "--max-body 100M: --buffers must be at least 3 times that for 1 output, and is 128M");
    CHECK(refusal({"check", "--held", "128K", "--held-per-flow", "256K"}) ==
          "--held-per-flow 256K: larger than --held, which is 128K");
    CHECK(refusal({"check", "--gap-timeout", "7m"}) == "--gap-timeout 7m: longer than --idle-timeout, which is 6m");
    CHECK(refusal({"check", "--set-header", "A: b", "--redact-header", "a"}) ==
          "--redact-header a: --set-header has it, too");
    CHECK(refusal({"check", "--remove-header", "A", "--remove-header", "a"}) == "--remove-header a: is given twice");
    CHECK(refusal({"check", "--remove-header", "X-Forwarded-For"}) ==
          "--remove-header X-Forwarded-For: the client's address goes there, unless --client-ip is keep");
    CHECK(refusal({"check", "--admin-listen", "0.0.0.0:9445"}) ==
          "--health-listen and --admin-listen can't both be 0.0.0.0:9445");
}

TEST_CASE("a command line that is none gets one sentence") {
    CHECK(refusal({}) == "no command is given: run, replay, check or top; see `rebuilder --help`");
    CHECK(refusal({"rum"}) == "unknown command 'rum'; a command comes first: run, replay, check or top");
    CHECK(refusal({"--workers", "3", "run"}) ==
          "unexpected option '--workers'; a command comes first: run, replay, check or top");
    CHECK(refusal({"run", "--inptu", "x"}) == "unknown option '--inptu'; see `rebuilder run --help`");
    CHECK(refusal({"run", "--filter=tcp"}) == "unknown option '--filter'; see `rebuilder run --help`");
    CHECK(refusal({"run", "x"}) == "unexpected argument 'x'; see `rebuilder run --help`");
    CHECK(refusal({"replay", "x", "--input", "y"}) == "--input: not an option of `rebuilder replay`");
    CHECK(refusal({"run", "--workers"}) == "--workers: a value is missing");
    CHECK(refusal({"run", "--workers", "1", "--workers", "2"}) == "--workers: takes one value, 2 are given");
    CHECK(refusal({"run", "--output", "null"}) == "no input is given; add --input SPEC, see `rebuilder run --help`");
    CHECK(refusal({"run", "--input", "pcap:x"}) == "no output is given; add --output SPEC, see `rebuilder run --help`");
    CHECK(refusal({"replay"}) == "no FILE to replay is given, see `rebuilder replay --help`");
}

TEST_CASE("top: its own options, and no others") {
    const TopOptions defaults = parse({"top"}).top;
    CHECK(defaults.url == "http://127.0.0.1:9446");
    CHECK(defaults.interval_ns == 1'000'000'000);
    CHECK(defaults.count == 0);
    const Variable file("REBUILDER_CONFIG", "/nowhere");  // the other process's, not its own
    const Config given = parse({"top", "--url", "http://[::1]:80/", "--interval", "250ms", "--count", "3"});
    CHECK(given.command == Command::top);
    CHECK(given.top.url == "http://[::1]:80");
    CHECK(given.top.interval_ns == 250'000'000);
    CHECK(given.top.count == 3);
    CHECK(parse({"top", "--once"}).top.count == 1);
    CHECK(parse({"top", "--url", "http://appliance"}).top.url == "http://appliance:9446");
    for (const char* url :
        {"127.0.0.1:9446", "https://x:1", "http://", "http://:1", "http://a b", "http://x/y", "http://u@x"}) {
        CHECK(refusal({"top", "--url", url}) ==
              std::string("--url: '") + url + "' is not a URL such as http://127.0.0.1:9446");
    }
    CHECK(refusal({"top", "--url", "http://x:99999"}).starts_with("--url: "));
    CHECK(refusal({"top", "--interval", "1ms"}) == "--interval: 1ms is out of range; 100ms to 60m will do");
    CHECK(refusal({"top", "--count", "0"}).starts_with("--count: "));
    CHECK(refusal({"top", "--workers", "3"}) == "--workers: not an option of `rebuilder top`");
    CHECK(refusal({"top", "--", "x"}) == "unexpected argument 'x'; see `rebuilder top --help`");
}

TEST_CASE("what is printed reads back as the same") {
    std::vector<std::string> arguments{"check"};
    for (const auto& [name, sample] : samples) arguments.push_back("--" + name + "=" + sample.given);
    arguments.insert(arguments.end(), {"--input", "vdev:net_ring0,a='b\"c\\'", "--input", "vdev:net_ring1,a=\"b#c\""});

    for (const Config& config : {parse({"check"}), parse(arguments)}) {
        const File file(printed(config));
        const Config again = parse({"check", "-c", file.path()});
        CHECK(printed(again) == printed(config));
        CHECK(again.tunnel_given == config.tunnel_given);
        CHECK(again.inputs == config.inputs);
        CHECK(again.tcp.held_blocks_per_flow == config.tcp.held_blocks_per_flow);
    }
}
