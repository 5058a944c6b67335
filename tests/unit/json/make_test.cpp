#include "json/make.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "failing_allocation.hpp"

using namespace bester::json;

namespace {

json_value a_document() {
    json_value list = make_array();
    for (int i = 0; i < 3; ++i)
        append(list, make_object({{"number", i}, {"texts", std::vector<std::string>{"a", "b"}}}));
    return make_object({{"ok", true}, {"list", std::move(list)}, {"nothing", nullptr}});
}

}  // namespace

TEST_CASE("made values: what is made is written as JSON", "[json]") {
    CHECK(to_text(make_value(std::numeric_limits<std::uint64_t>::max())) == "18446744073709551615");
    CHECK(to_text(make_value(std::numeric_limits<std::int64_t>::min())) == "-9223372036854775808");
    CHECK(to_text(make_value("a \"quoted\" text")) == R"("a \"quoted\" text")");
    CHECK(to_text(make_value("\xff")) == "\"\xef\xbf\xbd\"");
    CHECK(to_text(make_object()) == "{}");
    json_value made = a_document();
    CHECK(to_text(made) == R"({"ok":true,"list":[{"number":0,"texts":["a","b"]},{"number":1,"texts":["a","b"]},)"
                           R"({"number":2,"texts":["a","b"]}],"nothing":null})");
    set(made, "list", 7);
    set(made, "more", "x");
    CHECK(to_text(made) == R"({"ok":true,"list":7,"nothing":null,"more":"x"})");
}

TEST_CASE("made values: to destroy one takes no memory, nor half of one", "[json]") {
    {
        const json_value whole = a_document();
        const bester::failing_allocation failing{1, 1'000'000};
        const json_value gone = std::move(const_cast<json_value&>(whole));
    }
    std::size_t number = 0;
    while (bester::fail_allocation(++number, [] { a_document(); }).has_thrown) {}
    CHECK(number > 10);
}
