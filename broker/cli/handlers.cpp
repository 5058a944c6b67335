#include "cli/handlers.hpp"

#include <nlohmann/json.hpp>

#include "cli/control_list.hpp"
#include "cli/status_text.hpp"

namespace bester::cli {
namespace {

auto handler_order(const char* action) {
    return [action](const std::string& name) {
        return nlohmann::json{{"request", "handlers"}, {"action", action}, {"handler", name}};
    };
}

}  // namespace

void add_handlers_command(CLI::App& app, int& exit_code) {
    add_control_list(
        app,
        {.word = "handlers",
         .description = "List, restart or drain the running broker's handlers",
         .json_description = "Print JSON",
         .list_description = "List them with their instances (as without a word)",
         .examples = "  bester handlers\n"
                     "  bester handlers restart chat\n"
                     "  bester handlers drain chat --socket /run/bester/control.sock\n",
         .request = "handlers",
         .listed = [](const nlohmann::json& answer) { return answer.value("handlers", nlohmann::json::array()); },
         .formatted = [](const nlohmann::json& listed) { return format_handlers(listed); },
         .actions = {{"restart", "Restart its instances, one after the other, losing nothing", "The handler",
                      "is restarting", handler_order("restart")},
                     {"drain", "Let its instances finish and stop, until a restart", "The handler", "is draining",
                      handler_order("drain")}}},
        exit_code);
}

}  // namespace bester::cli
