// client_session: what it says of itself, and its password and token.
#include <string>

#include "clients/access_rules.hpp"
#include "clients/client_session.hpp"
#include "clients/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using wire::client_message;
using wire::error_code;

std::string client_session::address() const {
    return access_ && !access_->from.empty() ? access_->from : remote_address(fd());
}

std::string client_session::describe_self() const {
    std::string data = R"({"user":")" + user_ + R"(","session":")";
    data.append(id_.text()).append(R"(","server":)");
    wire::append_quoted(data, shard_.settings().server_name);
    data.append(R"(,"roles":)").append(access_ ? access_->roles_text() : "[]");
    if (access_ && access_->valid_until_ms != 0)
        data += R"(,"expires":)" + std::to_string(access_->valid_until_ms / 1'000);
    return data + '}';
}

void client_session::warn_of_expiry(std::uint64_t left_ms) { send_frame(wire::token_notice_frame(left_ms)); }

void client_session::answer_token(std::string_view id_token, std::string_view token) {
    if (const auto error = renew_token(token)) return send_bad(id_token, *error);
    if (!id_token.empty()) send_good(id_token, {});
}

void client_session::change_password(std::string_view id_token, const wire::builtin_command& command) {
    const auto wait = owner_.door().throttle.wait_for(counted_address(address()), user_, shard_.now_ms());
    if (wait.count() > 0) {
        wire::status_error error = wire::as_status_error(error_code::login_throttled);
        error.retry_after_ms = static_cast<std::uint64_t>(wait.count());
        return send_bad(id_token, error);
    }
    ++unanswered_;
    owner_.logins().change_password(user_, command.old_password, command.new_password,
                                    [&home = shard_, id = id_, token = std::string{id_token}](login_result result) {
                                        home.post([id, copy = token, result](exchange::shard& here) {
                                            // Hidden sessions ask no such thing; all others are client_sessions.
                                            if (auto* who = static_cast<client_session*>(here.sessions().find(id)))
                                                who->password_changed(copy, result);
                                        });
                                    });
}

void client_session::password_changed(std::string_view id_token, login_result result) {
    if (result == login_result::rejected)
        owner_.door().throttle.failed(counted_address(address()), user_, shard_.now_ms());
    exchange::envelope_view message;
    message.id_token = id_token;
    if (result == login_result::accepted) return message_done(message, nullptr);
    wire::status_error error = wire::as_status_error(error_code::busy);
    if (result == login_result::rejected) error = wire::as_status_error(error_code::authentication_failed);
    if (result == login_result::bad_password)
        error = wire::as_status_error(error_code::bad_message, "the new password is empty or too long");
    message_done(message, &error);
}

}  // namespace bester::clients
