#include "clients/shard_clients.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <map>

#include <sodium.h>

#include "clients/connection/socket_options.hpp"
#include "clients/engine/engine_session.hpp"
#include "clients/engine/namespace_session.hpp"
#include "clients/listener/remote_address.hpp"
#include "clients/session/frame_session.hpp"
#include "log/log.hpp"
#include "tls/cipher.hpp"
#include "web/address_rule.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using wire::error_code;

namespace {

/// Time of a turn for new connections.
constexpr std::chrono::milliseconds most_arriving{2};

std::unique_ptr<wire::stream_cipher> make_cipher(const arrival& came) {
    if (!came.tls) return nullptr;
    // No data follows the client's last handshake flight (there are no tickets) that could carry its acknowledgement,
    // and a client that coalesces (RFC 9293, 3.7.4) would delay its first data until a delayed acknowledgement comes.
    return std::make_unique<tls::cipher>(tls::engine::accept(came.tls), [fd = came.socket.get()] {
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    });
}

}  // namespace

shard_clients::shard_clients(exchange::shard& on, const client_limits& limits, login_service& logins, doorkeeper& door,
                             file_reader& files, std::shared_ptr<const access_rules> rules)
    : turn_worker{exchange::work_phase::ending},
      shard_{on},
      limits_{limits},
      logins_{logins},
      door_{door},
      rules_{std::move(rules)},
      files_{files} {
    memory_.apply(limits_);
    shard_.add_swept(*this);
}

shard_clients::~shard_clients() = default;

void shard_clients::adopt(arrival came, const listener_settings& listener) {
    arrived_.emplace_back(std::move(came), &listener);
    shard_.work_later(*this);
}

/// Thousands may arrive at once, and those that are connected do not wait for all of them.
void shard_clients::work_in_turn() {
    const auto until = std::chrono::steady_clock::now() + most_arriving;
    while (!arrived_.empty()) {
        auto [came, listener] = std::move(arrived_.front());
        arrived_.pop_front();
        shard_.guarded("a connection that arrives", [&] { begin(std::move(came), *listener); });
        if (std::chrono::steady_clock::now() >= until) break;
    }
    if (!arrived_.empty()) shard_.work_later(*this);
}

void shard_clients::begin(arrival came, const listener_settings& listener) {
    if (listener.kind != transport::unix_socket) set_tcp_options(came.socket.get(), limits_);
    connection_parts parts;
    parts.listener = &listener;
    parts.stream.cipher = make_cipher(came);
    bool has_place = true;
    const std::string from = came.from.empty() ? remote_address(came.socket.get()) : came.from;
    if (!came.from.empty()) parts.told_address = std::make_unique<std::string>(came.from);
    // A proxy's connection is not counted: the request tells the client's address.
    if (limits_.connections_per_address != 0 && !web::is_among(from, listener.proxies)) {
        auto place = door_.addresses.enter(counted_address(from), limits_.connections_per_address);
        has_place = place.has_value();
        if (place) parts.place = std::move(*place);
    }
    parts.stream.socket = std::move(came.socket);
    parts.slot = std::move(came.slot);
    std::unique_ptr<connection> speaker;
    if (listener.kind == transport::websocket) speaker = std::make_unique<http_connection>(*this, parts);
    else speaker = std::make_unique<frame_session>(*this, parts);
    connection& made = list(std::move(speaker));
    shard_.count(counter::connections_opened);
    const auto begin = [&] {
        await_login(made);
        if (!has_place) {
            shard_.count(counter::connections_refused);
            return made.end(error_code::too_many_from_address, close_reason::authentication);
        }
        if (is_draining_) made.end(error_code::shutting_down, close_reason::shutting_down);
        else made.begin({});
    };
    if (!shard_.guarded("a new connection", begin)) made.fail();
}

connection& shard_clients::list(std::unique_ptr<connection> made) {
    connection& listed = *all_.emplace_back(std::move(made));
    listed.index = static_cast<std::uint32_t>(all_.size() - 1);
    return listed;
}

void shard_clients::await_login(connection& who) {
    shard_.wake_sweep();
    logging_in_.add(who);
}

void shard_clients::authenticated(connection& who) { logging_in_.remove(who); }

std::uint64_t shard_clients::give_ticket(http_connection& who) {
    requests_.emplace(++last_ticket_, &who);
    return last_ticket_;
}

http_connection* shard_clients::take_request(std::uint64_t ticket) {
    const auto found = requests_.find(ticket);
    if (found == requests_.end()) return nullptr;
    http_connection* const asking = found->second;
    requests_.erase(found);
    return asking;
}

void shard_clients::fail_request(std::uint64_t ticket) noexcept {
    if (http_connection* const asking = take_request(ticket)) asking->fail();
}

void shard_clients::answer(std::uint64_t ticket, const engine_answer& answer) {
    with_request(ticket, [&](http_connection& asking) { asking.engine_answered(answer); });
}

std::uint64_t shard_clients::start_verification(user_session& who, const access::address_key& from) {
    stop_waiting(who);
    const std::uint64_t ticket = ++last_ticket_;
    login_tickets_.emplace(&who, ticket);
    verifying_.emplace(ticket, verification{&who, from, who.user()});
    return ticket;
}

user_session* shard_clients::take_ticket(std::uint64_t ticket, bool is_wrong) {
    const auto found = verifying_.find(ticket);
    if (found == verifying_.end()) return nullptr;
    const verification ended = std::move(found->second);
    verifying_.erase(found);
    if (ended.asked) login_tickets_.erase(ended.asked);
    if (is_wrong) door_.throttle.failed(ended.from, ended.user, shard_.now_ms());
    return ended.asked;
}

void shard_clients::ask_handler(user_session& who, const access::address_key& from, std::string_view data) {
    const std::uint64_t ticket = start_verification(who, from);
    login_call& call = *calls_.emplace(ticket, std::make_unique<login_call>(shard_)).first->second;
    call.ask(rules_->login_type, data, from.number(), [this, ticket](login_call::decision outcome) {
        // Not now, since the call itself is in use, and perhaps the session.
        shard_.at_turn_end([this, ticket, outcome = std::move(outcome)]() mutable {
            calls_.erase(ticket);
            const bool is_wrong = !outcome && outcome.error().is_verdict;
            with_login(ticket, is_wrong, [&](user_session& asked) { asked.decided(std::move(outcome)); });
        });
    });
}

void shard_clients::watch_expiry(user_session& who) {
    shard_.wake_sweep();
    expiring_.add(who);
}

void shard_clients::check_expiries() {
    constexpr std::uint64_t interval_ms = 250;
    const std::uint64_t wall_ms = shard_.wall_ms();
    if (expiring_.empty() || shard_.now_ms() < next_expiry_check_ms_) return;
    next_expiry_check_ms_ = shard_.now_ms() + interval_ms;
    const auto notice = static_cast<std::uint64_t>(rules_->token_notice.count());
    expiring_.for_each([&](user_session& who) { who.check_expiry(wall_ms, notice); });
}

void shard_clients::watch_blocked(connection& who) {
    shard_.wake_sweep();
    blocked_.add(who);
}

void shard_clients::watch_warm(connection& who) {
    shard_.wake_sweep();
    warm_.add(who);
}

void shard_clients::watch_silence(websocket_side& who) {
    shard_.wake_sweep();
    silent_.add(who);
}

/// Sends pings to WebSockets that are silent.
void shard_clients::check_silence(std::uint64_t now_ms) {
    if (now_ms < next_silence_check_ms_) return;
    const auto idle = static_cast<std::uint64_t>(limits_.keepalive_idle.count());
    const auto timeout = static_cast<std::uint64_t>(limits_.keepalive_timeout.count());
    next_silence_check_ms_ = now_ms + std::clamp<std::uint64_t>(std::min(idle, timeout) / 4, 50, 1'000);
    web_forms_ = {};  // frees the payloads that they refer to
    silent_.for_each([&](websocket_side& who) { who.check_alive(now_ms, idle, timeout); });
}

void shard_clients::end_later(connection& who) {
    if (!is_ending_due_) {
        shard_.at_turn_end([this] { end_due(); });
        is_ending_due_ = true;
    }
    ending_.add(who);
}

void shard_clients::end_due() {
    is_ending_due_ = false;
    while (!ending_.empty()) {
        ending_.for_each([&](connection& who) {
            ending_.remove(who);
            if (!shard_.guarded("the end of a connection", [&] { who.end_now(); })) who.fail();
        });
    }
}

/// Frees the buffers of ciphered sessions that have been idle for a while.
void shard_clients::cool(std::uint64_t now_ms) {
    warm_.for_each([&](connection& who) {
        if (who.cool(now_ms)) warm_.remove(who);
    });
}

void shard_clients::closed(connection& who) {
    shard_.count(counter::connections_closed);
    remove(who);
}

/// Removes it from all lists of connections; it is destroyed after this turn.
void shard_clients::remove(connection& who) {
    logging_in_.remove(who);
    blocked_.remove(who);
    warm_.remove(who);
    ending_.remove(who);
    if (user_session* const session = who.session()) forget(*session);
    std::unique_ptr<connection> gone = std::move(all_[who.index]);
    if (who.index + 1 != all_.size()) {
        all_[who.index] = std::move(all_.back());
        all_[who.index]->index = who.index;
    }
    all_.pop_back();
    shard_.bury(std::move(gone));
}

bool shard_clients::end_longest_file() {
    http_connection* longest = nullptr;
    with_file_.for_each([&](http_connection& each) {
        if (!longest || each.file_since_ms() < longest->file_since_ms()) longest = &each;
    });
    const auto patience = static_cast<std::uint64_t>(limits_.write_timeout.count());
    if (!longest || shard_.now_ms() - longest->file_since_ms() < patience) return false;
    longest->give_up_file();
    return true;
}

connection_parts shard_clients::give_away(connection& who) {
    connection_parts parts = who.take_parts();
    remove(who);
    return parts;
}

bool shard_clients::has_room_for_engine() const noexcept {
    return limits_.connections == 0 || engine_count_ < 2 * limits_.connections / shard_.settings().shards + 1;
}

/// What its log-in waits for is no business of this session any more.
void shard_clients::stop_waiting(const user_session& who) {
    const auto waiting = login_tickets_.find(&who);
    if (waiting == login_tickets_.end()) return;
    if (const auto asked = verifying_.find(waiting->second); asked != verifying_.end()) asked->second.asked = nullptr;
    login_tickets_.erase(waiting);
}

void shard_clients::forget(user_session& who) {
    stop_waiting(who);
    expiring_.remove(who);
}

bool shard_clients::is_asking_handler(const user_session& who) const {
    const auto waiting = login_tickets_.find(&who);
    return waiting != login_tickets_.end() && calls_.contains(waiting->second);
}

bool shard_clients::sweep(std::uint64_t now_ms) {
    logging_in_.for_each([&](connection& who) {
        if (!who.is_past_deadline(now_ms)) return;
        // Ending a session may take it out of the list at once, or when the reason has been written.
        if (!who.give_up_waiting()) who.end(error_code::authentication_timeout, close_reason::authentication);
        logging_in_.remove(who);
    });
    blocked_.for_each([&](connection& who) {
        const auto patience = who.write_patience();
        if (who.is_open() && who.is_stuck(now_ms, static_cast<std::uint64_t>(patience.most.count()))) {
            shard_.count(counter::write_timeouts);
            log::warning("{}, {}: took nothing for {} ms ({}), closed", who.describe(), who.address(),
                         patience.most.count(), patience.key);
            who.close(close_reason::write_timeout);  // removes it from the list
            return;
        }
        if (!who.is_blocked()) blocked_.remove(who);
    });
    const bool has_held = memory_.sweep(now_ms);
    cool(now_ms);
    check_expiries();
    check_silence(now_ms);
    const bool has_engines = engines_.sweep(now_ms);
    return has_engines || has_held || !silent_.empty() || !warm_.empty() || !expiring_.empty() ||
           !logging_in_.empty() || !blocked_.empty();
}

void shard_clients::apply(const client_limits& limits) {
    limits_ = limits;
    memory_.apply(limits_);
    engines_.apply_limits();
    for (const auto& who : all_) who->apply_limits();
}

/// Also while others are called to end.
template <class Each>
void shard_clients::for_each_session(Each&& each) const {
    // From the back: a connection that closes at once moves the last one to its place.
    for (std::size_t i = all_.size(); i-- > 0;) {
        if (i >= all_.size()) continue;
        if (user_session* const session = all_[i]->session()) each(*session);
    }
    engines_.for_each(each);
}

void shard_clients::drain(std::uint64_t spread_ms) {
    is_draining_ = true;
    const auto ask = [spread_ms](user_session& who) {
        if (who.is_authenticated())
            who.notify_reconnect(::randombytes_uniform(static_cast<std::uint32_t>(spread_ms) + 1));
    };
    for_each_session(ask);
}

void shard_clients::close_all() {
    engines_.close_all();
    // From the back: a session that closes at once moves the last one to its place.
    for (std::size_t i = all_.size(); i-- > 0;)
        if (i < all_.size()) all_[i]->end(error_code::shutting_down, close_reason::shutting_down);
}

void shard_clients::end_sessions_of(std::string_view user, exchange::session_id except) {
    for_each_session([&](user_session& who) {
        if (who.has_account() && who.user() == user && who.id() != except)
            who.end(error_code::account_changed, close_reason::requested);
    });
}

void shard_clients::end_sessions_everywhere(const std::string& user, exchange::session_id except) {
    for (unsigned each = 0; each < everywhere_->size(); ++each)
        send_on(each,
                [user = std::string{user}, except](shard_clients& there) { there.end_sessions_of(user, except); });
}

void shard_clients::end_sessions_without(const std::vector<std::string>& accounts) {
    for_each_session([&](user_session& who) {
        if (who.has_account() && !std::binary_search(accounts.begin(), accounts.end(), who.user()))
            who.end(error_code::account_changed, close_reason::requested);
    });
}

std::size_t shard_clients::unanswered() const {
    std::size_t sum = 0;
    for_each_session([&](const user_session& who) { sum += who.unanswered(); });
    return sum;
}

std::vector<std::pair<const listener_settings*, std::size_t>> shard_clients::count_by_listener() const {
    std::map<const listener_settings*, std::size_t> counts;
    for (const auto& who : all_) ++counts[&who->listener()];
    return {counts.begin(), counts.end()};
}

}  // namespace bester::clients
