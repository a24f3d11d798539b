// SPDX-License-Identifier: Apache-2.0
#include "forward/file_output.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "support/catch.h"
#include "support/sending_side.h"

using namespace rebuilder;
using test::SendingSide;

namespace {

// A directory that is gone with the test.
class Directory {
  public:
    Directory() {
        std::string pattern = "/tmp/file_output_test.XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    ~Directory() {
        (void)::unlink(file().c_str());
        (void)::rmdir(path_.c_str());
    }
    [[nodiscard]] std::string file() const { return path_ + "/out.jsonl"; }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::string line(int number, std::size_t size = 100) {
    return std::to_string(number) + std::string(size, 'x') + "\n";
}

// A FIFO and a thread that reads all of it, or only `limit` bytes.
class Reader {
  public:
    explicit Reader(const std::string& path, std::size_t limit = SIZE_MAX) {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        thread_ = std::thread([this, path, limit] {
            const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            std::string part(4096, '\0');
            ssize_t got = 0;
            while (text_.size() < limit && (got = ::read(fd, part.data(), part.size())) > 0) {
                text_.append(part, 0, static_cast<std::size_t>(got));
            }
            (void)::close(fd);
        });
    }
    ~Reader() {
        if (thread_.joinable()) thread_.join();
    }
    std::string text() {
        thread_.join();
        return text_;
    }

  private:
    std::string text_;
    std::thread thread_;
};

}  // namespace

TEST_CASE("file output: lines are written in order, and what was there before is gone", "[forward]") {
    const Directory directory;
    std::ofstream(directory.file()) << std::string(100'000, 'o');
    SendingSide side("jsonl:" + directory.file());
    std::string expected;
    for (int i = 0; i < 1000; ++i) {
        if (i % 100 == 0) (void)side.run_until([&] { return side.channel.waiting() == 0; });
        side.reclaim();
        expected += line(i, static_cast<std::size_t>(i) % 1000);
        REQUIRE(side.offer(line(i, static_cast<std::size_t>(i) % 1000)) == Counter::handed_off);
        (void)side.forwarder.step(0);
    }
    side.settle();
    CHECK(side[Counter::written] == 1000);
    CHECK(side[Counter::sent_bytes] == expected.size());
    CHECK(content(directory.file()) == expected);
    CHECK(side.forwarder.trouble().empty());
    struct stat about {};
    REQUIRE(::stat(directory.file().c_str(), &about) == 0);
    CHECK((about.st_mode & 0133) == 0);  // 0644 at most
}

TEST_CASE("file output: a file that is emptied while it is written begins anew", "[forward]") {
    const Directory directory;
    SendingSide side("jsonl:" + directory.file());
    for (int i = 0; i < 2; ++i) {
        REQUIRE(side.offer(line(i)) == Counter::handed_off);
        REQUIRE(side.run_until([&] { return side[Counter::written] == static_cast<std::uint64_t>(i) + 1; }));
        CHECK(content(directory.file()) == line(i));
        REQUIRE(::truncate(directory.file().c_str(), 0) == 0);  // as logrotate's copytruncate does
    }
    side.settle();
}

TEST_CASE("file output: a FIFO without a reader can be refused", "[forward]") {
    const Directory directory;
    REQUIRE(::mkfifo(directory.file().c_str(), 0600) == 0);
    forward::OutputSpec spec = forward::parse_output("jsonl:" + directory.file());
    spec.waits = false;
    Counters counters;
    try {
        const forward::FileOutput output(spec, counters, {});
        FAIL("it was opened");
    } catch (const Error& error) {
        CHECK(error.what() == "output " + spec.text + ": cannot open " + spec.path + ": nobody reads it");
    }
}

TEST_CASE("file output: a file that can't be opened is an error that names it and why", "[forward]") {
    const Directory directory;
    const std::string path = directory.path() + "/missing/out.jsonl";
    Counters counters;
    try {
        (void)forward::make_output(forward::parse_output("jsonl:" + path), {}, counters, {});
        FAIL("it was opened");
    } catch (const Error& error) {
        CHECK(error.exit_status == ExitStatus::runtime);
        CHECK(std::string(error.what()) ==
              "output jsonl:" + path + ": cannot open " + path + ": No such file or directory");
    }
    CHECK_THROWS_AS(forward::make_output(forward::parse_output("jsonl:" + directory.path()), {}, counters, {}), Error);
}

TEST_CASE("file output: a full disk fails what could not be written", "[forward]") {
    SendingSide side("jsonl:/dev/full");
    for (int i = 0; i < 20; ++i) REQUIRE(side.offer(line(i)) == Counter::handed_off);
    side.settle();
    CHECK(side[Counter::failed_write] == 20);
    CHECK(side[Counter::written] == 0);
    CHECK(side.forwarder.trouble() == "output jsonl:/dev/full: cannot write: No space left on device");
}

TEST_CASE("file output: a line cut by a full disk spoils no other", "[forward]") {
    const Directory directory;
    // The file size limit is a disk that is full at a known place, and has room again when the limit is lifted.
    struct sigaction old {};
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    REQUIRE(::sigaction(SIGXFSZ, &ignore, &old) == 0);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    SendingSide side("jsonl:" + directory.file());
    const rlimit tight{150, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    REQUIRE(side.offer(line(1)) == Counter::handed_off);
    REQUIRE(side.offer(line(2)) == Counter::handed_off);
    const bool failed = side.run_until([&] { return side[Counter::failed_write] == 1; });
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    REQUIRE(::sigaction(SIGXFSZ, &old, nullptr) == 0);
    REQUIRE(failed);
    REQUIRE(side.offer(line(3)) == Counter::handed_off);
    side.settle();
    CHECK(side[Counter::written] == 2);
    CHECK(side[Counter::failed_write] == 1);
    const std::string cut = line(2).substr(0, 150 - line(1).size());
    CHECK(content(directory.file()) == line(1) + cut + "\n" + line(3));
    CHECK(side[Counter::sent_bytes] == content(directory.file()).size());
    CHECK_FALSE(side.forwarder.trouble().empty());
}

TEST_CASE("file output: a pipe gets all of it, however it is read", "[forward]") {
    const Directory directory;
    Reader reader(directory.file());
    std::string expected;
    {
        SendingSide side("jsonl:" + directory.file(), {}, {.slots = 1024, .blocks = 4096, .block_bytes = 1024});
        for (int i = 0; i < 500; ++i) {
            expected += line(i, 2000);
            REQUIRE(side.offer(line(i, 2000)) == Counter::handed_off);
        }
        side.settle();
        CHECK(side[Counter::written] == 500);
        CHECK(side[Counter::sent_bytes] == expected.size());
    }
    CHECK(reader.text() == expected);
}

TEST_CASE("file output: a reader that goes away fails what it did not read, and kills nobody", "[forward]") {
    const Directory directory;
    Reader reader(directory.file(), 4096);
    SendingSide side("jsonl:" + directory.file(), {}, {.slots = 1024, .blocks = 4096, .block_bytes = 1024});
    for (int i = 0; i < 1000; ++i) REQUIRE(side.offer(line(i, 1000)) == Counter::handed_off);
    side.settle();
    CHECK(side[Counter::failed_write] > 0);
    CHECK(side[Counter::failed_write] + side[Counter::written] == 1000);
    CHECK(side.forwarder.trouble() == "output jsonl:" + directory.file() + ": cannot write: Broken pipe");
}

TEST_CASE("file output: a pipe that nobody reads holds up nobody", "[forward]") {
    const Directory directory;
    REQUIRE(::mkfifo(directory.file().c_str(), 0600) == 0);
    const int reader = ::open(directory.file().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    SendingSide side("jsonl:" + directory.file(), {}, {.slots = 1024, .blocks = 4096, .block_bytes = 1024});
    for (int i = 0; i < 200; ++i) REQUIRE(side.offer(line(i, 2000)) == Counter::handed_off);
    side.settle(50'000'000);
    CHECK(side[Counter::written] > 0);
    CHECK(side[Counter::failed_drain] > 0);
    CHECK(side[Counter::written] + side[Counter::failed_drain] == 200);
    (void)::close(reader);
}

TEST_CASE("file output: - is standard output", "[forward]") {
    const Directory directory;
    const int saved = ::dup(STDOUT_FILENO);
    const int file = ::open(directory.file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::dup2(file, STDOUT_FILENO) == STDOUT_FILENO);
    {
        SendingSide side("jsonl:-");
        (void)side.offer(line(1));
        (void)side.offer(line(2));
        side.forwarder.drain(1'000'000'000);
    }
    (void)::dup2(saved, STDOUT_FILENO);  // which is still open, or nothing more would be seen of this test
    (void)::close(saved);
    (void)::close(file);
    CHECK(content(directory.file()) == line(1) + line(2));
}
