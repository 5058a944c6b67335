#include "web/utf8.hpp"

#include <simdjson.h>

namespace bester::web {

bool is_utf8(std::string_view text) noexcept {
    return text.empty() || simdjson::validate_utf8(text.data(), text.size());
}

std::string_view cut_utf8(std::string_view text, std::size_t size) noexcept {
    if (text.size() <= size) return text;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
    return text.substr(0, size);
}

}  // namespace bester::web
