#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace bester::cli {

// Parts of a broker's document as text for people. A member that is missing or of another kind, as from a broker of
// another version, becomes "-" or empty and is never an error. Pure.

/// Returns a member on one line, "-" if there is none.
std::string text_of(const nlohmann::json& object, const char* key);
/// Returns a member, empty if there is none of that kind.
nlohmann::json array_of(const nlohmann::json& object, const char* key);
nlohmann::json object_of(const nlohmann::json& object, const char* key);
/// Returns a whole number, `otherwise` if there is none.
std::int64_t number_of(const nlohmann::json& object, const char* key, std::int64_t otherwise);

/// Returns the texts of an array, "-" if there are none.
std::string joined(const nlohmann::json& texts);

/// `12 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`
std::string span_text(std::chrono::milliseconds span);
/// `512 B`, `3.4 KiB`, `64.0 MiB`
std::string bytes_text(std::uint64_t bytes);

}  // namespace bester::cli
