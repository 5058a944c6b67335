#include "config/value_codec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "config/units.hpp"
#include "config/wording.hpp"
#include "wire/counted.hpp"
#include "wire/names.hpp"

namespace bester::config {
namespace {

/// One call of decode: the state that the functions below share.
struct decoding {
    const key_facts& facts;
    const reading& context;

    std::nullopt_t refuse(const json_value& at, std::string_view path, std::string message) const {
        context.mistake(at.begin, path, std::move(message));
        return std::nullopt;
    }

    std::nullopt_t refuse_kind(const json_value& at, std::string_view path) const {
        return refuse(at, path, "must be " + std::string{kind_description(facts.kind)});
    }

    std::optional<std::uint64_t> bounded(std::uint64_t number, const json_value& at, std::string_view path) const {
        if (number < facts.least) {
            return refuse(at, path, "must be at least " + number_text(facts.kind, facts.least));
        }
        if (number > facts.most) {
            return refuse(at, path, "must be at most " + number_text(facts.kind, facts.most));
        }
        return number;
    }

    std::optional<std::uint64_t> count(const json_value& at, std::string_view path) const {
        const bool is_whole = at.kind == json_kind::number && at.text.find_first_of(".eE") == std::string::npos;
        if (!is_whole) {
            return refuse_kind(at, path);
        }
        if (at.text.front() == '-') {
            return refuse(at, path, "must be at least " + number_text(facts.kind, facts.least));
        }
        std::uint64_t number = std::numeric_limits<std::uint64_t>::max();  // stays if the number does not fit
        std::from_chars(at.text.data(), at.text.data() + at.text.size(), number);
        return bounded(number, at, path);
    }

    std::optional<std::uint64_t> with_unit(const json_value& at, std::string_view path) const {
        const bool is_size = facts.kind == value_kind::size;
        if (at.kind == json_kind::number) {
            return refuse(at, path, "needs a unit: " + std::string{kind_description(facts.kind)});
        }
        const auto number = at.kind != json_kind::string ? std::nullopt
                            : is_size                    ? parse_size(at.text)
                                                         : parse_duration(at.text);
        if (!number) {
            return at.kind == json_kind::string
                       ? refuse(at, path, excerpt(at.text) + " is not " + std::string{kind_description(facts.kind)})
                       : refuse_kind(at, path);
        }
        return bounded(*number, at, path);
    }

    std::optional<std::string> text(const json_value& at, std::string_view path) const {
        if (at.kind != json_kind::string) {
            return refuse_kind(at, path);
        }
        if (at.text.find('\0') != std::string::npos) {
            return refuse(at, path, "must not contain a NUL character");
        }
        return at.text;
    }

    std::optional<value> choice(const json_value& at, std::string_view path) const {
        if (at.kind != json_kind::string) {
            return refuse(at, path, "must be one of " + listed(facts.words));
        }
        if (std::find(facts.words.begin(), facts.words.end(), at.text) == facts.words.end()) {
            return refuse(at, path, "unknown value " + excerpt(at.text) + suggestion(at.text, facts.words));
        }
        return at.text;
    }

    std::optional<value> filled_text(const json_value& at, std::string_view path) const {
        auto read = text(at, path);
        if (read && read->empty()) {
            return refuse(at, path, "must not be empty; leave the key out for the default");
        }
        if (read && facts.kind == value_kind::path) {
            return absolute_path(*read, context.base_directory);
        }
        if (read && facts.kind == value_kind::name && !wire::is_name(*read)) {
            return refuse(at, path, excerpt(*read) + " is not " + std::string{kind_description(facts.kind)});
        }
        return read;
    }

    std::optional<value> mode(const json_value& at, std::string_view path) const {
        std::uint64_t bits = 0;
        const std::string& digits = at.text;
        const bool has_form = at.kind == json_kind::string && digits.size() >= 3 && digits.size() <= 4;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 8);
        if (!has_form || error != std::errc{} || end != digits.data() + digits.size() || bits > facts.most) {
            return refuse_kind(at, path);
        }
        return bits;
    }

    std::optional<value> list(const json_value& at, std::string_view path) const {
        if (at.kind != json_kind::array) {
            return refuse_kind(at, path);
        }
        if (at.elements.size() < facts.least || at.elements.size() > facts.most) {
            return refuse(at, path,
                          at.elements.empty() ? std::string{"must not be empty"}
                                              : "must have at most " + wire::counted(facts.most, "element"));
        }
        std::vector<std::string> out;
        for (std::size_t i = 0; i < at.elements.size(); ++i) {
            const json_value& element = at.elements[i];
            const std::string element_path = path_to(path, i);
            if (facts.kind == value_kind::choices) {
                if (auto word = choice(element, element_path)) {
                    out.push_back(std::get<std::string>(*std::move(word)));
                }
            } else if (element.kind != json_kind::string) {
                refuse(element, element_path, "must be a text in quotes");
            } else if (auto read = text(element, element_path)) {
                out.push_back(*std::move(read));
            }
        }
        return out.size() == at.elements.size() ? std::optional<value>{std::move(out)} : std::nullopt;
    }

    /// Reports a value that is not an object, or an unreasonably large one.
    bool is_map(const json_value& at, std::string_view path) const {
        if (at.kind != json_kind::object) {
            refuse_kind(at, path);
        } else if (at.members.size() > largest_map) {
            refuse(at, path, "must have at most " + wire::counted(largest_map, "entry"));
        }
        return at.kind == json_kind::object && at.members.size() <= largest_map;
    }

    std::optional<value> text_map(const json_value& at, std::string_view path) const {
        if (!is_map(at, path)) {
            return std::nullopt;
        }
        std::map<std::string, std::string> out;
        for (const json_member& member : at.members) {
            const std::string member_path = path_to(path, member.name);
            if (member.value.kind != json_kind::string) {
                refuse(member.value, member_path, "must be a text in quotes");
            } else if (auto read = text(member.value, member_path)) {
                out.insert_or_assign(member.name, *std::move(read));
            }
        }
        return out;
    }

    std::optional<value> duration_map(const json_value& at, std::string_view path) const {
        if (!is_map(at, path)) {
            return std::nullopt;
        }
        key_facts element = facts;
        element.kind = value_kind::duration;
        std::map<std::string, std::uint64_t> out;
        for (const json_member& member : at.members) {
            if (const auto read = decoding{element, context}.with_unit(member.value, path_to(path, member.name))) {
                out.insert_or_assign(member.name, *read);
            }
        }
        return out;
    }
};

std::string joined(const std::vector<std::string>& parts, char opening, char closing) {
    std::string out{opening};
    for (const std::string& part : parts) {
        out += (out.size() > 1 ? ", " : "") + part;
    }
    return out += closing;
}

std::string octal(std::uint64_t bits) {
    std::string out{"0"};
    for (const int shift : {6, 3, 0}) {
        out += static_cast<char>('0' + (bits >> shift & 7));
    }
    return out;
}

}  // namespace

std::optional<value> decode(const key_facts& facts, const json_value& from, std::string_view path,
                            const reading& context) {
    const decoding reader{facts, context};
    switch (facts.kind) {
        case value_kind::boolean:
            return from.kind == json_kind::boolean ? std::optional<value>{from.truth} : reader.refuse_kind(from, path);
        case value_kind::automatic_count:
            if (from.kind == json_kind::string && from.text == "auto") {
                return std::nullopt;
            }
            return reader.count(from, path);
        case value_kind::count: return reader.count(from, path);
        case value_kind::duration:
        case value_kind::size: return reader.with_unit(from, path);
        case value_kind::name:
        case value_kind::text:
        case value_kind::path: return reader.filled_text(from, path);
        case value_kind::choice: return reader.choice(from, path);
        case value_kind::mode: return reader.mode(from, path);
        case value_kind::texts:
        case value_kind::choices: return reader.list(from, path);
        case value_kind::text_map: return reader.text_map(from, path);
        case value_kind::duration_map: return reader.duration_map(from, path);
        case value_kind::json: {
            std::string compact;
            json::append_compact(compact, from);
            return compact;
        }
    }
    return std::nullopt;
}

std::optional<std::string> encode(const key_facts& facts, const value& from) {
    if (const auto* const truth = std::get_if<bool>(&from)) {
        return *truth ? "true" : "false";
    }
    if (const auto* const number = std::get_if<std::uint64_t>(&from)) {
        const bool is_plain = facts.kind == value_kind::count || facts.kind == value_kind::automatic_count;
        const std::string text = number_text(facts.kind, *number);
        return is_plain ? text : '"' + text + '"';
    }
    if (const auto* const text = std::get_if<std::string>(&from)) {
        if (facts.kind == value_kind::json) {
            return *text;
        }
        return text->empty() ? std::nullopt : std::optional{json_quoted(*text)};
    }
    std::vector<std::string> parts;
    if (const auto* const texts = std::get_if<std::vector<std::string>>(&from)) {
        std::transform(texts->begin(), texts->end(), std::back_inserter(parts),
                       [](const std::string& text) { return json_quoted(text); });
        return parts.size() < facts.least ? std::nullopt : std::optional{joined(parts, '[', ']')};
    }
    if (const auto* const texts = std::get_if<std::map<std::string, std::string>>(&from)) {
        for (const auto& [name, text] : *texts) {
            parts.push_back(json_quoted(name) + ": " + json_quoted(text));
        }
    } else {
        for (const auto& [name, number] : std::get<std::map<std::string, std::uint64_t>>(from)) {
            parts.push_back(json_quoted(name) + ": \"" + format_duration(number) + '"');
        }
    }
    return joined(parts, '{', '}');
}

std::string number_text(value_kind kind, std::uint64_t number) {
    switch (kind) {
        case value_kind::duration:
        case value_kind::duration_map: return format_duration(number);
        case value_kind::size: return format_size(number);
        case value_kind::mode: return octal(number);
        default: return std::to_string(number);
    }
}

std::string_view kind_description(value_kind kind) {
    switch (kind) {
        case value_kind::boolean: return "true or false";
        case value_kind::count: return "a whole number";
        case value_kind::automatic_count: return "a whole number or \"auto\"";
        case value_kind::duration: return "a duration such as \"500ms\", \"5s\", \"2m\" or \"1h\"";
        case value_kind::size: return "a size such as \"512B\", \"64KiB\", \"1MiB\" or \"1MB\"";
        case value_kind::name: return "a name: 1 to 64 letters, digits, '-', '_' and '.'";
        case value_kind::text: return "a text in quotes";
        case value_kind::path: return "a path in quotes";
        case value_kind::choice: return "one of its words in quotes";
        case value_kind::mode: return "octal permissions in quotes, such as \"0660\"";
        case value_kind::texts: return "an array of texts: [\"…\", …]";
        case value_kind::choices: return "an array of its words: [\"…\", …]";
        case value_kind::text_map: return "an object of texts: {\"name\": \"text\", …}";
        case value_kind::duration_map: return "an object of durations: {\"name\": \"5s\", …}";
        case value_kind::json: return "any JSON";
    }
    return {};
}

std::string absolute_path(std::string_view path, const std::string& base_directory) {
    const auto whole = (std::filesystem::path{base_directory} / path).lexically_normal();
    const bool ends_in_slash = !whole.has_filename() && whole.has_relative_path();
    return ends_in_slash ? whole.parent_path().string() : whole.string();
}

}  // namespace bester::config
