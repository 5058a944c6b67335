#include "config/json_document.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "config/json_scanner.hpp"
#include "config/wording.hpp"

namespace bester::config {
namespace {

constexpr std::size_t most_duplicates = 1'000;  // that are told, so that a hostile file stays cheap

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Where the parser is, as a list from the inside out: the path is put together only for a problem.
struct place {
    const place* outer = nullptr;
    const std::string* name = nullptr;  ///< of the member; none: the element `index`
    std::size_t index = 0;

    std::string path() const {
        if (outer == nullptr) {
            return {};
        }
        return name != nullptr ? path_to(outer->path(), *name) : path_to(outer->path(), index);
    }
};

/// Recursive descent over `document.text`; the first syntax error ends it.
class json_parser {
public:
    explicit json_parser(json_document& document) : document_{document}, text_{document.text} {}

    void parse() {
        json_value root;
        skip_space();
        if (at_ == text_.size()) {
            fail(at_, {}, "the file is empty; the smallest config is {}");
        } else if (parse_value(root, {}, 0)) {
            skip_space();
            if (at_ < text_.size()) {
                fail(at_, {}, "something follows the end of the config; is there a bracket too many before it?");
            } else {
                document_.root = std::move(root);
            }
        }
    }

private:
    bool fail(std::size_t offset, const place& where, std::string message) {
        document_.problems.push_back({offset, where.path(), std::move(message), std::nullopt});
        return false;
    }

    void skip_space() {
        while (at_ < text_.size() && is_space(text_[at_])) {
            ++at_;
        }
    }

    char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    bool parse_value(json_value& value, const place& where, std::size_t depth) {
        value.begin = at_;
        bool is_good = false;
        switch (next()) {
            case '{': is_good = parse_object(value, where, depth); break;
            case '[': is_good = parse_array(value, where, depth); break;
            case '"': is_good = parse_string(value, where); break;
            default:
                is_good = next() == '-' || (next() >= '0' && next() <= '9') ? parse_number(value, where)
                                                                            : parse_word(value, where);
        }
        value.end = at_;
        return is_good;
    }

    bool parse_string(json_value& value, const place& where) {
        value.kind = json_kind::string;
        return accept(scan_string(text_, at_, value.text), where);
    }

    bool parse_number(json_value& value, const place& where) {
        value.kind = json_kind::number;
        const std::size_t begin = at_;
        if (!accept(scan_number(text_, at_), where)) {
            return false;
        }
        value.text = text_.substr(begin, at_ - begin);
        const bool has_letter = (next() >= 'a' && next() <= 'z') || (next() >= 'A' && next() <= 'Z');
        return !has_letter || fail(begin, where, "a value with a unit is written in quotes, e.g. \"5s\" or \"1MiB\"");
    }

    bool parse_word(json_value& value, const place& where) {
        const std::string_view rest = std::string_view{text_}.substr(at_);
        const auto length =
            std::find_if(rest.begin(), rest.end(),
                         [](char c) { return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'); }) -
            rest.begin();
        const std::string_view word = rest.substr(0, static_cast<std::size_t>(length));
        if (word == "true" || word == "false") {
            value.kind = json_kind::boolean;
            value.truth = word == "true";
        } else if (word != "null") {
            return fail(at_, where,
                        word.empty() ? (rest.empty() ? "the file ends where a value is expected" : "expected a value")
                                     : "expected a value; a text is written in quotes: " + excerpt(word));
        }
        at_ += word.size();
        return true;
    }

    bool parse_array(json_value& value, const place& where, std::size_t depth) {
        value.kind = json_kind::array;
        return parse_list(value, where, depth, ']', [&] {
            json_value element;
            const bool is_good = parse_value(element, {&where, nullptr, value.elements.size()}, depth + 1);
            value.elements.push_back(std::move(element));
            return is_good;
        });
    }

    bool parse_object(json_value& value, const place& where, std::size_t depth) {
        value.kind = json_kind::object;
        std::unordered_map<std::string, std::size_t> seen;
        return parse_list(value, where, depth, '}', [&] {
            json_member member;
            member.begin = at_;
            if (next() != '"') {
                return fail(at_, where, "expected a key in double quotes");
            }
            if (!accept(scan_string(text_, at_, member.name), where)) {
                return false;
            }
            const place within{&where, &member.name};
            const auto [first, is_new] = seen.emplace(member.name, member.begin);
            if (!is_new && document_.problems.size() < most_duplicates) {
                fail(member.begin, within, excerpt(member.name) + " is given twice; keep one");
                document_.problems.back().earlier = first->second;
            }
            skip_space();
            if (next() != ':') {
                return fail(at_, within, "expected ':' between the key and its value");
            }
            ++at_;
            skip_space();
            const bool is_good = parse_value(member.value, within, depth + 1);
            if (is_new) {  // a duplicate is only told: whoever reads the object meets each name once
                value.members.push_back(std::move(member));
            }
            return is_good;
        });
    }

    /// What objects and arrays share: brackets, commas (a trailing one is blanked), nesting.
    template <class ParseItem>
    bool parse_list(const json_value& list, const place& where, std::size_t depth, char closing, ParseItem parse_item) {
        if (depth >= deepest_json) {
            return fail(at_, where, "nested deeper than " + std::to_string(deepest_json) + " levels");
        }
        ++at_;
        skip_space();
        while (next() != closing) {
            if (!parse_item()) {
                return false;
            }
            skip_space();
            if (next() == ',') {
                const std::size_t comma = at_++;
                skip_space();
                if (next() == closing) {
                    text_[comma] = ' ';
                }
            } else if (next() != closing) {
                return fail(at_, where,
                            at_ == text_.size() ? "the file ends before the bracket that opened in line " +
                                                      std::to_string(line_of(list.begin)) + " is closed"
                                                : std::string{"expected ',' or '"} + closing + "'");
            }
        }
        ++at_;
        return true;
    }

    std::ptrdiff_t line_of(std::size_t offset) const {
        return 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
    }

    bool accept(const scanned& token, const place& where) {
        if (!token.is_good()) {
            return fail(token.end, where, token.error);
        }
        at_ = token.end;
        return true;
    }

    json_document& document_;
    std::string& text_;
    std::size_t at_ = 0;
};

}  // namespace

const json_member* json_value::find(std::string_view name) const {
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const json_member& member) { return member.name == name; });
    return found == members.end() ? nullptr : &*found;
}

std::string json_document::compact(const json_value& value) const {
    std::string out;
    bool in_string = false;
    for (std::size_t i = value.begin; i < value.end; ++i) {
        if (in_string && text[i] == '\\') {
            out += text[i++];
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && is_space(text[i])) {
            continue;
        }
        out += text[i];
    }
    return out;
}

json_document parse_json(std::string_view text) {
    json_document document{std::string{text}, std::nullopt, {}};
    if (const scanned comments = blank_comments(document.text); !comments.is_good()) {
        document.problems.push_back({comments.end, "", comments.error, std::nullopt});
    } else {
        json_parser{document}.parse();
    }
    return document;
}

}  // namespace bester::config
