#pragma once

#include <string_view>

namespace bester::web {

/// The media type for a file of this name, by its ending; "application/octet-stream" if it says nothing.
std::string_view content_type(std::string_view file_name) noexcept;

}  // namespace bester::web
