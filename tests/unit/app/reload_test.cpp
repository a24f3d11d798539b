// SPDX-License-Identifier: Apache-2.0
// What a reload makes of two configurations. That it loses nothing is tests/system/reload_test.py's.
#include "reload.h"

#include <string>
#include <vector>

#include "base/error.h"
#include "config_print.h"
#include "support/catch.h"

using namespace rebuilder;

namespace {

Config with(std::string_view name, const std::string& value) {
    Config config;
    for (const Option& option : option_table()) {
        if (option.name == name) option.set(config, {value});
    }
    return config;
}

}  // namespace

TEST_CASE("what differs is named, and whether connections are made anew") {
    CHECK(compare(Config{}, Config{}).names.empty());
    const ConfigChanges sample = compare(Config{}, with("sample", "10%"));
    CHECK(sample.names == std::vector<std::string>{"sample"});
    CHECK_FALSE(sample.connections);
    CHECK_FALSE(compare(Config{}, with("output", "null")).connections);
    CHECK(compare(Config{}, with("pipeline", "4")).connections);
    CHECK(compare(Config{}, with("tls-ca", "/ca.pem")).connections);
}

TEST_CASE("what was sized or opened at start can't change") {
    for (const auto& [name, value] :
        {std::pair{"workers", "3"}, {"input", "pcap:a"}, {"buffers", "64M"}, {"held", "1M"}, {"max-flows", "5"},
            {"max-head", "4K"}, {"queue", "5"}, {"health-listen", "none"}, {"admin-listen", "none"}, {"lcores", "0@0"},
            {"forwarders", "3"}, {"rx-descriptors", "64"}, {"lock-memory", "never"}, {"idle-sleep", "never"}}) {
        INFO(name);
        CHECK_THROWS_AS(compare(Config{}, with(name, value)), Error);
    }
    CHECK_THROWS_WITH(compare(Config{}, with("workers", "3")),
        "--workers can't change while it runs: it is auto, and would be 3; restart for that");
}
