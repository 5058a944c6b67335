#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "padded.hpp"
#include "socketio/event_data.hpp"

namespace bester::socketio {

namespace {

/// The event's name, or "-".
std::string name_of(std::string_view data) {
    wire::json_reader reader;
    const wire::test::padded copy{data};
    std::string_view name;
    return read_event(reader, copy.view(), name) ? std::string{name} : "-";
}

}  // namespace

TEST_CASE("event data: the name is read, and all the rest is checked", "[socketio]") {
    const std::vector<std::pair<std::string_view, std::string_view>> table{
        {R"(["hello"])", "hello"},
        {R"( [ "hello" , 1.50, {"a":[null]} ] )", "hello"},
        {R"(["h\u00e4\"\n"])", "h\xc3\xa4\"\n"},
        {R"([""])", ""},
        {R"([1,"a"])", "1"},
        {R"([-1.5e3])", "-1.5e3"},
        {R"(["message",true])", "message"},
        {R"(["connect "])", "connect "},
        {R"(["connect"])", "-"},
        {R"(["connect_error"])", "-"},
        {R"(["disconnect","123"])", "-"},
        {R"(["disconnecting"])", "-"},
        {R"(["newListener"])", "-"},
        {R"(["removeListener"])", "-"},
        {R"(["\u0063onnect"])", "-"},
        {"[]", "-"},
        {"[null]", "-"},
        {R"([true,"foo"])", "-"},
        {R"([null,"bar"])", "-"},
        {R"([{"toString":"foo"}])", "-"},
        {R"([["a"]])", "-"},
        {R"({"a":1})", "-"},
        {R"("hello")", "-"},
        {"", "-"},
        {R"(["a",])", "-"},
        {R"(["a" 1])", "-"},
        {R"(["a"]])", "-"},
        {R"(["a"][])", "-"},
        {R"(["a",01])", "-"},
        {R"([01])", "-"},
        {R"(["a",{"b":}])", "-"},
        {"[\"\xff\"]", "-"},
        {"[\"a\x1e\"]", "-"},
        {R"(["\x"])", "-"},
    };
    for (const auto& [data, expected] : table) {
        CAPTURE(data);
        CHECK(name_of(data) == expected);
    }
    constexpr std::string_view whole = R"(["hello",{"a":[1,"\"",true]}])";
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK(name_of(whole.substr(0, size)) == "-");
    CHECK(name_of("[\"a\"," + std::string(63, '[') + std::string(63, ']') + "]") == "a");
    CHECK(name_of("[\"a\"," + std::string(64, '[') + std::string(64, ']') + "]") == "-");
}

TEST_CASE("event data: a delivery is an event if it begins with a name that may be one", "[socketio]") {
    for (const std::string_view good :
         {R"(["hello"])", R"( [ "hello", 1 ] )", R"([""])", R"(["a\"b"])", R"(["connected"])", R"(["\u0041"])"})
        CHECK(is_event_data(good));
    for (const std::string_view bad : {R"(["connect"])", R"(["disconnect",1])", R"(["\u0063onnect"])", "[]", "[1]",
                                       "[[\"a\"]]", "{}", R"({"a":["b"]})", R"("a")", "null", "17", "", "[", "  "})
        CHECK_FALSE(is_event_data(bad));
}

}  // namespace bester::socketio
