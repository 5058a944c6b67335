#include "admin/control_socket.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace bester::admin {
namespace {

constexpr int backlog = 16;

std::runtime_error failure(const std::string& path, const std::string& why) {
    return std::runtime_error("cannot open the control socket " + path + ": " + why);
}

bool somebody_listens(const sockaddr_un& address) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const bool is_alive = result == 0 || errno == EAGAIN;  // EAGAIN: its backlog is full
    ::close(fd);
    return is_alive;
}

/// Only a socket is ever removed: a path that was mistyped must not cost a file.
void remove_left_over(const std::string& path, const sockaddr_un& address) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) return;
    if (!S_ISSOCK(found.st_mode)) throw failure(path, "there is something else; remove it or set control.socket");
    if (somebody_listens(address)) {
        throw failure(path, "another bester listens there; stop it or set control.socket");
    }
    ::unlink(path.c_str());
}

}  // namespace

int listen_on_control_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        throw failure(path, "a socket's path has 1 to 107 bytes; set control.socket");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    remove_left_over(path, address);

    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw failure(path, std::strerror(errno));
    // The file takes its mode from the socket, so that it is closed to others from its first moment;
    // umask would do too, but belongs to the whole process.
    if (::fchmod(fd, 0600) != 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(fd, backlog) != 0) {
        const std::string why = std::strerror(errno);
        ::close(fd);
        throw failure(path, why + "; does the folder exist, and may this user write there?");
    }
    return fd;
}

}  // namespace bester::admin
