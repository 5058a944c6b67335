#include "wire/pattern.hpp"

#include <string>

#include <catch2/catch.hpp>

using bester::wire::fits;

TEST_CASE("pattern: a star is any text, also none") {
    static_assert(fits("*", "") && fits("a*", "a") && fits("a*c", "abbc") && fits("*b*", "abc") &&
                  fits("a*b*c", "axbxbc"));
    static_assert(!fits("a*c", "ab") && !fits("", "a") && !fits("a", "") && !fits("a*a", "a") && fits("", ""));
    CHECK_FALSE(fits("a*a*a*a*b", std::string(64, 'a')));
}
