// client_session: HTTP requests, and the files that some of them ask for.
#include <algorithm>
#include <utility>

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
#include "wire/base64.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::client_message;
using wire::error_code;

namespace {

constexpr std::uint64_t never = ~std::uint64_t{0};

/// Authorization: Basic, "user:password" (RFC 7617); empty if there is none.
std::string basic_of(const web::http_request& request) {
    constexpr std::string_view scheme = "Basic ";
    const std::string_view authorization = request.header("Authorization");
    if (!authorization.starts_with(scheme)) return {};
    std::string pair;
    wire::decode_base64(authorization.substr(scheme.size()), pair);
    return pair;
}

}  // namespace

void client_session::begin_http() {
    web_ = std::make_unique<web_state>();
    web_->last_heard_ms = shard_.now_ms();
    web::http_limits limits;
    limits.head_size = listener_.web.head_size;
    limits.most_body = [this](const web::http_request& asked) {
        const client_limits& most = owner_.limits();
        const bool is_known = owner_.door().engines.has(query_value(asked.query, "sid"));
        return is_known ? most.message_size : std::min(most.message_size, most.login_size);
    };
    limits.takes_body = [this](std::string_view path) {
        const web_path* const found = find_path(path);
        return found && found->frames == bound_frames::socketio;
    };
    set_framing(std::make_unique<http_framing>(std::move(limits)));
}

// ---- HTTP ------------------------------------------------------------------------------------

frame_verdict client_session::on_request(std::string_view body) {
    if (web_->pending) return not_before(on_answer);  // answers go in the order of requests
    auto& requests = static_cast<http_framing&>(*current_framing());
    http_arrival arrived = requests.take();
    if (arrived.error != web::http_status::none) {
        spdlog::debug("listener {}: bad request from {}: {}", listener_.name, address(), arrived.reason);
        return respond_and_close(web::error_response(arrived.error, arrived.reason));
    }
    web_->last_heard_ms = shard_.now_ms();
    expect_request();  // or the log-in, after an upgrade
    const frame_verdict verdict = accept_request(std::move(arrived.request), body);
    if (verdict != frame_verdict::closed && !web_->path) requests.release_body();
    return verdict;
}

frame_verdict client_session::accept_request(web::http_request asked, std::string_view body) {
    const web_path* const found = find_path(asked.path);
    if (found && found->frames == bound_frames::socketio) return on_engine_request(*found, asked, body);
    if (owner_.is_draining()) return refuse_request(asked, web::http_status::service_unavailable);
    if (web::asks_for_websocket(asked)) return upgrade(asked);
    if (!listener_.web.files.empty()) return ask_for_file(std::move(asked));
    return refuse_request(asked, found ? web::http_status::upgrade_required : web::http_status::not_found);
}

/// The answer comes later. Until then the connection has no deadline of its own, and no other request is accepted.
pending_request& client_session::await_answer(web::response_context answer) {
    web_->pending = std::make_unique<pending_request>();
    web_->pending->answer = std::move(answer);
    web_->pending->ticket = owner_.start_verification(*this);
    login_deadline_ms_ = never;
    return *web_->pending;
}

/// The request that waits for its answer, which it is to get now, or never; null: none waits.
std::unique_ptr<pending_request> client_session::take_pending() {
    owner_.file_ended(*this);
    return std::move(web_->pending);
}

/// Has written the answer to a request.
void client_session::answered(const web::response_context& to) {
    if (!to.keep_alive) return close_after_flush(close_reason::requested);
    expect_request();
    release(on_answer);
}

/// From now on the client is silent, until the first byte of a request comes.
void client_session::expect_request() {
    login_deadline_ms_ = shard_.now_ms() + static_cast<std::uint64_t>(owner_.limits().authentication_timeout.count());
}

/// Has a request come in part?
bool client_session::has_begun_request() const noexcept {
    return web_ && !web_->path && current_framing()->has_begun();
}

frame_verdict client_session::respond_and_close(const std::string& response) {
    shard_.count(counter::messages_bad);
    enqueue_answer(response);
    close_after_flush(close_reason::bad_input);
    return frame_verdict::closed;
}

frame_verdict client_session::refuse_request(const web::http_request& asked, web::http_status status) {
    return respond_and_close(web::error_response(status, {}, asked.is_head));
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

frame_verdict client_session::upgrade(const web::http_request& asked) {
    const web_path* const found = find_path(asked.path);
    if (!found) return refuse_request(asked, web::http_status::not_found);
    const web::handshake_answer answer =
        web::answer_handshake(asked, {found->origins, found->subprotocols, found->compression});
    if (!answer.is_accepted()) {
        spdlog::debug("listener {}: no WebSocket for {}: {}", listener_.name, address(), answer.reason);
        return respond_and_close(answer.response);
    }
    if (!learn_address(asked)) return frame_verdict::closed;
    enqueue_answer(answer.response);
    web_->path = found;
    web_->query = query_without(asked.query, {"access_token"});
    web_->is_compressed = answer.is_compressed;
    const std::string token = found->type.empty() ? std::string{} : token_of(asked);
    const std::string basic = found->type.empty() ? std::string{} : basic_of(asked);
    web::websocket_settings settings;
    settings.message_limit = message_limit();
    settings.is_compressed = answer.is_compressed;
    set_framing(
        std::make_unique<websocket_framing>(owner_.websockets(), settings, static_cast<websocket_events&>(*this)));
    owner_.watch_web(*this);
    if (found->type.empty()) return frame_verdict::taken;
    web_->form = found->frames == bound_frames::json ? web_form::bound_json : web_form::bound_text;
    wire::append_quoted(web_->type_token, found->type);
    return log_in_on_path(token, basic);
}

/// X-Forwarded-For is believed where a proxy of ours wrote it. False: there are too many from there.
bool client_session::learn_address(const web::http_request& asked) {
    const auto is_trusted = [&](std::string_view from) { return web::is_among(from, listener_.proxies); };
    if (listener_.proxies.empty() || !is_trusted(address())) return true;
    const auto from = web::forwarded_for(asked.joined("X-Forwarded-For"), is_trusted);
    if (!from || (access_ && access_->from == *from)) return true;
    access().from = *from;
    access().place = {};  // a proxy may send several clients' requests on one connection
    const std::size_t most = owner_.limits().connections_per_address;
    if (most == 0) return true;
    const access::address_key counted = counted_address(*from);
    if (!owner_.door().addresses.enter(counted, most)) {
        shard_.count(counter::connections_refused);
        refuse_request(asked, web::http_status::too_many_requests);
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

frame_verdict client_session::ask_for_file(web::http_request asked) {
    auto name = web::file_for(asked.path);
    if (!name) return refuse_request(asked, web::http_status::not_found);
    const web::response_context context{asked.is_head, asked.keep_alive};
    auto place = owner_.files().take_place(owner_.limits().files);
    if (!place && owner_.end_longest_file()) place = owner_.files().take_place(owner_.limits().files);
    if (!place) {
        put_off(context);
        return is_closing() ? frame_verdict::closed : frame_verdict::taken;
    }
    const auto wants_content = [is_head = asked.is_head, tags = asked.joined("If-None-Match")](const auto& version) {
        return !is_head && !web::has_tag(tags, web::etag_for(version));
    };
    file_reader::request wanted{listener_.web.files, *name, listener_.web.file_size, wants_content};
    pending_request& pending = await_answer(context);
    pending.request = std::move(asked);
    pending.file = std::make_unique<file_transfer>(file_transfer{std::move(*place), std::move(*name), {}});
    pending.file->since_ms = shard_.now_ms();
    owner_.file_begun(*this);
    owner_.files().open(std::move(wanted), when_read(&client_session::file_opened));
    return held(on_answer);
}

void client_session::give_up_file() {
    const file_transfer& file = *web_->pending->file;
    spdlog::info("{}: {}, on its way for {} ms, gives way to another file (limits.files)", describe_holder(file.given),
                 file.name, shard_.now_ms() - file.since_ms);
    shard_.count(counter::slow_consumers);
    close(close_reason::slow_consumer);
}

/// There are as many files on their way as there may be: the client is told to ask again.
void client_session::put_off(web::response_context to) {
    shard_.count(counter::messages_bad);
    to.headers = "Retry-After: 1\r\n";
    enqueue_answer(web::make_response(to, web::http_status::service_unavailable, "text/plain; charset=utf-8",
                                      "503 Service Unavailable\n"));
    answered(to);
}

/// What the reader calls when the pending request's file, or a piece of it, has been read.
file_reader::completion client_session::when_read(void (client_session::*then)(file_reader::result)) {
    return [&clients = owner_, &home = shard_, ticket = web_->pending->ticket, then](file_reader::result result) {
        home.post([&clients, ticket, then, result = std::move(result)](exchange::shard&) mutable {
            // Files are asked for by this class alone.
            if (auto* const asking = static_cast<client_session*>(clients.take_ticket(ticket)))
                (asking->*then)(std::move(result));
        });
    };
}

void client_session::file_opened(file_reader::result result) {
    if (!web_->pending || !is_open() || is_closing()) return;
    using outcome = file_reader::outcome;
    const web::http_request asked = std::move(web_->pending->request);
    if (result.what != outcome::read && result.what != outcome::is_folder) {
        const auto pending = take_pending();
        if (result.what == outcome::busy) return put_off(pending->answer);
        refuse_request(asked,
                       result.what == outcome::failed ? web::http_status::internal_error : web::http_status::not_found);
        return;
    }
    shard_.count(counter::files_served);
    file_transfer& file = *web_->pending->file;
    if (result.what == outcome::is_folder) {
        enqueue_answer(web::redirect_to_folder(asked));
        file.is_reading = false;
        return;
    }
    const web::file_answer answer = web::answer_file(asked, file.name, result.version, listener_.web.cache_control);
    enqueue_answer(answer.head);
    file_read(std::move(result));
}

void client_session::file_read(file_reader::result result) {
    if (!web_->pending || !is_open() || is_closing()) return;
    file_transfer& file = *web_->pending->file;
    if (result.what != file_reader::outcome::read) {
        // The length that the client was told cannot be kept; that the connection ends tells it so.
        spdlog::info("listener {}: {} was changed while it was sent to {}, closed", listener_.name, file.name,
                     address());
        return close(close_reason::requested);
    }
    file.is_reading = false;
    file.given += result.piece.size();
    file.rest = std::move(result.rest);
    if (result.piece.size() > 0) enqueue_answer(std::move(result.piece));
}

/// All that was queued of the file has been taken by the socket.
void client_session::send_file_on() {
    file_transfer& file = *web_->pending->file;
    if (file.is_reading) return;
    if (!file.rest) {
        const auto pending = take_pending();
        return answered(pending->answer);
    }
    file.is_reading = true;
    web_->pending->ticket = owner_.start_verification(*this);
    owner_.files().read_on(file.rest, file.given, when_read(&client_session::file_read));
}

}  // namespace bester::clients
