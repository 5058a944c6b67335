#pragma once

#include <chrono>
#include <string>

#include <bester/client.hpp>

namespace bester::cli {

/// How `bester client` talks, once it is logged in.
struct client_mode_options {
    std::string type;                           ///< default type of the lines
    std::chrono::milliseconds timeout{10'000};  ///< wait for statuses after the end of input
    std::chrono::milliseconds linger{0};        ///< then the time to go on receiving
};

/// For people: reads typed lines, and shows events as they come without disturbing the line that is being typed.
/// Without a terminal the same, without editing keys. Returns the exit code.
int run_typed_client(client& self, const client_mode_options& options);

/// Writes a frame as one line: it may contain newlines between its tokens, but a line must not.
void print_frame(std::string frame);

/// For scripts: each line in is `{"type","data","id"?}`, each line out a frame as it was received.
int run_line_client(client& self, const client_mode_options& options);

}  // namespace bester::cli
