#include "clients/connection/connection.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "clients/listener/remote_address.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/session_id.hpp"
#include "exchange/shard.hpp"
#include "log/log.hpp"
#include "tls/cipher.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;
using wire::error_code;

connection::connection(shard_clients& owner, connection_parts& from)
    : framed_stream{owner.shard(), from.stream, std::min(owner.limits().message_size, owner.limits().login_size)},
      is_counted_{from.slot.release()},
      owner_{owner},
      listener_{*from.listener},
      place_{std::move(from.place)},
      told_address_{std::move(from.told_address)} {
    use_account(owner.account());
    set_deadline();
}

connection::~connection() { give_back_slot(); }

void connection::give_back_slot() noexcept {
    connection_slot::again(owner_.door().connections, std::exchange(is_counted_, false)).give_back();
}

connection_parts connection::take_parts() {
    connection_parts parts;
    parts.stream = release_parts();
    parts.slot = connection_slot::again(owner_.door().connections, std::exchange(is_counted_, false));
    parts.listener = &listener_;
    parts.place = std::move(place_);
    parts.told_address = std::move(told_address_);
    return parts;
}

// ---- who it is -------------------------------------------------------------------------------

std::string connection::address() const { return told_address_ ? *told_address_ : remote_address(fd()); }

std::string connection::describe() const {
    return "session " + std::string{std::string_view{exchange::session_id{}.text()}} + " of nobody yet";
}

std::string connection::describe_holder(std::size_t bytes) const {
    return describe() + ", " + address() + ", with " + std::to_string(bytes) + " bytes";
}

connection::shown_certificate connection::certificate(const std::vector<authentication_method>& methods) const {
    const bool is_asked =
        std::find(methods.begin(), methods.end(), authentication_method::certificate) != methods.end();
    if (!is_asked || !cipher()) return {};
    // Ciphers of clients are made by shard_clients alone.
    const auto shown = static_cast<const tls::cipher*>(cipher())->connection().peer_certificate();
    if (!shown) return {};
    const std::chrono::milliseconds until{shown->not_after.time_since_epoch()};
    return {shown->subject, static_cast<std::uint64_t>(std::max<std::int64_t>(until.count(), 0))};
}

// ---- flow ------------------------------------------------------------------------------------

void connection::refused_output() {
    if (is_ending()) return;
    overflow();
    has_overflowed_ = true;
    shard_.count(counter::slow_consumers);
}

void connection::overflow() { end_later(); }

void connection::end_later() { owner_.end_later(*this); }

void connection::end_now() { end(error_code::slow_consumer, close_reason::slow_consumer); }

frame_verdict connection::held(std::uint8_t why) {
    hold(why);
    return frame_verdict::taken_then_pause;
}

frame_verdict connection::not_before(std::uint8_t why) {
    hold(why);
    return frame_verdict::not_yet;
}

void connection::on_blocked() { owner_.watch_blocked(*this); }

void connection::warm_up() {
    last_traffic_ms_ = static_cast<std::uint32_t>(shard_.now_ms());
    owner_.watch_warm(*this);
}

bool connection::cool(std::uint64_t now_ms) {
    constexpr std::uint32_t idle_ms = 2'000;
    if (static_cast<std::uint32_t>(now_ms) - last_traffic_ms_ < idle_ms || queued_bytes() > 0) return false;
    // Ciphers of clients are made by shard_clients alone.
    static_cast<tls::cipher*>(cipher())->release_memory();
    return true;
}

// ---- bounds of memory and time ---------------------------------------------------------------

void connection::set_deadline() noexcept {
    has_deadline_ = true;
    deadline_ms_ = static_cast<std::uint32_t>(shard_.now_ms()) +
                   static_cast<std::uint32_t>(owner_.limits().authentication_timeout.count());
}

connection::patience connection::write_patience() const noexcept {
    return {owner_.limits().write_timeout, "limits.write_timeout"};
}

std::size_t connection::message_limit(bool is_known) const noexcept {
    const client_limits& limits = owner_.limits();
    return is_known ? limits.message_size : std::min(limits.message_size, limits.login_size);
}

void connection::on_memory_bound(exchange::held_kind what) {
    if (what == exchange::held_kind::input) {
        owner_.memory().tell(what, describe_holder(held_input()));
        shard_.count(counter::input_evictions);
        // In the middle of a handshake nothing can be said, and what is held is freed with the connection only.
        if (cipher() && cipher()->is_opening()) return close(close_reason::bad_input);
        end(error_code::input_overload, close_reason::bad_input);
        discard_input();
        return;
    }
    owner_.memory().tell(what, describe_holder(held_output()));
    shard_.count(counter::slow_consumers);
    close(close_reason::slow_consumer);
}

void connection::on_frame_pending(std::uint64_t since_ms) {
    end_late_input("a frame", since_ms, owner_.limits().frame_timeout);
}

void connection::end_late_input(std::string_view what, std::uint64_t since_ms, std::chrono::milliseconds most) {
    if (shard_.now_ms() - since_ms < static_cast<std::uint64_t>(most.count())) return;
    log::info("{}: {} was not complete after {} ms, closed", describe_holder(held_input()), what, most.count());
    shard_.count(counter::frame_timeouts);
    end(error_code::frame_timeout, close_reason::bad_input);
    discard_input();
}

// ---- the end ---------------------------------------------------------------------------------

void connection::end(error_code code, close_reason reason) {
    end_with(wire::as_status_error(code),
             code == error_code::shutting_down ? web::close_code::going_away : web::close_code::policy_violation,
             reason);
}

void connection::end_with(const wire::status_error& why, web::close_code code, close_reason reason) {
    if (is_ending()) return;
    // Beyond the queue's bounds if necessary, since this frame gives the reason of the end.
    say_goodbye(why, code);
    leave_and_close(reason);
}

void connection::leave_and_close(close_reason reason) {
    detach();
    close_after_flush(reason);
}

void connection::on_bad_frame(bool) { leave_and_close(close_reason::bad_input); }

void connection::on_end_of_input() {
    if (is_ending()) return;
    detach();
    finish(close_reason::closed_by_peer);
}

void connection::on_closed(close_reason) {
    detach();
    give_back_slot();
    owner_.closed(*this);
}

}  // namespace bester::clients
