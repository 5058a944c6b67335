#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clients/shard_clients.hpp"
#include "config/broker_config.hpp"
#include "config/difference.hpp"
#include "exchange/counters.hpp"
#include "exchange/shard.hpp"
#include "handlers/handler_registry.hpp"
#include "handlers/handler_status.hpp"
#include "json/value.hpp"

namespace bester::cli {

/// The status of one shard.
struct shard_facts {
    std::size_t connections = 0;
    std::size_t sessions = 0;
    std::size_t unanswered = 0;
    std::size_t queued_memory = 0;
    exchange::counters counters;
    std::vector<handlers::handler_load> handlers;
    std::vector<std::pair<const clients::listener_settings*, std::size_t>> by_listener;
};

/// The data of the status document.
struct status_facts {
    const std::string& config_file;
    const config::broker_config& settings;
    std::chrono::system_clock::time_point loaded;
    std::chrono::steady_clock::time_point started;
    std::size_t users = 0;
    std::vector<handlers::handler_status> handlers;
    std::vector<shard_facts> shards;
    std::vector<std::pair<const clients::listener_settings*, std::string>> listeners;
    std::size_t dropped_log_lines = 0;
    std::uint64_t left_out_log_lines = 0;
};

struct shard_totals {
    std::size_t connections = 0;
    std::size_t unanswered = 0;
};

using shard_list = std::vector<std::unique_ptr<exchange::shard>>;
using client_list = std::vector<std::unique_ptr<clients::shard_clients>>;

/// Asks every shard and waits for the answers, which take one turn of each shard's loop.
std::vector<shard_facts> gather_shards(const shard_list& shards, const client_list& clients,
                                       handlers::handler_registry& registry);
shard_totals count_clients(const shard_list& shards, const client_list& clients);

/// Return the documents of proto-docs/admin.md.
json::json_value describe_status(const status_facts& facts);
json::json_value describe_handlers(const status_facts& facts);

/// Returns the changes of a reload as the answer to its request lists them.
json::json_value changes_json(const std::vector<config::change>& changes);

}  // namespace bester::cli
