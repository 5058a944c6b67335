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
#include "exchange/undo.hpp"
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
    engine_list engine;
    std::optional<connection_parts> carrier;  ///< its WebSocket, or one that wants to take over
    websocket_upgrade how;                    ///< how the WebSocket was opened
    carrier_part part = carrier_part::carries_on;
    std::string connect;
    unsigned from = 0;  ///< the shard that it comes from
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
    checks_.clear();
    engines_.clear();
    living_.clear();
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
    engine_list its_place;
    its_place.push_back(std::move(made));
    decltype(checks_) its_check{{0, opened}};
    engines_.emplace(std::move(sid), its_place.begin());
    living_.splice(living_.end(), its_place);
    newcomers_.merge(newcomer);
    checks_.merge(its_check);
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
    return found == engines_.end() ? nullptr : found->second->get();
}

std::optional<unsigned> shard_engines::shard_for(std::string_view sid) const {
    if (engines_.contains(sid)) return index();
    const auto elsewhere = forwards_.find(sid);
    if (elsewhere != forwards_.end()) return elsewhere->second;
    return shard_of(sid);
}

void shard_engines::at(std::string sid, const waiting_request& from, action act, unsigned hops) {
    const auto target = shard_for(sid);
    if (target == index() || !target || hops >= most_hops) {
        if (clients_.shard().guarded("a request of a session", [&] { act(*this, find(sid)); })) return;
        if (engine_session* const who = find(sid)) who->fail();
        return end_request(from);
    }
    struct journey {
        std::string sid;
        waiting_request from;
        action act;
        unsigned hops;
    };
    auto what = std::make_unique<journey>(journey{std::move(sid), from, std::move(act), hops + 1});
    clients_.send_on(*target, [what = std::move(what)](shard_clients& there) {
        const auto go_on = [&] {
            there.engines().at(std::move(what->sid), what->from, std::move(what->act), what->hops);
        };
        if (!there.shard().guarded("a request of a session", go_on)) there.engines().end_request(what->from);
    });
}

void shard_engines::answer(const waiting_request& to, engine_answer&& what) noexcept {
    const bool is_on_its_way = clients_.shard().guarded("an answer", [&] {
        auto kept = std::make_unique<engine_answer>(std::move(what));
        clients_.send_on(to.shard, [ticket = to.ticket, kept = std::move(kept)](shard_clients& there) {
            there.answer(ticket, *kept);
        });
    });
    if (!is_on_its_way) end_request(to);
}

/// Of a request that cannot be answered: its connection ends.
void shard_engines::end_request(const waiting_request& which) noexcept {
    if (!which) return;
    clients_.shard().guarded("the end of a request", [&] {
        clients_.send_on(which.shard, [ticket = which.ticket](shard_clients& there) { there.fail_request(ticket); });
    });
}

void shard_engines::call_later(engine_session& who, engine_due what) noexcept {
    who.due |= what;
    due_.splice(due_.end(), who.due_place);
    clients_.shard().work_later(turn_end_);
}

void shard_engines::forget_due(engine_session& who) noexcept {
    if (who.due_place.empty()) who.due_place.splice(who.due_place.end(), due_, who.due_at);
    who.due = 0;
}

void shard_engines::end_turn() {
    // What is due from now on is due in the next turn, and so is what there is no time for: thousands may end at once.
    // None of them is destroyed before the graves are cleared.
    const auto until = std::chrono::steady_clock::now() + time_of_turn;
    for (std::size_t left = due_.size(); left > 0 && !due_.empty(); --left) {
        if (std::chrono::steady_clock::now() >= until) {
            clients_.shard().work_later(turn_end_);
            break;
        }
        engine_session& who = *due_.front();
        who.due_place.splice(who.due_place.end(), due_, due_.begin());
        const std::uint8_t what = std::exchange(who.due, std::uint8_t{0});
        if (!clients_.shard().guarded("what is due for a session", [&] { who.do_due(what); })) who.fail();
    }
    clear_graves();
}

// ---- from shard to shard -----------------------------------------------------------------------

void shard_engines::move(engine_session& who) {
    // What may fail comes first: the session is here or there, whole.
    auto what = std::make_unique<moved>();
    const auto going = who.take_journey();
    if (!going || !engines_.contains(who.sid())) return;
    exchange::shard& shard = clients_.shard();
    const unsigned target = going->target;
    what->connect = std::move(going->connect);
    what->from = index();
    what->part = who.part_after_move();
    engine_carrier* const socket = who.carrier();
    if (socket && !socket->can_move()) {
        // The connection still has output, is in the middle of a frame or is closing: then a new session begins here.
        who.take_moved_packet(what->connect);
        return who.go_on();
    }
    const unsigned home = home_of(who.sid());
    shard.make_room_for(target);
    if (home == index()) {
        forwards_[who.sid()] = target;
    } else {
        std::string sid = who.sid();
        if (home == target) shard.make_room_for(target);
        shard.post_to(home, [&there = clients_.on_shard(home), sid = std::move(sid), target](exchange::shard&) {
            there.engines().forward(sid, target);
        });
        shard.make_room_for(target);
    }
    if (socket) {
        what->how.path = &socket->path();
        what->how.is_compressed = socket->is_compressed();
        what->carrier = clients_.give_away(*socket);
        socket->forget_engine();
    }
    who.move_off();
    forget_due(who);
    what->engine = take(who.sid());
    clients_.uncount_engine();
    clients_.send_on(target, [what = std::move(what)](shard_clients& there) { there.engines().arrive(*what); });
}

void shard_engines::arrive(moved& what) noexcept {
    if (what.engine.empty()) return;
    engine_session& who = *what.engine.front();
    if (clients_.shard().guarded("a session that moves", [&] { settle_down(what); })) return;
    if (what.engine.empty()) return who.fail();
    // It could not even be entered here.
    who.end_transport(true);
    clients_.shard().guarded("the end of a session that moves", [&] {
        const unsigned home = home_of(who.sid());
        clients_.send_on(home, [sid = who.sid()](shard_clients& there) { there.engines().forward(sid, std::nullopt); });
    });
}

void shard_engines::settle_down(moved& what) {
    engine_session& who = *what.engine.front();
    who.move_to(*this);
    decltype(newcomers_) newcomer;
    if (!who.has_joined()) newcomer.emplace(who.opened_ms(), &who);
    who.check_due_ms = 0;
    decltype(checks_) its_check{{0, &who}};
    // A client that names this shard in its secret comes here, as long as there is room.
    const bool has_room = clients_.has_room_for_engine() || end_newcomer();
    engines_.emplace(who.sid(), what.engine.begin());
    living_.splice(living_.end(), what.engine);
    newcomers_.merge(newcomer);
    checks_.merge(its_check);
    clients_.count_engine();
    clients_.shard().wake_sweep();
    if (!has_room) clients_.shard().count(counter::connections_refused);
    if (!has_room || has_closed_all_) {
        if (what.carrier) clients_.shard().count(counter::connections_closed);
        return who.close_later();
    }
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

shard_engines::engine_list shard_engines::take(std::string_view sid) noexcept {
    engine_list taken;
    const auto found = engines_.find(sid);
    if (found == engines_.end()) return taken;
    taken.splice(taken.end(), living_, found->second);
    engines_.erase(found);
    newcomers_.erase({taken.front()->opened_ms(), taken.front().get()});
    checks_.erase({taken.front()->check_due_ms, taken.front().get()});
    return taken;
}

void shard_engines::ended(engine_session& who) noexcept {
    engine_list gone = take(who.sid());
    if (gone.empty()) return;
    // A buried session does not count any more.
    who.leave_address();
    clients_.uncount_engine();
    session_list& sessions = who.namespaces();
    while (!sessions.empty()) {
        namespace_session& each = *sessions.front();
        bool stays = false;
        clients_.shard().guarded("a session whose client is lost", [&] {
            if (!each.outlive_connection()) return;
            auto place = place_among(clients_.door().lost_addresses, *who.opening());
            stays = place.has_value();
            if (place) each.lost_place = std::move(*place);
        });
        if (stays) {
            lost_.splice(lost_.end(), sessions, sessions.begin());
            each.lost_at = std::prev(lost_.end());
            clients_.count_engine();
        } else {
            session_list ending;
            ending.splice(ending.end(), sessions, sessions.begin());
            bury(std::move(ending));
        }
    }
    clients_.shard().wake_sweep();
    dead_engines_.splice(dead_engines_.end(), gone);
    clients_.shard().work_later(turn_end_);
}

void shard_engines::remember(namespace_session& who) { recoverable_.emplace(who.recovery()->secret(), &who); }

void shard_engines::forget(namespace_session& who) {
    if (who.recovery()) recoverable_.erase(who.recovery()->secret());
}

session_list shard_engines::take_back(std::string_view secret, const socketio_namespace& where,
                                      std::optional<std::uint64_t> offset) {
    const auto found = recoverable_.find(secret);
    if (found == recoverable_.end()) return {};
    namespace_session& who = *found->second;
    if (&who.where() != &where || !who.can_come_back(offset)) return {};
    if (engine_session* const former = who.carrier()) {
        // The loss of its old connection has not been noticed yet.
        if (former->namespaces().size() == 1) former->close_later();
        return former->give_up(who);
    }
    return take_lost(who);
}

/// Removes and returns a lost session; nothing if it is not lost.
session_list shard_engines::take_lost(namespace_session& who) noexcept {
    session_list taken;
    if (!who.lost_at) return taken;
    taken.splice(taken.end(), lost_, *who.lost_at);
    who.lost_at.reset();
    who.lost_place = {};
    clients_.uncount_engine();
    return taken;
}

void shard_engines::remove_later(namespace_session& who) noexcept { bury(take_lost(who)); }

void shard_engines::bury(session_list gone) noexcept {
    for (const auto& each : gone) clients_.shard().guarded("a session that leaves", [&] { each->drop(); });
    dead_sessions_.splice(dead_sessions_.end(), gone);
    clients_.shard().work_later(turn_end_);
}

/// Not before the turn ends: whoever ended them may be among their own calls. Who could not leave stays in its grave
/// until it can.
void shard_engines::clear_graves() {
    exchange::undo clear_again{[&] { clients_.shard().work_later(turn_end_); }};
    while (!dead_sessions_.empty()) {
        namespace_session& each = *dead_sessions_.front();
        each.drop();
        clients_.forget(each);
        dead_sessions_.pop_front();
    }
    while (!dead_engines_.empty()) {
        engine_session& each = *dead_engines_.front();
        if (const unsigned home = home_of(each.sid()); home != index())
            clients_.send_on(home,
                             [sid = each.sid()](shard_clients& there) { there.engines().forward(sid, std::nullopt); });
        forget_due(each);
        dead_engines_.pop_front();
    }
    clear_again.done();
}

// ---- all of them -------------------------------------------------------------------------------

void shard_engines::for_each(const std::function<void(namespace_session&)>& each) const {
    // The calls may end the session, or all of them.
    std::vector<namespace_session*> all;
    for (const auto& who : living_)
        for (const auto& session : who->namespaces()) all.push_back(session.get());
    for (const auto& lost : lost_) all.push_back(lost.get());
    for (namespace_session* who : all) each(*who);
}

void shard_engines::close_all() {
    has_closed_all_ = true;
    for_each([](namespace_session& who) {
        who.end(wire::error_code::shutting_down, exchange::close_reason::shutting_down);
    });
    for (const auto& who : living_) who->close_later();
}

std::size_t shard_engines::unanswered() const {
    std::size_t sum = 0;
    for_each([&](namespace_session& who) { sum += who.unanswered(); });
    return sum;
}

}  // namespace bester::clients
