#pragma once

#include <string_view>

namespace bester::web {

/// Returns the media type of a file by the ending of its name; "application/octet-stream" if that is unknown.
std::string_view content_type(std::string_view file_name) noexcept;

}  // namespace bester::web
