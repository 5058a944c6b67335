#include "print_result.hpp"

#include <ostream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace bester::testing {

namespace {

using json = nlohmann::ordered_json;

/// Text in colours, where wanted.
struct palette {
    bool is_coloured;
    std::string red(const std::string& text) const { return dye("31", text); }
    std::string green(const std::string& text) const { return dye("32", text); }
    std::string faint(const std::string& text) const { return dye("2", text); }

private:
    std::string dye(const char* colour, const std::string& text) const {
        return is_coloured ? "\x1b[" + std::string{colour} + "m" + text + "\x1b[0m" : text;
    }
};

void print_case(std::ostream& out, const case_result& it, const std::string& file, const palette& ink) {
    if (it.passed()) {
        out << ink.green("ok    ") << it.name << "\n";
        return;
    }
    out << ink.red("FAILED ") << it.name << ink.faint("  (" + file + ":" + std::to_string(it.line) + ")") << "\n";
    for (const auto& difference : it.differences) {
        out << "       " << difference.path << "\n"
            << "         expected  " << ink.green(difference.expected) << "\n"
            << "         got       " << ink.red(difference.got) << "\n";
    }
    for (const auto& note : it.notes) out << "       " << ink.red(note) << "\n";
    if (!it.answer.empty()) out << ink.faint("       the whole answer: " + it.answer) << "\n";
}

void print_output(std::ostream& out, std::string_view output, const palette& ink) {
    if (output.empty()) return;
    out << "\nWhat the handler wrote:\n";
    while (!output.empty()) {
        const std::size_t end = output.find('\n');
        out << ink.faint("  | " + std::string{output.substr(0, end)}) << "\n";
        output.remove_prefix(end == std::string_view::npos ? output.size() : end + 1);
    }
}

}  // namespace

void print_text(std::ostream& out, const suite_result& suite, const test_options& options) {
    const palette ink{options.is_coloured};
    for (const auto& it : suite.cases) print_case(out, it, options.cases, ink);
    const bool is_good = suite.failed() == 0 && suite.death.empty();
    if (!is_good) print_output(out, suite.output, ink);
    if (!suite.death.empty()) out << "\n" << ink.red(options.command.front() + ": " + suite.death) << "\n";
    if (!suite.warning.empty()) out << "\nWarning: " << suite.warning << "\n";
    out << "\n" << suite.cases.size() - suite.failed() << " passed, " << suite.failed() << " failed\n";
}

void print_json(std::ostream& out, const suite_result& suite) {
    const auto line = [&](const json& object) {
        out << object.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
    };
    for (const auto& it : suite.cases) {
        json differences = json::array();
        for (const auto& [path, expected, got] : it.differences)
            differences.push_back({{"path", path}, {"expected", expected}, {"got", got}});
        line({{"name", it.name},
              {"line", it.line},
              {"passed", it.passed()},
              {"differences", differences},
              {"notes", it.notes},
              {"answer", it.answer}});
    }
    line({{"passed", suite.cases.size() - suite.failed()},
          {"failed", suite.failed()},
          {"death", suite.death},
          {"warning", suite.warning},
          {"output", suite.output}});
}

}  // namespace bester::testing
