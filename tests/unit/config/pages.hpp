#pragma once

#include <string>

namespace bester::config {

std::string read_file(const std::string& path);

std::string schema_path();
std::string guide_path();

/// The guide's text with what stands between its two markers replaced by the declared keys.
std::string with_reference(const std::string& guide);

}  // namespace bester::config
