#include "cli/options.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "cli/exit_codes.hpp"
#include "config/units.hpp"

namespace bester::cli {

CLI::Option* add_duration_option(CLI::App& command, const std::string& name, std::chrono::milliseconds& value,
                                 const std::string& description) {
    const auto take = [name, &value](const std::string& text) {
        const auto parsed = config::parse_duration(text);
        if (!parsed)
            throw CLI::ValidationError(name, "\"" + text + "\" is no duration; write e.g. 500ms, 5s, 2m or 1h");
        value = std::chrono::milliseconds(*parsed);
    };
    return command.add_option_function<std::string>(name, take, description)
        ->type_name("DURATION")
        ->default_str(config::format_duration(static_cast<std::uint64_t>(value.count())));
}

void add_config_file(CLI::App& command, std::string& file) {
    command.add_option("--config", file, "The config file")
        ->type_name("FILE")
        ->envname("BESTER_CONFIG")
        ->capture_default_str();
    // No exclusion: the environment variable counts as --config.
    command
        .add_option_function<std::string>(
            "FILE", [&file](const std::string& given) { file = given; }, "The config file, instead of --config")
        ->type_name("");
}

void add_footer(CLI::App& command, const std::string& examples) {
    command.footer("Examples:\n" + examples + "\n" + exit_codes_help);
}

std::string read_input(const std::string& path) {
    if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw CLI::ValidationError(path, "cannot be read");
    return text;
}

}  // namespace bester::cli
