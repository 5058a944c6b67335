#include "wire/error_code.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
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
    for (const local_error_row& row : local_error_table()) {
        CAPTURE(row.text);
        CHECK(is_error_code(row.text));
        CHECK(texts.insert(row.text).second);
        CHECK_FALSE(row.meaning.empty());
        CHECK(row.meaning.find('|') == std::string_view::npos);
        CHECK_FALSE(to_string(row.maker).empty());
    }
    texts.erase("none");
    CHECK(texts.size() + 1 == local_error_table().size() + static_cast<std::size_t>(error_code::internal_error) + 1);
}

TEST_CASE("error table: every code that the libraries and the control socket make is in it", "[wire]") {
    // How their sources write one: as the first of an error's members, or given to the function that makes it.
    const std::regex made{
        R"re((?:error_info|query_failure|control_error|refusal|encode_refusal\()\s*[\{\(]*"([a-z_]+)")re"
        R"re(|(?:refuse|\bfail|fail_report)\([^"();]*"([a-z_]+)",)re"
        R"re(|(?:return|wait\.result\.error =|lose\() ?\(?\{"([a-z_]+)",\s*")re"};
    std::size_t found = 0;
    for (const char* const folder :
         {"/handler-sdk/cpp/client", "/handler-sdk/cpp/handler", "/broker/admin", "/broker/cli"}) {
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator{BESTER_SOURCE_DIR + std::string{folder}}) {
            const auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            std::ifstream file{entry.path()};
            const std::string source{std::istreambuf_iterator<char>{file}, {}};
            for (std::sregex_iterator each{source.begin(), source.end(), made}, end; each != end; ++each) {
                const std::string code = (*each)[1].str() + (*each)[2].str() + (*each)[3].str();
                if (code == "no_such_user") continue;  // of an example
                CAPTURE(entry.path().filename().string(), code);
                ++found;
                const auto rows = error_table();
                const auto local = local_error_table();
                CHECK((std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.text == code; }) ||
                       std::any_of(local.begin(), local.end(), [&](const auto& row) { return row.text == code; })));
            }
        }
    }
    CHECK(found > 40);
    const std::regex named{R"re(return "([a-z]+_[a-z_]+)";)re"};
    for (const char* const path : {"/broker/storage/account_error.cpp", "/broker/tls/error.cpp"}) {
        std::ifstream file{BESTER_SOURCE_DIR + std::string{path}};
        const std::string source{std::istreambuf_iterator<char>{file}, {}};
        for (std::sregex_iterator each{source.begin(), source.end(), named}, end; each != end; ++each) {
            CAPTURE(path, (*each)[1].str());
            const auto local = local_error_table();
            CHECK(
                std::any_of(local.begin(), local.end(), [&](const auto& row) { return row.text == (*each)[1].str(); }));
        }
    }
    CHECK(means_no_answer("handler_exception"));
    CHECK_FALSE(means_no_answer("no_such_user"));
    CHECK_FALSE(means_no_answer("authentication_failed"));
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
