#include <bester/message.hpp>

namespace bester {

std::vector<std::string> message::roles() const {
    return nlohmann::json::parse(fields_.roles).get<std::vector<std::string>>();
}

std::chrono::system_clock::time_point message::time() const noexcept {
    return std::chrono::system_clock::time_point{std::chrono::milliseconds{fields_.time_ms}};
}

nlohmann::json message::data() const { return nlohmann::json::parse(fields_.data); }

}  // namespace bester
