#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace bester {

/// What the broker says when all channels are open. A plain value.
struct welcome {
    std::string server;
    std::string handler;
    std::string instance;  ///< e.g. "chat#0"
    unsigned shards = 1;
    std::size_t window = 0;        ///< unanswered messages of one channel at most
    std::size_t message_size = 0;  ///< largest frame that may be sent, bytes
    std::size_t recipients = 0;    ///< of one command at most
    nlohmann::json config;         ///< this handler's own section of the broker's config
};

/// A client session that was there before, came, or went. A plain value.
struct client_session {
    std::string session;
    std::string user;
    std::vector<std::string> groups;   ///< of this handler; only in a snapshot
    std::string path{};                ///< a WebSocket session's, e.g. "/v1/texto"; else empty. Not when it went.
    std::string query{};               ///< what stood behind a `?` there
    std::string socketio_namespace{};  ///< a Socket.IO session's, e.g. "/admin"; else empty

    bool operator==(const client_session&) const = default;
};

/// A group and how many sessions are in it, on all shards together. A plain value.
struct group_size {
    std::string group;
    std::uint64_t sessions = 0;

    bool operator==(const group_size&) const = default;
};

/// The state when the channels were opened; events report all later changes. Only the requested parts are filled in. A
/// plain value.
struct snapshot {
    std::vector<client_session> clients;
    std::vector<std::string> peers;
    std::vector<group_size> groups{};
};

/// A command that the broker did not execute. A plain value.
struct refused_command {
    std::optional<std::uint64_t> message_id;  ///< of the answer; none: of a push
    std::size_t index = 0;                    ///< of the command in its frame
    std::string code;
    std::string reason;
};

/// Why a query has no result: the broker's code, or `connection_lost`. A plain value.
struct query_failure {
    std::string code;
    std::string reason;
};

/// What a query gives: a value, or the reason why there is none. Taking the value where there is none throws
/// std::logic_error, which says the reason. A plain value.
template <class Value>
class query_result {
public:
    query_result(Value value) : value_{std::move(value)} {}                // NOLINT
    query_result(query_failure failure) : failure_{std::move(failure)} {}  // NOLINT

    explicit operator bool() const noexcept { return value_.has_value(); }
    const Value& operator*() const { return value(); }
    const Value* operator->() const { return &value(); }
    /// Empty code if there is a value.
    const query_failure& failure() const noexcept { return failure_; }

private:
    const Value& value() const {
        if (!value_) throw std::logic_error{"a query has no result: " + failure_.code + ": " + failure_.reason};
        return *value_;
    }

    std::optional<Value> value_;
    query_failure failure_;
};

/// Is a user online, and how often?
struct client_presence {
    bool is_online = false;
    std::uint64_t sessions = 0;
};

/// A user with the number of its sessions.
struct client_count {
    std::string user;
    std::uint64_t sessions = 0;
};

/// The broker about itself.
struct server_information {
    std::string server;
    std::string version;
    std::chrono::milliseconds uptime{0};
    std::uint64_t sessions = 0;
    unsigned shards = 0;
};

}  // namespace bester
