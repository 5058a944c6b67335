#include "measure/histogram.hpp"

#include <catch2/catch.hpp>
#include <memory>

using bester::bench::histogram;

TEST_CASE("histogram: percentiles of known values are within a hundredth", "[bench]") {
    const auto values = std::make_unique<histogram>();
    for (std::uint64_t value = 1; value <= 100'000; ++value) values->record(value * 37);

    CHECK(values->count() == 100'000);
    CHECK(values->largest() == 3'700'000);
    CHECK(values->percentile(0.5) == Approx(1'850'000).epsilon(0.01));
    CHECK(values->percentile(0.99) == Approx(3'663'000).epsilon(0.01));
}

TEST_CASE("histogram: one slow value in a thousand is seen at p99.9 and not at p99", "[bench]") {
    const auto values = std::make_unique<histogram>();
    for (int i = 0; i < 998; ++i) values->record(100);
    values->record(5'000'000);
    values->record(5'000'000);

    CHECK(values->percentile(0.99) == Approx(100).margin(1));
    CHECK(values->percentile(0.999) == Approx(5'000'000).epsilon(0.01));
}

TEST_CASE("histogram: a value beyond the last bucket is kept as the largest", "[bench]") {
    const auto values = std::make_unique<histogram>();
    values->record(~std::uint64_t{0});
    CHECK(values->count() == 1);
    CHECK(values->largest() == ~std::uint64_t{0});
    CHECK(values->percentile(0.5) > 1e13);
}
