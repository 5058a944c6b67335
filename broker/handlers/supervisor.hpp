#pragma once

#include "handlers/channel_host.hpp"
#include "handlers/handler_settings.hpp"
#include "handlers/handler_status.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace asio {
class io_context;
}

namespace bester::handlers {

class guard;

/// The broker's settings that the supervisor needs.
struct supervisor_settings {
    std::string runtime_directory;  ///< `handlers.sock` will be there; made (0711) if missing
    std::string server_name;        ///< told to handlers
};

/// Starts, watches, restarts and stops the instances of all handler entries, and lets them connect.
///
/// Everything happens on the control thread, which runs `io`; the shards are reached through the channel_host alone.
/// io_context, host and guard must outlive the supervisor. Entries with a one-shot socket have no process and are
/// ignored. The destructor kills processes that still run; stop() drains them first.
class supervisor {
public:
    using clock = std::chrono::steady_clock;

    /// `watcher` may be null; then handlers survive a broker that is killed.
    supervisor(asio::io_context& io, channel_host& host, supervisor_settings settings, guard* watcher);
    ~supervisor();
    supervisor(const supervisor&) = delete;
    supervisor& operator=(const supervisor&) = delete;

    /// Makes the runtime directory and its socket, but starts nothing yet. Throws std::runtime_error
    /// if it cannot.
    void listen();
    /// Starts all entries; listens, if that has not been done. A handler that does not start is no error: it is tried
    /// again.
    void start(std::vector<handler_settings> entries);
    /// After a reload: starts added entries, drains and stops removed ones, and replaces the
    /// instances of changed ones where needs_new_process() says so, without a gap in service.
    void apply(std::vector<handler_settings> wanted);
    /// Replaces the instances of an entry one after the other: each new one is ready before the
    /// old one drains. Starts them if they were drained or back off. The error is for a person.
    tl::expected<void, std::string> restart(const std::string& name);
    /// Drains and stops the instances of an entry; they stay stopped until restart().
    tl::expected<void, std::string> drain(const std::string& name);
    /// Drains everything until `drain_until`, then stops each process (SIGTERM, SIGKILL after its grace). `stopped` is
    /// called when all processes have ended. No instance starts or connects any more.
    void stop(clock::time_point drain_until, std::function<void()> stopped);

    /// Called by the host when a channel broke, the handler broke the protocol on it, or it hangs. Changes nothing
    /// during a drain, in which channels close one by one while others still hold messages.
    void channel_lost(const instance_ref& instance, const std::string& reason, loss why = loss::broken);
    /// Called by the host when every shard has got its last answer, after channel_host::drain_instance or because the
    /// handler asked to leave.
    void instance_drained(const instance_ref& instance);
    /// Called by the host when an instance says that it is ready, which counts for those whose hello said they would.
    void instance_confirmed(const instance_ref& instance);

    /// Continues after an exception on the control thread: reports and restarts instances whose end was not handled,
    /// ends those that are to end, and starts all timers again.
    void go_on();

    std::vector<handler_status> status() const;

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace bester::handlers
