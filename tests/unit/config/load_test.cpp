#include "config/load.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "support.hpp"

using namespace bester::config;

TEST_CASE("config load: paths start at the file's folder, wherever the broker was started", "[config]") {
    const temporary_folder folder;
    std::filesystem::create_directory(folder.path() + "/data");
    const auto file =
        folder.write("bester.jsonc", R"({"accounts": {"database": "data/a.db"}, "log": {"file": "../l"}})");
    const auto absolute = load(file, test_machine());
    REQUIRE(absolute.config);
    CHECK(absolute.config->accounts.database == folder.path() + "/data/a.db");
    CHECK(absolute.config->log.file == std::filesystem::path{folder.path()}.parent_path().string() + "/l");
    const auto relative = load(std::filesystem::relative(file).string(), test_machine());
    REQUIRE(relative.config);
    CHECK(relative.config == absolute.config);
}

TEST_CASE("config load: a file that cannot be read is a mistake", "[config]") {
    const temporary_folder folder;
    const auto message = [](const std::string& path) {
        const auto result = load(path, test_machine());
        CHECK(!result.config);
        REQUIRE(result.mistakes.size() == 1);
        return result.mistakes.front().message;
    };
    CHECK(message(folder.path() + "/none") == "cannot be read: No such file or directory");
    CHECK(message(folder.path()) == "is a folder; give the config file in it");
    CHECK(message(folder.write("huge", std::string(largest_config + 1, ' '))) == "is larger than 4MiB");
    CHECK(load("none.jsonc", test_machine()).report() ==
          "none.jsonc:1:1: (file): cannot be read: No such file or directory\n");
}

TEST_CASE("config load: a large good file is read whole", "[config]") {
    std::string text{"{\"handlers\": {"};
    for (int i = 0; i < 10'000; ++i) {
        text += "\"handler-" + std::to_string(i) + "\": {\"start\": \"manual\", \"deadline\": \"1s\"},\n";
    }
    const auto config = parse_good(text + "}}");
    CHECK(config.handlers.size() == 10'000);
}

TEST_CASE("config: what commands need is known while there are mistakes elsewhere", "[config]") {
    const auto known = [](const std::string& members) {
        const load_result result = parse_text(
            R"({"control": {"socket": "/tmp/c.sock"}, "accounts": {"database": "/tmp/b.db"}, )" + members + '}');
        REQUIRE_FALSE(result.config);
        return std::pair{result.control_socket.value_or(""), result.accounts ? result.accounts->database : ""};
    };
    using places = std::pair<std::string, std::string>;
    CHECK(known(R"("handlers": {"h": 3})") == places{"/tmp/c.sock", "/tmp/b.db"});
    CHECK(known(R"("listeners": [])") == places{"/tmp/c.sock", "/tmp/b.db"});
    CHECK(known(R"("limits": {"message_size": "3 apples"})") == places{"/tmp/c.sock", "/tmp/b.db"});
    CHECK(known(R"("server": {"runtime_directory": 7})") == places{"", "/tmp/b.db"});
    // A wrong name may stand for any section; and what is not JSON says nothing.
    CHECK(known(R"("acounts": {})") == places{"", ""});
    CHECK(known(R"("control": {})") == places{"", "/tmp/b.db"});
    CHECK(known(R"("handlers": {)") == places{"", ""});
}
