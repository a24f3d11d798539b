// SPDX-License-Identifier: Apache-2.0
#include "process.h"

#include <unistd.h>

#include "base/error.h"
#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::bench;

TEST_CASE("process: what it says and its time are taken, and those of what it starts", "[bench]") {
    const auto finished = run_process(
        "counts", {"sh", "-c", "i=0; (while [ $i -lt 20000 ]; do i=$((i+1)); done); echo it >&2; echo was 7"}, 0);
    REQUIRE(finished);
    CHECK(finished->output == "it\nwas 7\n");
    CHECK(finished->cpu.total_ns > 0);
    CHECK(finished->cpu.total_ns == finished->cpu.user_ns + finished->cpu.system_ns);
    CHECK(finished->wall_ns > 0);
}

TEST_CASE("process: one that isn't there is nothing, one that fails an error with its name", "[bench]") {
    CHECK_FALSE(run_process("nobody", {"nobody-has-this"}, 0));
    CHECK_FALSE(run_process("nobody", {"sh", "-c", "exec nobody-has-this"}, 0));
    try {
        (void)run_process("the peer", {"sh", "-c", "echo no; exit 3"}, 0);
        FAIL("it didn't fail");
    } catch (const Error& error) {
        CHECK(std::string(error.what()).find("the peer") == 0);
        CHECK(std::string(error.what()).find("no\n") != std::string::npos);
    }
}

TEST_CASE("process: numbers are read from beside a text", "[bench]") {
    CHECK(number_before("12 of 50000 requests", " requests") == 50'000);
    CHECK_FALSE(number_before("no requests", " requests"));
    CHECK_FALSE(number_before("12 requests", " packets"));
    CHECK(number_after(R"({"handed_off": 12, "x": 1})", R"("handed_off": )") == 12);
    CHECK_FALSE(number_after(R"({"handed_off": )", R"("handed_off": )"));
    CHECK_FALSE(number_after(R"({"x": 1})", R"("handed_off": )"));
}

TEST_CASE("process: a temporary file is gone with its owner", "[bench]") {
    std::string path;
    {
        const TemporaryFile file("text");
        path = file.path();
        CHECK(::access(path.c_str(), R_OK) == 0);
    }
    CHECK(::access(path.c_str(), F_OK) != 0);
}
