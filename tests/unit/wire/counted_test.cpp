#include <catch2/catch.hpp>

#include "wire/counted.hpp"

namespace bester::wire {

TEST_CASE("counted: one is singular, all else is plural", "[wire]") {
    CHECK(counted(0, "change") == "0 changes");
    CHECK(counted(1, "change") == "1 change");
    CHECK(counted(2u, "change") == "2 changes");
    CHECK(counted(1, "entry") == "1 entry");
    CHECK(counted(18'446'744'073'709'551'615u, "entry") == "18446744073709551615 entries");
    CHECK(counted(-2, "day") == "-2 days");
}

}  // namespace bester::wire
