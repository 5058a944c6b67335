#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "socketio/attachments.hpp"
#include "wire/base64.hpp"

namespace bester::socketio {

namespace {

constexpr std::size_t enough = 1'000'000;

std::string joined(std::string_view data, const std::vector<std::string>& bodies, std::size_t most = enough) {
    wire::json_reader reader;
    const std::vector<char> exact{data.begin(), data.end()};
    const auto result = join_attachments(reader, {exact.data(), exact.size()}, bodies, most);
    return result ? *result : std::string{to_string(result.error())};
}

split_data split(std::string_view data) {
    wire::json_reader reader;
    const std::vector<char> exact{data.begin(), data.end()};
    const auto result = split_attachments(reader, {exact.data(), exact.size()});
    REQUIRE(result.has_value());
    return *result;
}

const std::string four{"\x01\x02\x03\x04"};

}  // namespace

TEST_CASE("attachments: what came is put where its placeholder stands, and nothing else changes", "[socketio]") {
    CHECK(joined(R"(["hello",{"_placeholder":true,"num":0}])", {four}) == R"(["hello",{"_binary":"AQIDBA=="}])");
    CHECK(joined(R"({"_placeholder":true,"num":0})", {""}) == R"({"_binary":""})");
    CHECK(joined(R"([{"num":1,"_placeholder":true},{"a":[{"_placeholder":true,"num":0}]}])", {"a", "b"}) ==
          R"([{"_binary":"Yg=="},{"a":[{"_binary":"YQ=="}]}])");
    // Numbers, white space, escapes and the order of fields survive.
    CHECK(
        joined(
            R"( [ "e" , 1.50, 12345678901234567890123, -0.0e-7, "\u00e4\/" , { "_placeholder" : true , "num" : 0 } ,{"b":1,"a":{}} ] )",
            {four}) ==
        R"( [ "e" , 1.50, 12345678901234567890123, -0.0e-7, "\u00e4\/" , {"_binary":"AQIDBA=="} ,{"b":1,"a":{}} ] )");
    // One body in several places.
    CHECK(joined(R"(["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}])", {"a"}) ==
          R"(["e",{"_binary":"YQ=="},{"_binary":"YQ=="}])");
}

TEST_CASE("attachments: a placeholder is what JavaScript's parser takes for one", "[socketio]") {
    CHECK(joined(R"(["e",{"_place\u0068older":true,"n\u0075m":0}])", {four}) == R"(["e",{"_binary":"AQIDBA=="}])");
    CHECK(joined(R"(["e",{"_placeholder":true,"num":0,"more":{"deep":[1]}}])", {four}) ==
          R"(["e",{"_binary":"AQIDBA=="}])");
    CHECK(joined(R"(["e",{"_placeholder":false,"_placeholder":true,"num":7,"num":0}])", {four}) ==
          R"(["e",{"_binary":"AQIDBA=="}])");
    // What lies within a placeholder is gone with it.
    CHECK(joined(R"([{"x":{"_placeholder":true,"num":0},"_placeholder":true,"num":1},{"_placeholder":true,"num":0}])",
                 {"a", "b"}) == R"([{"_binary":"Yg=="},{"_binary":"YQ=="}])");
    for (const std::string_view other :
         {R"({"_placeholder":1,"num":5})", R"({"_placeholder":"true","num":5})", R"({"_placeholder":false,"num":-1})",
          R"({"_placeholder":true,"_placeholder":null})", R"({"num":5})", R"({"num":{"_binary":"x"}})"}) {
        CAPTURE(other);
        CHECK(joined(R"([{"_placeholder":true,"num":0},)" + std::string{other} + "]", {"a"}) ==
              R"([{"_binary":"YQ=="},)" + std::string{other} + "]");
    }
}

TEST_CASE("attachments: what does not fit together is refused", "[socketio]") {
    const std::string place = "a placeholder for no attachment";
    const std::string unused = "an attachment without a placeholder";
    CHECK(joined(R"(["e",{"_placeholder":true,"num":1}])", {"a"}) == place);
    CHECK(joined(R"(["e",{"_placeholder":true,"num":0}])", {}) == place);
    for (const std::string_view num : {"-1", "-0", "0.0", "0e0", "1e0", "99999999999999999999999",
                                       "18446744073709551615", "\"0\"", "null", "[0]", "{}", "true"})
        CHECK(joined(R"(["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":)" + std::string{num} + "}]",
                     {"a"}) == place);
    CHECK(joined(R"(["e",{"_placeholder":true}])", {"a"}) == place);
    CHECK(joined(R"(["e",{"_placeholder":true,"num":0}])", {"a", "b"}) == unused);
    CHECK(joined(R"(["e"])", {"a"}) == unused);
    CHECK(joined(R"([{"x":{"_placeholder":true,"num":0},"_placeholder":true,"num":1}])", {"a", "b"}) == unused);
    constexpr std::string_view whole = R"(["e",{"_placeholder":true,"num":0}])";
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK(joined(whole.substr(0, size), {"a"}) == "not JSON");
    CHECK(joined(std::string(65, '[') + R"({"_placeholder":true,"num":0})" + std::string(65, ']'), {"a"}) ==
          "not JSON");
}

TEST_CASE("attachments: what would come of it is measured before it is built", "[socketio]") {
    constexpr std::string_view data = R"(["e",{"_placeholder":true,"num":0}])";
    const std::string result = joined(data, {four});
    CHECK(joined(data, {four}, result.size()) == result);
    CHECK(joined(data, {four}, result.size() - 1) == "attachments are too large");
    std::string many = "[";
    for (int i = 0; i < 10'000; ++i) many += R"({"_placeholder":true,"num":0},)";
    many += "0]";
    CHECK(joined(many, {std::string(enough, 'x')}) == "attachments are too large");
}

TEST_CASE("attachments: a handler's bytes are taken out of the data", "[socketio]") {
    const split_data result =
        split(R"(["e", {"_binary":"AQIDBA=="}, 1.50, {"a":{ "_b\u0069nary" : "\u0059Q==" }}, {"_binary":"\/\/\/\/"}])");
    CHECK(
        result.data ==
        R"(["e", {"_placeholder":true,"num":0}, 1.50, {"a":{"_placeholder":true,"num":1}}, {"_placeholder":true,"num":2}])");
    CHECK(result.bodies == std::vector<std::string>{four, "a", "\xff\xff\xff"});
    CHECK(split(R"({"_binary":""})").bodies == std::vector<std::string>{""});
}

TEST_CASE("attachments: what only looks like bytes stays as it is", "[socketio]") {
    for (const std::string_view data :
         {R"(["e"])", R"({"_binary":1})", R"({"_binary":"a"})", R"({"_binary":"YQ"})", R"({"_binary":"YQ==","a":1})",
          R"({"a":1,"_binary":"YQ=="})", R"({"_binary":"YQ==","_binary":"YQ=="})", R"(["_binary","YQ=="])",
          R"(["e",{"_placeholder":true,"num":0},12345678901234567890])", R"({"_binary":{"_binary":null}})"}) {
        CAPTURE(data);
        const split_data result = split(data);
        CHECK(result.data == data);
        CHECK(result.bodies.empty());
    }
    CHECK(split(R"({"_binary":{"_binary":"YQ=="}})").data == R"({"_binary":{"_placeholder":true,"num":0}})");
}

TEST_CASE("attachments: nobody's data is taken for a placeholder", "[socketio]") {
    CHECK(split(R"([{"_placeholder":true,"num":7},{"_binary":"YQ=="},{"_placeholder": true },{"_placeholder":false}])")
              .data ==
          R"([{"_placeholder":1,"num":7},{"_placeholder":true,"num":0},{"_placeholder": 1 },{"_placeholder":false}])");
}

TEST_CASE("attachments: what is no JSON is refused", "[socketio]") {
    wire::json_reader reader;
    for (const std::string_view data :
         {"", "[", R"({"_binary":"YQ=="}])", R"({"_binary":"YQ==)", R"({"_binary" "YQ=="})"}) {
        const auto result = split_attachments(reader, data);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error() == attachment_error::not_json);
    }
}

TEST_CASE("attachments: split and joined they are what they were", "[socketio]") {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    std::string data = R"(["e",0.1)";
    for (std::size_t size = 0; size <= bytes.size(); size += 17) {
        data += R"(,{"_binary":")";
        wire::append_base64(data, std::string_view{bytes}.substr(0, size));
        data += R"("})";
    }
    data += "]";
    CHECK(may_have_attachments(data));
    const split_data result = split(data);
    REQUIRE(result.bodies.size() == 16);
    CHECK(joined(result.data, result.bodies) == data);
    CHECK(nlohmann::json::parse(result.data).size() == 18);
}

TEST_CASE("attachments: one scan tells that there are none", "[socketio]") {
    CHECK_FALSE(may_have_attachments(""));
    CHECK_FALSE(may_have_attachments(R"(["hello",{"binary":"YQ=="}])"));
    CHECK_FALSE(may_have_attachments(R"(["a _binary b"])"));
    CHECK(may_have_attachments(R"({"_binary":"YQ=="})"));
}

}  // namespace bester::socketio
