#include <bester/testing/test_handler.hpp>

#include <iostream>
#include <stdexcept>

#include "print_result.hpp"

namespace bester::testing {

int test_handler(const test_options& options) {
    suite_result suite;
    try {
        const case_file file = read_case_file(options.cases);
        suite = options.is_one_shot ? run_one_shot_cases(options, file) : run_cases(options, file);
    } catch (const std::exception& mistake) {
        std::cerr << mistake.what() << "\n";
        return test_usage;
    }
    if (options.is_json) print_json(std::cout, suite);
    else print_text(std::cout, suite, options);
    if (!suite.death.empty()) return test_no_handler;
    return suite.failed() == 0 ? test_passed : test_failed;
}

}  // namespace bester::testing
