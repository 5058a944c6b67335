#include "pages.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "config/reference.hpp"

namespace bester::config {

std::string read_file(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file) {
        throw std::runtime_error{"cannot read " + path};
    }
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string schema_path() { return BESTER_SOURCE_DIR "/proto-docs/schemas/config.json"; }

std::string guide_path() { return BESTER_SOURCE_DIR "/proto-docs/config.md"; }

std::string with_reference(const std::string& guide) {
    const std::size_t begin = guide.find(reference_begin);
    const std::size_t end = guide.find(reference_end);
    if (begin == std::string::npos || end == std::string::npos || end < begin) {
        throw std::runtime_error{"config.md lacks its two markers"};
    }
    return guide.substr(0, begin + reference_begin.size()) + '\n' + reference_text() + guide.substr(end);
}

}  // namespace bester::config
