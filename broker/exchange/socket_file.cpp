#include "exchange/socket_file.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bester::exchange {

namespace {

std::string text_of(int error) { return std::generic_category().message(error); }

/// Checks that this socket is left over from a process that has ended; throws if not, or if that is unknown.
void require_abandoned(const sockaddr_un& address) {
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) throw std::runtime_error(text_of(errno));
    const int result = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = result == 0 ? 0 : errno;
    ::close(probe);
    if (error == ECONNREFUSED || error == ENOENT) return;
    // EAGAIN means that its backlog is full, so a process listens, however slowly.
    if (error == 0 || error == EAGAIN) throw std::runtime_error("another process listens there");
    throw std::runtime_error("there is a socket, and whether anybody listens on it cannot be found out: " +
                             text_of(error));
}

void remove_abandoned(const std::string& path, const sockaddr_un& address) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) return;
    if (!S_ISSOCK(found.st_mode)) throw std::runtime_error("there is something else, which is not a socket; remove it");
    require_abandoned(address);
    ::unlink(path.c_str());
}

}  // namespace

socket_file::socket_file(socket_file&& other) noexcept
    : path_{std::exchange(other.path_, {})}, device_{other.device_}, inode_{other.inode_} {}

socket_file& socket_file::operator=(socket_file&& other) noexcept {
    if (this == &other) return *this;
    remove();
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
    return *this;
}

void socket_file::remove() noexcept {
    if (path_.empty()) return;
    struct stat found {};
    const bool is_ours = ::lstat(path_.c_str(), &found) == 0 && S_ISSOCK(found.st_mode) && found.st_dev == device_ &&
                         found.st_ino == inode_;
    if (is_ours) ::unlink(path_.c_str());
    path_.clear();
}

listening_socket listen_on_path(const std::string& path, mode_t mode, int backlog) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        throw std::runtime_error("a socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes");
    std::memcpy(address.sun_path, path.data(), path.size());
    remove_abandoned(path, address);

    listening_socket made;
    made.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made.fd < 0) throw std::runtime_error(text_of(errno));
    const auto require = [&made](int result) {
        if (result == 0) return;
        const int error = errno;
        ::close(made.fd);
        throw std::runtime_error(text_of(error));
    };
    // The file takes its mode from the socket, so that others have no access from the beginning. The umask, which
    // belongs to the whole process, removes bits from it, so the mode is set again afterwards.
    require(::fchmod(made.fd, mode));
    require(::bind(made.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    struct stat file {};
    if (::lstat(path.c_str(), &file) == 0) {
        made.file.path_ = path;
        made.file.device_ = file.st_dev;
        made.file.inode_ = file.st_ino;
    }
    require(::chmod(path.c_str(), mode));
    require(::listen(made.fd, backlog));
    return made;
}

}  // namespace bester::exchange
