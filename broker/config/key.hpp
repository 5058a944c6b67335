#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace bester::config {

/// How a key is written in the file. To add one: encode and decode in value_codec.cpp, its schema
/// in schema.cpp, its words in reference.cpp.
enum class value_kind {
    boolean,
    count,
    automatic_count,  ///< a count, or "auto": the value that the config has already
    duration,
    size,
    name,
    text,
    path,  ///< made absolute against the file's folder
    choice,
    mode,  ///< permissions, octal in quotes
    texts,
    choices,
    text_map,
    duration_map,
    json,
};

/// The value of any key, between the file and the struct's field. Durations are milliseconds,
/// sizes bytes, choices their words, json its compact text.
using value = std::variant<bool, std::uint64_t, std::string, std::vector<std::string>,
                           std::map<std::string, std::string>, std::map<std::string, std::uint64_t>>;

enum class effect { on_reload, on_restart };

/// The facts about a key that do not depend on the struct that it fills.
struct key_facts {
    std::string_view name = {};  ///< name within its table, e.g. `restart.initial_delay`
    value_kind kind = value_kind::text;
    std::uint64_t least = 0;  ///< bound of the number; texts, choices: of their count
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    effect takes_effect = effect::on_reload;
    std::string_view description = {};
    std::string_view computed = {};            ///< the default in words, where it is not the struct's
    std::vector<std::string_view> words = {};  ///< choice, choices: filled in by declare()
};

/// A key of the config, with everything that is known about it. `get` and `set` connect it to a field of T.
template <class T>
struct key {
    key_facts facts;
    std::function<value(const T&)> get;
    std::function<void(T&, const value&)> set;
};

/// The words for an enum's values; specialise it next to the declarations.
template <class Enum>
struct enum_words;

template <class Enum>
std::string word_for(Enum wanted) {
    for (const auto& [entry, word] : enum_words<Enum>::list) {
        if (entry == wanted) {
            return std::string{word};
        }
    }
    return {};
}

template <class Enum>
Enum from_word(std::string_view wanted) {
    for (const auto& [entry, word] : enum_words<Enum>::list) {
        if (word == wanted) {
            return entry;
        }
    }
    return {};
}

template <class Field>
value to_value(const Field& field) {
    if constexpr (std::is_enum_v<Field>) {
        return word_for(field);
    } else if constexpr (std::same_as<Field, std::chrono::milliseconds>) {
        return static_cast<std::uint64_t>(field.count());
    } else if constexpr (std::same_as<Field, bool>) {
        return field;
    } else if constexpr (std::unsigned_integral<Field>) {
        return std::uint64_t{field};
    } else if constexpr (std::same_as<Field, std::map<std::string, std::chrono::milliseconds>>) {
        std::map<std::string, std::uint64_t> out;
        for (const auto& [name, duration] : field) {
            out.emplace(name, static_cast<std::uint64_t>(duration.count()));
        }
        return out;
    } else if constexpr (requires { requires std::is_enum_v<typename Field::value_type>; }) {
        std::vector<std::string> out;
        for (const auto entry : field) {
            out.push_back(word_for(entry));
        }
        return out;
    } else {
        return field;
    }
}

template <class Field>
void from_value(const value& from, Field& field) {
    if constexpr (std::is_enum_v<Field>) {
        field = from_word<Field>(std::get<std::string>(from));
    } else if constexpr (std::same_as<Field, std::chrono::milliseconds>) {
        field = std::chrono::milliseconds{std::get<std::uint64_t>(from)};
    } else if constexpr (std::same_as<Field, bool>) {
        field = std::get<bool>(from);
    } else if constexpr (std::unsigned_integral<Field>) {
        field = static_cast<Field>(std::get<std::uint64_t>(from));
    } else if constexpr (std::same_as<Field, std::map<std::string, std::chrono::milliseconds>>) {
        field.clear();
        for (const auto& [name, count] : std::get<std::map<std::string, std::uint64_t>>(from)) {
            field.emplace(name, std::chrono::milliseconds{count});
        }
    } else if constexpr (requires { requires std::is_enum_v<typename Field::value_type>; }) {
        field.clear();
        for (const auto& word : std::get<std::vector<std::string>>(from)) {
            field.push_back(from_word<typename Field::value_type>(word));
        }
    } else {
        field = std::get<Field>(from);
    }
}

template <class Enum>
std::vector<std::string_view> words_of() {
    std::vector<std::string_view> words;
    for (const auto& entry : enum_words<Enum>::list) {
        words.push_back(entry.second);
    }
    return words;
}

/// Declares a key of T; `field` is a generic lambda that returns the field of a T by reference.
template <class T, class Accessor>
key<T> declare(key_facts facts, Accessor field) {
    using field_type = std::remove_cvref_t<decltype(field(std::declval<T&>()))>;
    if constexpr (std::is_enum_v<field_type>) {
        facts.words = words_of<field_type>();
    } else if constexpr (requires { requires std::is_enum_v<typename field_type::value_type>; }) {
        facts.words = words_of<typename field_type::value_type>();
    }
    return {std::move(facts), [field](const T& from) { return to_value(field(from)); },
            [field](T& to, const value& from) { from_value(from, field(to)); }};
}

}  // namespace bester::config
