#include "clients/engine/engine_session.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "clients/engine/engine_carrier.hpp"
#include "clients/engine/shard_engines.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "exchange/undo.hpp"
#include "socketio/attachments.hpp"
#include "wire/base64.hpp"
#include "wire/json_reader.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::counter;
using exchange::frame_verdict;
using socketio::engine_type;
using socketio::packet_type;

namespace {

/// Most failed log-ins on one connection; then it is closed.
constexpr std::uint32_t most_refusals = 16;

/// The fields of a CONNECT.
struct connect_data {
    login_request request;
    std::string_view secret;              ///< secret of the session to recover
    std::optional<std::uint64_t> offset;  ///< offset of the last event that the client has got
};

bool read_connect(wire::json_reader& reader, std::string_view data, connect_data& out) {
    bool has_auth = false;
    const auto field = [&](std::string_view key) {
        const bool is_text = reader.peek() == '"';
        if (!is_text) {
            has_auth = has_auth || (key != "pid" && key != "offset");
            return reader.skip();
        }
        std::string_view text;
        if (!reader.string(text)) return false;
        if (key == "pid") {
            out.secret = text;
        } else if (key == "offset") {
            std::uint64_t offset = 0;
            const auto end = std::from_chars(text.data(), text.data() + text.size(), offset);
            if (end.ec == std::errc{} && end.ptr == text.data() + text.size()) out.offset = offset;
            else out.secret = {};
        } else {
            has_auth = true;
            if (key == "token") out.request.token = text;
            if (key == "username") out.request.user = text;
            if (key == "password") out.request.password = text;
        }
        return true;
    };
    if (!reader.start(data) || !reader.object(field) || !reader.at_end()) return false;
    if (!out.request.token.empty()) out.request.kind = wire::credentials_kind::token;
    else if (!out.request.user.empty()) out.request.kind = wire::credentials_kind::password;
    else if (has_auth) out.request.kind = wire::credentials_kind::unknown;
    if (has_auth) out.request.authentication = data;
    return true;
}

}  // namespace

engine_session::engine_session(shard_engines& home, std::shared_ptr<const engine_opening> how,
                               access::address_place place, std::string sid, std::uint64_t now_ms)
    : home_{&home},
      opening_{std::move(how)},
      place_{std::move(place)},
      sid_{std::move(sid)},
      opened_ms_{now_ms},
      next_ping_ms_{now_ms + home.ping_interval_ms()} {}

engine_session::~engine_session() {
    state_.close();
    settle();
    if (has_joined_) home_->clients().door().engines.remove(sid_);
}

std::string engine_session::open_text(bool can_upgrade) const {
    socketio::open_values values;
    values.sid = sid_;
    values.can_upgrade = can_upgrade;
    values.ping_interval_ms = home_->ping_interval_ms();
    values.ping_timeout_ms = home_->ping_timeout_ms();
    values.max_payload = home_->clients().limits().message_size;
    return socketio::open_packet(values);
}

void engine_session::joined() {
    if (std::exchange(has_joined_, true)) return;
    home_->joined(*this);
    home_->clients().door().engines.add(sid_);
    if (carrier_) carrier_->apply_limits();
}

// ---- packets of Engine.IO ----------------------------------------------------------------------

engine_session::step engine_session::take(const socketio::engine_packet& packet, engine_carrier* from) {
    if (from && from == upgrading()) return take_probe(packet, *from);
    switch (packet.type) {
        case engine_type::pong: pinged_ms_ = 0; return step::next;
        case engine_type::noop: return step::next;
        case engine_type::close:
            // The client has ended the session: its poll is answered with the waiting packets, or with none.
            answer_poll();
            if (http_ && http_->poll) answer(http_->poll, web::http_status::ok, "6");
            return close(false);
        case engine_type::message: {
            if (!packet.is_base64) return take_text(packet.data, true);
            std::string bytes;
            return wire::decode_base64(packet.data, bytes) ? take_bytes(bytes) : close(true);
        }
        case engine_type::open:
        case engine_type::ping:
        case engine_type::upgrade: break;
    }
    return close(true);
}

frame_verdict engine_session::on_websocket(engine_carrier& from, std::string_view body, bool is_binary) {
    if (&from == websocket() && has_held_post()) return frame_verdict::not_yet;  // its packets were sent before
    step done = step::closed;
    socketio::engine_packet packet;
    if (is_binary && &from == websocket()) done = take_bytes(body);
    else if (!is_binary && socketio::decode_engine_packet(body, packet)) done = take(packet, &from);
    else if (&from == upgrading()) done = refuse_probe(from);
    else done = close(true);
    switch (done) {
        case step::closed: return frame_verdict::closed;
        case step::not_yet: return frame_verdict::not_yet;
        case step::pause: return frame_verdict::taken_then_pause;
        case step::next: break;
    }
    return frame_verdict::taken;
}

// ---- packets of Socket.IO ----------------------------------------------------------------------

engine_session::step engine_session::take_text(std::string_view text, bool may_move) {
    if (collector_ && collector_->is_collecting()) return close(true);
    const auto packet = socketio::decode_packet(text);
    if (!packet) return close(true);
    if (packet->type == packet_type::event || packet->type == packet_type::binary_event) {
        namespace_session* const to = find(packet->name_space);
        if (to && to->must_wait()) return step::not_yet;
    }
    switch (packet->type) {
        case packet_type::connect: return connect(*packet, text, may_move);
        case packet_type::event: return take_event(*packet);
        case packet_type::disconnect:
            if (namespace_session* const who = find(packet->name_space)) {
                who->drop();
                remove_later(*who);
            }
            return step::next;
        case packet_type::binary_event:
        case packet_type::binary_ack: {
            if (!collector_) collector_ = std::make_unique<socketio::attachment_collector>(most_collected());
            const bool has_begun = collector_->begin(*packet).has_value();
            settle();
            return has_begun ? step::next : close(true);
        }
        case packet_type::ack: return step::next;  // the broker requests none
        case packet_type::connect_error: break;
    }
    return close(true);
}

engine_session::step engine_session::take_bytes(std::string_view bytes) {
    if (!collector_ || !collector_->is_collecting()) return close(true);
    const auto is_complete = collector_->add(bytes);
    if (!is_complete) return close(true);
    if (!*is_complete) {
        settle();
        return step::next;
    }
    const auto collected = std::move(collector_);
    settle();
    socketio::packet_view packet = collected->head();
    if (packet.type == packet_type::binary_ack) return step::next;
    const auto data = socketio::join_attachments(home_->clients().shard().reader(), packet.data, collected->bodies(),
                                                 2 * home_->clients().limits().message_size);
    if (!data) return close(true);
    packet.data = *data;
    return take_event(packet);
}

engine_session::step engine_session::take_event(const socketio::packet_view& packet) {
    namespace_session* const who = find(packet.name_space);
    if (who) who->take_event(packet);
    return state_.is_closed() ? step::closed : step::next;
}

engine_session::step engine_session::connect(const socketio::packet_view& packet, std::string_view text,
                                             bool may_move) {
    const socketio_namespace* const to = home_->find_namespace(*opening_->path, packet.name_space);
    if (!to) {
        send_connect_error(packet.name_space, wire::as_status_error(wire::error_code::unknown_namespace));
        return state_.is_closed() ? step::closed : step::next;
    }
    if (find(to->name)) return step::next;
    const auto& own = opening_->path->authentication;
    const auto reader = home_->clients().shard().reader();
    connect_data wanted{{.methods = own.empty() ? opening_->listener->authentication : own}, {}, {}};
    if (!packet.data.empty() && !read_connect(reader, packet.data, wanted)) return close(true);
    if (!wanted.secret.empty()) {
        const auto there = home_->shard_of(wanted.secret);
        if (there && *there != home_->index() && may_move && namespaces_.empty()) {
            journey_ = std::make_unique<journey>(journey{*there, std::string{text}});
            home_->call_later(*this, due_move);
            return step::pause;
        }
        if (come_back(*to, wanted.secret, wanted.offset)) return step::next;
    }
    const request_credentials& shown = opening_->credentials;
    const std::string authentication = shown.json();
    if (wanted.request.kind == wire::credentials_kind::none) {
        wanted.request.kind = shown.kind;
        wanted.request.token = shown.token;
        wanted.request.user = shown.user;
        wanted.request.password = shown.password;
        wanted.request.authentication = authentication;
    }
    wanted.request.certificate = opening_->certificate;
    wanted.request.certificate_until_ms = opening_->certificate_until_ms;
    if (wanted.request.authentication.empty()) wanted.request.authentication = "null";
    auto& made = namespaces_.emplace_back(std::make_unique<namespace_session>(*home_, *this, *to));
    made->connect(wanted.request);
    return state_.is_closed() ? step::closed : step::next;
}

/// Recovers a session; returns false if it has ended, or has not kept everything that the client missed.
bool engine_session::come_back(const socketio_namespace& to, std::string_view secret,
                               std::optional<std::uint64_t> offset) {
    auto who = home_->take_back(secret, to, offset);
    if (who.empty()) return false;
    namespaces_.splice(namespaces_.end(), who);
    namespaces_.back()->come_back(*this, offset);
    return true;
}

void engine_session::take_moved_packet(std::string_view packet) {
    std::string text{packet};
    text.reserve(text.size() + wire::json_padding);  // the reader looks a little beyond its end
    take_text(text, false);
}

namespace_session* engine_session::find(std::string_view name) const noexcept {
    for (const auto& each : namespaces_)
        if (each->where().name == name) return each.get();
    return nullptr;
}

// ---- to the client -----------------------------------------------------------------------------

/// Queues a packet that `write(queue)` appends. Without the memory for it nothing is queued.
template <class Write>
void engine_session::queue_packet(Write&& write) {
    http_side& side = http();
    exchange::undo forget{[&side, size = side.queue.size()] {
        side.queue.resize(size);
        --side.packets;
    }};
    ++side.packets;
    write(side.queue);
    packet_queued();
    forget.done();
}

bool engine_session::send(std::string_view packet) {
    if (state_.is_closed()) return false;
    if (websocket()) {
        if (!socketio::may_have_attachments(packet)) return carrier_->put_packet(packet, {});
        std::string frames;
        append_websocket_frames(frames, packet);
        return carrier_->put_frames(frames);
    }
    // Nothing is added to a queue that has ended its session, and the session is counted once.
    if (!state_.is_open()) return false;
    queue_packet([&](std::string& queue) { append_to_payload(queue, packet); });
    return true;
}

bool engine_session::send(std::string_view start, std::string_view data) {
    if (state_.is_closed()) return false;
    if (websocket() && !socketio::may_have_attachments(data)) return carrier_->put_packet(start, data);
    std::string packet{start};
    return send(packet.append(data));
}

bool engine_session::send(shared_events::made& event) {
    if (!websocket() || state_.is_closed()) return send(event.packet.view());
    return carrier_->put_frames(home_->events().frames_of(event));
}

bool engine_session::takes_from_servers() {
    if (websocket()) return carrier_->takes_from_servers();
    const client_limits& limits = home_->clients().limits();
    return !http_ || (http_->queue.size() <= limits.queue_bytes / 2 && http_->packets <= limits.queue_messages / 2);
}

void engine_session::send_control(packet_type type, std::string_view name_space, std::string_view data) {
    char room[socketio::prefix_room];
    socketio::packet_view packet;
    packet.type = type;
    packet.name_space = name_space;
    send(std::string_view{room, socketio::write_prefix(packet, room)}, data);
}

/// `44/admin,{"message":"forbidden","data":{…}}`. A client that is refused repeatedly is closed.
void engine_session::send_connect_error(std::string_view name_space, const wire::status_error& error) {
    std::string data = R"({"message":)";
    wire::append_quoted(data, error.code);
    data += R"(,"data":{)";
    append_error_members(data, error.code, error.reason, error.temporary, error.retry_after_ms);
    data += "}}";
    send_control(packet_type::connect_error, name_space, data);
    if (++refusals_ >= most_refusals) close_later();
}

// ---- flow --------------------------------------------------------------------------------------

void engine_session::release() {
    if (holding_ > 0 && --holding_ > 0) return;
    go_on();
}

void engine_session::go_on() {
    if (state_.is_closed() || journey_ || holding_ > 0) return;
    if (websocket() && !has_held_post()) carrier_->go_on();
    if (has_held_post()) home_->call_later(*this, due_post);
}

void engine_session::do_due(std::uint8_t what) {
    if (state_.is_closed()) return;  // in the same turn, after this became due
    if (!state_.is_open()) {
        close(false);
        return;
    }
    if ((what & due_answer) != 0) answer_poll();
    if ((what & due_post) != 0) {
        home_->clients().shard().begin_reading();
        take_post();
    }
    if ((what & due_move) != 0 && state_.is_open()) home_->move(*this);
}

// ---- what is held ------------------------------------------------------------------------------

/// Returns the largest size of a packet and its attachments, which is small before the first log-in.
std::size_t engine_session::most_collected() const noexcept {
    const client_limits& limits = home_->clients().limits();
    return has_joined_ ? limits.message_size : std::min(limits.message_size, limits.login_size);
}

/// Updates the memory account: the data of its opening, a packet whose attachments have not all come, a POST that is
/// not taken to its end, and packets that no poll has fetched.
void engine_session::settle() {
    const std::size_t collected = collector_ && !state_.is_closed() ? collector_->held_bytes() : 0;
    if (collected == 0) collecting_since_ms_ = 0;
    else if (collecting_since_ms_ == 0) collecting_since_ms_ = home_->clients().shard().now_ms();
    const bool is_on_http = http_ && !state_.is_closed();
    exchange::stream_account& account = home_->clients().account();
    const std::size_t opening = state_.is_closed() ? 0 : opening_->held_bytes();
    const std::size_t body = is_on_http && has_held_post() ? http_->body.capacity() : 0;
    account.input.set(*this, held_input_, opening + collected + body);
    account.output.set(*this, held_output_, is_on_http && http_->packets > 0 ? http_->queue.capacity() : 0);
    if (collected > 0) home_->clients().shard().wake_sweep();
}

void engine_session::move_to(shard_engines& home) {
    home_ = &home;
    settle();
}

carrier_part engine_session::part_after_move() const noexcept {
    if (state_.is_on_websocket()) return carrier_part::carries_on;
    return state_.is_probed() ? carrier_part::is_probed : carrier_part::still_takes_over;
}

/// Returns the WebSocket that the session had; it has none any more.
engine_carrier* engine_session::lose_carrier() noexcept {
    state_.detach();
    return std::exchange(carrier_, nullptr);
}

void engine_session::move_off() {
    lose_carrier();
    exchange::stream_account& account = home_->clients().account();
    account.input.set(*this, held_input_, 0);
    account.output.set(*this, held_output_, 0);
}

// ---- the end -----------------------------------------------------------------------------------

engine_session::step engine_session::close(bool has_failed) noexcept {
    exchange::shard& shard = home_->clients().shard();
    if (has_failed) shard.count(counter::messages_bad);
    if (state_.close()) {
        journey_.reset();
        end_transport(has_failed);
        shard.guarded("what a session has held", [&] { settle(); });
        home_->ended(*this);
    }
    return step::closed;
}

void engine_session::close_later() noexcept {
    state_.close_later();
    home_->call_later(*this, due_close);
}

void engine_session::remove_later(namespace_session& who) { home_->bury(give_up(who)); }

session_list engine_session::give_up(namespace_session& who) {
    session_list taken;
    const auto found =
        std::find_if(namespaces_.begin(), namespaces_.end(), [&](const auto& each) { return each.get() == &who; });
    if (found == namespaces_.end()) return taken;
    taken.splice(taken.end(), namespaces_, found);
    if (who.is_holding()) release();
    return taken;
}

void engine_session::carrier_gone(engine_carrier& which) {
    if (&which != carrier_) return;
    const bool was_the_transport = state_.is_on_websocket();
    lose_carrier();
    if (was_the_transport) close(false);
}

/// What fails here ends the connection that it is about; nothing keeps a request waiting.
void engine_session::end_transport(bool has_failed) noexcept {
    state_.close();
    engine_carrier* const carrier = lose_carrier();
    const auto leave = [&] { carrier->leave_engine(); };
    if (carrier && !home_->clients().shard().guarded("the end of a WebSocket", leave)) carrier->fail();
    if (!http_) return;
    if (http_->poll) {
        // Packets that wait still go out, and then the word that it is over, whatever ended it: the fault is told to
        // the request that made it.
        home_->clients().shard().guarded("the last packet",
                                         [&] { socketio::append_packet(http_->queue, engine_type::close); });
        home_->answer(std::exchange(http_->poll, {}), {web::http_status::ok, std::move(http_->queue)});
    }
    if (!http_->post) return;
    engine_answer last{has_failed ? web::http_status::bad_request : web::http_status::ok, {}};
    home_->clients().shard().guarded("the last answer", [&] {
        last.body = has_failed ? socketio::error_body(socketio::engine_error::bad_request) : std::string_view{"ok"};
    });
    home_->answer(std::exchange(http_->post, {}), std::move(last));
}

bool engine_session::check(std::uint64_t now_ms, std::uint64_t login_timeout_ms, std::uint64_t ping_interval_ms,
                           std::uint64_t ping_timeout_ms) {
    if (journey_) return true;
    if (!has_joined_ && now_ms >= opened_ms_ + login_timeout_ms) return false;
    if (pinged_ms_ != 0) {
        // While the connection is not read, an answer cannot be seen. While the client takes what was queued before the
        // ping, it makes progress, which is judged by limits.write_timeout.
        if (holding_ > 0 || is_read_slowly_ || (websocket() && carrier_->is_blocked())) pinged_ms_ = now_ms;
        if (now_ms >= pinged_ms_ + ping_timeout_ms) return false;
    }
    if (now_ms < next_ping_ms_) return true;
    if (websocket()) carrier_->put_packet("2", {});
    else queue_packet([](std::string& queue) { socketio::append_packet(queue, engine_type::ping); });
    // Only a ping that is on its way is to be answered.
    next_ping_ms_ = now_ms + ping_interval_ms;
    if (pinged_ms_ == 0) pinged_ms_ = now_ms;
    return true;
}

std::uint64_t engine_session::next_check_ms(std::uint64_t login_timeout_ms) const noexcept {
    if (pinged_ms_ != 0) return 0;
    return has_joined_ ? next_ping_ms_ : std::min(next_ping_ms_, opened_ms_ + login_timeout_ms);
}

}  // namespace bester::clients
