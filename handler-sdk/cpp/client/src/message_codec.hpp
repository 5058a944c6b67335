#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <bester/client.hpp>
#include <bester/client_events.hpp>
#include <bester/destination.hpp>

namespace bester::client_detail {

/// Returns the first message, which carries only the credentials.
std::string encode_login(const credentials& who);

/// A message; `data` must be valid JSON text, an empty id leaves it out.
std::string encode_message(const destination& to, std::string_view data, std::string_view id);

/// A frame that the broker should not have sent.
struct bad_broker_frame {
    std::string reason;
};

/// A message type that this version does not know, to be ignored.
struct unknown_frame {};

using broker_frame = std::variant<bad_broker_frame, unknown_frame, delivery, status, notice>;

/// Decodes what the broker sent. Pure.
broker_frame decode_frame(std::string frame);

}  // namespace bester::client_detail
