#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include "admin/control_target.hpp"

namespace bester::admin {

/// The other end of the control socket: blocking, for the command line. One thread; owns its socket. Errors are values:
/// `unreachable` (no process listens there), `forbidden` (another user's socket), `timeout`, `connection_lost`, or the
/// code of the broker's refusal.
class control_client {
public:
    static tl::expected<control_client, control_error> connect(const std::string& path);

    control_client(control_client&& other) noexcept;
    control_client& operator=(control_client&& other) noexcept;
    ~control_client();

    /// Sends `request` (an object with `request`) and waits for its answer: the whole answer object
    /// if it is ok.
    tl::expected<nlohmann::json, control_error> ask(const nlohmann::json& request,
                                                    std::chrono::milliseconds timeout = std::chrono::seconds(10));

    /// Returns the process that listens at the other end.
    int broker_pid() const noexcept;

private:
    explicit control_client(int fd) : fd_(fd) {}
    int fd_ = -1;
};

}  // namespace bester::admin
