#pragma once

#include <string>

#include <bester/client_events.hpp>

#include "cli/terminal.hpp"

namespace bester::cli {

/// Returns an event as one line for people, without the newline. Pure.
std::string format_event(const client_event& event, const palette& colours);

}  // namespace bester::cli
