#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <bester/testing/case_file.hpp>
#include <bester/testing/case_result.hpp>

namespace bester::testing {

/// What `bester test-handler` was asked to do.
struct test_options {
    std::vector<std::string> command;          ///< the handler and its arguments
    std::string cases;                         ///< path of the case file
    std::chrono::milliseconds timeout{5'000};  ///< for each step of each case
    unsigned shards = 1;
    bool is_one_shot = false;  ///< the original daemon's protocol
    bool is_json = false;
    bool is_coloured = false;
};

/// Exit codes of test_handler.
enum test_exit : int {
    test_passed = 0,
    test_failed = 1,
    test_usage = 2,       ///< the options or the case file are wrong
    test_no_handler = 3,  ///< the handler did not start, or died
};

/// Starts the handler, plays the broker, feeds each case and compares. Blocks the calling thread.
suite_result run_cases(const test_options& options, const case_file& file);
/// The same for a handler that listens on a socket, whose path is its last argument.
suite_result run_one_shot_cases(const test_options& options, const case_file& file);

/// All of it: reads the file, runs, prints to stdout. Returns one of test_exit.
int test_handler(const test_options& options);

}  // namespace bester::testing
