// SPDX-License-Identifier: Apache-2.0
#include "forward/output.h"

#include <string>

#include "base/error.h"
#include "support/catch.h"
#include "support/sending_side.h"

using namespace rebuilder;
using forward::Form;
using forward::OutputSpec;
using forward::parse_output;

TEST_CASE("parse_output: http takes a host and a port", "[forward]") {
    struct Case {
        const char* text;
        const char* host;
        std::uint16_t port;
    };
    const Case cases[] = {
        {"http://127.0.0.1:8445", "127.0.0.1", 8445},
        {"http://alb.internal", "alb.internal", 80},
        {"http://alb.internal/", "alb.internal", 80},
        {"http://alb.internal:65535/", "alb.internal", 65535},
        {"http://[::1]:8080", "::1", 8080},
        {"http://[fe80::1%eth0]", "fe80::1%eth0", 80},
    };
    for (const Case& each : cases) {
        INFO(each.text);
        const OutputSpec spec = parse_output(each.text);
        CHECK(spec.kind == OutputSpec::Kind::http);
        CHECK(spec.form() == Form::wire);
        CHECK(spec.text == each.text);
        CHECK(spec.host == each.host);
        CHECK(spec.port == each.port);
    }
}

TEST_CASE("parse_output: jsonl takes a path, null takes nothing", "[forward]") {
    const OutputSpec file = parse_output("jsonl:/tmp/a b:c.jsonl");
    CHECK(file.kind == OutputSpec::Kind::jsonl);
    CHECK(file.form() == Form::record);
    CHECK(file.path == "/tmp/a b:c.jsonl");
    CHECK(parse_output("jsonl:-").path == "-");
    CHECK(parse_output("null").kind == OutputSpec::Kind::null);
    CHECK(parse_output("null").form() == Form::wire);
}

TEST_CASE("parse_output: what is wrong is said, with the text that is", "[forward]") {
    const char* const texts[] = {
        "",
        "http",
        "http:",
        "http://",
        "http://:80",
        "http://a:",
        "http://a:0",
        "http://a:65536",
        "http://a:80x",
        "http://a:-1",
        "http://a: 80",
        "http://a/path",
        "http://a:80//",
        "http://a?x",
        "http://u@a",
        "http://::1",
        "http://[::1",
        "http://[]",
        "http://[::1]x",
        "http://[::1]80",
        "https://",
        "https://a:443:443",
        "httpss://a",
        "HTTP://a",
        "jsonl",
        "jsonl:",
        "null:",
        "file:/x",
    };
    for (const std::string text : texts) {
        INFO(text);
        try {
            (void)parse_output(text);
            FAIL("it was accepted");
        } catch (const Error& error) {
            CHECK(error.exit_status == ExitStatus::usage);
            CHECK(std::string(error.what()).find("--output " + text + ": ") == 0);
        }
    }
}

TEST_CASE("make_output: a host without an address is an error that names it", "[forward]") {
    Counters counters;
    try {
        (void)forward::make_output(parse_output("http://no-such-host.invalid:80"), {}, counters, {});
        FAIL("it was made");
    } catch (const Error& error) {
        CHECK(error.exit_status == ExitStatus::runtime);
        CHECK(std::string(error.what()).find("output http://no-such-host.invalid:80: cannot resolve") == 0);
    }
}

TEST_CASE("null output: everything is written", "[forward]") {
    test::SendingSide side("null");
    for (int i = 0; i < 100; ++i) side.get("/");
    side.settle();
    CHECK(side[Counter::written] == 100);
    CHECK(side.forwarder.trouble().empty());
}
