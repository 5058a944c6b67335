#include "cli/logging.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <spdlog/spdlog.h>
#include <stdlib.h>

#include "log/log.hpp"

namespace bester::cli {

namespace {

struct fixture {
    fixture() {
        auto name = (std::filesystem::temp_directory_path() / "bester-logging-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error{"mkdtemp"};
        folder = name;
    }
    ~fixture() {
        spdlog::set_default_logger(before);
        std::filesystem::remove_all(folder);
    }

    std::string folder;
    std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
};

}  // namespace

TEST_CASE_METHOD(fixture, "logging: a line is written once and whole, whoever exchanges the file meanwhile",
                 "[logging]") {
    constexpr int writers = 3;
    constexpr int lines = 2'000;
    config::log_settings settings;
    settings.file = folder + "/log";
    std::size_t dropped = 0;
    int files = 0;
    {
        const logging tested{settings};
        std::vector<std::thread> threads;
        for (int who = 0; who < writers; ++who)
            threads.emplace_back([who] {
                for (int i = 0; i < lines; ++i)
                    log::output_line(log::level::info, "line", std::to_string(who) + ' ' + std::to_string(i) + " end");
            });
        // As logrotate does it: away with the file, then a signal.
        while (files < 100) {
            std::filesystem::rename(settings.file, settings.file + '.' + std::to_string(files++));
            if (files % 2 == 0) logging::reopen(settings);
            else CHECK(logging::apply(settings));
        }
        for (std::thread& each : threads) each.join();
        dropped = logging::dropped_lines();
    }
    std::set<std::string> found;
    std::size_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator{folder}) {
        std::ifstream file{each.path()};
        for (std::string line; std::getline(file, line); ++count) {
            const std::size_t begin = line.find(" line ");
            CAPTURE(line);
            REQUIRE(begin != std::string::npos);
            REQUIRE(line.ends_with(" end"));
            found.insert(line.substr(begin));
        }
    }
    CHECK(found.size() == count);
    CHECK(count + dropped == static_cast<std::size_t>(writers * lines));
}

}  // namespace bester::cli
