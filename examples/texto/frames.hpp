// The frames of Texto v1 as JSON text: requests read and checked, everything that a server says made.
// Pure: no broker, no clock; ids of the server's own come in as arguments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace texto {

/// What a client wants, or why it cannot have it.
enum class kind : std::uint8_t { registration, send, ack, mistake };

/// One frame of a client, checked. A plain value; only a `send` has receiver and text, only a
/// mistake has code and description. `id` is empty if the frame had none that can be repeated.
struct request {
    texto::kind kind = kind::mistake;
    std::string id;
    std::string receiver;  ///< a UUID in lower case
    std::string text;
    std::string code;         ///< ESYNTAX, EKIND, ECID or EINVAL
    std::string description;  ///< for people
};

/// Reads what the client whose id is `client` sent: a JSON string that holds the frame's text.
/// Never throws on what a client can write.
request read_request(std::string_view data, std::string_view client);

/// What a server says, each as the text of a whole frame. `id`: the request's, or an own one.
std::string connection_frame(std::string_view client, std::string_view id);
std::string ack_frame(std::string_view client, std::string_view id);
std::string error_frame(std::string_view client, std::string_view id, std::string_view code,
                        std::string_view description);
std::string receive_frame(std::string_view receiver, std::string_view id, std::string_view sender,
                          std::string_view text);

/// The text as a JSON string: what a path with plain text frames sends as it is.
std::string quoted(std::string_view text);

/// Is it a UUID as clients are called, in lower case?
bool is_client_id(std::string_view text) noexcept;

/// A random UUID (version 4). For names, not for secrets.
std::string new_id();

}  // namespace texto
