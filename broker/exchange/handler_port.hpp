#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/command_rights.hpp"
#include "exchange/envelope.hpp"
#include "exchange/string_map.hpp"
#include "wire/error_code.hpp"

namespace bester::exchange {

/// The result of handler_port::submit().
struct submit_result {
    enum class outcome : std::uint8_t {
        taken,    ///< the message is with the handler, or waits for room there
        refused,  ///< `error` says why; the caller sends the status
    };
    outcome what = outcome::taken;
    wire::error_code error = wire::error_code::none;
};

/// A shard's entrance to one handler. For each message that is taken, executor::finish is called exactly once.
class handler_port {
public:
    virtual ~handler_port() = default;
    /// Gives a message to the handler, and copies what must outlive the call. `type` is the message's type without
    /// quotes and escapes; it selects the deadline.
    virtual submit_result submit(const envelope_view& message, std::string_view type, std::string_view data) = 0;
    virtual const std::string& name() const noexcept = 0;
};

/// Distinguishes an instance of a handler from the instance that replaces it.
struct instance_mark {
    std::uint64_t place = 0;  ///< equal for an instance and its replacement; 0: no instance
    std::uint64_t epoch = 0;  ///< higher for the replacement

    /// Returns whether this instance replaces `other`.
    bool replaces(const instance_mark& other) const noexcept {
        return place != 0 && place == other.place && epoch > other.epoch;
    }
};

/// Receives the events of one shard's sessions. Called on that shard's thread. An observer that cannot process an event
/// ends itself, so that it never works with a wrong picture.
class session_observer {
public:
    virtual ~session_observer() = default;
    virtual void on_connected(const class session& session) noexcept = 0;
    virtual void on_disconnected(const class session& session) noexcept = 0;
    /// The instance `by` has put the session into a group, or removed it.
    virtual void on_membership(const class session& session, std::string_view group, bool has_joined,
                               const instance_mark& by) noexcept = 0;
};

/// The handlers of one shard by type and by name. A reload replaces the whole table.
struct routing_table {
    string_map<handler_port*> by_type;
    string_map<handler_port*> by_name;

    /// Returns the handler that serves `type`; null if there is none.
    handler_port* serving(std::string_view type) const {
        const auto found = by_type.find(type);
        return found == by_type.end() ? nullptr : found->second;
    }
    /// Returns the handler called `name`; null if there is none.
    handler_port* named(std::string_view name) const {
        const auto found = by_name.find(name);
        return found == by_name.end() ? nullptr : found->second;
    }
};

/// The origin of commands: an instance's channel, or one call of a one-shot handler.
class command_source {
public:
    virtual ~command_source() = default;
    /// Returns the handler's name.
    virtual const std::string& handler() const noexcept = 0;
    /// Returns the name of the handler to which the groups of its commands belong: its own, unless the config says
    /// otherwise
    /// (`handlers.NAME.groups`).
    virtual const std::string& groups_owner() const noexcept { return handler(); }
    /// Returns how many users and sessions one command may name.
    virtual std::size_t most_recipients() const noexcept = 0;
    /// Returns what it may command; null means everything.
    virtual const command_rights* rights() const noexcept { return nullptr; }
    /// Takes one command out of its rate; returns false if the rate allows none at `now_ms`.
    virtual bool take_command(std::uint64_t /*now_ms*/) noexcept { return true; }
    /// Sends a frame (`report`, `refused`) to the handler process; dropped if its connection has ended.
    virtual void notify(std::string_view frame) noexcept = 0;
    /// Tells the source that a frame for it was lost before it could be sent. A source that waits for frames ends
    /// itself then, so that it does not wait for ever.
    virtual void miss_frame() noexcept {}
    /// Returns the instance that gives the commands; an empty mark for a one-shot handler.
    virtual instance_mark mark() const noexcept { return {}; }
    /// Returns the number by which the shard finds this source when a report is complete; 0 if it wants no reports.
    virtual std::uint64_t source_id() const noexcept = 0;
};

}  // namespace bester::exchange
