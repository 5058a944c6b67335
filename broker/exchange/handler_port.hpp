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
        taken,    ///< handed over, or waiting for that
        refused,  ///< see `error`: message_done is not called, that is up to the caller
    };
    outcome what = outcome::taken;
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

/// Tells an instance from the one that replaces it.
struct instance_mark {
    std::uint64_t place = 0;  ///< the same of an instance and its replacement; 0: no instance
    std::uint64_t epoch = 0;  ///< the replacement's is higher

    /// Is this the instance that replaces `other`?
    bool replaces(const instance_mark& other) const noexcept {
        return place != 0 && place == other.place && epoch > other.epoch;
    }
};

/// Who gets events about this shard's sessions.
class session_observer {
public:
    virtual ~session_observer() = default;
    virtual void on_connected(const class session& who) = 0;
    virtual void on_disconnected(const class session& who) = 0;
    /// An instance put the session into a group, or took it out.
    virtual void on_membership(const class session& who, std::string_view group, bool has_joined,
                               const instance_mark& by) = 0;
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
    /// The instance that gives the commands, if it is one.
    virtual instance_mark mark() const noexcept { return {}; }
    /// By which the shard finds it when a report is complete; 0: it wants none.
    virtual std::uint64_t source_id() const noexcept = 0;
};

}  // namespace bester::exchange
