#include "peering/routing/link_state.hpp"

#include <algorithm>
#include <utility>

namespace bester::peering {

namespace {

const advert_link* find_link(const advert& message, std::string_view peer) {
    const auto found =
        std::lower_bound(message.links.begin(), message.links.end(), peer,
                         [](const advert_link& link, std::string_view name) { return link.peer < name; });
    return found != message.links.end() && found->peer == peer ? &*found : nullptr;
}

bool has_same_peers(const advert& a, const advert& b) {
    return std::equal(a.links.begin(), a.links.end(), b.links.begin(), b.links.end(),
                      [](const auto& x, const auto& y) { return x.peer == y.peer; });
}

}  // namespace

std::chrono::microseconds own_link::cost() const noexcept {
    return std::clamp(std::chrono::ceil<std::chrono::microseconds>(smoothed), least_link_cost, most_link_cost);
}

std::chrono::microseconds own_link::told_cost() const noexcept { return trial_ends ? most_link_cost : cost(); }

link_state::link_state(link_state_settings settings, std::chrono::milliseconds wall_clock, time_point now)
    : settings_(std::move(settings)),
      wall_clock_(wall_clock),
      started_(now),
      reach_due_(now + settings_.reach_interval),
      news_since_(now),
      next_allowed_(now) {
    make_own_advert(own_advert(), now);
    next_allowed_ = now;  // no server has received this one: the first links are announced without a wait
}

void link_state::on_link_up(std::string_view peer, std::chrono::nanoseconds round_trip, time_point now) {
    own_link& link = links_.insert_or_assign(std::string(peer), own_link{}).first->second;
    link.smoothed = round_trip;
    if (const auto lost = lost_.find(peer); lost != lost_.end()) {
        if (now < lost->second + settings_.loss_memory) {
            link.trial_ends = now + settings_.trial;
        }
        lost_.erase(lost);
    }
    // Another stream in place of an announced one, with whose cost others calculate.
    const advert_link* told = find_link(servers_.find(settings_.server)->second.said, peer);
    if (told && !link.trial_ends) {
        link.advertised = told->cost;
    }
    ++revision_;
    note(own_news::change, now);
}

void link_state::on_round_trip(std::string_view peer, std::chrono::nanoseconds round_trip, time_point now) {
    const auto found = links_.find(peer);
    if (found == links_.end()) {
        return;
    }
    own_link& link = found->second;
    link.smoothed += (round_trip - link.smoothed) / 8;
    if (link.advertised && has_moved(*link.advertised, link.told_cost())) {
        note(own_news::change, now);
    }
}

void link_state::on_link_down(std::string_view peer, time_point now) {
    const auto found = links_.find(peer);
    if (found == links_.end()) {
        return;
    }
    const auto rumour = std::move(found->second.rumour);
    links_.erase(found);
    std::erase_if(lost_, [&](const auto& lost) { return lost.second + settings_.loss_memory <= now; });
    lost_.insert_or_assign(std::string(peer), now);
    ++revision_;
    ++loss_revision_;
    note(own_news::loss, now);
    // Rumours that it could have contradicted count from now on.
    if (rumour && links_.contains(rumour->teller)) {
        advert said = rumour->said;
        said.age = std::chrono::ceil<std::chrono::milliseconds>(now - rumour->made);
        on_advert(said, rumour->teller, now);
    }
}

advert_outcome link_state::on_text(std::string_view text, std::string_view peer, time_point now) {
    const auto message = decode_link_state(text);
    return message ? on_message(*message, peer, now) : refuse(message.error());
}

advert_outcome link_state::on_message(const link_state_message& message, std::string_view peer, time_point now) {
    const auto from = links_.find(peer);
    if (from == links_.end()) {
        return refuse("an advert came over a link that is not up");
    }
    if (const auto* summary = std::get_if<database_summary>(&message)) {
        on_summary(*summary, peer, from->second);
        return {};
    }
    const auto& said = std::get<advert>(message);
    return said.server == settings_.server ? on_own_advert(said, from->second, now) : on_advert(said, peer, now);
}

advert_outcome link_state::refuse(std::string reason) {
    ++counters_.refused;
    return {advert_verdict::refused, std::move(reason)};
}

void link_state::on_summary(const database_summary& summary, std::string_view peer, own_link& from) {
    by_name<advert_age_mark> known;
    for (const summary_entry& entry : summary.known) {
        known.insert_or_assign(entry.server, entry.mark);
    }
    from.has_spoken = from.has_spoken || known.contains(peer);
    for (const auto& [name, server] : servers_) {
        // The first own advert, without this link, will be replaced in a moment, so it is not sent to all.
        if (name == settings_.server && server.said.links.empty()) {
            continue;
        }
        const auto found = known.find(name);
        if (found == known.end() || found->second < server.said.mark) {
            from.waiting.insert(name);
        }
    }
}

advert_outcome link_state::on_advert(const advert& message, std::string_view peer, time_point now) {
    if (message.age >= settings_.expiry) {
        return refuse("an advert is older than what is kept");
    }
    own_link& from = links_.find(peer)->second;
    const bool is_first_hand = peer == message.server;
    const auto found = servers_.find(message.server);
    known_server* const known = found == servers_.end() ? nullptr : &found->second;
    if (is_too_far_ahead(message, known, now)) {
        return refuse("an advert has a version that is more than a day ahead of the clock");
    }
    if (!is_first_hand) {
        // An advert from others about a neighbour that sends its own is not used; if it is newer, the neighbour's own
        // is on its way as well.
        const auto itself = links_.find(message.server);
        if (itself != links_.end() && itself->second.has_spoken && known) {
            return note_rumour(message, peer, itself->second, *known, now);
        }
    } else {
        from.has_spoken = true;
        if (from.rumour && from.rumour->said.mark <= message.mark) {
            from.rumour.reset();
        }
    }
    if (known && message.mark <= known->said.mark) {
        if (message.mark == known->said.mark) {
            from.waiting.erase(message.server);
        }
        return {};
    }
    if (const auto why = objection(message, peer, known)) {
        ++counters_.over_limit;
        return {advert_verdict::refused, *why};
    }
    if (!known || known->said.links != message.links || known->said.is_transit != message.is_transit) {
        ++revision_;
    }
    stored_links_ += message.links.size() - (known ? known->said.links.size() : 0);
    known_server& server = servers_[message.server];
    if (!known) {
        server.teller = peer;
        ++learned_[server.teller];
    }
    server.said = message;
    server.made = now - message.age;
    next_expiry_ = std::min(next_expiry_, server.made + settings_.expiry);
    flood(server.said, peer);
    return {advert_verdict::news, {}};
}

advert_outcome link_state::note_rumour(const advert& message, std::string_view peer, own_link& about,
                                       const known_server& known, time_point now) {
    const bool is_newer = message.mark > known.said.mark && (!about.rumour || message.mark > about.rumour->said.mark);
    if (is_newer) {
        ++counters_.rumours;
        about.rumour = known_server{message, now - message.age, std::string(peer), {}};
        about.is_rumour_due = true;
    }
    return {};
}

/// Returns why there is no room for it; none if there is.
std::optional<std::string> link_state::objection(const advert& message, std::string_view peer,
                                                 const known_server* known) const {
    const std::size_t before = known ? known->said.links.size() : 0;
    if ((!known && servers_.size() >= settings_.most_servers) ||
        stored_links_ - before + message.links.size() > settings_.most_links) {
        return "the database of adverts is full";
    }
    const auto learned = learned_.find(peer);
    if (!known && peer != message.server && learned != learned_.end() && learned->second >= settings_.most_learned) {
        return "it tells of too many servers (peering.learned)";
    }
    return std::nullopt;
}

bool link_state::is_too_far_ahead(const advert& message, const known_server* known, time_point now) const {
    const auto wall = wall_clock_ + std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
    const auto ahead = static_cast<std::uint64_t>(std::max<std::int64_t>((wall + settings_.most_ahead).count(), 0));
    const std::uint64_t above = known ? known->said.mark.version + settings_.most_step : 0;
    return message.mark.version > std::max(ahead, above);
}

advert_outcome link_state::on_own_advert(const advert& message, own_link& from, time_point now) {
    const auto& own = servers_.find(settings_.server)->second.said;
    if (message.mark == own.mark) {
        from.waiting.erase(settings_.server);
    }
    if (message.mark <= own.mark) {
        return {};
    }
    if (is_too_far_ahead(message, &servers_.find(settings_.server)->second, now)) {
        return refuse("an advert of this server has a version that is more than a day ahead of the clock");
    }
    ++counters_.conflicts;
    highest_version_ = std::max(highest_version_, message.mark.version);
    must_tell_ = true;
    note(own_news::change, now);
    return {};
}

void link_state::on_timer(time_point now) {
    if (now >= next_expiry_) {
        forget_expired(now);
    }
    if (now >= reach_due_) {
        forget_out_of_reach(now);
    }
    end_trials(now);
    if (now >= servers_.find(settings_.server)->second.made + settings_.refresh) {
        must_tell_ = true;
        note(own_news::change, now);
    }
    advertise_if_due(now);
}

void link_state::end_trials(time_point now) {
    for (auto& [peer, link] : links_) {
        if (link.trial_ends && now >= *link.trial_ends) {
            link.trial_ends.reset();
            note(own_news::change, now);
        }
    }
}

void link_state::advertise(std::vector<std::string> addresses, bool is_transit, time_point now) {
    settings_.addresses = std::move(addresses);
    settings_.is_transit = is_transit;
    note(own_news::change, now);
}

link_state::time_point link_state::next_deadline() const {
    const auto refresh = servers_.find(settings_.server)->second.made + settings_.refresh;
    auto earliest = std::min(next_expiry_, news_ == own_news::none ? refresh : own_advert_due());
    if (servers_.size() > 1) {
        earliest = std::min(earliest, reach_due_);
    }
    for (const auto& [peer, link] : links_) {
        earliest = std::min(earliest, link.trial_ends.value_or(earliest));
    }
    return earliest;
}

void link_state::note(own_news news, time_point now) {
    if (news_ == own_news::none) {
        news_since_ = now;
    }
    news_ = std::max(news_, news);
    advertise_if_due(now);
}

link_state::time_point link_state::own_advert_due() const {
    if (news_ == own_news::loss) {
        return next_allowed_ - settings_.min_interval * (std::max(settings_.loss_burst, 1U) - 1);
    }
    return std::max(next_allowed_, news_since_ + settings_.gather);
}

void link_state::advertise_if_due(time_point now) {
    if (news_ == own_news::none || now < own_advert_due()) {
        return;
    }
    news_ = own_news::none;
    advert candidate = own_advert();
    if (must_tell_ || is_worth_telling(candidate)) {
        make_own_advert(std::move(candidate), now);
    }
}

bool link_state::has_moved(std::chrono::microseconds told, std::chrono::microseconds cost) const {
    const auto change = std::chrono::abs(cost - told);
    return change > settings_.least_cost_change &&
           static_cast<double>(change.count()) > settings_.cost_change * static_cast<double>(told.count());
}

bool link_state::is_worth_telling(const advert& candidate) const {
    const advert& told = servers_.find(settings_.server)->second.said;
    if (candidate.addresses != told.addresses || candidate.is_transit != told.is_transit ||
        !has_same_peers(candidate, told)) {
        return true;
    }
    for (std::size_t i = 0; i < told.links.size(); ++i) {
        if (has_moved(told.links[i].cost, candidate.links[i].cost)) {
            return true;
        }
    }
    return false;
}

advert link_state::own_advert() const {
    advert own;
    own.server = settings_.server;
    own.mark.incarnation = settings_.incarnation;
    own.links.reserve(std::min(links_.size(), most_advert_links));
    for (const auto& [peer, link] : links_) {
        if (own.links.size() == most_advert_links) {
            break;  // the other links are still used by this server
        }
        own.links.push_back({peer, link.told_cost()});
    }
    own.addresses = settings_.addresses;
    own.is_transit = settings_.is_transit;
    return own;
}

void link_state::make_own_advert(advert candidate, time_point now) {
    const auto wall = wall_clock_ + std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
    highest_version_ =
        std::max(highest_version_ + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(wall.count(), 1)));
    candidate.mark.version = highest_version_;
    for (auto& [peer, link] : links_) {
        const advert_link* told = find_link(candidate, peer);
        link.advertised = told ? std::optional(told->cost) : std::nullopt;
        link.waiting.insert(settings_.server);
    }
    known_server& own = servers_[settings_.server];
    stored_links_ += candidate.links.size() - own.said.links.size();
    own.said = std::move(candidate);
    own.made = now;
    must_tell_ = false;
    next_allowed_ = std::max(next_allowed_, now) + settings_.min_interval;
    ++counters_.made;
    ++revision_;
}

void link_state::flood(const advert& message, std::string_view came_from) {
    for (auto& [peer, link] : links_) {
        if (peer == came_from) {
            link.waiting.erase(message.server);  // the waiting advert is older than the one that came
        } else if (peer != message.server && !find_link(message, peer)) {
            link.waiting.insert(message.server);
        }
    }
}

/// Returns the advert as it is sent now.
advert link_state::aged(const known_server& server, time_point now) const {
    advert message = server.said;
    // Rounded up: an advert must grow older everywhere, or two servers could keep it alive for ever.
    message.age = message.server == settings_.server ? std::chrono::milliseconds(0)
                                                     : std::chrono::ceil<std::chrono::milliseconds>(now - server.made);
    return message;
}

std::optional<link_state_message> link_state::next_message(std::string_view peer, time_point now) {
    const auto found = links_.find(peer);
    if (found == links_.end()) {
        return std::nullopt;
    }
    own_link& link = found->second;
    if (link.is_summary_due) {
        link.is_summary_due = false;
        database_summary summary;
        summary.known.reserve(servers_.size());
        for (const auto& [name, server] : servers_) {
            summary.known.push_back({name, server.said.mark});
        }
        return summary;
    }
    if (std::exchange(link.is_rumour_due, false) && link.rumour) {
        return aged(*link.rumour, now);
    }
    if (link.waiting.empty()) {
        return std::nullopt;
    }
    const known_server& server = servers_.find(link.waiting.extract(link.waiting.begin()).value())->second;
    return aged(server, now);
}

std::optional<std::string> link_state::next_text(std::string_view peer, time_point now) {
    const auto message = next_message(peer, now);
    if (!message) {
        return std::nullopt;
    }
    return std::visit([](const auto& any) { return encode(any); }, *message);
}

std::vector<dial_candidate> link_state::dial_candidates(const std::set<std::string, std::less<>>& configured) const {
    std::vector<dial_candidate> found;
    for (const auto& [name, server] : servers_) {
        if (name != settings_.server && !server.said.addresses.empty() && !links_.contains(name) &&
            !configured.contains(name)) {
            found.push_back({name, server.said.addresses});
        }
    }
    return found;
}

}  // namespace bester::peering
