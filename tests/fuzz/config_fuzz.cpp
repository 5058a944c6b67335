// Arbitrary bytes as a config file: parse() must neither crash nor throw, must come to exactly one
// of a config and a list of mistakes, and what it understands must be JSON for nlohmann/json too.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/effective_text.hpp"
#include "config/load.hpp"
#include "json/comments.hpp"
#include "json/parse.hpp"

namespace {

void require(bool condition, const char* what) {
    if (!condition) {
        std::fprintf(stderr, "config_fuzz: %s\n", what);
        std::abort();
    }
}

void check_document(std::string_view text) {
    const auto document = bester::json::parse_commented(text);
    if (!document.root) {
        require(!document.problems.empty(), "not understood, and nothing said about it");
        return;
    }
    std::string plain{text};
    require(!bester::json::blank_comments(plain), "a comment that never ends was understood");
    require(plain.size() == text.size(), "blanking comments moved an offset");
    const auto strict = nlohmann::json::parse(plain, nullptr, false);
    require(!strict.is_discarded(), "nlohmann does not accept what we accept");
    const auto original = nlohmann::json::parse(text, nullptr, false, true);
    // A trailing comma is ours alone; where nlohmann reads the original it must see the same.
    require(original.is_discarded() || original == strict, "nlohmann reads another document");
    if (!document.problems.empty()) return;  // of a duplicate name the first counts here, the last there
    std::string compact_text;
    bester::json::append_compact(compact_text, *document.root);
    const auto compact = nlohmann::json::parse(compact_text, nullptr, false);
    require(compact == strict, "the compact text means something else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    check_document(text);

    const bester::config::surroundings machine{"fuzz", 2, 1'024, "/run/bester", "/usr/bin:/bin", 0, "/var/lib/bester"};
    const auto result = bester::config::parse(text, "fuzz.jsonc", "/", machine);
    require(result.config.has_value() == result.mistakes.empty(), "neither a config nor mistakes, or both");
    require(result.report().size() < 2'000 * 65'536, "an unbounded report");
    if (result.config) {
        auto again = bester::config::parse(bester::config::effective_text(*result.config), "again", "/", machine);
        // The digest is that of the text: defaults that come from the machine stand in the effective one.
        if (again.config) again.config->digest = result.config->digest;
        require(again.config == result.config, "the effective text does not read back as the same config");
    }
    return 0;
}
