#pragma once

#include <string>

#include <sys/types.h>

namespace bester::exchange {

/// The path of a UNIX socket that this process made. Removes the path at its end, but only if the very socket that was
/// made still stands there: what somebody else has put in its place is not ours to delete.
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
/// A socket that nobody listens on any more, as a killed process leaves it, is replaced. Everything else that stands at
/// the path stays: an ordinary file, a symbolic link, a socket whose owner lives or cannot be asked. Never blocks.
/// Throws std::runtime_error, whose text is the reason alone ("another process listens there").
listening_socket listen_on_path(const std::string& path, mode_t mode, int backlog);

}  // namespace bester::exchange
