#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/finding.hpp"
#include "config/key.hpp"
#include "config/surroundings.hpp"
#include "json/value.hpp"

namespace bester::config {

using json::json_kind;
using json::json_member;
using json::json_value;

/// The state for reading one file. References only; lives for one parse().
struct reading {
    const std::string& base_directory;  ///< absolute
    const surroundings& machine;
    findings& found;

    void mistake(std::size_t offset, std::string_view path, std::string message) const {
        found.mistake(offset, path, std::move(message));
    }
};

/// Converts the file's value into the key's value. None: there is a mistake, which has been reported, or the word
/// "auto".
std::optional<value> decode(const key_facts& facts, const json_value& from, std::string_view path,
                            const reading& context);

/// Converts a value back to JSON text in the form that a person would write. None: the key is not set and would not be
/// written.
std::optional<std::string> encode(const key_facts& facts, const value& from);

/// Returns a number of this kind with its unit, for messages and the reference: `5s`, `64KiB`, `12`.
std::string number_text(value_kind kind, std::uint64_t number);

/// `a duration such as "5s"`
std::string_view kind_description(value_kind kind);

/// Entries of an object that is one value, such as `environment`.
inline constexpr std::size_t largest_map = 1'000;

/// Returns an absolute path without `.` and `..`; `path` may be relative to `base_directory`.
std::string absolute_path(std::string_view path, const std::string& base_directory);

}  // namespace bester::config
