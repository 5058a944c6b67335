#include "access/token_settings.hpp"

#include <algorithm>
#include <array>

namespace bester::access {

namespace {

constexpr std::array<std::string_view, 4> names{"HS256", "RS256", "ES256", "EdDSA"};

}  // namespace

std::string_view to_string(token_algorithm algorithm) noexcept { return names[static_cast<std::size_t>(algorithm)]; }

std::optional<token_algorithm> find_token_algorithm(std::string_view text) noexcept {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<token_algorithm>(found - names.begin());
}

bool is_role(std::string_view text) noexcept {
    return !text.empty() && text.size() <= max_role_size && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < 0x7f && c != ',' && c != '"' && c != '\'' && c != '\\' && c != '*';
    });
}

}  // namespace bester::access
