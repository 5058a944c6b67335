#include "wire/names.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace bester::wire {

namespace {

const std::string longest(64, 'a');
const std::string too_long(65, 'a');

/// All bytes that the function takes as a name of one byte.
template <class Function>
std::string taken_bytes(Function&& is_taken) {
    std::string taken;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        if (is_taken(one)) taken += one;
    }
    return taken;
}

const std::string digits = "0123456789";
const std::string upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const std::string lower = "abcdefghijklmnopqrstuvwxyz";

}  // namespace

TEST_CASE("names: exactly letters, digits, '-', '_' and '.' are taken, 1 to 64 of them", "[wire]") {
    CHECK(taken_bytes(is_name) == "-." + digits + upper + "_" + lower);
    CHECK_FALSE(is_name(""));
    CHECK(is_name(longest));
    CHECK_FALSE(is_name(too_long));
    CHECK_FALSE(is_name("a/b"));
}

TEST_CASE("names: a user name may also have a '+', but no '@'", "[wire]") {
    CHECK(taken_bytes(is_user_name) == "+-." + digits + upper + "_" + lower);
    CHECK(is_user_name("tina+phone"));
    CHECK_FALSE(is_user_name("tina@home"));
    CHECK_FALSE(is_user_name(""));
    CHECK(is_user_name(longest));
    CHECK_FALSE(is_user_name(too_long));
}

TEST_CASE("names: a type is any 1 to 64 bytes without control characters", "[wire]") {
    const std::string taken = taken_bytes(is_type);
    CHECK(taken.size() == 256 - 32 - 1);
    CHECK(taken.find('\x7f') == std::string::npos);
    CHECK(taken.front() == ' ');
    CHECK(
        is_type("Gr\xc3\xbc\xc3\x9f"
                "e an \"alle\""));
    CHECK_FALSE(is_type(""));
    CHECK(is_type(longest));
    CHECK_FALSE(is_type(too_long));
    CHECK_FALSE(is_type(std::string("a\0b", 3)));
}

TEST_CASE("names: an error code is 1 to 64 of a-z, 0-9 and '_'", "[wire]") {
    CHECK(taken_bytes(is_error_code) == digits + "_" + lower);
    CHECK_FALSE(is_error_code(""));
    CHECK(is_error_code(longest));
    CHECK_FALSE(is_error_code(too_long));
}

}  // namespace bester::wire
