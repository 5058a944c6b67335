#include "clients/http/http_connection.hpp"

#include <algorithm>
#include <utility>

#include "clients/connection/socket_options.hpp"
#include "clients/engine/engine_session.hpp"
#include "clients/http/credentials_header.hpp"
#include "clients/http/query_text.hpp"
#include "clients/shard_clients.hpp"
#include "clients/websocket/bound_session.hpp"
#include "clients/websocket/websocket_session.hpp"
#include "exchange/shard.hpp"
#include "log/log.hpp"
#include "web/address_rule.hpp"
#include "web/proxy_header.hpp"
#include "web/static_files.hpp"
#include "web/websocket_handshake.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;

http_connection::http_connection(shard_clients& owner, connection_parts& from) : connection{owner, from} {
    web::http_limits limits;
    limits.head_size = listener_.web.head_size;
    limits.most_body = [this](const web::http_request& asked) { return message_limit(is_of_a_session(asked)); };
    limits.takes_body = [this](std::string_view path) {
        const web_path* const found = find_path(path);
        return found && found->frames == bound_frames::socketio;
    };
    auto framing = std::make_unique<http_framing>(std::move(limits));
    requests_ = framing.get();
    set_framing(std::move(framing));
}

// ---- requests --------------------------------------------------------------------------------

frame_verdict http_connection::on_frame(std::string_view body) {
    note_traffic();
    if (is_ending()) return frame_verdict::closed;
    if (pending_) return not_before(on_answer);  // answers go in the order of requests
    http_arrival arrived = requests_->take();
    if (arrived.error != web::http_status::none) {
        log::debug("listener {}: bad request from {}: {}", listener_.name, address(), arrived.reason);
        return respond_and_close(web::error_response(arrived.error, arrived.reason));
    }
    set_deadline();  // the deadline of the next request
    const frame_verdict verdict = accept(std::move(arrived.request), body);
    if (verdict != frame_verdict::closed) requests_->release_body();
    return verdict;
}

frame_verdict http_connection::accept(web::http_request asked, std::string_view body) {
    const web_path* const found = find_path(asked.path);
    if (found && found->frames == bound_frames::socketio) return on_engine_request(*found, std::move(asked), body);
    if (owner_.is_draining()) return refuse(asked, web::http_status::service_unavailable);
    if (web::asks_for_websocket(asked)) return upgrade(asked);
    if (!listener_.web.files.empty()) return ask_for_file(std::move(asked));
    return refuse(asked, found ? web::http_status::upgrade_required : web::http_status::not_found);
}

/// Returns the listener's path that is requested; null if there is none.
const web_path* http_connection::find_path(std::string_view path) const noexcept {
    // Clients of Socket.IO may be told to leave the slash at the end out.
    const auto is_it = [&](const web_path& each) {
        return each.name == path || (each.frames == bound_frames::socketio && each.name.ends_with('/') &&
                                     each.name.size() == path.size() + 1 && each.name.starts_with(path));
    };
    for (const web_path& each : listener_.web.paths)
        if (is_it(each)) return &each;
    return nullptr;
}

/// Takes the client's address from X-Forwarded-For if a configured proxy sent it. Returns false if there are too many
/// connections from there.
bool http_connection::learn_address(const web::http_request& asked) {
    const auto is_trusted = [&](std::string_view from) { return web::is_among(from, listener_.proxies); };
    if (listener_.proxies.empty() || !is_trusted(address())) return true;
    const auto from = web::forwarded_for(asked.joined("X-Forwarded-For"), is_trusted);
    if (!from || (told_address() && *told_address() == *from)) return true;
    set_told_address(*from);  // a proxy may send several clients' requests on one connection
    const std::size_t most = owner_.limits().connections_per_address;
    if (most == 0) return true;
    auto place = owner_.door().addresses.enter(counted_address(*from), most);
    if (!place) {
        shard_.count(counter::connections_refused);
        refuse(asked, web::http_status::too_many_requests);
        return false;
    }
    set_place(std::move(*place));
    return true;
}

/// A request that has begun has a time of its own.
bool http_connection::is_past_deadline(std::uint64_t now_ms) const noexcept {
    return connection::is_past_deadline(now_ms) && !requests_->has_begun();
}

/// The head of a request must be small, since its sender is not known yet. A body has more time only if it is for a
/// session that has logged in.
void http_connection::on_frame_pending(std::uint64_t since_ms) {
    const client_limits& limits = owner_.limits();
    if (!requests_->has_begun()) return connection::on_frame_pending(since_ms);
    if (requests_->is_in_body() && is_of_a_session(requests_->incomplete()))
        return connection::on_frame_pending(since_ms);
    end_late_input("a request", since_ms, std::min(limits.frame_timeout, limits.authentication_timeout));
}

/// A file holds little, and programs that limit their rate read it in bursts.
connection::patience http_connection::write_patience() const noexcept {
    if (!pending_ || !pending_->file) return connection::write_patience();
    return {owner_.limits().file_timeout, "limits.file_timeout"};
}

/// Returns whether the request is for an Engine.IO session that has logged in.
bool http_connection::is_of_a_session(const web::http_request& asked) const {
    return owner_.door().engines.has(query_value(asked.query, "sid"));
}

// ---- answers ---------------------------------------------------------------------------------

/// Keeps a request whose answer comes later. Until then the connection has no deadline of its own, and no other request
/// is accepted.
pending_request& http_connection::await_answer(web::response_context answer) {
    auto made = std::make_unique<pending_request>();
    made->answer = std::move(answer);
    made->ticket = owner_.give_ticket(*this);
    pending_ = std::move(made);
    set_no_deadline();
    return *pending_;
}

/// Takes the request that waits for its answer, which is to be answered now or never; null if there is none.
std::unique_ptr<pending_request> http_connection::take_pending() {
    owner_.file_ended(*this);
    if (pending_ && pending_->file) set_output_patience(fd(), owner_.limits());
    if (pending_) owner_.drop_ticket(pending_->ticket);
    return std::move(pending_);
}

/// Called when the answer to a request has been written.
void http_connection::answered(const web::response_context& to) {
    if (!to.keep_alive) return close_after_flush(close_reason::requested);
    set_deadline();
    release(on_answer);
}

frame_verdict http_connection::respond_and_close(const std::string& response) {
    shard_.count(counter::requests_refused);
    put_last(response);
    close_after_flush(close_reason::bad_input);
    return frame_verdict::closed;
}

frame_verdict http_connection::refuse(const web::http_request& asked, web::http_status status) {
    return respond_and_close(web::error_response(status, {}, asked.is_head));
}

/// 401, with the code. No browser is told that it should ask for a password.
frame_verdict http_connection::refuse_login(const web::http_request& asked, const wire::status_error& why) {
    shard_.count(counter::authentications_failed);
    const std::string text = std::string{why.code} + ": " + std::string{why.reason};
    return respond_and_close(web::error_response(web::http_status::unauthorized, text, asked.is_head));
}

// ---- WebSockets ------------------------------------------------------------------------------

frame_verdict http_connection::upgrade(const web::http_request& asked) {
    const web_path* const found = find_path(asked.path);
    if (!found) return refuse(asked, web::http_status::not_found);
    web::handshake_answer answer =
        web::answer_handshake(asked, {found->origins, found->subprotocols, found->compression, listener_.tls.is_on()});
    if (!answer.is_accepted()) {
        log::debug("listener {}: no WebSocket for {}: {}", listener_.name, address(), answer.reason);
        return respond_and_close(answer.response);
    }
    if (!learn_address(asked)) return frame_verdict::closed;
    auto how = std::make_shared<websocket_upgrade>();
    how->path = found;
    how->is_compressed = answer.is_compressed;
    how->answer = std::move(answer.response);
    how->query = query_without(asked.query, {"access_token"});
    if (!found->type.empty()) {
        auto credentials = credentials_of(asked);
        if (!credentials) return refuse_login(asked, credentials.error());
        how->credentials = std::move(*credentials);
    }
    const std::uint64_t ticket = await_answer({}).ticket;
    shard_.at_turn_end([&clients = owner_, ticket, how = std::move(how)] {
        clients.with_request(ticket, [&](http_connection& asking) { asking.become_websocket(*how); });
    });
    return held(on_answer);
}

void http_connection::become_websocket(const websocket_upgrade& how) {
    take_pending();
    if (is_ending()) return;
    answer_was_read();
    if (how.path->type.empty()) owner_.replace<websocket_session>(*this, how);
    else owner_.replace<bound_session>(*this, how);
}

// ---- the end ---------------------------------------------------------------------------------

/// Tells the Engine.IO session that has its request that the connection has ended.
void http_connection::detach() {
    if (written_ && written_->is_read_slowly && has_unwritten_output()) {
        tell_session(written_->sid, [](engine_session& session) { session.close_now(); });
        written_.reset();
    }
    answer_was_read();
    const auto pending = take_pending();
    if (!pending || pending->sid.empty()) return;
    const waiting_request here{shard_.index(), pending->ticket};
    owner_.engines().at(pending->sid, {}, [here](shard_engines&, engine_session* session) {
        if (session) session->request_gone(here);
    });
}

/// Only an incomplete request is answered so, and not before the earlier request has its answer.
void http_connection::say_goodbye(const wire::status_error& why, web::close_code) {
    const bool is_late = why.code == "authentication_timeout" || why.code == "frame_timeout";
    if (!requests_->has_begun() || pending_ || (!is_late && why.code != "input_overload")) return;
    put_last(web::error_response(is_late ? web::http_status::request_timeout : web::http_status::service_unavailable));
}

}  // namespace bester::clients
