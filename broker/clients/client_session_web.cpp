// client_session: HTTP and WebSocket, in and out.
#include <algorithm>
#include <cstring>
#include <utility>

#include <sodium.h>
#include <spdlog/spdlog.h>

#include "clients/client_session.hpp"
#include "clients/file_reader.hpp"
#include "clients/http_framing.hpp"
#include "clients/query_text.hpp"
#include "clients/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "clients/websocket_framing.hpp"
#include "exchange/shard.hpp"
#include "web/address_rule.hpp"
#include "web/proxy_header.hpp"
#include "web/static_files.hpp"
#include "web/websocket_handshake.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::client_message;
using wire::error_code;

namespace {

/// Authorization: Basic, "user:password" (RFC 7617); empty if there is none.
std::string basic_of(const web::http_request& request) {
    constexpr std::string_view scheme = "Basic ";
    const std::string_view authorization = request.header("Authorization");
    if (!authorization.starts_with(scheme)) return {};
    const std::string_view text = authorization.substr(scheme.size());
    // libsodium takes some bytes from 0x80 on for digits.
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) < 0; })) return {};
    std::string pair(text.size(), '\0');
    std::size_t size = 0;
    const bool is_good = ::sodium_base642bin(reinterpret_cast<unsigned char*>(pair.data()), pair.size(), text.data(),
                                             text.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) == 0;
    pair.resize(is_good ? size : 0);
    return pair;
}

web::close_code code_for(close_reason reason) noexcept {
    switch (reason) {
        case close_reason::requested:
        case close_reason::closed_by_peer: return web::close_code::normal;
        case close_reason::shutting_down: return web::close_code::going_away;
        case close_reason::bad_input: return web::close_code::invalid_data;
        default: return web::close_code::policy_violation;
    }
}

/// Of a message that failed, on a path where nothing else can tell it.
web::close_code code_for(const wire::status_error& error) noexcept {
    if (error.temporary) return web::close_code::try_again_later;
    const bool is_ours = error.code == "handler_failed" || error.code == "internal_error";
    return is_ours ? web::close_code::internal_error : web::close_code::policy_violation;
}

}  // namespace

void client_session::begin_http() {
    web_ = std::make_unique<web_state>();
    web_->last_heard_ms = shard_.now_ms();
    web::http_limits limits;
    limits.head_size = listener_.web.head_size;
    limits.body_size = owner_.limits().message_size;
    limits.takes_body = [this](std::string_view path) {
        const web_path* const found = find_path(path);
        return found && found->frames == bound_frames::socketio;
    };
    set_framing(std::make_unique<http_framing>(limits, [this](const std::string& response, std::string_view reason) {
        spdlog::debug("listener {}: bad request from {}: {}", listener_.name, address(), reason);
        respond_and_close(response);
    }));
}

std::string_view client_session::path() const noexcept {
    return web_ && web_->path ? std::string_view{web_->path->name} : std::string_view{};
}

std::string_view client_session::query() const noexcept {
    return web_ ? std::string_view{web_->query} : std::string_view{};
}

// ---- HTTP ------------------------------------------------------------------------------------

/// Only while requests are read.
const web::http_request& client_session::request() const noexcept {
    return static_cast<const http_framing*>(current_framing())->request();
}

frame_verdict client_session::on_request(std::string_view body) {
    if (web_->polled) return frame_verdict::not_yet;  // one after the other
    web_->last_heard_ms = shard_.now_ms();
    const web_path* const found = find_path(request().path);
    if (found && found->frames == bound_frames::socketio) return on_engine_request(*found, body);
    if (owner_.is_draining()) return respond_and_close(web::error_response(web::http_status::service_unavailable));
    if (web::asks_for_websocket(request())) return upgrade();
    if (!listener_.web.files.empty()) return ask_for_file();
    return respond_and_close(web::error_response(
        found ? web::http_status::upgrade_required : web::http_status::not_found, {}, request().is_head));
}

frame_verdict client_session::respond_and_close(const std::string& response) {
    shard_.count(counter::messages_bad);
    output().append(std::string_view{response});
    queued();
    close_after_flush(close_reason::bad_input);
    return frame_verdict::closed;
}

/// The listener's path that is asked for; null: none.
const web_path* client_session::find_path(std::string_view path) const noexcept {
    // Clients of Socket.IO may be told to leave the slash at the end out.
    const auto is_it = [&](const web_path& each) {
        return each.name == path || (each.frames == bound_frames::socketio && each.name.ends_with('/') &&
                                     each.name.size() == path.size() + 1 && each.name.starts_with(path));
    };
    for (const web_path& each : listener_.web.paths)
        if (is_it(each)) return &each;
    return nullptr;
}

frame_verdict client_session::upgrade() {
    const web_path* const found = find_path(request().path);
    if (!found) return respond_and_close(web::error_response(web::http_status::not_found));
    const web::handshake_answer answer =
        web::answer_handshake(request(), {found->origins, found->subprotocols, found->compression});
    if (!answer.is_accepted()) {
        spdlog::debug("listener {}: no WebSocket for {}: {}", listener_.name, address(), answer.reason);
        return respond_and_close(answer.response);
    }
    if (!learn_address()) return frame_verdict::closed;
    output().append(std::string_view{answer.response});
    queued();
    web_->path = found;
    web_->query = query_without(request().query, {"access_token"});
    web_->is_compressed = answer.is_compressed;
    const std::string token = found->type.empty() ? std::string{} : token_of(request());
    const std::string basic = found->type.empty() ? std::string{} : basic_of(request());
    web::websocket_settings settings;
    settings.message_limit = owner_.limits().message_size;
    settings.is_compressed = answer.is_compressed;
    set_framing(std::make_unique<websocket_framing>(owner_.websockets(), settings,
                                                    static_cast<websocket_events&>(*this)));  // the request is gone
    owner_.watch_web(*this);
    if (found->type.empty()) return frame_verdict::taken;
    web_->form = found->frames == bound_frames::json ? web_form::bound_json : web_form::bound_text;
    wire::append_quoted(web_->type_token, found->type);
    return log_in_on_path(token, basic);
}

/// X-Forwarded-For is believed where a proxy of ours wrote it. False: there are too many from there.
bool client_session::learn_address() {
    const auto is_trusted = [&](std::string_view from) { return web::is_among(from, listener_.proxies); };
    if (listener_.proxies.empty() || !is_trusted(address())) return true;
    const auto from = web::forwarded_for(request().joined("X-Forwarded-For"), is_trusted);
    if (!from || (access_ && access_->from == *from)) return true;
    access().from = *from;
    access().place = {};  // a proxy may send several clients' requests on one connection
    const std::size_t most = owner_.limits().connections_per_address;
    if (most == 0) return true;
    const access::address_key counted = counted_address(*from);
    if (!owner_.door().addresses.enter(counted, most)) {
        shard_.count(counter::connections_refused);
        respond_and_close(web::error_response(web::http_status::too_many_requests));
        return false;
    }
    take_place(access::address_place{owner_.door().addresses, counted});
    return true;
}

/// On a bound path there is no first message: who it is follows from the request.
frame_verdict client_session::log_in_on_path(const std::string& token, const std::string& basic) {
    client_message message;
    message.type = "dummy";
    message.type_token = "\"dummy\"";
    message.data = "null";
    std::string authentication;
    if (!token.empty()) {
        message.credentials = wire::credentials_kind::token;
        message.token = token;
        authentication = R"({"token":)";
        wire::append_quoted(authentication, token);
        authentication += '}';
    } else if (const std::size_t colon = basic.find(':'); colon != std::string::npos) {
        message.credentials = wire::credentials_kind::password;
        message.user = std::string_view{basic}.substr(0, colon);
        message.password = std::string_view{basic}.substr(colon + 1);
        authentication = R"({"username":)";
        wire::append_quoted(authentication, message.user);
        authentication += R"(,"password":)";
        wire::append_quoted(authentication, message.password);
        authentication += '}';
    }
    message.authentication = authentication;
    const frame_verdict verdict = log_in(message);
    return verdict == frame_verdict::not_yet ? frame_verdict::taken_then_pause : verdict;
}

// ---- files -----------------------------------------------------------------------------------

frame_verdict client_session::ask_for_file() {
    const auto file = web::file_for(request().path);
    if (!file) return respond_and_close(web::error_response(web::http_status::not_found, {}, request().is_head));
    const std::uint64_t ticket = owner_.start_verification(*this);
    owner_.files().read(listener_.web.files, *file, listener_.web.file_size,
                        [&clients = owner_, &home = shard_, ticket](file_reader::result result) {
                            home.post([&clients, ticket, result = std::move(result)](exchange::shard&) mutable {
                                // Files are asked for by this class alone.
                                if (auto* who = static_cast<client_session*>(clients.take_ticket(ticket)))
                                    who->file_read(std::move(result));
                            });
                        });
    return held(on_login);
}

void client_session::file_read(file_reader::result result) {
    if (state_ != state::first) return;
    using outcome = file_reader::outcome;
    if (result.what != outcome::read && result.what != outcome::is_folder) {
        const auto status = result.what == outcome::busy     ? web::http_status::service_unavailable
                            : result.what == outcome::failed ? web::http_status::internal_error
                                                             : web::http_status::not_found;
        respond_and_close(web::error_response(status, {}, request().is_head));
        return;
    }
    shard_.count(counter::files_served);
    if (result.what == outcome::is_folder) {
        output().append(std::string_view{web::redirect_to_folder(request())});
    } else {
        const auto file = web::file_for(request().path);
        const web::file_answer answer = web::answer_file(request(), *file, result.version, listener_.web.cache_control);
        output().append(std::string_view{answer.head});
        if (answer.sends_body && result.content.size() > 0) output().append(std::move(result.content));
    }
    queued();
    if (!request().keep_alive) return close_after_flush(close_reason::requested);
    login_deadline_ms_ = shard_.now_ms() + static_cast<std::uint64_t>(owner_.limits().authentication_timeout.count());
    release(on_login);
}

// ---- frames in -------------------------------------------------------------------------------

/// A message of a bound path: all of it is data.
frame_verdict client_session::on_bound(std::string_view body) {
    client_message message;
    message.type = web_->path->type;
    message.type_token = web_->type_token;
    if (web_->form == web_form::bound_text) {
        std::string& room = owner_.text_room();
        room.clear();
        wire::append_quoted(room, body);
        message.data = room;
    } else {
        wire::json_reader& reader = shard_.reader();
        if (!reader.start(body) || !reader.value(message.data) || !reader.at_end()) {
            shard_.count(counter::messages_bad);
            web_->failure = "bad_message";
            finish(close_reason::bad_input);
            return frame_verdict::closed;
        }
    }
    state_ = state::open;
    return handle(message, false);
}

void client_session::heard() noexcept {
    web_->last_heard_ms = shard_.now_ms();
    web_->is_pinged = false;
}

void client_session::on_ping(std::string_view body) {
    const std::size_t size = web::frame_header_size(body.size()) + body.size();
    if (!make_room(size)) return;
    char* const room = output().reserve(size);
    std::memcpy(web::write_frame_header(room, web::opcode::pong, body.size()), body.data(), body.size());
    output().commit(size);
    queued();
}

void client_session::on_pong() {}

void client_session::on_websocket_end(web::close_code code, std::string_view reason, bool failed) {
    if (failed) {
        shard_.count(counter::messages_bad);
        spdlog::debug("session {} of {}: WebSocket failed: {}", std::string_view{id_.text()}, user_, reason);
    }
    if (state_ == state::leaving) return;
    if (failed && !web_->is_bound()) {
        const auto why = code == web::close_code::message_too_large ? error_code::too_large : error_code::bad_frame;
        send_bad(wire::error_id, wire::as_status_error(why, reason));
    }
    end_websocket(failed || code != web::close_code::no_status ? code : web::close_code::none,
                  failed ? reason : std::string_view{});
    leave_exchange();
    close_after_flush(failed ? close_reason::bad_input : close_reason::requested);
}

/// Silence is broken by a ping; who does not answer it is gone. False if it was closed.
bool client_session::check_alive(std::uint64_t now_ms, std::uint64_t idle_ms, std::uint64_t timeout_ms) {
    if (web_->form == web_form::engine) return true;  // has pings of its own
    if (is_paused() || is_blocked()) {
        // Its silence is our doing, or has a limit of its own (limits.write_timeout).
        web_->last_heard_ms = now_ms;
        web_->is_pinged = false;
    }
    if (state_ == state::leaving || now_ms < web_->last_heard_ms + idle_ms) return true;
    if (!web_->is_pinged) {
        web_->is_pinged = true;
        char* const room = output().reserve(web::frame_header_size(0));
        web::write_frame_header(room, web::opcode::ping, 0);
        output().commit(web::frame_header_size(0));
        queued();
        return true;
    }
    if (now_ms < web_->last_heard_ms + idle_ms + timeout_ms) return true;
    close(close_reason::connection_lost);
    return false;
}

// ---- frames out ------------------------------------------------------------------------------

bool client_session::put_text(std::string_view body) {
    web::payload_form form = web::payload_form::plain;
    if (web_->is_compressed && body.size() >= least_compressed) {
        body = owner_.websockets().deflater().deflate(body);
        form = web::payload_form::deflated;
    }
    const std::size_t size = web::frame_header_size(body.size()) + body.size();
    if (!make_room(size)) return false;
    char* const room = output().reserve(size);
    std::memcpy(web::write_frame_header(room, web::opcode::text, body.size(), form), body.data(), body.size());
    output().commit(size);
    queued();
    return true;
}

bool client_session::deliver_on_web(std::string_view type_token, std::string_view data, std::string_view id_token) {
    if (web_->form == web_form::bound_json) return put_text(data);
    if (web_->form == web_form::bound_text) return put_text(text_of(data, owner_.text_room()));
    const std::size_t size = wire::delivery_size(type_token, data, id_token);
    if (web_->is_compressed && size >= least_compressed) {
        std::string& room = owner_.text_room();
        room.resize(size);
        wire::write_delivery(room.data(), type_token, data, id_token);
        return put_text(body_of(room));
    }
    if (!make_room(size + web::max_frame_header_size)) return false;
    char* const room = output().reserve(size + web::max_frame_header_size);
    wire::write_delivery(room, type_token, data, id_token);
    output().commit(make_websocket_frame(room, size));
    queued();
    return true;
}

bool client_session::deliver_on_web(const exchange::payload& frame) {
    if (web_->is_compressed && frame.size() >= least_compressed) {
        std::string_view body = body_of(frame.view());
        if (web_->is_bound()) body = data_of_delivery(body);
        if (web_->form == web_form::bound_text) body = text_of(body, owner_.text_room());
        return put_text(body);
    }
    const exchange::payload& made = owner_.web_forms().of(frame, web_->form);
    if (!make_room(made.size())) return false;
    output().append(made);
    queued();
    return true;
}

void client_session::send_good_on_web(std::string_view id_token, wire::delivered_count delivered) {
    if (web_->is_bound()) return;
    const std::size_t size = wire::good_status_size(id_token) + web::max_frame_header_size;
    if (!make_room(size)) return;
    char* const begin = output().reserve(size);
    const char* const end = wire::write_good_status(begin, id_token, delivered);
    output().commit(make_websocket_frame(begin, static_cast<std::size_t>(end - begin)));
    queued();
}

void client_session::send_frame_on_web(std::string_view frame) {
    if (!web_->is_bound() && web_->path) put_text(body_of(frame));
}

/// On a bound path a message that failed is told by the end of the connection.
void client_session::fail_bound(const wire::status_error& error) {
    if (web_->has_ended || !web_->failure.empty()) return;
    web_->failure = error.code;
    const auto code = code_for(error);
    // Not now: whoever tells it may be going through things that the session would leave.
    shard_.at_turn_end([&home = shard_, id = id_, code] {
        auto* const who = static_cast<client_session*>(home.sessions().find(id));
        if (!who || who->state_ == state::leaving) return;
        who->end_websocket(code, who->web_->failure);
        who->leave_exchange();
        who->close_after_flush(close_reason::requested);
    });
}

/// Writes the close frame, past the limit if need be: it is the last.
void client_session::end_websocket(web::close_code code, std::string_view reason) {
    if (!web_ || !web_->path || web_->has_ended || !is_open()) return;
    web_->has_ended = true;
    output().append(std::string_view{web::make_close_frame(code, reason)});
    queued();
}

/// Says why the session ends, to a client of this kind.
void client_session::say_goodbye(const wire::status_error& why, web::close_code code) {
    if (!web_) {
        output().append(std::string_view{wire::bad_status_frame(wire::close_id, why)});
        return queued();
    }
    if (!web_->path) {
        const bool has_begun = static_cast<const http_framing*>(current_framing())->has_begun();
        if (why.code != "authentication_timeout" || !has_begun) return;
        output().append(std::string_view{web::error_response(web::http_status::request_timeout)});
        return queued();
    }
    if (web_->has_ended) return;
    if (!web_->is_bound()) {
        const std::string frame = wire::bad_status_frame(wire::close_id, why);
        const std::string_view body = body_of(frame);
        char header[web::max_frame_header_size];
        const char* const end = web::write_frame_header(header, web::opcode::text, body.size());
        std::string whole(header, static_cast<std::size_t>(end - header));
        whole += body;
        output().append(std::string_view{whole});
    }
    end_websocket(code, why.code);
}

void client_session::finish(close_reason reason) {
    if (web_) end_websocket(code_for(reason), web_->failure);
    close_after_flush(reason);
}

}  // namespace bester::clients
