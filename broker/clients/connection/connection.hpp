#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clients/client_settings.hpp"
#include "clients/connection/connection_parts.hpp"
#include "exchange/framed_stream.hpp"
#include "exchange/place_list.hpp"
#include "web/close_code.hpp"
#include "wire/client_codec.hpp"

namespace bester::clients {

class shard_clients;
class user_session;

/// A client's connection with any protocol: each protocol has a class that derives from this one, and at an upgrade
/// another object takes the connection's parts over (shard_clients::replace). This class has what all share: the
/// socket, the client's address, the deadline, the bounds and the end. Owned by its shard's shard_clients, on that
/// shard's thread.
class connection : public exchange::framed_stream {
public:
    ~connection() override;

    /// Starts reading, beginning with input that was received before; not in the constructor, since it may close the
    /// connection.
    void begin(std::string_view received) { start(received); }
    /// Ends the connection for a reason of the broker, and tells the client the code. Does nothing if it is ending
    /// already.
    void end(wire::error_code code, exchange::close_reason reason);
    /// Returns whether its end has begun: nothing is read any more, and only the queue is written.
    bool is_ending() const noexcept { return !is_open() || is_closing(); }
    /// Leaves all lists, and ends when the queue is written.
    void leave_and_close(exchange::close_reason reason);
    /// Takes the connection out of this object, which is closed then. The object must not be ending.
    connection_parts take_parts();
    /// Returns whether it can move to another shard; not while output is queued here that the socket does not take now.
    bool can_move() {
        flush_early();
        return !is_ending() && !is_blocked() && queued_bytes() == 0;
    }

    /// Applies the limits of the config, after a change or a log-in.
    virtual void apply_limits() {}
    /// Returns the user session that has this connection for itself; null: none.
    virtual user_session* session() noexcept { return nullptr; }
    /// Returns whether the time for its log-in or its next request is over.
    virtual bool is_past_deadline(std::uint64_t now_ms) const noexcept {
        return has_deadline_ && static_cast<std::int32_t>(static_cast<std::uint32_t>(now_ms) - deadline_ms_) >= 0;
    }
    /// A bound of time, and the config key that sets it.
    struct patience {
        std::chrono::milliseconds most;
        std::string_view key;
    };
    /// How long the client may take nothing while output waits for it.
    virtual patience write_patience() const noexcept;
    /// Ends a log-in that waits for an answer when the deadline is over; returns false if there is none.
    virtual bool give_up_waiting() { return false; }
    /// Called by shard_clients at the end of the turn in which end_later() was asked for.
    virtual void end_now();
    /// Gives back what the cipher holds for traffic, if there has been none lately.
    bool cool(std::uint64_t now_ms);

    const listener_settings& listener() const noexcept { return listener_; }
    /// Where the client is; a system call if no proxy told it.
    std::string address() const;
    /// For a line of the log: the session and its user.
    virtual std::string describe() const;
    /// The same for a client that holds this many bytes.
    virtual std::string describe_holder(std::size_t bytes) const;

    /// Queues a frame for the client; returns false if it was not taken. A client for which too much waits already is
    /// ended.
    bool put(std::string_view frame) { return takes_output() && took(enqueue(frame)); }
    bool put(const exchange::payload& frame) { return takes_output() && took(enqueue(frame)); }
    template <class Writer>
    bool put(std::size_t size, Writer&& write) {
        return takes_output() && took(enqueue(size, write));
    }
    /// Queues last words, or the answer to what was asked last: past the limit if need be.
    void put_last(std::string_view frame) { enqueue_answer(frame); }
    shard_clients& clients() noexcept { return owner_; }

    /// Places in shard_clients' lists.
    std::uint32_t index = 0;
    exchange::list_place login_place;
    exchange::list_place blocked_place;
    exchange::list_place warm_place;
    exchange::list_place ending_place;

protected:
    connection(shard_clients& owner, connection_parts& from);

    /// Leaves the exchange, an Engine.IO session, requests that wait. Called whenever it ends, perhaps more than once.
    virtual void detach() = 0;
    /// Says why the connection ends, in the words of its protocol; `code` for those that end with one.
    virtual void say_goodbye(const wire::status_error& why, web::close_code code) = 0;
    /// Closes it when all is written; a protocol that has a word for it says it before.
    virtual void finish(exchange::close_reason reason) { close_after_flush(reason); }
    /// Too much waits for the client: it is ended later, since the caller may be iterating over a group.
    virtual void overflow();

    void on_bad_frame(bool is_too_large) override;
    void on_end_of_input() override;
    void on_closed(exchange::close_reason reason) override;
    void on_blocked() override;
    void on_memory_bound(exchange::held_kind what) override;
    void on_frame_pending(std::uint64_t since_ms) override;

    void end_with(const wire::status_error& why, web::close_code code, exchange::close_reason reason);
    /// Has end_now() called at the end of the turn.
    void end_later();
    bool has_overflowed() const noexcept { return has_overflowed_; }
    /// Ends it if `what`, which began at `since_ms`, has taken longer than `most`.
    void end_late_input(std::string_view what, std::uint64_t since_ms, std::chrono::milliseconds most);
    /// Reads no further: after this frame, or before it.
    exchange::frame_verdict held(std::uint8_t why);
    exchange::frame_verdict not_before(std::uint8_t why);
    /// A ciphered connection has traffic, for which its cipher holds memory.
    void note_traffic() {
        if (cipher()) warm_up();
    }
    /// From now on the client has the time for its log-in, or for a request.
    void set_deadline() noexcept;
    void set_no_deadline() noexcept { has_deadline_ = false; }
    /// The client's address as a proxy told it; null: no proxy did.
    const std::string* told_address() const noexcept { return told_address_.get(); }
    /// From now on the client is at `address`, as a proxy told it, and is not counted.
    void set_told_address(std::string address) {
        told_address_ = std::make_unique<std::string>(std::move(address));
        place_ = {};
    }
    /// From now on the client is counted by `place`.
    void set_place(access::address_place place) { place_ = std::move(place); }
    /// The largest message, of a client that is known or not yet: before the log-in little is allowed.
    std::size_t message_limit(bool is_known) const noexcept;

    /// Whom the client's certificate names, and when (since 1970) it expires; an empty name: nobody, or nobody asks.
    struct shown_certificate {
        std::string name;
        std::uint64_t until_ms = 0;
    };
    shown_certificate certificate(const std::vector<authentication_method>& methods) const;

private:
    bool takes_output() {
        note_traffic();
        return !has_overflowed_ && !is_ending();
    }
    bool took(exchange::enqueued result) {
        if (result != exchange::enqueued::refused) return true;
        refused_output();
        return false;
    }
    void refused_output();
    void warm_up();

    void give_back_slot() noexcept;

    bool has_overflowed_ = false;
    bool has_deadline_ = false;
    bool is_counted_;  ///< among those that there may be at once

protected:
    shard_clients& owner_;
    const listener_settings& listener_;

private:
    access::address_place place_;
    std::unique_ptr<std::string> told_address_;  ///< null: no proxy told it
    std::uint32_t deadline_ms_;          ///< of the log-in or the next request: the shard's clock, its lower half
    std::uint32_t last_traffic_ms_ = 0;  ///< the shard's clock, its lower half; of a ciphered connection
};

}  // namespace bester::clients
