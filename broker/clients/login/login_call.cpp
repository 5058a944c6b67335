#include "clients/login/login_call.hpp"

#include <utility>

#include "json/parse.hpp"
#include "wire/json_text.hpp"
#include "wire/names.hpp"

namespace bester::clients {

using wire::error_code;

namespace {

constexpr std::string_view login_id = "\"login\"";

tl::unexpected<login_denial> failed(error_code code, std::string_view reason) {
    return tl::unexpected(login_denial{std::string{wire::describe(code).text}, std::string{reason},
                                       wire::describe(code).temporary, false});
}

bool read_roles(const json::json_value& list, std::vector<std::string>& roles) {
    if (!list.is(json::json_kind::array) || list.elements.size() > access::max_roles) return false;
    for (const auto& each : list.elements) {
        if (!each.is(json::json_kind::string) || !access::is_role(each.text)) return false;
        roles.push_back(each.text);
    }
    return true;
}

}  // namespace

login_call::decision read_login_reply(std::string_view data) {
    using enum json::json_kind;
    const auto wrong = [](std::string_view reason) { return failed(error_code::handler_failed, reason); };
    const auto reply = json::parse_object(data);
    if (!reply) return wrong("the log-in handler replied no object");
    access::token_identity identity;
    const auto* user = reply->value_of("user");
    if (!user || !user->is(string) || !wire::is_user_name(user->text)) return wrong("the log-in handler named no user");
    identity.user = user->text;
    if (const auto* roles = reply->value_of("roles"); roles && !read_roles(*roles, identity.roles))
        return wrong("the log-in handler's `roles` are no list of roles");
    if (const auto* claims = reply->value_of("claims")) {
        if (!claims->is(object)) return wrong("the log-in handler's `claims` are no object");
        json::append_compact(identity.claims, *claims);
        if (identity.claims.size() > access::max_claims_size)
            return wrong("the log-in handler's `claims` are larger than 4 KiB");
    }
    if (const auto* expires = reply->value_of("expires")) {
        if (!expires->is(number) || !(expires->number() > 0 && expires->number() < 253'402'300'800.0))
            return wrong("the log-in handler's `expires` is no time");
        identity.valid_until =
            std::chrono::sys_seconds{std::chrono::seconds{static_cast<std::int64_t>(expires->number())}};
    }
    return identity;
}

login_call::login_call(exchange::shard& shard) : shard_{shard} { id_ = shard_.sessions().add_hidden(*this); }

login_call::~login_call() {
    shard_.groups().leave_all(*this);
    shard_.sessions().remove(id_);
}

void login_call::ask(std::string_view type, std::string_view data, std::uint64_t share,
                     std::function<void(decision)> done) {
    done_ = std::move(done);
    exchange::handler_port* const port = shard_.routes().serving(type);
    if (!port) return finish(failed(error_code::no_handler, "no handler serves log-ins"));
    std::string type_token;
    wire::append_quoted(type_token, type);
    exchange::envelope_view envelope;
    envelope.origin = id_;
    envelope.share = share;
    envelope.type_token = type_token;
    envelope.id_token = login_id;
    const auto result = port->submit(envelope, type, data);
    if (result.what == exchange::submit_result::outcome::refused)
        finish(failed(result.error, wire::describe(result.error).meaning));
}

bool login_call::deliver(std::string_view, std::string_view data, std::string_view id_token) {
    // Only the reply counts, and only the first.
    if (id_token != login_id || !reply_.empty()) return false;
    reply_ = data;
    return true;
}

void login_call::message_done(const exchange::envelope_view&, const wire::status_error* error) {
    if (!error)
        return finish(reply_.empty() ? failed(error_code::handler_failed, "the log-in handler replied nothing")
                                     : read_login_reply(reply_));
    // The broker's own codes, and those of its library where it failed, mean that the handler could not decide; every
    // other code is its decision.
    bool is_verdict = !wire::means_no_answer(error->code);
    for (const auto& row : wire::error_table())
        if (row.text == error->code && row.code != error_code::authentication_failed &&
            row.code != error_code::forbidden && row.code != error_code::handler_refused)
            is_verdict = false;
    finish(tl::unexpected(
        login_denial{std::string{error->code}, std::string{error->reason}, error->temporary, is_verdict}));
}

void login_call::disconnect(const wire::status_error& why) {
    finish(tl::unexpected(login_denial{std::string{why.code}, std::string{why.reason}, why.temporary, true}));
}

void login_call::finish(decision outcome) {
    if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome));
}

}  // namespace bester::clients
