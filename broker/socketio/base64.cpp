#include "socketio/base64.hpp"

#include <algorithm>

#include <sodium.h>

namespace bester::socketio {

void append_base64(std::string& out, std::string_view bytes) {
    const std::size_t begin = out.size();
    out.resize(begin + base64_size(bytes.size()) + 1);  // sodium ends it with a zero
    ::sodium_bin2base64(out.data() + begin, out.size() - begin, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                        sodium_base64_VARIANT_ORIGINAL);
    out.pop_back();
}

bool decode_base64(std::string_view text, std::string& bytes) {
    bytes.resize(text.size() / 4 * 3);
    std::size_t size = 0;
    // Sodium 1.0.18 takes some bytes from 0x80 on for digits.
    const bool is_ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    const bool is_good = is_ascii && text.size() % 4 == 0 &&
                         (text.empty() || ::sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                                                              text.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) == 0);
    bytes.resize(is_good ? size : 0);
    return is_good;
}

}  // namespace bester::socketio
