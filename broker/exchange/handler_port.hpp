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

/// What became of a message that was submitted to a handler.
struct submit_result {
    enum class outcome : std::uint8_t {
        handed_over,
        waiting,  ///< for room or for an instance: the sender must not be read until message_left_queue
        refused,  ///< see `error`: message_done is not called, that is up to the caller
    };
    outcome what = outcome::handed_over;
    wire::error_code error = wire::error_code::none;
};

/// A shard's way to one handler. What is taken (not refused) ends in executor::finish, exactly once.
class handler_port {
public:
    virtual ~handler_port() = default;
    /// Gives a message to the handler; everything is copied that must outlive the call. `type` is
    /// the type without quotes and escapes, by which the deadline is chosen.
    virtual submit_result submit(const envelope_view& message, std::string_view type, std::string_view data) = 0;
    virtual const std::string& name() const noexcept = 0;
};

/// Who gets events about this shard's sessions.
class session_observer {
public:
    virtual ~session_observer() = default;
    virtual void on_connected(const class session& who) = 0;
    virtual void on_disconnected(const class session& who) = 0;
};

/// Which handler serves which type, as one shard sees it. Replaced as a whole at a reload.
struct routing_table {
    string_map<handler_port*> by_type;
    string_map<handler_port*> by_name;

    handler_port* serving(std::string_view type) const {
        const auto found = by_type.find(type);
        return found == by_type.end() ? nullptr : found->second;
    }
    handler_port* named(std::string_view name) const {
        const auto found = by_name.find(name);
        return found == by_name.end() ? nullptr : found->second;
    }
};

/// Where commands came from: an instance's channel, or one call of a one-shot handler.
class command_source {
public:
    virtual ~command_source() = default;
    /// The handler's name.
    virtual const std::string& handler() const noexcept = 0;
    /// To which handler the groups belong that its commands are about: to itself, unless its entry names another.
    virtual const std::string& groups_owner() const noexcept { return handler(); }
    /// Most users and sessions that one command may name.
    virtual std::size_t most_recipients() const noexcept = 0;
    /// What it may command; null: everything.
    virtual const command_rights* rights() const noexcept { return nullptr; }
    /// May it give a command now, if its rate is limited?
    virtual bool take_command(std::uint64_t) noexcept { return true; }
    /// Sends a frame (report, refused) to whoever gave the commands; dropped if that is gone.
    virtual void notify(std::string_view frame) = 0;
    /// By which the shard finds it when a report is complete; 0: it wants none.
    virtual std::uint64_t source_id() const noexcept = 0;
};

}  // namespace bester::exchange
