#pragma once

namespace bester::cli {

/// The exit codes of every subcommand, on which scripts can rely. Documented in each --help and in bester(1).
enum exit_codes : int {
    exit_good = 0,
    exit_refused = 1,      ///< a bad status, or a refusal of the broker
    exit_usage = 2,        ///< the command line or the input is wrong, or a config that is needed has mistakes
    exit_unreachable = 3,  ///< no broker there, the connection was lost, or a file cannot be read or written
    exit_login = 4,        ///< the log-in was refused
    exit_timeout = 5,      ///< no answer in time
};

/// For the end of a --help text.
inline constexpr const char* exit_codes_help =
    "Exit codes: 0 good, 1 refused or bad status, 2 wrong usage or a config with mistakes,\n"
    "3 cannot connect or cannot read or write a file, 4 log-in refused, 5 no answer in time.";

}  // namespace bester::cli
