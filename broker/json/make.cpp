#include "json/make.hpp"

#include <algorithm>

namespace bester::json {

json_value make_value(std::nullptr_t) { return {}; }

json_value make_value(std::string_view text) {
    json_value made;
    made.kind = json_kind::string;
    made.text = text;
    return made;
}

json_value make_value(const std::vector<std::string>& texts) {
    json_value made = make_array();
    made.elements.reserve(texts.size());
    for (const std::string& each : texts) append(made, each);
    return made;
}

json_value make_object(std::initializer_list<named_value> members) {
    json_value made;
    made.kind = json_kind::object;
    made.members.reserve(members.size());
    for (const named_value& each : members) made.members.push_back({std::string{each.name}, 0, std::move(each.value)});
    return made;
}

json_value make_array() {
    json_value made;
    made.kind = json_kind::array;
    return made;
}

void set(json_value& object, const named_value& member) {
    const auto at = std::find_if(object.members.begin(), object.members.end(),
                                 [&](const json_member& each) { return each.name == member.name; });
    if (at != object.members.end()) at->value = std::move(member.value);
    else object.members.push_back({std::string{member.name}, 0, std::move(member.value)});
}

std::string to_text(const json_value& value) {
    std::string text;
    append_compact(text, value);
    return text;
}

}  // namespace bester::json
