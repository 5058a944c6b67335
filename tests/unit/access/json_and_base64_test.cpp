#include <catch2/catch.hpp>

#include "access/base64url.hpp"

namespace bester::access {

TEST_CASE("base64url: what was encoded is decoded, whatever its size", "[access]") {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        CHECK(decode_base64url(encode_base64url(bytes)) == bytes);
        bytes += static_cast<char>(i * 7);
    }
    CHECK(encode_base64url("\xfb\xff") == "-_8");
}

TEST_CASE("base64url: no byte outside ASCII is a digit", "[access]") {
    for (int byte = 0x80; byte <= 0xff; ++byte)
        CHECK_FALSE(decode_base64url(std::string{static_cast<char>(byte)} + "AAA"));
}

TEST_CASE("base64url: padding, spaces, other alphabets and spare bits are refused", "[access]") {
    for (const char* text :
         {"A", "AAAAA", "AA==", "AA=", "A A", "AA\n", "+_8A", "-/8A", "AB", "AAB", "-_9", "AA.AA", "\xc3\xa4"})
        CHECK_FALSE(decode_base64url(text));
    CHECK_FALSE(decode_base64url(std::string_view{"AA\0A", 4}));
    CHECK(decode_base64url("") == "");
}

}  // namespace bester::access
