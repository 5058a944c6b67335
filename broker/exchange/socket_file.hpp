#pragma once

#include <string>

#include <sys/types.h>

namespace bester::exchange {

/// The path of a UNIX socket that this process made. The destructor removes the path, but only if it is still the
/// socket that was made, and not a file that another process has put in its place.
class socket_file {
public:
    socket_file() = default;
    socket_file(socket_file&& other) noexcept;
    socket_file& operator=(socket_file&& other) noexcept;
    ~socket_file() { remove(); }

    /// Removes the path now; a second call does nothing.
    void remove() noexcept;

private:
    friend struct listening_socket listen_on_path(const std::string& path, mode_t mode, int backlog);

    std::string path_;  ///< empty: nothing is to be removed
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

/// A listening UNIX socket: the descriptor is the caller's.
struct listening_socket {
    int fd = -1;
    socket_file file;
};

/// Listens on a UNIX stream socket at `path` (non-blocking, closed on exec) with the permissions `mode`.
///
/// A socket without a listener, as a killed process leaves it, is replaced. Anything else at the path stays: an
/// ordinary file, a symbolic link, a socket whose owner lives or cannot be asked. Never blocks. Throws
/// std::runtime_error, whose text is the reason alone ("another process listens there").
listening_socket listen_on_path(const std::string& path, mode_t mode, int backlog);

}  // namespace bester::exchange
