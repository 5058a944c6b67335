#include "feed.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <utility>

#include "pool.hpp"
#include "protocol.hpp"

namespace spectator {

namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds tick{10};
// A process that was stopped for a while does not make up for it at once.
constexpr std::size_t most_ticks_at_once = 50;
// A push must stay below the largest frame that the broker takes.
constexpr std::size_t most_in_a_push = 500;

}  // namespace

feed_settings read_feed_settings(const json& config) {
    feed_settings read;
    if (config.is_null()) return read;
    if (!config.is_object()) throw std::invalid_argument{"config must be an object"};
    for (const auto& [key, value] : config.items()) {
        if (!value.is_number_unsigned()) throw std::invalid_argument{'"' + key + "\" must be a whole number"};
        const auto number = value.get<std::uint64_t>();
        if (key == "guilds") read.sizes.guilds = number;
        else if (key == "members") read.sizes.members = number;
        else if (key == "channels") read.sizes.channels = number;
        else if (key == "roles") read.sizes.roles = number;
        else if (key == "emoji") read.sizes.emoji = number;
        else if (key == "seed") read.seed = number;
        else if (key == "rate") read.rate = number;
        else if (key == "report_every_ms") read.report_every = std::chrono::milliseconds{number};
        else
            throw std::invalid_argument{
                '"' + key +
                R"(": there are "guilds", "members", "channels", "roles", "emoji", "seed", "rate" and "report_every_ms")"};
    }
    const auto& sizes = read.sizes;
    if (std::min({sizes.guilds, sizes.members, sizes.channels, sizes.roles, sizes.emoji}) == 0 ||
        sizes.guilds > 100'000 || sizes.members > 100'000 ||
        std::max({sizes.channels, sizes.roles, sizes.emoji}) > 1'000 || read.rate > 1'000'000)
        throw std::invalid_argument{
            "there must be something of everything, and not too much: 100000 guilds of 100000 members, "
            "1000 of the rest, 1000000 updates a second at most"};
    return read;
}

feed::feed(bester::handler& self) : self_{self} {
    // A group's updates all take the same way; what order there is between them and answers is nobody's business.
    self.unordered();
    self.on_welcome([this](const bester::welcome& greeting) { start(greeting); });
    self.on_groups([this](const bester::group_size& changed) { heed(changed); });
    self.on_message([this](const bester::message& received) { return take(received); });
}

void feed::start(const bester::welcome& greeting) {
    const feed_settings settings = read_feed_settings(greeting.config);
    for (const auto timer : std::exchange(timers_, {})) self_.cancel(timer);
    // After a mere reconnection the guilds are as they were.
    if (guilds_.empty()) {
        settings_ = settings;
        guilds_ = make_guilds(settings.sizes, settings.seed);
        maker_.emplace(guilds_, settings.seed);
    }
    settings_.rate = settings.rate;
    produced_ = sent_ = 0;
    started_ = clock::now();
    if (settings_.rate > 0) timers_.push_back(self_.every(tick, [this] { produce(); }));
    if (settings.report_every.count() > 0)
        timers_.push_back(self_.every(settings.report_every,
                                      [this] { std::fprintf(stderr, "feed: %s\n", statistics().dump().c_str()); }));
}

void feed::heed(const bester::group_size& changed) {
    if (changed.sessions > 0) watched_.insert(changed.group);
    else watched_.erase(changed.group);
}

void feed::produce() {
    const auto since = std::chrono::duration<double>(clock::now() - started_).count();
    const auto due = static_cast<std::uint64_t>(since * static_cast<double>(settings_.rate));
    const std::uint64_t most = settings_.rate * most_ticks_at_once / (std::chrono::milliseconds{1'000} / tick) + 1;
    std::uint64_t count = due > produced_ ? due - produced_ : 0;
    if (count > most) {
        started_ += std::chrono::duration_cast<clock::duration>(
            std::chrono::duration<double>(static_cast<double>(count - most) / static_cast<double>(settings_.rate)));
        count = most;
    }
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    std::string group;
    bester::commands list;
    std::size_t gathered = 0;
    const auto send = [&] {
        // What does not fit any more (the broker does not keep up, or is gone) is nobody's to wait for.
        if (self_.push(std::exchange(list, {}))) sent_ += gathered;
        gathered = 0;
    };
    for (; count > 0; --count) {
        const update& made = maker_->next();
        ++produced_;
        write_group(made, group);
        if (!watched_.contains(group)) continue;
        const std::string frame = write_frame(made, static_cast<std::uint64_t>(now.count()));
        list << bester::send_group(group, bester::raw_json{frame}).type(delivery_type);
        if (++gathered == most_in_a_push) send();
    }
    send();
}

bester::answer feed::take(const bester::message& received) {
    json wish = received.data();
    if (received.type() == "feed_statistics") return bester::reply(statistics());
    const json id = wish.is_object() ? wish.value("id", json{}) : json{};
    try {
        return bester::reply(bester::raw_json{reply_frame(id, fetch(guilds_, wish))});
    } catch (const mistake& what) {
        return bester::reply(bester::raw_json{error_frame(id, what)});
    } catch (const json::exception&) {
        return bester::reply(
            bester::raw_json{error_frame(id, {"bad_request", "the feed was asked something else than it knows"})});
    }
}

json feed::statistics() const {
    return {{"produced", produced_}, {"sent", sent_}, {"watched_groups", watched_.size()}};
}

}  // namespace spectator
