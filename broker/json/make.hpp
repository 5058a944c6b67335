#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/value.hpp"

namespace bester::json {

// Values that are made to be written with append_compact(). To destroy one takes no memory, so that a failed allocation
// ends what needed the document, and no more. Pure.

json_value make_value(std::nullptr_t);
json_value make_value(std::string_view text);
/// Returns an array of these.
json_value make_value(const std::vector<std::string>& texts);
inline json_value make_value(json_value made) { return made; }
template <std::same_as<bool> Truth>
json_value make_value(Truth truth) {
    json_value made;
    made.kind = json_kind::boolean;
    made.truth = truth;
    return made;
}
template <std::integral Number>
requires(!std::same_as<Number, bool>) json_value make_value(Number number) {
    json_value made;
    made.kind = json_kind::number;
    made.text = std::to_string(number);
    return made;
}

/// A member of an object that is being made.
struct named_value {
    template <class Value>
    named_value(std::string_view called, Value&& of) : name{called}, value{make_value(std::forward<Value>(of))} {}

    std::string_view name;
    mutable json_value value;  ///< is moved into the object, out of a list that is constant
};

/// Returns an object with these members, whose names must differ.
json_value make_object(std::initializer_list<named_value> members = {});
json_value make_array();

/// Sets a member of an object, which it may have or not. Without the memory for it the object stays as it was.
void set(json_value& object, const named_value& member);
template <class Value>
void set(json_value& object, std::string_view name, Value&& value) {
    set(object, named_value{name, std::forward<Value>(value)});
}
template <class Value>
void append(json_value& array, Value&& value) {
    array.elements.push_back(make_value(std::forward<Value>(value)));
}

/// Returns the value as JSON text without any space.
std::string to_text(const json_value& value);

}  // namespace bester::json
