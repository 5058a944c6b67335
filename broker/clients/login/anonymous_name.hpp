#pragma once

#include <string>

namespace bester::clients {

/// Returns a user name that no other session has: a random UUID (RFC 9562, version 4). Any thread.
std::string make_anonymous_name();

}  // namespace bester::clients
