#include "wire/error_code.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "errors_page.hpp"
#include "wire/names.hpp"

namespace bester::wire {

TEST_CASE("error table: every code has its row, a text of its own and a meaning", "[wire]") {
    std::set<std::string_view> texts;
    for (const error_row& row : error_table()) {
        CAPTURE(row.text);
        CHECK(is_error_code(row.text));
        CHECK(texts.insert(row.text).second);
        CHECK_FALSE(row.meaning.empty());
        CHECK(row.meaning.find('|') == std::string_view::npos);  // it stands in a table
        CHECK_FALSE(to_string(row.whose).empty());
        CHECK(&describe(row.code) == &row);
    }
    CHECK(texts.size() == static_cast<std::size_t>(error_code::internal_error) + 1);
}

TEST_CASE("error table: clients are told which codes make sense to try again", "[wire]") {
    for (const error_code code : {error_code::busy, error_code::handler_unavailable, error_code::handler_timeout,
                                  error_code::handler_failed, error_code::shutting_down})
        CHECK(describe(code).temporary);
    for (const error_code code : {error_code::bad_message, error_code::too_large, error_code::authentication_failed,
                                  error_code::no_handler, error_code::unknown_command})
        CHECK_FALSE(describe(code).temporary);
}

TEST_CASE("error table: proto-docs/errors.md is what make_errors_page makes of it", "[wire]") {
    std::ifstream file{BESTER_SOURCE_DIR "/proto-docs/errors.md"};
    const std::string page{std::istreambuf_iterator<char>{file}, {}};
    INFO("run make_errors_page > proto-docs/errors.md");
    CHECK(page == test::errors_page());
}

TEST_CASE("error table: the codes that client.md promises for a connection's end exist", "[wire]") {
    for (const std::string_view promised : {"slow_consumer", "shutting_down", "disconnected", "authentication_timeout",
                                            "account_changed", "bad_message", "bad_frame", "too_large"}) {
        const auto rows = error_table();
        CHECK(std::any_of(rows.begin(), rows.end(), [&](const error_row& row) { return row.text == promised; }));
    }
}

}  // namespace bester::wire
