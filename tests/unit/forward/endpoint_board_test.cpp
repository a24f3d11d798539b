// SPDX-License-Identifier: Apache-2.0
// EndpointBoard: all of one list, and only when it is new; also while another thread writes.
#include "forward/endpoint_board.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using forward::EndpointBoard;
using packet::Endpoint;
using packet::IpAddress;

namespace {

struct Reader {
    const EndpointBoard& board;
    std::uint64_t version = 0;
    std::array<Endpoint, EndpointBoard::capacity> found{};
    std::size_t count = 0;

    bool read() { return board.read(version, found, count); }
    [[nodiscard]] std::vector<Endpoint> list() const {
        return {found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count)};
    }
};

// A list that shows whether it is whole.
std::vector<Endpoint> numbered(std::uint64_t number) {
    const auto small = static_cast<std::uint16_t>(number);
    return std::vector<Endpoint>(number % (EndpointBoard::capacity + 1), Endpoint{IpAddress{number, number}, small});
}

}  // namespace

TEST_CASE("endpoint board: each list is read once", "[forward]") {
    EndpointBoard board;
    Reader one{board};
    Reader two{board};
    CHECK_FALSE(one.read());
    const std::vector<Endpoint> list{{IpAddress::v4(1), 80}, {IpAddress{5, 6}, 443}};
    board.publish(list);
    CHECK(one.read());
    CHECK(one.list() == list);
    CHECK_FALSE(one.read());
    board.publish({});
    CHECK(one.read());
    CHECK(one.list().empty());
    CHECK(two.read());
    CHECK(two.list().empty());
    board.publish(std::vector<Endpoint>(EndpointBoard::capacity + 1, Endpoint{IpAddress::v4(1), 1}));
    CHECK(one.read());
    CHECK(one.list().size() == EndpointBoard::capacity);
}

TEST_CASE("endpoint board: a list is never read in part", "[forward]") {
    EndpointBoard board;
    constexpr std::uint64_t lists = 50'000;
    std::thread writer([&board] {
        for (std::uint64_t i = 1; i <= lists; ++i) board.publish(numbered(i));
    });
    Reader reader{board};
    std::uint64_t last = 0;
    std::size_t read = 0;
    while (last < lists) {
        if (!reader.read()) continue;
        ++read;
        last = reader.version / 2;
        if (reader.list() != numbered(last)) FAIL("list " << last);
    }
    writer.join();
    CHECK(read > 0);
}
