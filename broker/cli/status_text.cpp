#include "cli/status_text.hpp"

#include <chrono>
#include <cstdint>
#include <ctime>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/document_text.hpp"
#include "cli/peers_text.hpp"
#include "cli/terminal.hpp"
#include "wire/counted.hpp"

namespace bester::cli {
namespace {

using nlohmann::json;
using table = std::vector<std::vector<std::string>>;

std::string uptime_of(const json& status) {
    const auto found = status.find("uptime_ms");
    if (found == status.end() || !found->is_number_unsigned()) return "-";
    return span_text(std::chrono::milliseconds(found->get<std::uint64_t>()));
}

std::string time_of(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_unsigned()) return "-";
    const auto seconds = static_cast<std::time_t>(found->get<std::uint64_t>() / 1'000);
    std::tm broken_down{};
    char text[32];
    if (::localtime_r(&seconds, &broken_down) == nullptr) return "-";
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &broken_down)};
}

std::string format_shards(const json& shards) {
    std::string result;
    for (const auto& shard : shards) result += (result.empty() ? "" : ", ") + text_of(shard, "sessions");
    return wire::counted(shards.size(), "shard") + (shards.size() == 1 ? "" : " (" + result + ")");
}

std::string format_listeners(const json& listeners) {
    table rows{{"LISTENER", "ADDRESS", "CONNECTIONS"}};
    for (const auto& listener : listeners) {
        rows.push_back({text_of(listener, "name"), text_of(listener, "address"), text_of(listener, "connections")});
    }
    return format_table(rows);
}

/// What those wrote last that are not well: most often it says why.
std::string format_last_words(const json& handlers) {
    std::string result;
    for (const auto& handler : handlers) {
        const bool is_degraded = text_of(handler, "state") == "degraded";
        for (const auto& instance : array_of(handler, "instances")) {
            const std::string words = text_of(instance, "last_output");
            if ((!is_degraded && text_of(instance, "state") != "backing_off") || words.empty() || words == "-")
                continue;
            result += text_of(handler, "name") + "#" + text_of(instance, "number") +
                      " wrote last: " + printable(words) + "\n";
        }
    }
    return result.empty() ? result : "\n" + result;
}

std::string format_counters(const json& status) {
    const auto counters = status.find("counters");
    if (counters == status.end() || !counters->is_object() || counters->empty()) return {};
    table rows{{"COUNTER", "VALUE"}};
    for (const auto& [name, value] : counters->items()) rows.push_back({name, value.dump()});
    return "\n" + format_table(rows);
}

}  // namespace

std::string format_handlers(const json& handlers) {
    table rows{{"HANDLER", "STATE", "TYPES", "WAITING", "INSTANCE", "PID", "IS", "IN FLIGHT", "RESTARTS", "LAST EXIT"}};
    for (const auto& handler : handlers) {
        std::vector<std::string> lead{text_of(handler, "name"), text_of(handler, "state"),
                                      joined(array_of(handler, "types")), text_of(handler, "waiting")};
        const auto instances = array_of(handler, "instances");
        if (instances.empty()) {  // a one-shot handler has none
            lead.insert(lead.end(), {"", "", "", text_of(handler, "in_flight")});
            rows.push_back(lead);
        }
        for (const auto& instance : instances) {
            auto row = lead;
            for (const char* key : {"number", "pid", "state", "in_flight", "restarts", "last_exit"}) {
                row.push_back(text_of(instance, key));
            }
            rows.push_back(std::move(row));
            lead.assign(lead.size(), "");  // said once for each handler
        }
    }
    return rows.size() == 1 ? "no handlers are configured\n" : format_table(rows) + format_last_words(handlers);
}

std::string format_status(const json& status) {
    const auto config = status.value("config", json::object());
    table head{
        {"server", text_of(status, "server")},
        {"version", text_of(status, "version")},
        {"process", text_of(status, "pid") + ", up " + uptime_of(status)},
        {"config", text_of(config, "file")},
        {"digest", text_of(config, "digest")},
        {"loaded", time_of(config, "loaded")},
        {"sessions", text_of(status, "sessions") + " of " + text_of(status, "users") + " users, on " +
                         format_shards(array_of(status, "shards"))},
    };
    for (auto& row : describe_peering(object_of(status, "peering"))) head.push_back(std::move(row));
    return format_table(head) + "\n" + format_listeners(array_of(status, "listeners")) + "\n" +
           format_handlers(array_of(status, "handlers")) + format_counters(status);
}

}  // namespace bester::cli
