#include <algorithm>

#include <bester/message.hpp>

namespace bester {

std::vector<std::string> message::roles() const {
    return nlohmann::json::parse(fields_.roles).get<std::vector<std::string>>();
}

bool message::has_role(std::string_view role) const {
    const auto all = roles();
    return std::find(all.begin(), all.end(), role) != all.end();
}

nlohmann::json message::claims() const { return nlohmann::json::parse(fields_.claims); }

std::chrono::system_clock::time_point message::time() const noexcept {
    return std::chrono::system_clock::time_point{std::chrono::milliseconds{fields_.time_ms}};
}

nlohmann::json message::data() const { return nlohmann::json::parse(fields_.data); }

}  // namespace bester
