#include "clients/engine/recovery_log.hpp"

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace bester;
using clients::recovery_log;

namespace {

std::vector<std::string> after(const recovery_log& log, std::optional<std::uint64_t> offset) {
    std::vector<std::string> found;
    log.for_each_after(offset, [&](const exchange::payload& packet) { found.emplace_back(packet.view()); });
    return found;
}

void add(recovery_log& log, std::uint64_t offset, std::string_view text, std::uint64_t now_ms = 0,
         std::uint64_t oldest_ms = 0) {
    log.add(offset, exchange::payload::copy_of(text), now_ms, oldest_ms);
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("recovery: what came after an offset is there, in order") {
    recovery_log log{"secret", 1'000, 0};
    CHECK(log.reaches_back_to(std::nullopt));
    for (const std::uint64_t offset : {3, 5, 9}) add(log, offset, std::to_string(offset));
    CHECK(after(log, 0) == texts{"3", "5", "9"});
    CHECK(after(log, 3) == texts{"5", "9"});
    CHECK(after(log, 4) == texts{"5", "9"});
    CHECK(after(log, 9).empty());
    CHECK(log.reaches_back_to(std::nullopt));
}

TEST_CASE("recovery: what is too much is dropped from the front, and who missed that is told") {
    recovery_log log{"secret", 10, 0};
    for (const std::uint64_t offset : {1, 2, 3}) add(log, offset, "1234");
    CHECK(log.bytes() == 8);
    CHECK_FALSE(log.reaches_back_to(std::nullopt));
    CHECK_FALSE(log.reaches_back_to(0));
    CHECK(log.reaches_back_to(1));
    CHECK(after(log, 1).size() == 2);
    add(log, 4, "12345678901");
    CHECK(log.bytes() == 0);
    CHECK_FALSE(log.reaches_back_to(3));
    CHECK(log.reaches_back_to(4));
}

TEST_CASE("recovery: what is older than the window is dropped") {
    recovery_log log{"secret", 1'000, 0};
    add(log, 1, "old", 1'000, 0);
    add(log, 2, "less old", 2'000, 0);
    add(log, 3, "new", 10'000, 2'000);
    CHECK(after(log, 0) == texts{"less old", "new"});
    CHECK_FALSE(log.reaches_back_to(0));
    CHECK(log.reaches_back_to(1));
}

TEST_CASE("recovery: a log that was cleared is good for a client that missed nothing, and goes on") {
    recovery_log log{"secret", 1'000, 0};
    for (const std::uint64_t offset : {1, 2}) add(log, offset, "1234");
    log.clear();
    CHECK(log.bytes() == 0);
    CHECK_FALSE(log.reaches_back_to(1));
    CHECK(log.reaches_back_to(2));
    add(log, 3, "5678");
    CHECK(after(log, 2) == texts{"5678"});
    CHECK(log.bytes() == 4);
}

TEST_CASE("recovery: an offset that is not of this session is none") {
    recovery_log log{"secret", 10, 100};
    CHECK(log.reaches_back_to(7));
    CHECK(log.reaches_back_to(700));
    add(log, 101, "1");
    add(log, 105, "2");
    for (const std::uint64_t other : {0, 7, 100, 106, 700}) {
        CAPTURE(other);
        CHECK(after(log, other) == texts{"1", "2"});
    }
    CHECK(after(log, 101) == texts{"2"});
    CHECK(after(log, 105).empty());
    add(log, 106, "1234567890");
    CHECK_FALSE(log.reaches_back_to(700));
    CHECK_FALSE(log.reaches_back_to(100));
    CHECK(log.reaches_back_to(106));
}
