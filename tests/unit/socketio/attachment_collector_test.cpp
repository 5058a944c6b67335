#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "socketio/attachment_collector.hpp"

namespace bester::socketio {

namespace {

packet_view head_of(std::uint32_t attachments, std::string_view data = R"(["e"])") {
    return {packet_type::binary_event, attachments, 7, "/admin", data};
}

}  // namespace

TEST_CASE("attachment collector: a packet is complete with its last body", "[socketio]") {
    attachment_collector collector{1'000};
    CHECK_FALSE(collector.is_collecting());
    {
        const std::string text = R"(["e",1,2])";  // may be gone before the bodies come
        REQUIRE(collector.begin(head_of(2, text)).has_value());
    }
    CHECK(collector.is_collecting());
    CHECK(collector.add("first") == false);
    CHECK(collector.is_collecting());
    CHECK(collector.add("") == true);
    CHECK_FALSE(collector.is_collecting());
    CHECK(collector.head() == head_of(2, R"(["e",1,2])"));
    CHECK(collector.bodies() == std::vector<std::string>{"first", ""});
    collector.clear();
    CHECK(collector.bodies().empty());
    REQUIRE(collector.begin(head_of(1)).has_value());
    CHECK(collector.add("x") == true);
    REQUIRE(collector.begin(head_of(1)).has_value());
    CHECK(collector.bodies().empty());
}

TEST_CASE("attachment collector: what comes out of turn is an error, after which it is empty", "[socketio]") {
    attachment_collector collector{1'000};
    CHECK(collector.add("x").error() == attachment_error::unexpected);
    REQUIRE(collector.begin(head_of(2)).has_value());
    REQUIRE(collector.add("x") == false);
    CHECK(collector.begin(head_of(1)).error() == attachment_error::interrupted);
    CHECK_FALSE(collector.is_collecting());
    CHECK(collector.bodies().empty());
    REQUIRE(collector.begin(head_of(1)).has_value());
    REQUIRE(collector.add("x") == true);
    CHECK(collector.add("x").error() == attachment_error::unexpected);
}

TEST_CASE("attachment collector: number and size are bounded", "[socketio]") {
    attachment_collector collector{100};
    CHECK(collector.begin(head_of(most_attachments)).has_value());
    collector.clear();
    CHECK(collector.begin(head_of(most_attachments + 1)).error() == attachment_error::too_many);
    CHECK(collector.begin(head_of(1, std::string(101, 'x'))).error() == attachment_error::too_large);

    REQUIRE(collector.begin(head_of(3, std::string(50, 'x'))).has_value());
    REQUIRE(collector.add(std::string(49, 'x')) == false);
    REQUIRE(collector.add("x") == false);
    CHECK(collector.add("x").error() == attachment_error::too_large);
    CHECK_FALSE(collector.is_collecting());

    REQUIRE(collector.begin(head_of(2, std::string(100, 'x'))).has_value());
    CHECK(collector.add("") == false);
    CHECK(collector.add("") == true);
}

}  // namespace bester::socketio
