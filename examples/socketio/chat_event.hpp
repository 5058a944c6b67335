// What a client of Socket.IO says.
#pragma once

#include <string>
#include <utility>

#include <bester/message.hpp>

namespace chat {

/// One event of a client, as its message has it: `["message", {"room": …, "text": …}]`. Throws a refusal, which
/// the client's acknowledgement tells, where it is none. A plain value.
struct event {
    std::string name;
    nlohmann::json argument;  ///< the first one; null if there is none

    explicit event(const bester::message& m) {
        auto data = m.data();
        if (!data.is_array() || data.empty() || !data[0].is_string())
            throw bester::refusal{"bad_event", "that is no event"};
        data[0].get_to(name);
        if (data.size() > 1) argument = std::move(data[1]);
    }

    /// null if the argument has no such field.
    nlohmann::json field(const char* key) const {
        return argument.is_object() ? argument.value(key, nlohmann::json()) : nlohmann::json();
    }

    std::string text(const char* key) const {
        const auto found = field(key);
        if (!found.is_string()) throw bester::refusal{"bad_event", "\"" + name + "\" needs a text \"" + key + "\""};
        return found.get<std::string>();
    }
};

}  // namespace chat
