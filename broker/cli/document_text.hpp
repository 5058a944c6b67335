#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace bester::cli {

// Parts of a broker's document as text for people. What is missing or of another kind, as from a broker
// of another version, is "-" or empty and never an error. Pure.

/// A member on one line, "-" without one.
std::string text_of(const nlohmann::json& object, const char* key);
/// A member, empty without one of that kind.
nlohmann::json array_of(const nlohmann::json& object, const char* key);
nlohmann::json object_of(const nlohmann::json& object, const char* key);
/// A whole number, `otherwise` without one.
std::int64_t number_of(const nlohmann::json& object, const char* key, std::int64_t otherwise);

/// The texts of an array, "-" without any.
std::string joined(const nlohmann::json& texts);

/// `12 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`
std::string span_text(std::chrono::milliseconds span);
/// `512 B`, `3.4 KiB`, `64.0 MiB`
std::string bytes_text(std::uint64_t bytes);

}  // namespace bester::cli
