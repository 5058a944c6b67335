#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <bester/client.hpp>
#include <tl/expected.hpp>

#include "endpoint.hpp"
#include "frame_stream.hpp"

namespace bester {

/// The implementation of a client: the stream, the calls that wait, and the events that are not fetched yet. Same
/// thread and ownership rules as client.
class client::connection {
public:
    /// Why a connection could not be made.
    struct failure {
        connect_error::stage where;
        error_info info;
        std::string frame = {};  ///< in which the broker refused, if it did
    };

    connection(client_detail::endpoint where, credentials who, client_options options);

    tl::expected<void, failure> open(client_detail::deadline until);

    outcome send(const destination& to, std::string_view data, std::chrono::milliseconds timeout);
    submission submit(const destination& to, std::string_view data, std::string id);
    submission post(const destination& to, std::string_view data);
    std::optional<client_event> receive(client_detail::deadline until);
    std::string next_id();
    void close() noexcept;

    const client_options& options() const noexcept { return options_; }
    bool is_connected() const noexcept { return stream_.has_value(); }
    int descriptor() const noexcept { return stream_ ? stream_->descriptor() : -1; }
    std::size_t unanswered() const noexcept { return unanswered_.size(); }
    const status& login() const noexcept { return login_; }
    const std::string& user() const noexcept { return user_; }

private:
    /// The message that `send` waits for.
    struct wait_for_outcome {
        std::string id;
        outcome result;
        bool is_done = false;
    };

    std::optional<error_info> transmit(const destination& to, std::string_view data, const std::string& id,
                                       client_detail::deadline until);
    tl::expected<void, failure> log_in(client_detail::deadline until);
    bool ensure_connected(client_detail::deadline until);
    void take_frames();
    void take(delivery message);
    void take(status report);
    void take(notice message);
    void keep(client_event event, std::size_t size);
    void lose(error_info why, std::string frame = {});
    void give_up_on(std::string id, const error_info& why);

    client_detail::endpoint where_;
    credentials who_;
    client_options options_;
    std::optional<client_detail::frame_stream> stream_;
    status login_;
    std::string user_;
    std::uint64_t last_id_ = 0;
    std::unordered_set<std::string> unanswered_;
    wait_for_outcome* waiting_ = nullptr;                      ///< set during `send`
    std::string transmitting_;                                 ///< id of the message that is being written, else empty
    std::deque<std::pair<client_event, std::size_t>> events_;  ///< with the size of their frames
    std::size_t events_size_ = 0;
    std::optional<status> close_reason_;  ///< `close_special`
    bool will_reconnect_ = false;
    client_detail::deadline attempt_at_{};
    std::chrono::milliseconds delay_{0};
    std::minstd_rand random_;
};

}  // namespace bester
