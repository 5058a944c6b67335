#include "support.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace bester::config {
namespace {

std::string report_of(std::string_view text) {
    load_result result = parse_text(text);
    result.file_name = "f";
    return result.report();
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const finding& found) { return out << format("", found); }

std::ostream& operator<<(std::ostream& out, const change& one) { return out << format(one); }

surroundings test_machine() { return {"home", 3, 1'000, "/run/bester", "/usr/bin:/bin", 0, "/var/lib/bester"}; }

load_result parse_text(std::string_view text) { return parse(text, "test.jsonc", "/tmp", test_machine()); }

broker_config parse_good(std::string_view text) {
    load_result result = parse_text(text);
    INFO(result.report());
    REQUIRE(result.config.has_value());
    return *std::move(result.config);
}

broker_config without_digest(broker_config config) {
    config.digest.clear();
    return config;
}

std::string handler_report(std::string_view keys) {
    return report_of("{\"handlers\": {\"h\": {\n" + std::string{keys} + "\n}}}");
}

std::string listener_report(std::string_view keys) {
    return report_of("{\"listeners\": [{\n" + std::string{keys} +
                     "\n}], \"handlers\": {\"h\": {\"start\": \"manual\", \"types\": [\"a\", \"chat\"]}}}");
}

temporary_folder::temporary_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bester-config-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
        throw std::runtime_error{"cannot make a temporary folder"};
    }
    path_ = std::filesystem::canonical(pattern).string();
}

temporary_folder::~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string temporary_folder::write(const std::string& name, std::string_view text, unsigned mode) const {
    const auto file = std::filesystem::path{path_} / name;
    std::ofstream{file, std::ios::binary} << text;
    std::filesystem::permissions(file, std::filesystem::perms{mode});
    return file.string();
}

}  // namespace bester::config
