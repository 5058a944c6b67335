#include "config/units.hpp"

#include <catch2/catch.hpp>

using namespace bester::config;

TEST_CASE("units: a duration is digits and one of ms, s, m, h", "[config]") {
    CHECK(parse_duration("500ms") == 500);
    CHECK(parse_duration("0s") == 0);
    CHECK(parse_duration("5s") == 5'000);
    CHECK(parse_duration("2m") == 120'000);
    CHECK(parse_duration("1h") == 3'600'000);
    const auto* const bad = GENERATE("", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5S", "5sec", "1h30m",
                                     "5MiB", "99999999999999999999s", "18446744073709551615s");
    CAPTURE(bad);
    CHECK(!parse_duration(bad));
}

TEST_CASE("units: a size is digits and a binary or decimal unit", "[config]") {
    CHECK(parse_size("512B") == 512);
    CHECK(parse_size("64KiB") == 65'536);
    CHECK(parse_size("1MiB") == 1'048'576);
    CHECK(parse_size("2GiB") == 2'147'483'648);
    CHECK(parse_size("1TiB") == 1'099'511'627'776);
    CHECK(parse_size("1KB") == 1'000);
    CHECK(parse_size("1MB") == 1'000'000);
    CHECK(parse_size("1GB") == 1'000'000'000);
    const auto* const bad =
        GENERATE("", "1", "MiB", "1 MiB", "1mib", "1M", "1kB", "-1B", "1.5MiB", "5s", "18446744073709551615KiB");
    CAPTURE(bad);
    CHECK(!parse_size(bad));
}

TEST_CASE("units: an amount is written in the largest whole unit, and reads back", "[config]") {
    CHECK(format_duration(0) == "0s");
    CHECK(format_duration(1'500) == "1500ms");
    CHECK(format_duration(60'000) == "1m");
    CHECK(format_duration(90'000) == "90s");
    CHECK(format_duration(7'200'000) == "2h");
    CHECK(format_size(0) == "0B");
    CHECK(format_size(1'000) == "1000B");
    CHECK(format_size(1'536) == "1536B");
    CHECK(format_size(65'536) == "64KiB");
    const std::uint64_t amount = GENERATE(0ULL, 1ULL, 999ULL, 1'024ULL, 86'400'000ULL, 123'456'789ULL, 1ULL << 40);
    CAPTURE(amount);
    CHECK(parse_duration(format_duration(amount)) == amount);
    CHECK(parse_size(format_size(amount)) == amount);
}
