#include <unistd.h>
#include <catch2/catch.hpp>

#include <filesystem>
#include <string>

#include "support.hpp"

using namespace bester::config;

namespace {

/// What the check of a file with this text says, about folders below `folder`.
std::string report_of(std::string text, const temporary_folder& folder) {
    for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at)) {
        text.replace(at, 1, folder.path());
    }
    auto result = parse_text(R"({"handlers": {"h": {"start": "manual"}}, )" + text + '}');
    result.file_name = "f";
    return result.report();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("config folders: what has none to lie in is told with its place", "[config]") {
    const temporary_folder folder;
    const auto [text, path] = GENERATE(table<std::string, std::string>({
        {R"("accounts": {"database": "@/none/a.db"})", "accounts.database"},
        {R"("log": {"file": "@/none/log"})", "log.file"},
        {R"("control": {"socket": "@/none/control.sock"})", "control.socket"},
        {R"("server": {"runtime_directory": "@/none/run"})", "server.runtime_directory"},
        {R"("listeners": [{"transport": "unix", "address": "@/none/s"}])", "listeners[0].address"},
    }));
    CAPTURE(text);
    const auto report = report_of(text, folder);
    CAPTURE(report);
    CHECK(contains(report, path + ": there is no folder \"" + folder.path() + "/none\" for it; make it first"));
    std::filesystem::create_directory(folder.path() + "/none");
    CHECK(report_of(text, folder).empty());
}

TEST_CASE("config folders: a file is no folder", "[config]") {
    const temporary_folder folder;
    folder.write("file", "");
    CHECK(contains(report_of(R"("log": {"file": "@/file/log"})", folder),
                   "log.file: \"" + folder.path() + "/file\" is not a folder"));
    CHECK(contains(report_of(R"("server": {"runtime_directory": "@/file"})", folder),
                   "server.runtime_directory: \"" + folder.path() + "/file\" is not a folder"));
}

TEST_CASE("config folders: what stands where a socket is to be made and is none is told", "[config]") {
    const temporary_folder folder;
    folder.write("accounts.db", "precious");
    const auto [text, path] = GENERATE(table<std::string, std::string>({
        {R"("listeners": [{"transport": "unix", "address": "@/accounts.db"}])", "listeners[0].address"},
        {R"("control": {"socket": "@/accounts.db"})", "control.socket"},
        {R"("server": {"runtime_directory": "@"}, "control": {"socket": "@/accounts.db"})", "control.socket"},
    }));
    CHECK(contains(report_of(text, folder),
                   path + ": \"" + folder.path() + "/accounts.db\" is there already and is not a socket"));
}

TEST_CASE("config folders: the runtime directory is made, so its sockets may lie in it", "[config]") {
    const temporary_folder folder;
    CHECK(report_of(R"("server": {"runtime_directory": "@/run"}, "control": {"socket": "@/run/c.sock"},
                       "listeners": [{"transport": "unix", "address": "@/run/clients.sock"}])",
                    folder)
              .empty());
}

TEST_CASE("config folders: the default's folder is made, so it may be missing", "[config]") {
    const temporary_folder folder;
    auto machine = test_machine();
    machine.state_directory = folder.path() + "/state";
    const std::string handlers = R"("handlers": {"h": {"start": "manual"}})";
    CHECK(parse("{" + handlers + "}", "f", "/tmp", machine).report().empty());
    CHECK(parse("{\"accounts\": {\"database\": \"" + folder.path() + "/state/accounts.db\"}, " + handlers + "}", "f",
                "/tmp", machine)
              .report()
              .empty());
}

TEST_CASE("config folders: one that this user cannot write is a warning", "[config]") {
    if (geteuid() == 0) return;  // root may write everywhere
    CHECK(contains(report_of(R"("log": {"file": "/log"})", temporary_folder{}),
                   "warning: log.file: this user cannot write in \"/\""));
}
