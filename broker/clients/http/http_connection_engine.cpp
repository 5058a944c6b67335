// http_connection: requests of Engine.IO, and upgrades to its WebSocket.
#include <algorithm>
#include <utility>

#include "clients/engine/engine_carrier.hpp"
#include "clients/engine/engine_session.hpp"
#include "clients/engine/shard_engines.hpp"
#include "clients/http/credentials_header.hpp"
#include "clients/http/http_connection.hpp"
#include "clients/http/query_text.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "log/log.hpp"
#include "socketio/engine_packet.hpp"
#include "web/origin_rule.hpp"
#include "web/websocket_handshake.hpp"

namespace bester::clients {

using exchange::counter;
using exchange::frame_verdict;
using socketio::engine_error;

namespace {

engine_answer answer_for(engine_error error) {
    const auto status = error == engine_error::forbidden ? web::http_status::forbidden : web::http_status::bad_request;
    return {status, std::string{socketio::error_body(error)}};
}

/// Returns whether the page that this request comes from may use this path; requests from no page may.
bool is_granted_to(const web::http_request& asked, const web_path& path, bool is_tls) {
    const std::string_view origin = asked.header("Origin");
    return origin.empty() || web::is_origin_allowed(origin, {asked.header("Host"), is_tls}, path.origins);
}

/// Returns the headers that let the page read the answer; empty if the request comes from no page.
std::string cors_lines(const web::http_request& asked, const web_path& path) {
    web::cors_grant grant;
    grant.origin = asked.header("Origin");
    if (grant.origin.empty()) return {};
    // Not for pages that the config does not name: credentials that a browser adds by itself do not show that its user
    // wants this.
    grant.allows_credentials = std::find(path.origins.begin(), path.origins.end(), "*") == path.origins.end();
    grant.is_preflight = asked.method == web::http_method::options;
    grant.asked_headers = asked.header("Access-Control-Request-Headers");
    return web::cors_headers(grant);
}

}  // namespace

frame_verdict http_connection::on_engine_request(const web_path& path, web::http_request asked, std::string_view body) {
    const bool is_granted = is_granted_to(asked, path, listener_.tls.is_on());
    web::response_context context{asked.is_head, asked.keep_alive,
                                  is_granted ? cors_lines(asked, path) : std::string{}};
    const auto answer_with = [&](const engine_answer& what) {
        answer_engine(context, what);
        return is_closing() ? frame_verdict::closed : frame_verdict::taken;
    };
    if (!is_granted) return answer_with(answer_for(engine_error::forbidden));
    if (asked.method == web::http_method::options) return answer_with({web::http_status::no_content, {}});
    const std::string_view sid = query_value(asked.query, "sid");
    // Sessions that exist may still get their answers.
    if (owner_.is_draining() && sid.empty()) return refuse(asked, web::http_status::service_unavailable);
    if (!learn_address(asked)) return frame_verdict::closed;
    if (query_value(asked.query, "EIO") != "4") return answer_with(answer_for(engine_error::unsupported_version));
    const std::string_view carrier = query_value(asked.query, "transport");
    if (carrier == "websocket") {
        if (!web::asks_for_websocket(asked)) return answer_with(answer_for(engine_error::bad_request));
        return upgrade_to_engine_later(std::move(asked));
    }
    if (carrier != "polling") return answer_with(answer_for(engine_error::unknown_transport));
    const bool is_post = asked.method == web::http_method::post;
    if (sid.empty()) {
        if (asked.method != web::http_method::get) return answer_with(answer_for(engine_error::bad_handshake_method));
        auto credentials = credentials_of(asked);
        if (!credentials) return refuse_login(asked, credentials.error());
        const auto opened = owner_.engines().open(make_opening(path, asked, std::move(*credentials)));
        if (!opened) return refuse(asked, opened.error());
        return answer_with({web::http_status::ok, (*opened)->open_text(true)});
    }
    if (asked.method == web::http_method::head) return answer_with(answer_for(engine_error::bad_request));
    pending_request& pending = await_answer(std::move(context));
    pending.sid = sid;
    const waiting_request here{shard_.index(), pending.ticket};
    owner_.engines().at(pending.sid, here,
                        [here, is_post, packets = std::string{body}](shard_engines& there, engine_session* session) {
                            if (!session) there.answer(here, answer_for(engine_error::unknown_session));
                            else if (is_post) session->post(packets, here);
                            else session->poll(here);
                        });
    return frame_verdict::taken;
}

void http_connection::engine_answered(const engine_answer& answer) {
    if (is_ending() || !pending_) return;
    answer_was_read();
    written_ = take_pending();
    answer_engine(written_->answer, answer);
}

void http_connection::tell_session(const std::string& sid, void (*what)(engine_session&)) {
    owner_.engines().at(sid, {}, [what](shard_engines&, engine_session* session) {
        if (session) what(*session);
    });
}

/// The session is pinged by its own time, but a client that takes a large answer slowly cannot see the ping before.
void http_connection::on_blocked() {
    connection::on_blocked();
    if (!written_ || std::exchange(written_->is_read_slowly, true)) return;
    tell_session(written_->sid, [](engine_session& session) { session.answer_is_read_slowly(); });
}

/// The answer that was written last is with the client, or something else is about to follow it.
void http_connection::answer_was_read() {
    if (written_ && written_->is_read_slowly)
        tell_session(written_->sid, [](engine_session& session) { session.answer_was_read(); });
    written_.reset();
}

void http_connection::answer_engine(const web::response_context& to, const engine_answer& answer) {
    const bool is_error = answer.body.starts_with("{\"code\"");
    if (is_error) shard_.count(counter::requests_refused);
    const std::string_view type = is_error ? "application/json" : "text/plain; charset=UTF-8";
    put_last(web::make_response(to, answer.status, type, answer.body));
    answered(to);
}

std::shared_ptr<const engine_opening> http_connection::make_opening(const web_path& path,
                                                                    const web::http_request& asked,
                                                                    request_credentials credentials) const {
    auto made = std::make_shared<engine_opening>();
    made->listener = &listener_;
    made->path = &path;
    made->address = address();
    made->query = query_without(asked.query, {"EIO", "transport", "t", "sid", "b64", "access_token"});
    made->credentials = std::move(credentials);
    auto shown = certificate(path.authentication.empty() ? listener_.authentication : path.authentication);
    made->certificate = std::move(shown.name);
    made->certificate_until_ms = shown.until_ms;
    return made;
}

// ---- WebSockets --------------------------------------------------------------------------------

frame_verdict http_connection::upgrade_to_engine_later(web::http_request asked) {
    pending_request& pending = await_answer({.keep_alive = false});
    pending.request = std::move(asked);
    shard_.at_turn_end([&clients = owner_, ticket = pending.ticket] {
        clients.with_request(ticket, [](http_connection& asking) {
            const auto waiting = asking.take_pending();
            asking.upgrade_to_engine(waiting->request);
        });
    });
    return held(on_answer);
}

void http_connection::upgrade_to_engine(const web::http_request& asked) {
    if (is_ending()) return;
    const auto refuse_with = [&](engine_error error) {
        respond_and_close(web::make_response({.keep_alive = false}, web::http_status::bad_request, "application/json",
                                             socketio::error_body(error)));
    };
    const web_path& path = *find_path(asked.path);
    const std::string_view sid = query_value(asked.query, "sid");
    engine_session* carried = nullptr;
    if (!sid.empty()) {
        const auto there = owner_.engines().shard_for(sid);
        if (!there) return refuse_with(engine_error::unknown_session);
        if (*there != shard_.index()) return move_to(*there, asked);
        carried = owner_.engines().find(sid);
        if (!carried) return refuse_with(engine_error::unknown_session);
    }
    web::handshake_answer answer =
        web::answer_handshake(asked, {path.origins, path.subprotocols, path.compression, listener_.tls.is_on()});
    if (!answer.is_accepted()) {
        log::debug("listener {}: no WebSocket for {}: {}", listener_.name, address(), answer.reason);
        respond_and_close(answer.response);
        return;
    }
    if (carried && !carried->can_upgrade()) return refuse_with(engine_error::bad_request);
    const bool is_new = !carried;
    if (is_new) {
        auto credentials = credentials_of(asked);
        if (!credentials) {
            refuse_login(asked, credentials.error());
            return;
        }
        const auto opened = owner_.engines().open(make_opening(path, asked, std::move(*credentials)));
        if (!opened) {
            refuse(asked, opened.error());
            return;
        }
        carried = *opened;
    }
    websocket_upgrade how;
    how.path = &path;
    how.is_compressed = answer.is_compressed;
    how.answer = std::move(answer.response);
    const auto part = is_new ? carrier_part::opens : carrier_part::takes_over;
    answer_was_read();
    if (!owner_.replace<engine_carrier>(*this, how, *carried, part) && is_new) carried->close_later();
}

/// The session is on that shard, and can be reached there only.
void http_connection::move_to(unsigned target, const web::http_request& asked) {
    struct journey {
        connection_parts parts;
        web::http_request asked;
    };
    if (!can_move()) {
        refuse(asked, web::http_status::service_unavailable);
        return;
    }
    answer_was_read();
    auto what = std::make_unique<journey>(journey{{}, asked});
    what->parts = owner_.give_away(*this);
    const auto send = [&] {
        owner_.send_on(target, [what = std::move(what)](shard_clients& there) {
            http_connection* const moved = there.take_over<http_connection>(std::move(what->parts));
            if (!moved) return;
            const auto go_on = [&] { moved->upgrade_to_engine(what->asked); };
            if (!there.shard().guarded("an upgrade", go_on)) moved->fail();
        });
    };
    if (!shard_.guarded("a connection that moves", send)) shard_.count(counter::connections_closed);
}

}  // namespace bester::clients
