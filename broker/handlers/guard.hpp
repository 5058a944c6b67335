#pragma once

#include <sys/types.h>

namespace bester::handlers {

/// A small process beside the broker that leaves no handler behind when the broker dies, even by SIGKILL: it knows the
/// process group of every handler, and when the broker's end of its socket closes, it sends SIGTERM, a second later
/// SIGKILL, to all of them, and exits.
///
/// Start it before the broker has threads (it forks without exec). Owned by `serve`; it must
/// outlive the supervisor, on whose thread it is used. Its destructor closes the socket and waits
/// for the process. A handler that makes a session of its own (setsid) is out of reach.
class guard {
public:
    /// Forks the process and waits until it is ready. Throws std::runtime_error.
    guard();
    ~guard();
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

    /// For the child of a fork, between fork and exec: async-signal-safe. Guards the group that the caller leads from
    /// then on, so that it cannot be orphaned at any moment.
    static void enroll_self(int descriptor) noexcept;
    /// Forgets a group that has ended, since its number may soon belong to another one.
    void forget(pid_t group) noexcept;

    int descriptor() const noexcept { return socket_; }
    pid_t pid() const noexcept { return pid_; }

private:
    int socket_ = -1;
    pid_t pid_ = -1;
    bool reported_loss_ = false;
};

}  // namespace bester::handlers
