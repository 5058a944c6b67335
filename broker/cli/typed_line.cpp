#include "cli/typed_line.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace bester::cli {
namespace {

using nlohmann::json;

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// The first word, and what follows it.
std::pair<std::string_view, std::string_view> first_word(std::string_view text) {
    const auto end = text.find_first_of(" \t");
    if (end == std::string_view::npos) return {text, {}};
    return {text.substr(0, end), trimmed(text.substr(end))};
}

typed_line read_command(std::string_view line) {
    const auto [word, rest] = first_word(line);
    if (word == "/type") return typed_default{std::string(rest)};
    if (!rest.empty()) return typed_mistake{std::string(word) + " takes nothing more; /help shows what there is"};
    if (word == "/quit" || word == "/q") return typed_quit{};
    if (word == "/help" || word == "/?") return typed_help{};
    if (word == "/whoami") return typed_whoami{};
    return typed_mistake{"there is no command " + std::string(word) + "; /help shows what there is"};
}

typed_line read_message(std::string_view type, std::string_view data) {
    if (data.empty()) return typed_message{std::string(type), "null"};
    if (json::accept(data)) return typed_message{std::string(type), std::string(data)};
    if (data.front() == '{' || data.front() == '[') {
        // Sent as text it would only puzzle the handler.
        return typed_mistake{"that begins like JSON but is none; as text, put it in double quotes"};
    }
    return typed_message{std::string(type),
                         json(std::string(data)).dump(-1, ' ', false, json::error_handler_t::replace)};
}

}  // namespace

typed_line read_typed_line(std::string_view line, std::string_view default_type) {
    const auto text = trimmed(line);
    if (text.empty()) return typed_nothing{};
    if (text.front() == '/') return read_command(text);
    if (!default_type.empty()) return read_message(default_type, text);
    const auto [type, data] = first_word(text);
    return read_message(type, data);
}

std::string_view typed_line_help() {
    return "TYPE DATA     send a message: DATA is JSON, or else text; none is null\n"
           "/type TYPE    from now on type only DATA; /type alone ends that\n"
           "/whoami       ask the broker who you are\n"
           "/help         this\n"
           "/quit         leave (or Ctrl-D)\n";
}

}  // namespace bester::cli
