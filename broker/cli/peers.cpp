#include "cli/peers.hpp"

#include <nlohmann/json.hpp>

#include "cli/control_list.hpp"
#include "cli/peers_text.hpp"

namespace bester::cli {
namespace {

auto peer_order(const char* request) {
    return [request](const std::string& name) { return nlohmann::json{{"request", request}, {"peer", name}}; };
}

}  // namespace

void add_peers_command(CLI::App& app, int& exit_code) {
    add_control_list(
        app,
        {.word = "peers",
         .description = "List, dial or drain the running broker's links to other servers",
         .json_description = "Print the document of proto-docs/admin.md",
         .list_description = "List them with their links and last errors (as without a word)",
         .examples = "  bester peers\n"
                     "  bester peers retry away\n"
                     "  bester peers drain away --socket /run/bester/control.sock\n",
         .request = "peers",
         .listed = [](const nlohmann::json& answer) { return answer.value("peering", nlohmann::json::object()); },
         .formatted =
             [](const nlohmann::json& listed) { return format_peers(listed, std::chrono::system_clock::now()); },
         .actions = {{"retry", "Dial it now instead of later, also after a drain", "The other server", "is dialled",
                      peer_order("peer_retry")},
                     {"drain", "End its link, losing nothing, and make no other until a retry", "The other server",
                      "is draining", peer_order("peer_drain")}}},
        exit_code);
}

}  // namespace bester::cli
