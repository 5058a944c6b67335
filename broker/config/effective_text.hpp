#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/broker_config.hpp"
#include "config/key.hpp"
#include "config/keys.hpp"
#include "config/value_codec.hpp"

namespace bester::config {

/// Names as in the table, and values as JSON text, without keys that are not set.
using written_keys = std::vector<std::pair<std::string_view, std::string>>;

template <class T>
written_keys write_keys(const std::vector<key<T>>& keys, const T& from) {
    written_keys written;
    for (const auto& known : keys) {
        if (auto text = encode(known.facts, known.get(from))) {
            written.emplace_back(known.facts.name, *std::move(text));
        }
    }
    return written;
}

/// Returns the listener in the form in which it is written.
listener_entry entry_of(const clients::listener_settings& settings);

written_keys write_listener(const listener_entry& entry);

/// Returns one JSON object, with sections (names with a dot) as inner objects; `indent` is that of the brace.
std::string object_text(const written_keys& written, std::size_t indent);

/// Returns the config in effect, with every default written out, in a form that parse() reads back.
std::string effective_text(const broker_config& config);

/// Returns the first 16 hex digits of the SHA-256 of effective_text(), which are equal for configs that are the same.
std::string digest_of(const broker_config& config);

}  // namespace bester::config
