#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace bester::testing {

/// A mistake in a case file; what() names the line.
class bad_case_file : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// One line of a case file: the handler's input, and the expected output. A plain value. handler-sdk/cpp/README.md,
/// "Testing a handler", describes the fields.
struct handler_case {
    using json = nlohmann::ordered_json;

    std::size_t line = 0;
    std::string name;
    std::vector<json> events;       ///< frames without `kind`, fed first
    std::optional<json> message;    ///< then this
    json answers = json::object();  ///< results of queries by name; an array: one after the other
    std::vector<json> reports;      ///< of commands that want one, in turn
    json expect_commands = json::array();
    std::optional<json> expect_error;
    std::optional<std::vector<json>> expect_pushes;  ///< nothing: whatever is pushed is fine
    std::optional<json> expect_answer;               ///< one-shot handlers: the whole frame
    std::optional<unsigned> shard;
};

/// A case file: `setup` is what its optional first line gives the handler at the start.
struct case_file {
    std::string path;
    nlohmann::ordered_json config;                ///< null without one
    std::vector<nlohmann::ordered_json> clients;  ///< of the snapshot
    std::vector<nlohmann::ordered_json> peers;
    std::vector<nlohmann::ordered_json> groups;  ///< `{"group":…,"sessions":…}`
    std::vector<handler_case> cases;
};

/// Reads JSON lines; empty lines and lines that begin with // are left out. Throws bad_case_file.
case_file read_case_file(const std::string& path);
/// The same from text; `path` is for messages.
case_file parse_case_file(const std::string& text, const std::string& path);

}  // namespace bester::testing
