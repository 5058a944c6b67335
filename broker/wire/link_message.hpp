#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "wire/entry_list.hpp"
#include "wire/link_codec.hpp"

namespace bester::wire {

class json_reader;

// The messages of a flow between servers: the bodies of message frames (wire/link_codec.hpp). See
// proto-docs/peering.md.

/// The most bytes that the body of a message has beside its data, its users and its reason.
inline constexpr std::size_t max_link_overhead = 2'048;
/// The most users of one deliver or result message; more need several messages.
inline constexpr std::size_t max_link_users = 4'096;
/// A longer reason is cut where it is encoded.
inline constexpr std::size_t max_reason_size = 1'024;

using user_list = entry_list<std::string_view>;
using unreached_list = entry_list<unreached_user>;

// The messages. `ref` is the sender's own number of the message; 0: it wants no result. Tokens are JSON
// strings with their quotes, `data` is JSON; `user` and `sender` may be "user@server".
struct deliver_message {
    std::uint64_t ref = 0;
    std::uint32_t budget_ms = 0;    ///< left until the deadline
    bool is_for_everybody = false;  ///< for everybody; then there are no users
    std::string_view type_token;
    std::string_view sender;  ///< empty if there is no sender
    user_list users;
    std::string_view data;
};
struct submit_message {
    std::uint64_t ref = 0;
    std::uint32_t budget_ms = 0;
    std::uint8_t hops = 0;  ///< number of handlers and servers that it has passed
    std::string_view type_token;
    std::string_view user;
    std::string_view session;   ///< has a meaning for the origin only; empty if there is none
    std::string_view id_token;  ///< empty if there is none
    std::string_view data;
};
struct reply_message {
    std::string_view session;  ///< the session of the submit message
    std::string_view id_token;
    std::string_view type_token;
    std::string_view data;
};
struct result_message {
    std::uint64_t ref = 0;
    std::uint64_t delivered = 0;
    std::string_view code;  ///< empty: success
    bool is_temporary = false;
    std::string_view reason;
    unreached_list unreached;
};
/// Replaces a message that was given up when it might have been sent already.
struct void_message {};

using link_message = std::variant<deliver_message, submit_message, reply_message, result_message, void_message>;

/// The body of a void message.
inline constexpr std::string_view void_body{"\x05", 1};

/// Reads the body of a message in place; everything but the JSON is checked.
link_error decode_link_message(std::string_view body, link_message& message) noexcept;

/// Returns why a message cannot be encoded: the errors that decode_link_message would report.
link_error check_link_message(const link_message& message) noexcept;

/// Checks the JSON of a decoded message: type, id and data. json_padding readable bytes must follow
/// the body that it was decoded from.
link_error check_message_json(json_reader& reader, const link_message& message);

/// Returns the exact size of a message's body.
std::size_t link_message_size(const link_message& message) noexcept;
/// Writes the body of a message for which check_link_message found nothing; returns its end.
char* write_link_message(char* out, const link_message& message) noexcept;
void append_link_message(std::string& out, const link_message& message);

/// Changes budget_ms in an encoded body in place, if the message has one.
void set_budget(char* body, std::size_t size, std::uint32_t budget_ms) noexcept;

}  // namespace bester::wire
