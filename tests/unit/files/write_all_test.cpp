#include "files/write_all.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace bester::files {

TEST_CASE("write_all: what takes many steps is written whole, and a failure is told with its reason", "[files]") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const std::string content(1'000'000, 'x');  // a pipe holds less
    std::string got;
    std::thread reader{[&] {
        char piece[4096];
        for (ssize_t size; (size = ::read(ends[0], piece, sizeof piece)) > 0;)
            got.append(piece, static_cast<std::size_t>(size));
    }};
    const bool is_written = write_all(ends[1], content);
    ::close(ends[1]);
    reader.join();
    CHECK(is_written);
    CHECK(got == content);
    CHECK_FALSE(write_all(ends[0], "x"));  // it cannot be written to
    CHECK(errno == EBADF);
    ::close(ends[0]);
}

}  // namespace bester::files
