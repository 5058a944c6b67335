#include "clients/engine/namespace_session.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "clients/engine/engine_session.hpp"
#include "clients/engine/shard_engines.hpp"
#include "clients/login/access_rules.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "socketio/event_data.hpp"
#include "wire/json_text.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using wire::client_message;
using wire::error_code;

namespace {

/// The name of the broker's own events.
constexpr std::string_view broker_event = "bester";

/// The number of an acknowledgement as the id of a message: a JSON string, because it may cross to another server.
struct request_id {
    char text[22];
    std::size_t size;

    explicit request_id(std::uint64_t number) noexcept {
        text[0] = '"';
        char* const end = std::to_chars(text + 1, text + sizeof text - 1, number).ptr;
        *end = '"';
        size = static_cast<std::size_t>(end - text) + 1;
    }
    std::string_view token() const noexcept { return {text, size}; }
};

/// Returns the number that a request_id was made from.
std::uint64_t number_of(std::string_view id_token) noexcept {
    std::uint64_t id = 0;
    if (!id_token.empty()) std::from_chars(id_token.data() + 1, id_token.data() + id_token.size(), id);
    return id;
}

}  // namespace

namespace_session::namespace_session(shard_engines& home, engine_session& carrier, const socketio_namespace& where)
    : home_{home}, carrier_{&carrier}, where_{where}, opening_{carrier.opening()} {}

namespace_session::~namespace_session() {
    clients().memory().account().output.set(*this, held_, 0);
    home_.forget(*this);
}

shard_clients& namespace_session::clients() const noexcept { return home_.clients(); }

// ---- in and out of the exchange ----------------------------------------------------------------

void namespace_session::connect(const login_request& request) { log_in(request); }

error_code namespace_session::objection() {
    return may_ever_send(where_.type) ? error_code::none : error_code::forbidden;
}

void namespace_session::logged_in() {
    const web_path& path = *opening_->path;
    if (path.recovery.count() > 0) {
        recovery_ = std::make_unique<recovery_log>(home_.make_secret(), path.recovery_bytes, home_.last_offset());
        home_.remember(*this);
    }
    carrier_->joined();
    say_connected();
}

/// `40/admin,{"sid":"…","pid":"…"}`
void namespace_session::say_connected() {
    std::string data = R"({"sid":")";
    data.append(id_.text()).append("\"");
    if (recovery_) data.append(R"(,"pid":")").append(recovery_->secret()).append("\"");
    data += '}';
    carrier_->send_control(socketio::packet_type::connect, where_.name, data);
}

void namespace_session::login_refused(const wire::status_error& error) {
    carrier_->send_connect_error(where_.name, error);
    carrier_->remove_later(*this);
}

void namespace_session::drop() {
    if (std::exchange(is_holding_, false) && carrier_) carrier_->release();
    leave();
}

/// Sends the reason, then a disconnect packet, after which the client does not connect again by itself.
void namespace_session::say_goodbye(std::string_view code, std::string_view reason) {
    std::string members = R"("notice":"disconnected",)";
    append_error_members(members, code, reason, false, 0);
    send_notice(members);
    if (carrier_) carrier_->send_control(socketio::packet_type::disconnect, where_.name, {});
}

void namespace_session::disconnect(const wire::status_error& why) {
    if (!is_authenticated()) return;
    say_goodbye(why.code, why.reason);
    drop();
    if (carrier_) carrier_->remove_later(*this);
    else home_.remove_later(*this);
}

void namespace_session::end(error_code code, close_reason) {
    // After these errors the client connects again by itself, so its connection ends.
    if (code == error_code::shutting_down || code == error_code::slow_consumer) {
        drop();
        if (carrier_) carrier_->close_later();
        else home_.remove_later(*this);
        return;
    }
    disconnect(wire::as_status_error(code));
}

bool namespace_session::outlive_connection() {
    const std::uint64_t now_ms = clients().shard().now_ms();
    is_holding_ = false;
    if (!recovery_ || !is_authenticated() || clients().is_draining()) return false;
    lost_until_ms_ = now_ms + static_cast<std::uint64_t>(opening_->path->recovery.count());
    carrier_ = nullptr;
    return true;
}

bool namespace_session::can_come_back(std::optional<std::uint64_t> offset) const noexcept {
    return recovery_ && is_authenticated() && !has_expired() && recovery_->reaches_back_to(offset);
}

void namespace_session::come_back(engine_session& carrier, std::optional<std::uint64_t> offset) {
    carrier_ = &carrier;
    lost_until_ms_ = 0;
    is_holding_ = false;
    carrier.joined();
    say_connected();
    recovery_->for_each_after(offset, [&](const exchange::payload& packet) { carrier.send(packet.view()); });
}

// ---- from the client ---------------------------------------------------------------------------

void namespace_session::take_event(const socketio::packet_view& packet) {
    if (!is_authenticated()) return;
    exchange::shard& shard = clients().shard();
    bool is_for_broker = false;
    {
        const auto reader = shard.reader();
        std::string_view name;
        if (!socketio::read_event(reader, packet.data, name)) {
            shard.count(counter::messages_bad);
            return carrier_->fail();
        }
        is_for_broker = name == broker_event;
    }
    const request_id id{packet.id.value_or(0)};
    client_message message;
    if (packet.id) message.id_token = id.token();
    shard.count(counter::messages);
    if (is_for_broker) return take_token(message.id_token, packet.data);
    message.type = where_.type;
    message.type_token = where_.type_token;
    message.data = packet.data;
    route(message);
}

/// `["bester",{"token":"…"}]`
void namespace_session::take_token(std::string_view id_token, std::string_view data) {
    const auto lease = clients().shard().reader();
    wire::json_reader& reader = lease;
    std::string_view token;
    bool is_first = true;
    const auto read_token = [&](std::string_view key) { return key == "token" ? reader.string(token) : reader.skip(); };
    reader.start(data);
    const bool is_good = reader.array([&] {
        if (std::exchange(is_first, false) || !token.empty()) return reader.skip();
        return reader.peek() == '{' ? reader.object(read_token) : reader.skip();
    });
    if (!is_good || token.empty()) {
        const auto error = wire::as_status_error(error_code::unknown_command);
        return send_error(id_token, error);
    }
    if (const auto error = renew_token(token)) return send_error(id_token, *error);
    clients().shard().count(counter::statuses_good);
    if (!id_token.empty()) send_ack(id_token, "[]");
}

bool namespace_session::must_wait() {
    if (!is_authenticated() || !is_full()) return false;
    if (!std::exchange(is_holding_, true) && carrier_) carrier_->hold_back();
    return true;
}

// ---- to the client -----------------------------------------------------------------------------

bool namespace_session::deliver(std::string_view type_token, std::string_view data, std::string_view id_token) {
    if (!is_authenticated()) return false;
    if (id_token.empty()) return send_event(type_token, data);
    // An event is acknowledged once; later acknowledgements are dropped.
    const std::uint64_t number = number_of(id_token);
    if (std::find(answered_.begin(), answered_.end(), number) != answered_.end()) return false;
    answered_.push_back(number);
    return send_ack(id_token, data);
}

bool namespace_session::takes_from_servers() { return !carrier_ || carrier_->takes_from_servers(); }

bool namespace_session::deliver(const exchange::payload& frame) {
    if (!is_authenticated()) return false;
    shared_events::made& event = home_.events().of(frame, where_, recovery_ ? &home_.last_offset() : nullptr);
    if (recovery_) keep(event.offset, event.packet);
    return carrier_ ? carrier_->send(event) : recovery_ != nullptr;
}

bool namespace_session::send_event(std::string_view type_token, std::string_view data) {
    if (!recovery_ && !carrier_) return false;
    if (!recovery_ && type_token == where_.type_token && socketio::is_event_data(data))
        return carrier_->send(where_.event_start, data);
    std::string& room = clients().text_room();
    room = where_.event_start;
    const std::uint64_t offset = recovery_ ? ++home_.last_offset() : 0;
    append_event_arguments(room, type_token, data, where_, offset);
    if (recovery_) keep(offset, exchange::payload::copy_of(room));
    return !carrier_ || carrier_->send(room);
}

void namespace_session::keep(std::uint64_t offset, const exchange::payload& packet) {
    const std::uint64_t now_ms = clients().shard().now_ms();
    const auto window = static_cast<std::uint64_t>(opening_->path->recovery.count());
    recovery_->add(offset, packet, now_ms, now_ms > window ? now_ms - window : 0);
    clients().memory().account().output.set(*this, held_, recovery_->bytes());
}

void namespace_session::give_way(exchange::held_kind) {
    recovery_->clear();
    clients().memory().account().output.set(*this, held_, 0);
    clients().shard().count(counter::recoveries_dropped);
}

/// The broker's own events are not kept for clients that are away.
bool namespace_session::send_notice(std::string_view members) {
    if (!carrier_) return false;
    std::string packet = where_.event_start;
    packet.append("[\"").append(broker_event).append("\",{").append(members).append("}]");
    return carrier_->send(packet);
}

/// `431[…]`; an acknowledgement that the client does not wait for any more is not sent.
bool namespace_session::send_ack(std::string_view id_token, std::string_view data) {
    if (!carrier_) return false;
    char room[socketio::prefix_room];
    socketio::packet_view ack;
    ack.type = socketio::packet_type::ack;
    ack.name_space = where_.name;
    ack.id = number_of(id_token);
    const std::string_view start{room, socketio::write_prefix(ack, room)};
    if (data.front() == '[') return carrier_->send(start, data);
    std::string& packet = clients().text_room();
    packet = start;
    append_ack_arguments(packet, data);
    return carrier_->send(packet);
}

void namespace_session::send_error(std::string_view id_token, const wire::status_error& error) {
    clients().shard().count(counter::statuses_bad);
    if (id_token.empty()) return;
    std::string data = R"([{"error":{)";
    append_error_members(data, error.code, error.reason, error.temporary, error.retry_after_ms);
    data += "}}]";
    send_ack(id_token, data);
}

/// Returns whether this request has got its reply, and forgets it; called once, at its end.
bool namespace_session::was_answered(std::string_view id_token) {
    const auto found = std::find(answered_.begin(), answered_.end(), number_of(id_token));
    if (found == answered_.end()) return false;
    answered_.erase(found);
    if (answered_.empty() && answered_.capacity() > 16) answered_ = {};
    return true;
}

void namespace_session::message_done(const exchange::envelope_view& message, const wire::status_error* error) {
    --unanswered_;
    if (!message.id_token.empty()) {
        const bool has_reply = was_answered(message.id_token);
        if (error && !has_reply) {
            send_error(message.id_token, *error);
        } else {
            clients().shard().count(error ? counter::statuses_bad : counter::statuses_good);
            if (!has_reply) send_ack(message.id_token, "[]");
        }
    }
    if (!is_holding_ || unanswered_ > clients().limits().unanswered / 2) return;
    is_holding_ = false;
    if (carrier_) carrier_->release();
}

void namespace_session::on_message_refused(const client_message& message, const wire::status_error& error) {
    send_error(message.id_token, error);
}

void namespace_session::notify_reconnect(std::uint64_t after_ms) {
    send_notice(R"("notice":"reconnect","after_ms":)" + std::to_string(after_ms));
}

void namespace_session::warn_of_expiry(std::uint64_t left_ms) {
    send_notice(R"("notice":"token_expires","in_ms":)" + std::to_string(left_ms));
}

}  // namespace bester::clients
