#include "wire/token_bucket.hpp"

#include <catch2/catch.hpp>

using bester::wire::rate;
using bester::wire::token_bucket;

namespace {

constexpr std::uint64_t hour = 3'600'000;

/// How many can be taken now, of at most `tries`.
std::uint64_t taken(token_bucket& bucket, const rate& limit, std::uint64_t now, std::uint64_t tries = 10'000) {
    std::uint64_t count = 0;
    while (count < tries && bucket.take(limit, now) == 0) ++count;
    return count;
}

}  // namespace

TEST_CASE("token bucket: a burst at once, then so many in each period, to the millisecond", "[wire]") {
    token_bucket bucket;
    const rate limit{10, 1'000, 0};
    CHECK(taken(bucket, limit, 5'000) == 10);
    CHECK(bucket.take(limit, 5'000) == 100);
    CHECK(bucket.take(limit, 5'001) == 99);
    CHECK(bucket.take(limit, 5'099) == 1);
    CHECK(bucket.take(limit, 5'100) == 0);
    CHECK(bucket.take(limit, 5'100) == 100);
}

TEST_CASE("token bucket: over a long time it is exactly the rate, however often it is asked", "[wire]") {
    const auto limit = GENERATE(rate{10, 1'000, 5}, rate{1, 2'000, 1}, rate{7, 1'000, 2}, rate{3, 1'000, 0},
                                rate{1, 10'000, 0}, rate{1, 3, 2}, rate{997, 60'000, 4});
    CAPTURE(limit.amount, limit.per_ms, limit.burst);
    token_bucket bucket;
    const std::uint64_t begin = 50'000, periods = 30;
    const std::uint64_t burst = taken(bucket, limit, begin);
    CHECK(burst == (limit.burst != 0 ? limit.burst : limit.amount));
    std::uint64_t count = 0;
    for (std::uint64_t now = begin + 1; now <= begin + periods * limit.per_ms; ++now)
        count += taken(bucket, limit, now);
    CHECK(count == periods * limit.amount);
}

TEST_CASE("token bucket: a long silence fills it once", "[wire]") {
    token_bucket bucket;
    const rate limit{10, 1'000, 20};
    std::uint64_t now = 1;
    CHECK(taken(bucket, limit, now) == 20);
    for (const std::uint64_t silence : {std::uint64_t{2'000}, 1'000 * hour, 1'000'000'000 * hour}) {
        now += silence;
        CHECK(taken(bucket, limit, now) == 20);
    }
    CHECK(taken(bucket, limit, ~std::uint64_t{0}) == 20);
    CHECK(bucket.take(limit, ~std::uint64_t{0}) == 100);
}

TEST_CASE("token bucket: the largest rates neither overflow nor run dry", "[wire]") {
    constexpr std::uint32_t most = ~std::uint32_t{0};
    const rate limit{most, most, most};
    token_bucket bucket;
    CHECK(taken(bucket, limit, 7) == 10'000);
    CHECK(taken(bucket, limit, ~std::uint64_t{0}) == 10'000);
    token_bucket slow;
    const rate daily{1, 24 * 3'600'000, 1};
    CHECK(slow.take(daily, 9) == 0);
    CHECK(slow.take(daily, 10) == 24 * hour - 1);
}

TEST_CASE("token bucket: a clock that stands still, or goes back, brings nothing", "[wire]") {
    token_bucket bucket;
    const rate limit{2, 1'000, 0};
    CHECK(taken(bucket, limit, 10'000) == 2);
    CHECK(bucket.take(limit, 9'000) == 500);
    CHECK(bucket.take(limit, 10'000) == 500);
    CHECK(bucket.take(limit, 10'500) == 0);
}

TEST_CASE("token bucket: another rate keeps the level", "[wire]") {
    token_bucket bucket;
    CHECK(taken(bucket, {10, 1'000, 0}, 1'000) == 10);
    SECTION("an empty one stays empty and fills at the new rate") {
        CHECK(bucket.take({1'000, 1'000, 0}, 1'000) == 1);
        CHECK(taken(bucket, {1'000, 1'000, 0}, 1'005) == 5);
    }
    SECTION("tokens that were saved are kept, but no more than it holds") {
        CHECK(taken(bucket, {10, 1'000, 0}, 1'500, 1) == 1);  // four are left
        CHECK(taken(bucket, {1, 1'000, 3}, 1'500) == 3);
    }
    SECTION("a period of another length") {
        CHECK(taken(bucket, {10, 1'000, 0}, 1'450, 1) == 1);  // three and a half are left
        CHECK(taken(bucket, {1, 60'000, 100}, 1'450) == 3);
        CHECK(bucket.take({1, 60'000, 100}, 1'450) == 30'000);
    }
    SECTION("no limit takes nothing") {
        CHECK(taken(bucket, {}, 1'000) == 10'000);
        CHECK(bucket.take({10, 1'000, 0}, 1'000) == 100);
    }
}
