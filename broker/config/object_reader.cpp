#include "config/object_reader.hpp"

namespace bester::config {

std::vector<std::string_view> names_at(std::span<const std::string_view> keys, std::string_view prefix) {
    std::vector<std::string_view> names;
    for (const std::string_view key : keys) {
        if (key.starts_with(prefix)) {
            const std::string_view rest = key.substr(prefix.size());
            const std::string_view name = rest.substr(0, rest.find('.'));
            if (std::find(names.begin(), names.end(), name) == names.end()) {
                names.push_back(name);
            }
        }
    }
    return names;
}

bool expect_object(const json_value& from, std::string_view path, const reading& context) {
    if (from.kind != json_kind::object) {
        context.mistake(from.begin, path, "must be an object: { … }");
        return false;
    }
    return true;
}

void tell_unknown(const json_member& member, std::string_view path, std::span<const std::string_view> valid,
                  const reading& context) {
    if (!context.found.has_room_for_mistakes()) {
        return;
    }
    context.mistake(member.begin, path, "unknown key " + excerpt(member.name) + suggestion(member.name, valid));
}

}  // namespace bester::config
