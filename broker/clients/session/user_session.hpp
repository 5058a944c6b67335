#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/address_key.hpp"
#include "clients/client_settings.hpp"
#include "clients/login/login_call.hpp"
#include "clients/login/login_service.hpp"
#include "clients/login/session_access.hpp"
#include "exchange/framed_stream.hpp"
#include "exchange/place_list.hpp"
#include "exchange/session.hpp"
#include "wire/client_codec.hpp"

namespace bester::clients {

class shard_clients;

/// The credentials of a log-in. Views, valid during the call.
struct login_request {
    const std::vector<authentication_method>& methods;  ///< methods that are accepted, in this order
    wire::credentials_kind kind = wire::credentials_kind::none;
    std::string_view user = {};
    std::string_view password = {};
    std::string_view token = {};
    std::string_view authentication = {};    ///< all of it as JSON, for a log-in handler
    std::string_view certificate = {};       ///< user that the client's certificate names; empty: there is none
    std::uint64_t certificate_until_ms = 0;  ///< since 1970: when that certificate expires
};

/// The session of a user on any transport: the user's identity and rights, their end, and the number of unanswered
/// messages. Used on its shard's thread only.
class user_session : public exchange::session {
public:
    /// Takes the result of the verification that this session asked for.
    void verified(login_result result);
    /// Takes the answer of the log-in handler.
    void decided(login_call::decision outcome);
    /// Ends a log-in whose time is over: if it still waits for an answer, it is refused for now, as the client did its
    /// part. Returns false if the client has not asked to log in yet.
    bool give_up_login();
    /// Warns of the end of its token, and ends the session at that time.
    void check_expiry(std::uint64_t wall_ms, std::uint64_t notice_ms);
    /// Ends the session for a reason of the broker, and tells the client the code.
    virtual void end(wire::error_code code, exchange::close_reason reason) = 0;
    /// Asks the client to connect again after so many milliseconds.
    virtual void notify_reconnect(std::uint64_t after_ms) = 0;

    /// Returns whether it is in the exchange now.
    bool is_authenticated() const noexcept { return standing_ == standing::inside; }
    /// Returns whether it logged in with a password.
    bool has_account() const noexcept { return identified_by_ == identified_by::account && is_authenticated(); }
    std::size_t unanswered() const noexcept { return unanswered_; }
    /// Returns the client's address, as far as it is known.
    virtual std::string address() const = 0;

    /// Place in shard_clients' list of sessions that end with their token.
    exchange::list_place expiring_place;

protected:
    enum class login_step : std::uint8_t { accepted, waiting, refused };
    enum class standing : std::uint8_t {
        outside,    ///< has not logged in, or has left
        verifying,  ///< waits for the decision on its log-in
        inside,     ///< is in the exchange
    };
    /// How its user was identified.
    enum class identified_by : std::uint8_t { credentials, account, anonymous };

    user_session() = default;
    ~user_session() = default;

    // The object that carries the session has these: one of each for both is enough, as most are idle.
    virtual shard_clients& clients() const noexcept = 0;
    virtual const listener_settings& listener() const noexcept = 0;

    /// Logs in with the first method of the list that accepts such credentials. Calls logged_in() or login_refused();
    /// if it has to wait, one of them is called later, and logged_in_late() after logged_in().
    login_step log_in(const login_request& request);
    /// The user is known: enters the exchange, or returns why it may not.
    virtual wire::error_code objection() { return wire::error_code::none; }
    /// Called in the exchange, before observers hear of the session: tells the client.
    virtual void logged_in() = 0;
    virtual void logged_in_late() = 0;
    virtual void login_refused(const wire::status_error& error) = 0;
    virtual void warn_of_expiry(std::uint64_t left_ms) = 0;

    /// Returns whether it has as many unanswered messages as it may; then route() must not be called.
    bool is_full() const noexcept;
    /// Gives a message to the handler of its type, where it may have to wait; calls on_message_refused() if it is
    /// refused.
    void route(const wire::client_message& message);
    /// The message was refused and does not count as unanswered.
    virtual void on_message_refused(const wire::client_message& message, const wire::status_error& error) = 0;
    /// Replaces the session's token by a fresh one of the same user; returns the error of a token that is refused.
    std::optional<wire::status_error> renew_token(std::string_view token);
    /// Returns whether its time is over; until the sweep ends it, its messages are refused.
    bool has_expired() const noexcept;
    /// Returns whether it may send this type at all.
    bool may_ever_send(std::string_view type);
    /// Leaves the exchange, if it is in it.
    void leave();
    login_step refuse(const wire::status_error& error);
    session_access& access();

    std::uint32_t unanswered_ = 0;
    std::unique_ptr<session_access> access_;  ///< null while nothing needs it
    standing standing_ = standing::outside;
    identified_by identified_by_ = identified_by::credentials;

private:
    /// Ends the wait for the decision on its log-in; returns false if there was none.
    bool end_verifying() noexcept;
    login_step refuse(wire::error_code code);
    login_step put_off(const wire::status_error& error);
    wire::status_error busy_now() const;
    login_step log_in_with_nothing(const login_request& request);
    login_step log_in_with_password(const login_request& request);
    login_step log_in_with_token(const login_request& request);
    login_step ask_handler(const login_request& request);
    bool must_wait(const access::address_key& from, std::string_view user);
    login_step accept(std::string_view user);
    void take_identity(access::token_identity identity);
    std::optional<wire::status_error> forbids(const wire::client_message& message);
};

}  // namespace bester::clients
