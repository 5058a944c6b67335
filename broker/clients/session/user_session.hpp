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

/// What somebody shows to say who it is. Views, for the call.
struct login_request {
    const std::vector<authentication_method>& methods;  ///< those that are taken, in this order
    wire::credentials_kind kind = wire::credentials_kind::none;
    std::string_view user = {};
    std::string_view password = {};
    std::string_view token = {};
    std::string_view authentication = {};    ///< the whole as JSON, for a handler that decides
    std::string_view certificate = {};       ///< whom the client's certificate names; empty: it has none
    std::uint64_t certificate_until_ms = 0;  ///< since 1970: when that certificate expires
};

/// The session of a user, whatever carries it: who it is, what it may do and until when, and how many of
/// its messages are unanswered. Used on its shard's thread only.
class user_session : public exchange::session {
public:
    /// The verification that this session asked for has ended.
    void verified(login_result result);
    /// The handler that its log-in was given to has answered.
    void decided(login_call::decision outcome);
    /// The time for its log-in is over. If that still waits for an answer, the client did its part: it is refused for
    /// now. False: it has not asked to log in yet.
    bool give_up_login();
    /// Warns of the end of its token, and ends it when that has come.
    void check_expiry(std::uint64_t wall_ms, std::uint64_t notice_ms);
    /// Ends it for the broker's own reasons, telling the client the code.
    virtual void end(wire::error_code code, exchange::close_reason reason) = 0;
    /// Asks the client to connect again after so many milliseconds.
    virtual void notify_reconnect(std::uint64_t after_ms) = 0;

    /// Is it one of the exchange's sessions now?
    bool is_authenticated() const noexcept { return standing_ == standing::inside; }
    /// Did it log in with a password?
    bool has_account() const noexcept { return identified_by_ == identified_by::account && is_authenticated(); }
    std::size_t unanswered() const noexcept { return unanswered_; }
    /// Where the client is, as far as is known.
    virtual std::string address() const = 0;

    /// For shard_clients: what it waits for, and whether it is among those that end.
    std::uint64_t login_ticket = 0;
    exchange::list_place expiring_place;

protected:
    enum class login_step : std::uint8_t { accepted, waiting, refused };
    enum class standing : std::uint8_t {
        outside,    ///< has not logged in, or has left
        verifying,  ///< waits for who decides on its log-in
        inside,     ///< is one of the exchange's sessions
    };
    /// What its user is known by.
    enum class identified_by : std::uint8_t { credentials, account, anonymous };

    user_session(shard_clients& owner, const listener_settings& listener) noexcept
        : owner_{owner}, listener_{listener} {}
    ~user_session() = default;

    /// The first method of the list that takes such credentials decides. Calls logged_in() or login_refused(),
    /// unless it has to wait: then one of them is called later, and logged_in_late() after logged_in().
    login_step log_in(const login_request& request);
    /// It is known who it is; none: it may come in.
    virtual wire::error_code objection() { return wire::error_code::none; }
    /// Has entered the exchange: tell the client, before anybody hears of it.
    virtual void logged_in() = 0;
    virtual void logged_in_late() = 0;
    virtual void login_refused(const wire::status_error& error) = 0;
    virtual void warn_of_expiry(std::uint64_t left_ms) = 0;

    /// Has it as many unanswered messages as it may? Then route() must not be called.
    bool is_full() const noexcept;
    /// Gives a message to the handler of its type, where it may have to wait; on_message_refused() tells if it cannot.
    void route(const wire::client_message& message);
    /// It is not unanswered.
    virtual void on_message_refused(const wire::client_message& message, const wire::status_error& error) = 0;
    /// A fresh token of the same user takes the place of the one that the session began with; what is wrong with it.
    std::optional<wire::status_error> renew_token(std::string_view token);
    /// Is its time over? The sweep ends it then; until that comes it may do nothing any more.
    bool has_expired() const noexcept;
    /// May it send this type, ever?
    bool may_ever_send(std::string_view type);
    /// Leaves the exchange, if it is in it.
    void leave();
    login_step refuse(const wire::status_error& error);
    session_access& access();

    shard_clients& owner_;
    const listener_settings& listener_;
    std::unique_ptr<session_access> access_;  ///< null while nothing needs it
    std::uint32_t unanswered_ = 0;
    standing standing_ = standing::outside;
    identified_by identified_by_ = identified_by::credentials;

private:
    /// Ends the wait for who decides on its log-in; false: there was none.
    bool end_verifying() noexcept;
    login_step refuse(wire::error_code code);
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
