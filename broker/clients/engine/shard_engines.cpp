#include "clients/engine/shard_engines.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <iterator>

#include <sodium.h>

#include "clients/engine/engine_carrier.hpp"
#include "clients/engine/engine_session.hpp"
#include "clients/engine/namespace_session.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "log/log.hpp"
#include "web/address_rule.hpp"

namespace bester::clients {

using exchange::counter;

namespace {

/// Two hexadecimal digits of the shard, then this many random bytes.
constexpr std::size_t random_size = 16;
constexpr std::size_t secret_size = 2 + 2 * random_size;
/// How many of the oldest newcomers are checked for a waiting request or WebSocket.
constexpr std::ptrdiff_t most_asked = 64;
/// A session is on the shard that its id names, or was moved once.
constexpr unsigned most_hops = 3;

}  // namespace

/// The parts that move to another shard.
struct shard_engines::moved {
    std::unique_ptr<engine_session> engine;
    std::optional<connection_parts> carrier;  ///< its WebSocket, or one that wants to take over
    websocket_upgrade how;                    ///< how the WebSocket was opened
    carrier_part part = carrier_part::carries_on;
    std::string connect;
};

shard_engines::shard_engines(shard_clients& clients) : clients_{clients} {
    ::randombytes_buf(&last_offset_, sizeof last_offset_);
    last_offset_ >>= 2;  // leaves room to count up
}

shard_engines::~shard_engines() {
    // The exchange is being destroyed: no client is told.
    dead_sessions_.clear();
    lost_.clear();
    newcomers_.clear();
    engines_.clear();
}

unsigned shard_engines::index() const noexcept { return clients_.shard().index(); }

std::uint64_t shard_engines::ping_interval_ms() const noexcept {
    return static_cast<std::uint64_t>(clients_.limits().keepalive_idle.count());
}

std::uint64_t shard_engines::ping_timeout_ms() const noexcept {
    return static_cast<std::uint64_t>(clients_.limits().keepalive_timeout.count());
}

std::string shard_engines::make_secret() const {
    std::array<unsigned char, 1 + random_size> bytes;
    ::randombytes_buf(bytes.data(), bytes.size());
    bytes[0] = static_cast<unsigned char>(index());
    std::string text(2 * bytes.size() + 1, '\0');
    ::sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
    text.pop_back();
    return text;
}

std::optional<unsigned> shard_engines::shard_of(std::string_view secret) const noexcept {
    unsigned shard = 0;
    if (secret.size() != secret_size) return std::nullopt;
    const auto end = std::from_chars(secret.data(), secret.data() + 2, shard, 16);
    if (end.ec != std::errc{} || end.ptr != secret.data() + 2 || shard >= clients_.shard().settings().shards)
        return std::nullopt;
    return shard;
}

const socketio_namespace* shard_engines::find_namespace(const web_path& path, std::string_view name) {
    auto [found, is_new] = namespaces_.try_emplace(&path);
    if (is_new) found->second = namespaces_of(path);
    for (const socketio_namespace& each : found->second)
        if (each.name == name) return &each;
    return nullptr;
}

// ---- where they are ----------------------------------------------------------------------------

tl::expected<engine_session*, web::http_status> shard_engines::open(std::shared_ptr<const engine_opening> how) {
    auto place = place_among(clients_.door().engine_addresses, *how);
    if (!place) {
        clients_.shard().count(counter::connections_refused);
        return tl::unexpected(web::http_status::too_many_requests);
    }
    if (!clients_.has_room_for_engine() && !end_newcomer())
        return tl::unexpected(web::http_status::service_unavailable);
    std::string sid = make_secret();
    const std::uint64_t now_ms = clients_.shard().now_ms();
    auto made = std::make_unique<engine_session>(*this, std::move(how), std::move(*place), sid, now_ms);
    engine_session* const opened = made.get();
    opened->begin();
    // What may fail comes first.
    decltype(newcomers_) newcomer{{opened->opened_ms(), opened}};
    engines_.emplace(std::move(sid), std::move(made));
    newcomers_.merge(newcomer);
    clients_.count_engine();
    clients_.shard().wake_sweep();
    return opened;
}

/// Returns a place in the count of the client's address; none if that has as many as it may.
std::optional<access::address_place> shard_engines::place_among(access::address_counts& counts,
                                                                const engine_opening& how) const {
    const std::size_t most = clients_.limits().connections_per_address;
    // A proxy's session is not counted: the request tells the client's address.
    if (most == 0 || web::is_among(how.address, how.listener->proxies)) return access::address_place{};
    return counts.enter(counted_address(how.address), most);
}

void shard_engines::joined(engine_session& who) noexcept { newcomers_.erase({who.opened_ms(), &who}); }

/// Makes room when the broker is full: ends one of the oldest sessions that were never in a namespace, preferably one
/// without a waiting request or WebSocket. Returns false if there is none.
bool shard_engines::end_newcomer() {
    if (newcomers_.empty()) return false;
    const auto asked = std::min(most_asked, static_cast<std::ptrdiff_t>(newcomers_.size()));
    const auto last = std::next(newcomers_.begin(), asked);
    const auto found =
        std::find_if(newcomers_.begin(), last, [](const auto& each) { return !each.second->is_attended(); });
    engine_session& who = *(found == last ? newcomers_.begin() : found)->second;
    clients_.shard().count(counter::input_evictions);
    log::warning("there may be no more Socket.IO sessions (server.connections): ended one of {}, not logged in",
                 who.opening()->address);
    who.close_now();
    return true;
}

engine_session* shard_engines::find(std::string_view sid) const {
    const auto found = engines_.find(sid);
    return found == engines_.end() ? nullptr : found->second.get();
}

std::optional<unsigned> shard_engines::shard_for(std::string_view sid) const {
    if (engines_.contains(sid)) return index();
    const auto elsewhere = forwards_.find(sid);
    if (elsewhere != forwards_.end()) return elsewhere->second;
    return shard_of(sid);
}

void shard_engines::at(std::string sid, action act, unsigned hops) {
    const auto target = shard_for(sid);
    if (target == index() || !target || hops >= most_hops) return act(*this, find(sid));
    struct journey {
        std::string sid;
        action act;
        unsigned hops;
    };
    auto what = std::make_unique<journey>(journey{std::move(sid), std::move(act), hops + 1});
    clients_.shard().post_to(*target,
                             [&there = clients_.on_shard(*target), what = std::move(what)](exchange::shard&) mutable {
                                 there.engines().at(std::move(what->sid), std::move(what->act), what->hops);
                             });
}

void shard_engines::answer(const waiting_request& to, engine_answer what) {
    auto kept = std::make_unique<engine_answer>(std::move(what));
    clients_.send_on(
        to.shard, [ticket = to.ticket, kept = std::move(kept)](shard_clients& there) { there.answer(ticket, *kept); });
}

void shard_engines::later(const std::string& sid, void (*act)(engine_session&)) {
    clients_.shard().at_turn_end([this, sid, act] {
        if (engine_session* const who = find(sid)) act(*who);
    });
}

// ---- from shard to shard -----------------------------------------------------------------------

void shard_engines::move_later(engine_session& who, unsigned target, std::string_view connect) {
    clients_.shard().at_turn_end(
        [this, sid = who.sid(), target, connect = std::string{connect}] { move(sid, target, connect); });
}

void shard_engines::move(const std::string& sid, unsigned target, const std::string& connect) {
    engine_session* const who = find(sid);
    if (!who) return;
    auto what = std::make_unique<moved>();
    what->connect = connect;
    if (!who->websocket()) what->part = carrier_part::still_takes_over;
    if (engine_carrier* const socket = who->websocket() ? who->websocket() : who->upgrading()) {
        if (!socket->can_move()) {
            // The connection still has output or is closing: then a new session begins here.
            who->take_moved_packet(connect);
            return who->go_on();
        }
        what->how.path = &socket->path();
        what->how.is_compressed = socket->is_compressed();
        what->carrier = clients_.give_away(*socket);
        socket->forget_engine();
    }
    what->engine = take(sid);
    clients_.uncount_engine();
    what->engine->move_off();
    const unsigned home = home_of(sid);
    if (home == index()) {
        forwards_[sid] = target;
    } else {
        clients_.shard().post_to(home, [&there = clients_.on_shard(home), sid = std::string{sid},
                                        target](exchange::shard&) { there.engines().forward(sid, target); });
    }
    clients_.send_on(target,
                     [what = std::move(what)](shard_clients& there) { there.engines().arrive(std::move(*what)); });
}

void shard_engines::arrive(moved what) {
    engine_session& who = *what.engine;
    who.move_to(*this);
    engines_.emplace(who.sid(), std::move(what.engine));
    clients_.count_engine();
    if (!who.has_joined()) newcomers_.emplace(who.opened_ms(), &who);
    clients_.shard().wake_sweep();
    const std::string sid = who.sid();
    if (what.carrier) {
        const bool is_taken = clients_.take_over<engine_carrier>(std::move(*what.carrier), what.how, who, what.part);
        if (!is_taken && what.part == carrier_part::carries_on) who.close_later();
        if (!find(sid)) return;
    }
    who.take_moved_packet(what.connect);
    if (engine_session* const here = find(sid)) here->go_on();
}

unsigned shard_engines::home_of(std::string_view sid) const noexcept { return shard_of(sid).value_or(index()); }

void shard_engines::forward(const std::string& sid, std::optional<unsigned> to) {
    if (to) forwards_[sid] = *to;
    else forwards_.erase(sid);
}

// ---- the end, and coming back -------------------------------------------------------------------

std::unique_ptr<engine_session> shard_engines::take(std::string_view sid) {
    const auto found = engines_.find(sid);
    if (found == engines_.end()) return nullptr;
    auto taken = std::move(found->second);
    engines_.erase(found);
    newcomers_.erase({taken->opened_ms(), taken.get()});
    return taken;
}

void shard_engines::ended(engine_session& who) {
    auto gone = take(who.sid());
    if (!gone) return;
    const unsigned home = home_of(who.sid());
    if (home != index()) {
        clients_.shard().post_to(home, [&there = clients_.on_shard(home), sid = who.sid()](exchange::shard&) {
            there.engines().forward(sid, std::nullopt);
        });
    }
    // A buried session does not count any more.
    gone->leave_address();
    clients_.uncount_engine();
    for (auto& each : gone->namespaces()) {
        std::optional<access::address_place> place;
        if (each->outlive_connection()) place = place_among(clients_.door().lost_addresses, *gone->opening());
        if (place) {
            lost_.push_back({std::move(each), std::move(*place)});
            clients_.count_engine();
        } else {
            each->drop();
            bury(std::move(each));
        }
    }
    gone->namespaces().clear();
    clients_.shard().wake_sweep();
    bury(std::move(gone));
}

void shard_engines::remember(namespace_session& who) { recoverable_.emplace(who.recovery()->secret(), &who); }

void shard_engines::forget(namespace_session& who) {
    if (who.recovery()) recoverable_.erase(who.recovery()->secret());
}

std::unique_ptr<namespace_session> shard_engines::take_back(std::string_view secret, const socketio_namespace& where,
                                                            std::optional<std::uint64_t> offset) {
    const auto found = recoverable_.find(secret);
    if (found == recoverable_.end()) return nullptr;
    namespace_session& who = *found->second;
    if (&who.where() != &where || !who.can_come_back(offset)) return nullptr;
    if (engine_session* const former = who.carrier()) {
        // The loss of its old connection has not been noticed yet.
        auto taken = former->give_up(who);
        if (former->namespaces().empty()) former->close_later();
        return taken;
    }
    return take_lost(find_lost(who));
}

/// Returns the index of a lost session; their number if it is not lost.
std::size_t shard_engines::find_lost(const namespace_session& who) const noexcept {
    const auto found =
        std::find_if(lost_.begin(), lost_.end(), [&](const auto& each) { return each.who.get() == &who; });
    return static_cast<std::size_t>(found - lost_.begin());
}

/// Removes and returns the lost session of this index; null if there is none. The last one takes its place.
std::unique_ptr<namespace_session> shard_engines::take_lost(std::size_t at) {
    if (at >= lost_.size()) return nullptr;
    std::swap(lost_[at], lost_.back());
    auto taken = std::move(lost_.back().who);
    lost_.pop_back();
    clients_.uncount_engine();
    return taken;
}

void shard_engines::remove_later(namespace_session& who) {
    if (auto gone = take_lost(find_lost(who))) bury(std::move(gone));
}

void shard_engines::bury(std::unique_ptr<namespace_session> gone) {
    dead_sessions_.push_back(std::move(gone));
    clear_graves();
}

void shard_engines::bury(std::unique_ptr<engine_session> gone) {
    dead_engines_.push_back(std::move(gone));
    clear_graves();
}

/// Not before the end of the turn, since the caller may be one of their own calls.
void shard_engines::clear_graves() {
    if (is_clearing_) return;
    clients_.shard().at_turn_end([this] {
        is_clearing_ = false;
        for (const auto& each : dead_sessions_) clients_.forget(*each);
        dead_sessions_.clear();
        dead_engines_.clear();
    });
    is_clearing_ = true;
}

// ---- from time to time -------------------------------------------------------------------------

bool shard_engines::sweep(std::uint64_t now_ms) {
    const bool has_any = !engines_.empty() || !lost_.empty();
    if (!has_any || now_ms < next_check_ms_) return has_any;
    next_check_ms_ = now_ms + std::clamp<std::uint64_t>(std::min(ping_interval_ms(), ping_timeout_ms()) / 4, 20, 1'000);
    events_ = {};  // frees the payloads that they refer to
    const auto login_timeout = static_cast<std::uint64_t>(clients_.limits().authentication_timeout.count());
    std::vector<engine_session*> silent;
    for (const auto& [sid, who] : engines_)
        if (!who->check(now_ms, login_timeout, ping_interval_ms(), ping_timeout_ms())) silent.push_back(who.get());
    for (engine_session* who : silent) who->close_later();
    for (std::size_t i = lost_.size(); i-- > 0;) {
        if (i >= lost_.size() || now_ms < lost_[i].who->lost_until_ms()) continue;
        auto gone = take_lost(i);
        gone->drop();
        bury(std::move(gone));
    }
    return true;
}

void shard_engines::for_each(const std::function<void(namespace_session&)>& each) const {
    // The calls may end the session, or all of them.
    std::vector<namespace_session*> all;
    for (const auto& [sid, who] : engines_)
        for (const auto& session : who->namespaces()) all.push_back(session.get());
    for (const auto& lost : lost_) all.push_back(lost.who.get());
    for (namespace_session* who : all) each(*who);
}

void shard_engines::close_all() {
    for_each([](namespace_session& who) {
        who.end(wire::error_code::shutting_down, exchange::close_reason::shutting_down);
    });
    for (const auto& [sid, who] : engines_) who->close_later();
}

std::size_t shard_engines::unanswered() const {
    std::size_t sum = 0;
    for_each([&](namespace_session& who) { sum += who.unanswered(); });
    return sum;
}

}  // namespace bester::clients
