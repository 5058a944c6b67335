#pragma once

#include <functional>
#include <string>

#include <tl/expected.hpp>

#include "json/value.hpp"

namespace bester::admin {

/// Why a request was refused. `code` is one of those listed in proto-docs/admin.md.
struct control_error {
    std::string code;
    std::string reason;

    bool operator==(const control_error&) const = default;
};

/// The answer to a request: members that are added to `{"ok":true}` (an object), or a refusal.
using control_result = tl::expected<json::json_value, control_error>;

/// Called once, on the control thread, at any time after the request.
using control_completion = std::function<void(control_result)>;

/// The orders and questions of an administrator to a running broker. The control socket calls it, always on the control
/// thread; no function may block. Functions that return a control_result return `{}` if there is nothing to report.
class control_target {
public:
    virtual ~control_target() = default;

    /// Returns the document of proto-docs/schemas/admin-status.json.
    virtual json::json_value status() = 0;
    /// Returns only its `handlers`, an array.
    virtual json::json_value handlers() = 0;
    /// Restarts the instances one after the other; `handler_unknown` if there is no such handler.
    virtual control_result restart_handler(const std::string& name) = 0;
    /// Drains and stops the instances until a restart; `handler_unknown` as above.
    virtual control_result drain_handler(const std::string& name) = 0;
    /// Returns the document of `bester peers`, which is also the status document's `peering` (proto-docs/admin.md).
    virtual json::json_value peers() = 0;
    /// Dials the server now instead of later, and ends its drain; `peer_unknown` if it has no entry and no link.
    virtual control_result retry_peer(const std::string& name) = 0;
    /// Ends the link when all sent messages are acknowledged, until a retry; `peer_unknown` as above.
    virtual control_result drain_peer(const std::string& name) = 0;
    /// Reads the config again and applies it whole or not at all. Good: `{"changes":[{"path",
    /// "before","after"}],"digest":"…"}`. Refused: `config_invalid` or `needs_restart`, with all mistakes in
    /// the reason, a line each.
    virtual void reload(control_completion completion) = 0;
    /// Begins to drain and stop the broker; returns at once. Must not close the control_server
    /// itself before it has returned, or the answer is lost; close that one last.
    virtual void stop() = 0;
    /// Forgets the verified credentials of an account that was changed or removed, and closes its sessions if it was
    /// removed.
    virtual void account_changed(const std::string& user) = 0;
};

}  // namespace bester::admin
