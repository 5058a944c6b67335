#include "json/value.hpp"

#include <algorithm>
#include <charconv>

#include "wire/json_text.hpp"

namespace bester::json {

const json_member* json_value::find(std::string_view name) const noexcept {
    const auto at =
        std::find_if(members.begin(), members.end(), [&](const json_member& member) { return member.name == name; });
    return at == members.end() ? nullptr : &*at;
}

const json_value* json_value::value_of(std::string_view name) const noexcept {
    const json_member* const member = find(name);
    return member == nullptr ? nullptr : &member->value;
}

double json_value::number() const noexcept {
    double number = 0;
    if (kind == json_kind::number) std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

const json_value* find_path(const json_value& from, std::string_view path) noexcept {
    if (const json_value* const whole = from.value_of(path)) return whole;
    for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1))
        if (const json_value* const inner = from.value_of(path.substr(0, dot)))
            if (const json_value* const rest = find_path(*inner, path.substr(dot + 1))) return rest;
    return nullptr;
}

void append_compact(std::string& out, const json_value& value) {
    switch (value.kind) {
        case json_kind::null: out += "null"; return;
        case json_kind::boolean: out += value.truth ? "true" : "false"; return;
        case json_kind::number: out += value.text; return;
        case json_kind::string: wire::append_quoted(out, value.text); return;
        case json_kind::array:
            out += '[';
            for (const json_value& element : value.elements) {
                if (&element != value.elements.data()) out += ',';
                append_compact(out, element);
            }
            out += ']';
            return;
        case json_kind::object: break;
    }
    out += '{';
    for (const json_member& member : value.members) {
        if (&member != value.members.data()) out += ',';
        wire::append_quoted(out, member.name);
        out += ':';
        append_compact(out, member.value);
    }
    out += '}';
}

}  // namespace bester::json
