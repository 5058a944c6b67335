#include "socketio/event_data.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "wire/json_text.hpp"

namespace bester::socketio {

namespace {

constexpr std::string_view white_space = " \t\r\n";

void skip_white_space(std::string_view& text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
}

}  // namespace

bool is_reserved_event(std::string_view name) noexcept {
    static constexpr std::array<std::string_view, 6> reserved{"connect",       "connect_error", "disconnect",
                                                              "disconnecting", "newListener",   "removeListener"};
    return std::ranges::find(reserved, name) != reserved.end();
}

bool read_event(wire::json_reader& reader, std::string_view data, std::string_view& name) {
    if (!reader.start(data)) return false;
    bool has_name = false;
    const bool is_array = reader.array([&] {
        if (has_name) return reader.skip();
        has_name = true;
        const char first = reader.peek();
        if (first == '"') return reader.string(name) && !is_reserved_event(name);
        return (first == '-' || (first >= '0' && first <= '9')) && reader.value(name);
    });
    return is_array && has_name && reader.at_end();
}

bool is_event_data(std::string_view good_json) {
    skip_white_space(good_json);
    if (!good_json.starts_with('[')) return false;
    good_json.remove_prefix(1);
    skip_white_space(good_json);
    if (!good_json.starts_with('"')) return false;
    good_json.remove_prefix(1);
    std::size_t end = 0;
    bool has_escapes = false;
    while (end < good_json.size() && good_json[end] != '"') {
        const bool is_escape = good_json[end] == '\\';
        has_escapes |= is_escape;
        end += is_escape ? 2 : 1;
    }
    const std::string_view token = good_json.substr(0, end);
    if (!has_escapes) return !is_reserved_event(token);
    std::string name;
    wire::append_unescaped(name, token);
    return !is_reserved_event(name);
}

}  // namespace bester::socketio
