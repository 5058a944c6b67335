#pragma once

#include <string>

#include <bester/client_events.hpp>
#include <nlohmann/json_fwd.hpp>

namespace bester::cli {

/// Returns an error on one line for people: `busy: there is no room (temporary, try again in 3 s)`. Pure.
std::string error_text(const error_info& error);

/// Returns an error in the form in which the broker tells it in a status. Pure.
nlohmann::json error_json(const error_info& error);

/// Returns a status of the client itself as the frame that a broker would have sent, on one line. Pure.
std::string status_frame(const std::string& id, const error_info& error);

}  // namespace bester::cli
