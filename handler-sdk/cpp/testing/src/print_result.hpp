#pragma once

#include <iosfwd>

#include <bester/testing/test_handler.hpp>

namespace bester::testing {

/// For people: each case with a tick or its differences, then a summary.
void print_text(std::ostream& out, const suite_result& suite, const test_options& options);
/// For programs: one JSON object for each case, then one with the sums.
void print_json(std::ostream& out, const suite_result& suite);

}  // namespace bester::testing
