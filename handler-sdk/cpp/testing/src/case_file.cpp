#include <bester/testing/case_file.hpp>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string_view>

namespace bester::testing {

namespace {

using json = nlohmann::ordered_json;

/// Reads one line; mistakes name it.
class line_reader {
public:
    line_reader(const std::string& path, std::size_t line) : where_{path + ":" + std::to_string(line) + ": "} {}

    [[noreturn]] void fail(const std::string& mistake) const { throw bad_case_file{where_ + mistake}; }

    json parse(const std::string& text) const {
        try {
            return json::parse(text);
        } catch (const json::exception& mistake) {
            fail(std::string{"not JSON: "} + mistake.what());
        }
    }

    void require_fields(const json& object, const char* what, std::initializer_list<std::string_view> known) const {
        if (!object.is_object()) fail(std::string{what} + " must be an object");
        for (const auto& [field, value] : object.items()) {
            if (std::find(known.begin(), known.end(), field) != known.end()) continue;
            std::string names;
            for (const auto name : known) names += (names.empty() ? "" : ", ") + std::string{name};
            fail("unknown field \"" + field + "\" in " + what + "; there are: " + names);
        }
    }

    std::vector<json> list(const json& object, const char* field) const {
        if (!object.contains(field)) return {};
        if (!object.at(field).is_array()) fail(std::string{field} + " must be an array");
        return object.at(field).get<std::vector<json>>();
    }

private:
    std::string where_;
};

void read_expected(const line_reader& reader, const json& expect, handler_case& made) {
    reader.require_fields(expect, "expect", {"commands", "error", "pushes", "answer"});
    if (expect.contains("commands")) made.expect_commands = expect.at("commands");
    if (!made.expect_commands.is_array() && !made.expect_commands.is_object()) reader.fail("commands must be an array");
    if (expect.contains("error")) made.expect_error = expect.at("error");
    if (expect.contains("answer")) made.expect_answer = expect.at("answer");
    if (expect.contains("pushes")) made.expect_pushes = reader.list(expect, "pushes");
    for (const json& push : made.expect_pushes.value_or(std::vector<json>{}))
        reader.require_fields(push, "a push", {"commands"});
}

handler_case read_case(const line_reader& reader, const json& line, std::size_t number) {
    reader.require_fields(line, "a case",
                          {"name", "message", "event", "events", "answers", "reports", "expect", "shard"});
    handler_case made;
    made.line = number;
    if (line.contains("name") && !line.at("name").is_string()) reader.fail("name must be a string");
    made.name = line.value("name", "case in line " + std::to_string(number));
    made.events = reader.list(line, "events");
    if (line.contains("event")) made.events.push_back(line.at("event"));
    for (const json& event : made.events)
        if (!event.is_object() || !event.contains("event"))
            reader.fail(R"(an event is an object such as {"event":"connected","session":"s1","user":"tina"})");
    if (line.contains("message")) {
        made.message = line.at("message");
        reader.require_fields(*made.message, "message", {"type", "data", "from", "request", "time", "deadline"});
    }
    if (line.contains("answers")) made.answers = line.at("answers");
    if (!made.answers.is_object()) reader.fail("answers must be an object: results by query");
    made.reports = reader.list(line, "reports");
    if (line.contains("expect")) read_expected(reader, line.at("expect"), made);
    if (line.contains("shard")) made.shard = line.at("shard").get<unsigned>();
    if (!made.message && made.events.empty() && !made.expect_pushes)
        reader.fail("the case does nothing: give a message, an event, or expected pushes");
    return made;
}

}  // namespace

case_file parse_case_file(const std::string& text, const std::string& path) {
    case_file file;
    file.path = path;
    std::istringstream lines{text};
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        const auto begin = line.find_first_not_of(" \t\r");
        if (begin == std::string::npos || line.compare(begin, 2, "//") == 0) continue;
        const line_reader reader{path, number};
        const json object = reader.parse(line);
        if (!object.is_object()) reader.fail("a line must be an object");
        if (object.contains("setup")) {
            if (!file.cases.empty()) reader.fail("setup must stand before the first case");
            const json& setup = object.at("setup");
            reader.require_fields(setup, "setup", {"config", "clients", "peers", "groups"});
            if (setup.contains("config")) file.config = setup.at("config");
            file.clients = reader.list(setup, "clients");
            file.peers = reader.list(setup, "peers");
            file.groups = reader.list(setup, "groups");
            continue;
        }
        try {
            file.cases.push_back(read_case(reader, object, number));
        } catch (const json::exception& mistake) {
            reader.fail(mistake.what());
        }
    }
    if (file.cases.empty()) throw bad_case_file{path + ": has no cases"};
    return file;
}

case_file read_case_file(const std::string& path) {
    std::ifstream in{path};
    if (!in) throw bad_case_file{path + ": cannot be read"};
    std::ostringstream text;
    text << in.rdbuf();
    return parse_case_file(text.str(), path);
}

}  // namespace bester::testing
