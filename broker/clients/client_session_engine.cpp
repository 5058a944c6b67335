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

constexpr std::uint64_t never = ~std::uint64_t{0};

engine_answer answer_for(engine_error error) {
    const auto status = error == engine_error::forbidden ? web::http_status::forbidden : web::http_status::bad_request;
    return {status, std::string{socketio::error_body(error)}};
}

}  // namespace

// ---- requests ----------------------------------------------------------------------------------

frame_verdict client_session::on_engine_request(const web_path& path, std::string_view body) {
    const web::http_request& asked = request();
    const auto refuse_with = [this](engine_error error) {
        engine_answered(answer_for(error));
        return is_closing() ? frame_verdict::closed : frame_verdict::taken;
    };
    const std::string_view origin = asked.header("Origin");
    if (!origin.empty() && !web::is_origin_allowed(origin, asked.header("Host"), path.origins))
        return refuse_with(engine_error::forbidden);
    if (asked.method == web::http_method::options) {
        engine_answered({web::http_status::no_content, {}});
        return frame_verdict::taken;
    }
    const std::string_view sid = query_value(asked.query, "sid");
    // Who is here already may still get what is due.
    if (owner_.is_draining() && sid.empty())
        return respond_and_close(web::error_response(web::http_status::service_unavailable));
    if (!learn_address()) return frame_verdict::closed;
    if (query_value(asked.query, "EIO") != "4") return refuse_with(engine_error::unsupported_version);
    const std::string_view carrier = query_value(asked.query, "transport");
    if (carrier == "websocket") {
        if (!web::asks_for_websocket(asked)) return refuse_with(engine_error::bad_request);
        return upgrade_to_engine(path, web::http_request{asked});
    }
    if (carrier != "polling") return refuse_with(engine_error::unknown_transport);
    const bool is_post = asked.method == web::http_method::post;
    if (sid.empty()) {
        if (asked.method != web::http_method::get) return refuse_with(engine_error::bad_handshake_method);
        const engine_session* const opened = owner_.engines().open(make_opening(path));
        if (!opened) return respond_and_close(web::error_response(web::http_status::service_unavailable));
        engine_answered({web::http_status::ok, opened->open_text(true)});
        return frame_verdict::taken;
    }
    if (asked.method == web::http_method::head) return refuse_with(engine_error::bad_request);
    const waiting_request here{shard_.index(), owner_.start_verification(*this)};
    web_->polled = std::make_unique<polled_request>(polled_request{std::string{sid}, here.ticket});
    login_deadline_ms_ = never;
    owner_.engines().at(std::string{sid},
                        [here, is_post, packets = std::string{body}](shard_engines& there, engine_session* who) {
                            if (!who) there.answer(here, answer_for(engine_error::unknown_session));
                            else if (is_post) who->post(packets, here);
                            else who->poll(here);
                        });
    return frame_verdict::taken;
}

/// Answers the request that was read last.
void client_session::engine_answered(const engine_answer& what) {
    if (state_ == state::leaving || !is_open()) return;
    const bool has_waited = web_->polled != nullptr;
    web_->polled.reset();
    const web::http_request& asked = request();
    web::cors_grant grant;
    std::string granted;
    if (const std::string_view origin = asked.header("Origin");
        !origin.empty() && what.status != web::http_status::forbidden) {
        const auto& rules = find_path(asked.path)->origins;
        grant.origin = origin;
        // Not for pages that nobody has named: what a browser adds by itself says nothing of what its user wants.
        grant.allows_credentials = std::find(rules.begin(), rules.end(), "*") == rules.end();
        grant.is_preflight = asked.method == web::http_method::options;
        grant.asked_headers = asked.header("Access-Control-Request-Headers");
        granted = web::cors_headers(grant);
    }
    web::response_parts response;
    response.status = what.status;
    response.keep_alive = asked.keep_alive;
    response.is_head = asked.is_head;
    response.content_type = what.body.starts_with("{\"code\"") ? "application/json" : "text/plain; charset=UTF-8";
    response.headers = granted;
    response.body = what.body;
    output().append(std::string_view{web::make_response(response)});
    queued();
    if (!asked.keep_alive) return close_after_flush(close_reason::requested);
    login_deadline_ms_ = shard_.now_ms() + static_cast<std::uint64_t>(owner_.limits().authentication_timeout.count());
    if (has_waited) resume();
}

std::shared_ptr<const engine_opening> client_session::make_opening(const web_path& path) const {
    auto made = std::make_shared<engine_opening>();
    made->listener = &listener_;
    made->path = &path;
    made->address = address();
    made->query = query_without(request().query, {"EIO", "transport", "t", "sid", "b64", "access_token"});
    made->token = token_of(request());
    made->certificate = certificate_name(path.authentication.empty() ? listener_.authentication : path.authentication);
    return made;
}

// ---- WebSockets --------------------------------------------------------------------------------

frame_verdict client_session::upgrade_to_engine(const web_path& path, const web::http_request& asked) {
    const auto refuse_with = [&](engine_error error) {
        web::response_parts response;
        response.status = web::http_status::bad_request;
        response.keep_alive = false;
        response.content_type = "application/json";
        response.body = socketio::error_body(error);
        return respond_and_close(web::make_response(response));
    };
    const std::string_view sid = query_value(asked.query, "sid");
    engine_session* carried = nullptr;
    if (!sid.empty()) {
        const auto there = owner_.engines().shard_for(sid);
        if (!there) return refuse_with(engine_error::unknown_session);
        if (*there != shard_.index()) {
            const std::uint64_t ticket = owner_.start_verification(*this);
            shard_.at_turn_end([&clients = owner_, ticket, target = *there, asked] {
                // Only client_sessions move.
                if (auto* who = static_cast<client_session*>(clients.take_ticket(ticket)))
                    who->move_request(target, asked);
            });
            return frame_verdict::taken_then_pause;
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
    if (is_new) carried = owner_.engines().open(make_opening(path));
    if (!carried) return respond_and_close(web::error_response(web::http_status::service_unavailable));
    output().append(std::string_view{answer.response});
    queued();
    carry(*carried, path, answer.is_compressed);  // the request is gone
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
    settings.message_limit = owner_.limits().message_size;
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
    if (verdict == frame_verdict::taken_then_pause) return held(on_engine);
    return verdict == frame_verdict::taken && must_read_first() ? held(on_output) : verdict;
}

void client_session::engine_is_free() { release(on_engine); }

bool client_session::put_engine_text(std::string_view start, std::string_view data) {
    const std::size_t body_size = start.size() + data.size();
    if (web_->is_compressed && body_size >= least_compressed) {
        std::string whole{start};
        return put_text(whole.append(data));
    }
    const std::size_t size = web::frame_header_size(body_size) + body_size;
    if (!make_room(size)) return false;
    char* at = web::write_frame_header(output().reserve(size), web::opcode::text, body_size);
    std::memcpy(at, start.data(), start.size());
    if (!data.empty()) std::memcpy(at + start.size(), data.data(), data.size());
    output().commit(size);
    queued();
    return true;
}

bool client_session::put_engine_bytes(std::string_view bytes) {
    const std::size_t size = web::frame_header_size(bytes.size()) + bytes.size();
    if (!make_room(size)) return false;
    char* const at = web::write_frame_header(output().reserve(size), web::opcode::binary, bytes.size());
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    output().commit(size);
    queued();
    return true;
}

bool client_session::put_engine_frames(std::string_view frames) {
    if (!make_room(frames.size())) return false;
    output().append(frames);
    queued();
    return true;
}

bool client_session::put_engine_frames(const exchange::payload& frames) {
    if (!make_room(frames.size())) return false;
    output().append(frames);
    queued();
    return true;
}

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
    if (const auto polled = std::move(web_->polled)) {
        const waiting_request here{shard_.index(), polled->ticket};
        owner_.engines().at(polled->sid, [here](shard_engines&, engine_session* who) {
            if (who) who->request_gone(here);
        });
    }
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
    : framed_stream{owner.shard(), from.fd, owner.limits().message_size, std::move(from.cipher)},
      user_session{owner, *from.listener},
      login_deadline_ms_{deadline_ms} {
    access_ = std::move(from.access);
    begin_http();
}

void client_session::move_request(unsigned target, const web::http_request& asked) {
    auto packed = owner_.give_away(*this);
    if (!packed) {
        respond_and_close(web::error_response(web::http_status::service_unavailable));
        return;
    }
    packed->request = asked;
    shard_.post_to(target, [&there = owner_.on_shard(target), packed = std::move(packed)](exchange::shard&) mutable {
        there.take_over(std::move(packed));
    });
}

void client_session::go_on_with(const std::string& received, const web::http_request& asked) {
    start(received);
    const web_path* const found = find_path(asked.path);
    if (found) upgrade_to_engine(*found, asked);
}

void client_session::go_on_with(const std::string& received, engine_session& carried, const web_path& path,
                                bool is_compressed) {
    start(received);
    carry(carried, path, is_compressed);
}

}  // namespace bester::clients
