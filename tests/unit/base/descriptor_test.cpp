// SPDX-License-Identifier: Apache-2.0
// - closed with its owner, by reset() and once only; moved; none
#include "base/descriptor.h"

#include <fcntl.h>

#include "support/catch.h"

using rebuilder::Descriptor;

namespace {

Descriptor some() {
    return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool is_open(int descriptor) {
    return ::fcntl(descriptor, F_GETFD) != -1;
}

}  // namespace

TEST_CASE("descriptor: is closed with its owner", "[descriptor]") {
    int number = -1;
    {
        const Descriptor one = some();
        REQUIRE(one);
        number = one.get();
        CHECK(is_open(number));
    }
    CHECK_FALSE(is_open(number));
}

TEST_CASE("descriptor: has one owner", "[descriptor]") {
    Descriptor one = some();
    Descriptor two = some();
    const int first = one.get();
    const int second = two.get();
    {
        Descriptor moved(std::move(one));
        CHECK(moved.get() == first);
        two = std::move(moved);
        CHECK(two.get() == first);
    }
    CHECK_FALSE(is_open(second));
    CHECK(is_open(first));
    two.reset();
    CHECK_FALSE(is_open(first));
    CHECK_FALSE(two);
    const Descriptor next = some();  // has that number now
    CHECK(next.get() <= second);
    two.reset();
    CHECK(is_open(next.get()));
}

TEST_CASE("descriptor: none", "[descriptor]") {
    const Descriptor none;
    CHECK_FALSE(none);
    CHECK(none.get() < 0);
    CHECK_FALSE(Descriptor(::open("/no-such-folder/file", O_RDONLY | O_CLOEXEC)));
}
