#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <bester/testing/json_match.hpp>

namespace bester::testing {

/// How one case went. A plain value.
struct case_result {
    std::size_t line = 0;
    std::string name;
    std::vector<difference> differences;
    std::vector<std::string> notes;  ///< what else went wrong, in words
    std::string answer;              ///< the whole frame that came; empty: none

    bool passed() const noexcept { return differences.empty() && notes.empty(); }
};

/// How all of them went. A plain value.
struct suite_result {
    std::vector<case_result> cases;
    std::string death;    ///< how the handler failed to start or died; empty: it did not
    std::string warning;  ///< e.g. that it did not leave when it was drained
    std::string output;   ///< the handler's output

    std::size_t failed() const noexcept;
};

}  // namespace bester::testing
