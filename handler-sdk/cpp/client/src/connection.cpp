#include "connection.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>

#include <nlohmann/json.hpp>

#include "json_members.hpp"
#include "message_codec.hpp"
#include "wire/counted.hpp"

namespace bester {

using client_detail::deadline;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::string_view login_id = "auth_special";
constexpr std::string_view close_id = "close_special";

error_info not_connected() { return {"connection_lost", "there is no connection to the broker", true}; }

void pause_until(deadline until) {
    while (steady_clock::now() < until) ::poll(nullptr, 0, client_detail::remaining_milliseconds(until));
}

}  // namespace

client::connection::connection(client_detail::endpoint where, credentials who, client_options options)
    : where_(std::move(where)), who_(std::move(who)), options_(options), random_(std::random_device{}()) {}

tl::expected<void, client::connection::failure> client::connection::open(deadline until) {
    auto socket = client_detail::connect_to(where_, {options_.keepalive_idle, options_.keepalive_timeout}, until);
    if (!socket) {
        const auto stage =
            socket.error().code == "timeout" ? connect_error::stage::timeout : connect_error::stage::connecting;
        return tl::unexpected(failure{stage, std::move(socket.error())});
    }
    close_reason_.reset();
    std::optional<client_detail::tls_session> tls;
    if (where_.is_tls) {
        auto begun = client_detail::tls_session::begin(options_.tls, where_.host);
        if (!begun) return tl::unexpected(failure{connect_error::stage::connecting, std::move(begun.error())});
        tls = std::move(*begun);
    }
    stream_.emplace(std::move(*socket), options_.receive_size, std::move(tls));
    auto logged_in = log_in(until);
    if (!logged_in) {
        stream_.reset();
        return logged_in;
    }
    delay_ = options_.reconnect.initial_delay;
    will_reconnect_ = options_.reconnect.enabled;
    if (!will_reconnect_) who_ = {};  // a password is not kept for nothing
    return {};
}

tl::expected<void, client::connection::failure> client::connection::log_in(deadline until) {
    using stage = connect_error::stage;
    stream_->enqueue(client_detail::encode_login(who_));
    for (;;) {
        while (auto frame = stream_->next_frame()) {
            auto decoded = client_detail::decode_frame(std::move(*frame));
            if (const auto* bad = std::get_if<client_detail::bad_broker_frame>(&decoded)) {
                return tl::unexpected(failure{stage::connecting,
                                              {"bad_frame", "what answers there is no bester: " + bad->reason, false}});
            }
            auto* report = std::get_if<status>(&decoded);
            if (report == nullptr) continue;  // nothing else is for us yet
            if (!report->good) return tl::unexpected(failure{stage::login, report->error, report->frame});
            if (report->id != login_id) continue;
            const auto payload = client_detail::find_member(report->frame, "payload").value_or("{}");
            const auto user = client_detail::find_member(payload, "user").value_or("null");
            const auto name = nlohmann::json::parse(user);
            user_ = name.is_string() ? name.get<std::string>() : who_.user;
            login_ = std::move(*report);
            return {};
        }
        if (stream_->failure()) return tl::unexpected(failure{stage::connecting, *stream_->failure()});
        if (!stream_->wait(until)) {
            return tl::unexpected(
                failure{stage::timeout, {"timeout", "the broker did not answer the log-in in time", true}});
        }
    }
}

std::string client::connection::next_id() { return std::to_string(++last_id_); }

std::optional<error_info> client::connection::transmit(const destination& to, std::string_view data,
                                                       const std::string& id, deadline until) {
    // Data is put into the frame as it is: what is no JSON would break it, or say something else.
    if (!nlohmann::json::accept(data)) return error_info{"bad_data", "the data is not valid JSON", false};
    const auto message = client_detail::encode_message(to, data, id);
    if (message.size() > options_.message_size) {
        return error_info{"too_large",
                          "the message has " + std::to_string(message.size()) + " bytes, more than the " +
                              std::to_string(options_.message_size) + " that are allowed",
                          false};
    }
    if (!ensure_connected(until)) return not_connected();
    // Before the first byte goes out: the answer may come while the rest is still being written.
    if (!id.empty()) unanswered_.insert(id);
    transmitting_ = id;
    stream_->enqueue(message);
    while (stream_ && stream_->has_output()) {
        const bool progressed = stream_->wait(until);
        take_frames();
        if (!progressed && stream_) {
            // Half a frame is out; the stream is of no use any more.
            lose({"timeout", "the broker did not take the message in time", true});
        }
    }
    transmitting_.clear();
    if (stream_) return std::nullopt;
    return error_info{"connection_lost", "the connection was lost while the message was sent", true};
}

outcome client::connection::send(const destination& to, std::string_view data, milliseconds timeout) {
    const auto until = steady_clock::now() + timeout;
    wait_for_outcome wait{next_id(), {}, false};
    waiting_ = &wait;
    if (const auto failed = transmit(to, data, wait.id, until); failed && !wait.is_done) {
        wait.result.error = *failed;
        wait.is_done = true;
    }
    while (!wait.is_done && stream_) {
        const bool progressed = stream_->wait(until);
        take_frames();
        if (!progressed && !wait.is_done) {
            wait.result.error = {"timeout", "no status came within " + std::to_string(timeout.count()) + " ms", true};
            wait.is_done = true;
        }
    }
    waiting_ = nullptr;
    return std::move(wait.result);
}

submission client::connection::submit(const destination& to, std::string_view data, std::string id) {
    if (id.empty()) id = next_id();
    auto failed = transmit(to, data, id, steady_clock::now() + options_.write_timeout);
    if (failed) return {false, std::move(id), std::move(*failed)};
    return {true, std::move(id), {}};
}

submission client::connection::post(const destination& to, std::string_view data) {
    auto failed = transmit(to, data, {}, steady_clock::now() + options_.write_timeout);
    if (failed) return {false, {}, std::move(*failed)};
    return {true, {}, {}};
}

std::optional<client_event> client::connection::receive(deadline until) {
    for (;;) {
        if (stream_) take_frames();
        if (!events_.empty()) {
            auto [next, size] = std::move(events_.front());
            events_.pop_front();
            events_size_ -= size;
            return std::move(next);
        }
        if (stream_) {
            if (!stream_->wait(until)) return std::nullopt;
        } else if (will_reconnect_) {
            if (!ensure_connected(until)) {
                if (events_.empty()) return std::nullopt;
            }
        } else {
            return std::nullopt;
        }
    }
}

bool client::connection::ensure_connected(deadline until) {
    while (!stream_) {
        if (!will_reconnect_) return false;
        if (attempt_at_ >= until) {
            pause_until(until);
            return false;
        }
        pause_until(attempt_at_);
        const auto opened = open(std::min(until, steady_clock::now() + options_.connect_timeout));
        if (opened) {
            keep(reconnected{user_}, 0);
            return true;
        }
        const auto& failed = opened.error();
        if (failed.where == connect_error::stage::login && !failed.info.temporary) {
            will_reconnect_ = false;
            keep(connection_lost{failed.info, false, failed.frame}, failed.frame.size());
            return false;
        }
        // Between half and all of the pause, so that many clients do not come back at once.
        std::uniform_real_distribution<double> share(0.5, 1.0);
        attempt_at_ = steady_clock::now() + failed.info.retry_after +
                      std::chrono::duration_cast<milliseconds>(delay_ * share(random_));
        delay_ = std::min(delay_ * 2, options_.reconnect.longest_delay);
    }
    return true;
}

void client::connection::take_frames() {
    while (stream_) {
        auto frame = stream_->next_frame();
        if (!frame) break;
        auto decoded = client_detail::decode_frame(std::move(*frame));
        if (auto* message = std::get_if<delivery>(&decoded)) {
            take(std::move(*message));
        } else if (auto* report = std::get_if<status>(&decoded)) {
            take(std::move(*report));
        } else if (auto* told = std::get_if<notice>(&decoded)) {
            take(std::move(*told));
        } else if (const auto* bad = std::get_if<client_detail::bad_broker_frame>(&decoded)) {
            lose({"bad_frame", "the broker sent " + bad->reason, true});
        }
    }
    if (!stream_ || !stream_->failure()) return;
    if (close_reason_) lose(std::move(close_reason_->error), std::move(close_reason_->frame));
    else lose(*stream_->failure());
}

void client::connection::take(delivery message) {
    if (waiting_ != nullptr && !waiting_->is_done && message.id == waiting_->id) {
        waiting_->result.replies.push_back(std::move(message));
        return;
    }
    const auto size = message.frame.size();
    keep(std::move(message), size);
}

void client::connection::take(status report) {
    if (report.id == close_id) {
        close_reason_ = std::move(report);
        return;
    }
    unanswered_.erase(report.id);
    if (waiting_ != nullptr && !waiting_->is_done && report.id == waiting_->id) {
        waiting_->result.good = report.good;
        waiting_->result.delivered = report.delivered;
        waiting_->result.error = std::move(report.error);
        waiting_->is_done = true;
        return;
    }
    const auto size = report.frame.size();
    keep(std::move(report), size);
}

void client::connection::take(notice message) {
    // Told to come back later, we do, even if the connection ends before that.
    if (message.name == "reconnect") attempt_at_ = steady_clock::now() + message.after;
    keep(std::move(message), 0);
}

void client::connection::keep(client_event event, std::size_t size) {
    events_.emplace_back(std::move(event), size);
    events_size_ += size;
    if (stream_ && (events_.size() > options_.queued_events || events_size_ > options_.queued_bytes)) {
        lose({"receive_queue_full",
              "more than " + wire::counted(options_.queued_events, "event") + " or " +
                  wire::counted(options_.queued_bytes, "byte") +
                  " were received and not fetched; call receive more often or allow more in client_options",
              true});
    }
}

void client::connection::lose(error_info why, std::string frame) {
    if (!stream_) return;
    stream_.reset();
    // Put out by a handler on purpose, a client that came back at once would be a nuisance.
    if (why.code == "disconnected") will_reconnect_ = false;
    const error_info lost{"connection_lost", "no status came before the connection was lost: " + why.reason, true};
    for (auto& id : std::exchange(unanswered_, {})) give_up_on(id, lost);
    attempt_at_ = std::max(attempt_at_, steady_clock::now() + why.retry_after);
    const auto size = frame.size();
    keep(connection_lost{std::move(why), will_reconnect_, std::move(frame)}, size);
}

void client::connection::give_up_on(std::string id, const error_info& why) {
    if (waiting_ != nullptr && !waiting_->is_done && id == waiting_->id) {
        waiting_->result.error = why;
        waiting_->is_done = true;
        return;
    }
    if (id == transmitting_) return;  // its sender is told at once
    keep(status{std::move(id), false, std::nullopt, why, {}}, 0);
}

void client::connection::close() noexcept {
    stream_.reset();
    will_reconnect_ = false;
}

}  // namespace bester
