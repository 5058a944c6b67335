#include "wire/names.hpp"

#include <algorithm>
#include <functional>

namespace bester::wire {

namespace {

constexpr bool is_name_byte(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

bool has_size(std::string_view text, std::size_t limit) noexcept { return !text.empty() && text.size() <= limit; }

}  // namespace

bool is_name(std::string_view text) noexcept {
    return has_size(text, max_name_size) && std::all_of(text.begin(), text.end(), is_name_byte);
}

bool is_user_name(std::string_view text) noexcept {
    return has_size(text, max_name_size) &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_name_byte(c) || c == '+'; });
}

bool is_type(std::string_view text) noexcept {
    return has_size(text, max_type_size) && std::none_of(text.begin(), text.end(), [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
           });
}

bool is_error_code(std::string_view text) noexcept {
    return has_size(text, max_name_size) && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
           });
}

std::uint64_t key_hash(std::string_view key) noexcept {
    return key.empty() ? 0 : std::uint64_t{std::hash<std::string_view>{}(key)} | 1;
}

}  // namespace bester::wire
