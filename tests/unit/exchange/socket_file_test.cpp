#include "exchange/socket_file.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using bester::exchange::listen_on_path;

namespace {

class directory {
public:
    directory() {
        char made[] = "/tmp/bester-socket-XXXXXX";
        REQUIRE(::mkdtemp(made) != nullptr);
        path_ = made;
    }
    ~directory() { std::filesystem::remove_all(path_); }
    std::string file(const std::string& name) const { return path_ + '/' + name; }

private:
    std::string path_;
};

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

/// A bound socket; without `backlog` nobody listens on it.
int bound(const std::string& path, int backlog = -1) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(path);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    if (backlog >= 0) REQUIRE(::listen(fd, backlog) == 0);
    return fd;
}

bool is_socket(const std::string& path) {
    struct stat found {};
    return ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

}  // namespace

TEST_CASE("socket file: what is made has its mode, takes connections and is removed at the end", "[exchange]") {
    const directory in;
    const std::string path = in.file("s");
    {
        const auto made = listen_on_path(path, 0620, 8);
        struct stat found {};
        REQUIRE(::lstat(path.c_str(), &found) == 0);
        CHECK((found.st_mode & 07777) == 0620);
        const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const auto address = address_of(path);
        CHECK(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        ::close(client);
        ::close(made.fd);
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("socket file: only a socket that nobody listens on is replaced", "[exchange]") {
    const directory in;
    const std::string path = in.file("s");
    SECTION("left over from a process that is gone") {
        ::close(bound(path));
        const auto made = listen_on_path(path, 0600, 8);
        CHECK(is_socket(path));
        ::close(made.fd);
    }
    SECTION("an ordinary file") {
        std::ofstream(path) << "precious";
        CHECK_THROWS_WITH(listen_on_path(path, 0600, 8), Catch::Contains("not a socket"));
        CHECK(std::filesystem::file_size(path) == 8);
    }
    SECTION("a symbolic link, even to a socket that is left over") {
        ::close(bound(in.file("target")));
        std::filesystem::create_symlink(in.file("target"), path);
        CHECK_THROWS_WITH(listen_on_path(path, 0600, 8), Catch::Contains("not a socket"));
        CHECK(std::filesystem::is_symlink(path));
        CHECK(is_socket(in.file("target")));
    }
    SECTION("a socket on which somebody listens") {
        const int other = bound(path, 8);
        CHECK_THROWS_WITH(listen_on_path(path, 0600, 8), Catch::Contains("another process listens"));
        CHECK(is_socket(path));
        ::close(other);
    }
    SECTION("a frozen process whose backlog is full: nothing blocks, nothing is taken") {
        const int other = bound(path, 0);
        const auto address = address_of(path);
        std::vector<int> waiting;
        for (int i = 0; i < 8; ++i) {
            const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
            waiting.push_back(fd);
            if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) break;
        }
        CHECK_THROWS_WITH(listen_on_path(path, 0600, 8), Catch::Contains("another process listens"));
        CHECK(is_socket(path));
        for (const int fd : waiting) ::close(fd);
        ::close(other);
    }
    SECTION("a socket of another kind, of which nothing can be told") {
        const int other = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const auto address = address_of(path);
        REQUIRE(::bind(other, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        CHECK_THROWS_WITH(listen_on_path(path, 0600, 8), Catch::Contains("cannot be found out"));
        CHECK(is_socket(path));
        ::close(other);
    }
}

TEST_CASE("socket file: at the end only what was made is removed", "[exchange]") {
    const directory in;
    const std::string path = in.file("s");
    auto made = listen_on_path(path, 0600, 8);
    std::filesystem::remove(path);
    SECTION("an ordinary file stands there now") {
        std::ofstream(path) << "precious";
        made.file.remove();
        CHECK(std::filesystem::exists(path));
    }
    SECTION("somebody else's socket stands there now") {
        // The first one is still open, so its inode cannot have been used again.
        const int other = bound(path, 8);
        made.file.remove();
        CHECK(is_socket(path));
        ::close(other);
    }
    SECTION("nothing stands there") { CHECK_NOTHROW(made.file.remove()); }
    ::close(made.fd);
}

TEST_CASE("socket file: a path that no socket can have is refused", "[exchange]") {
    CHECK_THROWS_WITH(listen_on_path("", 0600, 8), Catch::Contains("1 to 107 bytes"));
    CHECK_THROWS_WITH(listen_on_path("/tmp/" + std::string(110, 'x'), 0600, 8), Catch::Contains("1 to 107 bytes"));
}
