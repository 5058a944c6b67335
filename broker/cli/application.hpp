#pragma once

namespace bester::cli {

/// The `bester` program: reads the command line, runs the subcommand, returns the exit code. Prints
/// errors itself; never throws.
int run(int argc, char** argv) noexcept;

}  // namespace bester::cli
