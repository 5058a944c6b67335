// client_session: requests and WebSockets of Engine.IO.
#include <algorithm>
#include <cstring>
#include <utility>

#include <spdlog/spdlog.h>

#include "clients/client_session.hpp"
#include "clients/engine_session.hpp"
#include "clients/moved_connection.hpp"
#include "clients/query_text.hpp"
#include "clients/shard_clients.hpp"
#include "clients/shard_engines.hpp"
#include "exchange/shard.hpp"
#include "socketio/engine_packet.hpp"
#include "web/origin_rule.hpp"
#include "web/websocket_handshake.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::frame_verdict;
using socketio::engine_error;

namespace {

engine_answer answer_for(engine_error error) {
    const auto status = error == engine_error::forbidden ? web::http_status::forbidden : web::http_status::bad_request;
    return {status, std::string{socketio::error_body(error)}};
}

/// May the page that this request comes from use this path? What comes from no page may.
bool is_granted_to(const web::http_request& asked, const web_path& path) {
    const std::string_view origin = asked.header("Origin");
    return origin.empty() || web::is_origin_allowed(origin, asked.header("Host"), path.origins);
}

/// Tells the browser that the page may have the answer; empty if the request comes from no page.
std::string cors_lines(const web::http_request& asked, const web_path& path) {
    web::cors_grant grant;
    grant.origin = asked.header("Origin");
    if (grant.origin.empty()) return {};
    // Not for pages that nobody has named: what a browser adds by itself says nothing of what its user wants.
    grant.allows_credentials = std::find(path.origins.begin(), path.origins.end(), "*") == path.origins.end();
    grant.is_preflight = asked.method == web::http_method::options;
    grant.asked_headers = asked.header("Access-Control-Request-Headers");
    return web::cors_headers(grant);
}

}  // namespace

// ---- requests ----------------------------------------------------------------------------------

frame_verdict client_session::on_engine_request(const web_path& path, const web::http_request& asked,
                                                std::string_view body) {
    const bool is_granted = is_granted_to(asked, path);
    web::response_context context{asked.is_head, asked.keep_alive,
                                  is_granted ? cors_lines(asked, path) : std::string{}};
    const auto answer_with = [&](const engine_answer& what) {
        answer_request(context, what);
        return is_closing() ? frame_verdict::closed : frame_verdict::taken;
    };
    if (!is_granted) return answer_with(answer_for(engine_error::forbidden));
    if (asked.method == web::http_method::options) return answer_with({web::http_status::no_content, {}});
    const std::string_view sid = query_value(asked.query, "sid");
    // Who is here already may still get what is due.
    if (owner_.is_draining() && sid.empty()) return refuse_request(asked, web::http_status::service_unavailable);
    if (!learn_address(asked)) return frame_verdict::closed;
    if (query_value(asked.query, "EIO") != "4") return answer_with(answer_for(engine_error::unsupported_version));
    const std::string_view carrier = query_value(asked.query, "transport");
    if (carrier == "websocket") {
        if (!web::asks_for_websocket(asked)) return answer_with(answer_for(engine_error::bad_request));
        return upgrade_to_engine(path, asked);
    }
    if (carrier != "polling") return answer_with(answer_for(engine_error::unknown_transport));
    const bool is_post = asked.method == web::http_method::post;
    if (sid.empty()) {
        if (asked.method != web::http_method::get) return answer_with(answer_for(engine_error::bad_handshake_method));
        const engine_session* const opened = owner_.engines().open(make_opening(path, asked));
        if (!opened) return refuse_request(asked, web::http_status::service_unavailable);
        return answer_with({web::http_status::ok, opened->open_text(true)});
    }
    if (asked.method == web::http_method::head) return answer_with(answer_for(engine_error::bad_request));
    pending_request& pending = await_answer(std::move(context));
    pending.sid = sid;
    const waiting_request here{shard_.index(), pending.ticket};
    owner_.engines().at(pending.sid,
                        [here, is_post, packets = std::string{body}](shard_engines& there, engine_session* who) {
                            if (!who) there.answer(here, answer_for(engine_error::unknown_session));
                            else if (is_post) who->post(packets, here);
                            else who->poll(here);
                        });
    return frame_verdict::taken;
}

void client_session::engine_answered(const engine_answer& what) {
    if (state_ == state::leaving || !is_open() || !web_->pending) return;
    const auto pending = take_pending();
    answer_request(pending->answer, what);
}

void client_session::answer_request(const web::response_context& to, const engine_answer& what) {
    const bool is_error = what.body.starts_with("{\"code\"");
    const std::string_view type = is_error ? "application/json" : "text/plain; charset=UTF-8";
    enqueue_answer(web::make_response(to, what.status, type, what.body));
    answered(to);
}

std::shared_ptr<const engine_opening> client_session::make_opening(const web_path& path,
                                                                   const web::http_request& asked) const {
    auto made = std::make_shared<engine_opening>();
    made->listener = &listener_;
    made->path = &path;
    made->address = address();
    made->query = query_without(asked.query, {"EIO", "transport", "t", "sid", "b64", "access_token"});
    made->token = token_of(asked);
    auto shown = certificate(path.authentication.empty() ? listener_.authentication : path.authentication);
    made->certificate = std::move(shown.name);
    made->certificate_until_ms = shown.until_ms;
    return made;
}

// ---- WebSockets --------------------------------------------------------------------------------

frame_verdict client_session::upgrade_to_engine(const web_path& path, const web::http_request& asked) {
    const auto refuse_with = [&](engine_error error) {
        return respond_and_close(web::make_response({.keep_alive = false}, web::http_status::bad_request,
                                                    "application/json", socketio::error_body(error)));
    };
    const std::string_view sid = query_value(asked.query, "sid");
    engine_session* carried = nullptr;
    if (!sid.empty()) {
        const auto there = owner_.engines().shard_for(sid);
        if (!there) return refuse_with(engine_error::unknown_session);
        if (*there != shard_.index()) {
            pending_request& pending = await_answer({.keep_alive = false});
            pending.request = asked;
            shard_.at_turn_end([&clients = owner_, ticket = pending.ticket, target = *there] {
                // Only client_sessions move.
                if (auto* who = static_cast<client_session*>(clients.take_ticket(ticket))) who->move_request(target);
            });
            return held(on_answer);
        }
        carried = owner_.engines().find(sid);
        if (!carried) return refuse_with(engine_error::unknown_session);
    }
    const web::handshake_answer answer =
        web::answer_handshake(asked, {path.origins, path.subprotocols, path.compression});
    if (!answer.is_accepted()) {
        spdlog::debug("listener {}: no WebSocket for {}: {}", listener_.name, address(), answer.reason);
        return respond_and_close(answer.response);
    }
    if (carried && !carried->begin_upgrade(*this)) return refuse_with(engine_error::bad_request);
    const bool is_new = !carried;
    if (is_new) carried = owner_.engines().open(make_opening(path, asked));
    if (!carried) return respond_and_close(web::error_response(web::http_status::service_unavailable));
    enqueue_answer(answer.response);
    carry(*carried, path, answer.is_compressed);
    if (is_new) carried->begin_on(*this);
    return frame_verdict::taken;
}

/// From now on it is the WebSocket of this Engine.IO session.
void client_session::carry(engine_session& what, const web_path& path, bool is_compressed) {
    web_->path = &path;
    web_->form = web_form::engine;
    web_->is_compressed = is_compressed;
    web_->engine = &what;
    web::websocket_settings settings;
    settings.message_limit = message_limit();
    settings.allows_binary = true;
    settings.is_compressed = is_compressed;
    set_framing(
        std::make_unique<websocket_framing>(owner_.websockets(), settings, static_cast<websocket_events&>(*this)));
    owner_.watch_web(*this);
    owner_.authenticated(*this);  // its log-ins have a deadline of their own
    state_ = state::open;
}

frame_verdict client_session::on_engine_frame(std::string_view body) {
    if (!web_->engine) return frame_verdict::closed;
    const bool is_binary = static_cast<const websocket_framing*>(current_framing())->is_binary();
    const frame_verdict verdict = web_->engine->on_websocket(*this, body, is_binary);
    if (verdict == frame_verdict::taken_then_pause || verdict == frame_verdict::not_yet) held(on_engine);
    return verdict;
}

void client_session::engine_is_free() { release(on_engine); }

bool client_session::put_engine_text(std::string_view start, std::string_view data) {
    const std::size_t body_size = start.size() + data.size();
    if (web_->is_compressed && body_size >= least_compressed) {
        std::string whole{start};
        return put_text(whole.append(data));
    }
    const std::size_t size = web::frame_header_size(body_size) + body_size;
    return put(size, [&](char* room) {
        char* const at = web::write_frame_header(room, web::opcode::text, body_size);
        std::memcpy(at, start.data(), start.size());
        if (!data.empty()) std::memcpy(at + start.size(), data.data(), data.size());
        return size;
    });
}

bool client_session::put_engine_bytes(std::string_view bytes) {
    const std::size_t size = web::frame_header_size(bytes.size()) + bytes.size();
    return put(size, [&](char* room) {
        char* const at = web::write_frame_header(room, web::opcode::binary, bytes.size());
        if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
        return size;
    });
}

bool client_session::put_engine_frames(std::string_view frames) { return put(frames); }

bool client_session::put_engine_frames(const exchange::payload& frames) { return put(frames); }

/// The Engine.IO session ends, or goes on without it.
void client_session::leave_engine() {
    web_->engine = nullptr;
    if (state_ == state::leaving) return;
    end_websocket(web::close_code::normal, {});
    leave_exchange();
    close_after_flush(close_reason::requested);
}

/// What belongs to it is told that it is gone.
void client_session::abandon_engine() {
    if (!web_) return;
    if (engine_session* const carried = std::exchange(web_->engine, nullptr)) carried->websocket_gone(*this);
    const auto pending = take_pending();
    if (!pending || pending->sid.empty()) return;
    const waiting_request here{shard_.index(), pending->ticket};
    owner_.engines().at(pending->sid, [here](shard_engines&, engine_session* who) {
        if (who) who->request_gone(here);
    });
}

// ---- to another shard --------------------------------------------------------------------------

std::unique_ptr<moved_connection> client_session::pack() {
    if (!is_open() || is_closing() || is_blocked() || queued_bytes() > 0) return nullptr;
    auto packed = std::make_unique<moved_connection>();
    packed->listener = &listener_;
    packed->access = std::move(access_);
    packed->path = web_->path;
    packed->is_compressed = web_->is_compressed;
    if (web_->engine) web_->engine = nullptr;
    auto taken = release_connection();
    packed->fd = taken.fd;
    packed->cipher = std::move(taken.cipher);
    packed->received = std::move(taken.received);
    return packed;
}

client_session::client_session(shard_clients& owner, moved_connection& from, std::uint64_t deadline_ms)
    : framed_stream{owner.shard(), from.fd, std::min(owner.limits().message_size, owner.limits().login_size),
                    std::move(from.cipher)},
      user_session{owner, *from.listener},
      login_deadline_ms_{deadline_ms} {
    use_account(owner.account());
    access_ = std::move(from.access);
    begin_http();
}

void client_session::move_request(unsigned target) {
    if (!web_->pending) return;
    const auto pending = take_pending();
    auto packed = owner_.give_away(*this);
    if (!packed) {
        refuse_request(pending->request, web::http_status::service_unavailable);
        return;
    }
    packed->request = std::move(pending->request);
    shard_.post_to(target, [&there = owner_.on_shard(target), packed = std::move(packed)](exchange::shard&) mutable {
        there.take_over(std::move(packed));
    });
}

void client_session::go_on_with(const std::string& received, const web::http_request& asked) {
    start(received);
    // It has the same listener, so its path is there.
    const frame_verdict verdict = upgrade_to_engine(*find_path(asked.path), asked);
    if (verdict == frame_verdict::taken_then_pause) pause();  // moves on
}

void client_session::go_on_with(const std::string& received, engine_session& carried, const web_path& path,
                                bool is_compressed) {
    start(received);
    carry(carried, path, is_compressed);
}

}  // namespace bester::clients
