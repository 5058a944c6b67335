#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace bester::cli {

struct typed_nothing {};
struct typed_quit {};
struct typed_help {};
struct typed_whoami {};
/// `/type T`: from now on lines are data of this type; empty: lines name their type again.
struct typed_default {
    std::string type;
};
struct typed_message {
    std::string type;
    std::string data;  ///< JSON text
};
struct typed_mistake {
    std::string text;
};

using typed_line =
    std::variant<typed_nothing, typed_quit, typed_help, typed_whoami, typed_default, typed_message, typed_mistake>;

/// What a line in `bester client` means: a command (`/quit`), or a message: `TYPE DATA`, or only
/// DATA when there is a default type. DATA is JSON, or else text. Pure.
typed_line read_typed_line(std::string_view line, std::string_view default_type);

/// What `/help` shows.
std::string_view typed_line_help();

}  // namespace bester::cli
