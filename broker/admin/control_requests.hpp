#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "admin/control_target.hpp"

namespace bester::admin {

/// Executes one request frame and gives the text of the answer frame to `answer`, exactly once, perhaps before it
/// returns; always on the control thread. `target` must outlive that. An invalid request is answered with `bad_request`
/// or `unknown_request`.
void execute_request(control_target& target, std::string_view request, std::function<void(std::string)> answer);

/// Returns the frame of a refusal.
std::string encode_refusal(const control_error& error);

}  // namespace bester::admin
