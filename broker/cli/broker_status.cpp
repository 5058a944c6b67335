#include "cli/broker_status.hpp"

#include <algorithm>
#include <latch>

#include <unistd.h>

#include "exchange/undo.hpp"
#include "json/make.hpp"

namespace bester::cli {
namespace {

using json::json_value;
using json::make_object;
using json::set;

std::uint64_t since_1970_ms(std::chrono::system_clock::time_point when) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count());
}

/// Returns how many messages the instance with this epoch has, over all shards.
std::size_t in_flight(const status_facts& facts, const std::string& handler, std::uint64_t epoch) {
    std::size_t sum = 0;
    for (const auto& shard : facts.shards)
        for (const auto& load : shard.handlers)
            if (load.name == handler)
                if (const auto found = load.in_flight.find(epoch); found != load.in_flight.end()) sum += found->second;
    return sum;
}

/// Returns the sum over all shards of one number of the handler's load.
std::size_t sum_of(const status_facts& facts, const std::string& handler, std::size_t handlers::handler_load::*number) {
    std::size_t sum = 0;
    for (const auto& shard : facts.shards)
        for (const auto& load : shard.handlers)
            if (load.name == handler) sum += load.*number;
    return sum;
}

json_value describe_instance(const status_facts& facts, const std::string& handler,
                             const handlers::instance_status& one) {
    json_value described = make_object({{"number", one.number},
                                        {"state", handlers::to_string(one.state)},
                                        {"degraded", one.is_degraded},
                                        {"restarts", one.restarts},
                                        {"in_flight", in_flight(facts, handler, one.epoch)},
                                        {"last_exit", one.last_exit},
                                        {"last_output", one.last_output}});
    if (one.pid != 0) set(described, "pid", one.pid);
    if (one.epoch != 0) set(described, "started", since_1970_ms(one.started));
    return described;
}

/// Returns one word for the state of the whole entry.
std::string state_of(const handlers::handler_status& entry) {
    if (entry.is_degraded) return "degraded";
    std::size_t ready = 0;
    std::size_t stopped = 0;
    for (const auto& one : entry.instances) {
        if (one.state == handlers::instance_state::ready) ++ready;
        if (one.state == handlers::instance_state::stopped) ++stopped;
    }
    if (ready > 0) return "ready";
    return stopped == entry.instances.size() ? "stopped" : "not ready";
}

}  // namespace

namespace {

/// Calls `ask(index, shard)` on each shard, and returns when all have done so, or failed.
template <class Ask>
void ask_all(const shard_list& shards, const Ask& ask) {
    std::latch answered{static_cast<std::ptrdiff_t>(shards.size())};
    for (std::size_t i = 0; i < shards.size(); ++i) {
        // Surely, as the others refer to what is here.
        shards[i]->post_surely([i, &ask, &answered](exchange::shard& shard) {
            const exchange::undo count{[&] { answered.count_down(); }};
            ask(i, shard);
        });
    }
    answered.wait();
}

}  // namespace

std::vector<shard_facts> gather_shards(const shard_list& shards, const client_list& clients,
                                       handlers::handler_registry& registry) {
    std::vector<shard_facts> facts(shards.size());
    ask_all(shards, [&](std::size_t i, exchange::shard& shard) {
        const clients::shard_clients& there = *clients[i];
        shard_facts& fact = facts[i];
        fact.connections = there.size();
        fact.sessions = shard.sessions().size();
        fact.unanswered = there.unanswered();
        fact.queued_memory = shard.queued_memory();
        fact.counters = shard.counters();
        fact.handlers = registry.on_shard(static_cast<unsigned>(i)).load();
        fact.by_listener = there.count_by_listener();
    });
    return facts;
}

shard_totals count_clients(const shard_list& shards, const client_list& clients) {
    std::vector<shard_totals> parts(shards.size());
    ask_all(shards, [&](std::size_t i, exchange::shard&) {
        parts[i] = {clients[i]->size(), clients[i]->unanswered()};
    });
    shard_totals sum;
    for (const shard_totals& part : parts) {
        sum.connections += part.connections;
        sum.unanswered += part.unanswered;
    }
    return sum;
}

json_value describe_handlers(const status_facts& facts) {
    json_value list = json::make_array();
    for (const auto& settings : facts.settings.handlers) {
        json_value described =
            make_object({{"name", settings.name},
                         {"types", settings.types},
                         {"waiting", sum_of(facts, settings.name, &handlers::handler_load::waiting)},
                         {"waiting_bytes", sum_of(facts, settings.name, &handlers::handler_load::waiting_bytes)}});
        json_value instances = json::make_array();
        if (settings.start == handlers::start_mode::one_shot) {
            set(described, "start", "socket");
            set(described, "socket", settings.socket);
            set(described, "state", "on demand");
            set(described, "in_flight", in_flight(facts, settings.name, 0));
        } else {
            set(described, "start", settings.start == handlers::start_mode::manual ? "manual" : "auto");
            const auto found = std::find_if(facts.handlers.begin(), facts.handlers.end(),
                                            [&](const auto& entry) { return entry.name == settings.name; });
            if (found != facts.handlers.end()) {
                set(described, "state", state_of(*found));
                for (const auto& one : found->instances)
                    append(instances, describe_instance(facts, settings.name, one));
            }
        }
        set(described, "instances", std::move(instances));
        append(list, std::move(described));
    }
    return list;
}

json_value describe_status(const status_facts& facts) {
    exchange::counters sum;
    std::size_t sessions = 0;
    json_value shards = json::make_array();
    for (const auto& shard : facts.shards) {
        sum += shard.counters;
        sessions += shard.sessions;
        append(shards, make_object({{"connections", shard.connections},
                                    {"sessions", shard.sessions},
                                    {"unanswered", shard.unanswered},
                                    {"queued_bytes", shard.queued_memory}}));
    }
    json_value counters = make_object();
    for (std::size_t i = 0; i < exchange::counter_count; ++i)
        set(counters, exchange::counter_names[i], sum[static_cast<exchange::counter>(i)]);
    set(counters, "log_lines_dropped", facts.dropped_log_lines);
    set(counters, "log_lines_left_out", facts.left_out_log_lines);
    json_value listeners = json::make_array();
    for (const auto& [settings, address] : facts.listeners) {
        std::size_t connections = 0;
        for (const auto& shard : facts.shards)
            for (const auto& [which, count] : shard.by_listener)
                if (which == settings) connections += count;
        append(listeners, make_object({{"name", settings->name},
                                       {"transport", clients::transport_word(settings->kind)},
                                       {"address", address},
                                       {"tls", settings->tls.is_on()},
                                       {"connections", connections}}));
    }
    const auto uptime = std::chrono::steady_clock::now() - facts.started;
    return make_object({{"server", facts.settings.server.name},
                        {"version", BESTER_VERSION},
                        {"pid", ::getpid()},
                        {"uptime_ms", std::chrono::duration_cast<std::chrono::milliseconds>(uptime).count()},
                        {"config", make_object({{"file", facts.config_file},
                                                {"digest", facts.settings.digest},
                                                {"loaded", since_1970_ms(facts.loaded)}})},
                        {"sessions", sessions},
                        {"users", facts.users},
                        {"shards", std::move(shards)},
                        {"listeners", std::move(listeners)},
                        {"handlers", describe_handlers(facts)},
                        {"counters", std::move(counters)}});
}

json_value changes_json(const std::vector<config::change>& changes) {
    json_value listed = json::make_array();
    for (const auto& change : changes) {
        json_value one = make_object({{"path", change.path}});
        if (change.before) set(one, "before", *change.before);
        if (change.after) set(one, "after", *change.after);
        append(listed, std::move(one));
    }
    return listed;
}

}  // namespace bester::cli
