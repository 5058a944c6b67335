#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace bester {

/// Why something did not work. `code` is stable: one of proto-docs/errors.md, where those that this library makes stand
/// too, or a handler's own. `reason` is for people; `temporary` says whether to try the same again makes sense, and
/// `retry_after` when. A plain value.
struct error_info {
    std::string code;
    std::string reason;
    bool temporary = false;
    std::chrono::milliseconds retry_after{0};  ///< 0: nobody said when

    bool operator==(const error_info&) const = default;
};

/// A message that a handler sent to this client. If it is the direct reply to a message of ours
/// that had an id, `id` is that one, else it is empty. A plain value that owns its frame.
struct delivery {
    std::string type;
    std::string id;
    std::string frame;            ///< the whole frame as it was received
    std::size_t data_offset = 0;  ///< where `data` stands in the frame
    std::size_t data_size = 0;    ///< 0: the frame had none, which means `null`

    /// The data byte for byte as the handler wrote it: a view that lives until this object is
    /// moved, changed or destroyed.
    std::string_view data() const noexcept {
        return data_size == 0 ? std::string_view("null") : std::string_view(frame).substr(data_offset, data_size);
    }
    /// The data as JSON tree.
    nlohmann::json json() const { return nlohmann::json::parse(data()); }
};

/// The end of one of our messages (`id` is its), or `error_special`: a frame of ours that the
/// broker could not understand. A plain value.
struct status {
    std::string id;
    bool good = false;
    std::optional<std::uint64_t> delivered;  ///< how many sessions it was handed to, if it addressed any
    error_info error;                        ///< of a bad one
    std::string frame;                       ///< as received; empty if this library made it up
};

/// The broker tells all its clients something, e.g. `reconnect`: it will go away soon; connect
/// again after that time.
struct notice {
    std::string name;
    std::chrono::milliseconds after{0};
    std::string frame;
};

/// The connection is gone. Each message that was unanswered has got a bad status with the code
/// `connection_lost` before this event. `why` is what the broker gave as reason, if it did.
struct connection_lost {
    error_info why;
    bool reconnecting = false;  ///< the client will try again within the next `receive` or `send`
    std::string frame = {};     ///< in which the broker said why; empty: it did not
};

/// The connection stands again, as a new session.
struct reconnected {
    std::string user;
};

/// What `client::receive` returns.
using client_event = std::variant<delivery, status, notice, connection_lost, reconnected>;

/// What became of a message that was sent with `client::send`. A bad status is a value here, and
/// so are a lost connection (`connection_lost`: it may or may not have been handled) and a
/// deadline (`timeout`).
struct outcome {
    bool good = false;
    std::optional<std::uint64_t> delivered;
    error_info error;
    std::vector<delivery> replies;  ///< in the order in which the handler gave them

    explicit operator bool() const noexcept { return good; }
    /// The data of the first reply, `null` without one.
    nlohmann::json reply() const { return replies.empty() ? nlohmann::json{} : replies.front().json(); }
};

/// Whether a message was handed to the operating system, and its id.
struct submission {
    bool sent = false;
    std::string id;    ///< empty for a post
    error_info error;  ///< if it was not sent

    explicit operator bool() const noexcept { return sent; }
};

}  // namespace bester
