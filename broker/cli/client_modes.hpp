#pragma once

#include <chrono>
#include <string>

#include <bester/client.hpp>

namespace bester::cli {

/// How `bester client` talks, once it is logged in.
struct client_mode_options {
    std::string type;                           ///< default type of the lines
    std::chrono::milliseconds timeout{10'000};  ///< for the statuses, after the input's end
    std::chrono::milliseconds linger{0};        ///< and then go on receiving for so long
};

/// For people: typed lines, and what comes is shown as it comes, without hurting the line that is
/// being typed. Without a terminal the same, less the keys. Returns the exit code.
int run_typed_client(client& self, const client_mode_options& options);

/// For scripts: each line in is `{"type","data","id"?}`, each line out a frame as it was received.
int run_line_client(client& self, const client_mode_options& options);

}  // namespace bester::cli
