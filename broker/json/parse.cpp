#include "json/parse.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "json/comments.hpp"
#include "json/wording.hpp"
#include "wire/excerpt.hpp"
#include "wire/json_text.hpp"

namespace bester::json {

namespace {

constexpr std::size_t most_duplicates = 1'000;  // most duplicates that are reported, so that a hostile file stays cheap
constexpr std::string_view bytes_of_numbers = "+-.0123456789eE";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// Gives the library the bytes of a text, and knows how far it has read.
struct counting_iterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    const char* at = nullptr;
    const char** reached = nullptr;

    const char& operator*() const noexcept { return *at; }
    counting_iterator& operator++() noexcept {
        *reached = ++at;
        return *this;
    }
    counting_iterator operator++(int) noexcept {
        const counting_iterator before = *this;
        ++*this;
        return before;
    }
    bool operator==(const counting_iterator& other) const noexcept { return at == other.at; }
    bool operator!=(const counting_iterator& other) const noexcept { return at != other.at; }
};

/// Builds the tree with all positions from the events of nlohmann's SAX parser, and describes the mistake that ended
/// it. The parser calls each of these functions before it reads the next token; false ends the parse.
class tree_builder {
public:
    tree_builder(std::string_view text, std::size_t deepest, json_document& document)
        : text_{text}, deepest_{deepest}, document_{document}, reached_{text.data()} {}

    void parse() {
        const counting_iterator begin{text_.data(), &reached_}, end{text_.data() + text_.size(), nullptr};
        if (nlohmann::json::sax_parse(begin, end, this)) document_.root = std::move(root_);
    }

    bool null() { return put_word({}); }
    bool boolean(bool truth) {
        json_value value;
        value.kind = json_kind::boolean;
        value.truth = truth;
        return put_word(std::move(value));
    }
    bool number_integer(nlohmann::json::number_integer_t) { return put_number(); }
    bool number_unsigned(nlohmann::json::number_unsigned_t) { return put_number(); }
    bool number_float(nlohmann::json::number_float_t, const std::string&) { return put_number(); }
    bool string(std::string& text) {
        json_value value;
        value.kind = json_kind::string;
        value.text = std::move(text);
        return put(std::move(value));
    }
    bool binary(nlohmann::json::binary_t&) { return false; }
    bool start_object(std::size_t) { return open(json_kind::object); }
    bool start_array(std::size_t) { return open(json_kind::array); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(std::string& name) {
        container& object = open_.back();
        json_member member;
        member.name = std::move(name);
        member.begin = token_begin();
        const auto [first, is_new] = object.names.emplace(member.name, member.begin);
        const std::size_t begin = member.begin;
        object.drops_last = !is_new;  // a duplicate is only reported: readers of the object see each name once
        object.value->members.push_back(std::move(member));
        if (!is_new && document_.problems.size() < most_duplicates) {
            fail(begin, path_of_item(), excerpt(first->first) + " is given twice; keep one");
            document_.problems.back().earlier = first->second;
        }
        step(expected::colon);
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
        is_out_of_range_ = dynamic_cast<const nlohmann::detail::out_of_range*>(&error) != nullptr;
        return explain();
    }

private:
    enum class expected : std::uint8_t { value, first_key, colon, separator, end };

    /// An array or object whose bracket is open. Its value stays where it is: its parent gets no other item before
    /// this one is closed.
    struct container {
        json_value* value = nullptr;
        std::unordered_map<std::string, std::size_t> names;  ///< of an object, and where each stood first
        bool drops_last = false;                             ///< the last member has a name that was there before
    };

    char char_at(std::size_t at) const noexcept { return at < text_.size() ? text_[at] : '\0'; }
    std::size_t reached() const noexcept { return static_cast<std::size_t>(reached_ - text_.data()); }
    std::size_t skip_space(std::size_t at) const noexcept {
        return std::min(text_.find_first_not_of(" \t\n\r", at), text_.size());
    }

    /// Returns where the token begins that the parser has just taken.
    std::size_t token_begin() const noexcept {
        const std::size_t at = skip_space(end_);
        const bool is_after_mark = expected_ == expected::colon || expected_ == expected::separator;
        return is_after_mark ? skip_space(at + 1) : at;
    }

    void step(expected next) noexcept {
        end_ = reached();
        expected_ = next;
    }

    bool fail(std::size_t offset, std::string path, std::string message) {
        document_.problems.push_back({offset, std::move(path), std::move(message), std::nullopt});
        return false;
    }

    /// The path of the innermost container that is open.
    std::string path_of_container() const {
        std::string path;
        for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
            const json_value& outer = *open_[i].value;
            path = outer.is(json_kind::object) ? path_to(path, outer.members.back().name)
                                               : path_to(path, outer.elements.size() - 1);
        }
        return path;
    }

    /// The path of the item in it that is being read.
    std::string path_of_item() const {
        if (open_.empty()) return {};
        const json_value& list = *open_.back().value;
        return list.is(json_kind::object) ? path_to(path_of_container(), list.members.back().name)
                                          : path_to(path_of_container(), list.elements.size());
    }

    /// Puts the value, whose token has just been taken, into the container that is open.
    json_value& place(json_value value) {
        value.begin = token_begin();
        value.end = reached();
        if (open_.empty()) return root_ = std::move(value);
        json_value& list = *open_.back().value;
        if (list.is(json_kind::array)) return list.elements.emplace_back(std::move(value));
        return list.members.back().value = std::move(value);
    }

    bool end_item() {
        if (!open_.empty() && std::exchange(open_.back().drops_last, false)) open_.back().value->members.pop_back();
        expected_ = open_.empty() ? expected::end : expected::separator;
        return true;
    }

    bool put(json_value value) {
        place(std::move(value));
        end_ = reached();
        return end_item();
    }

    bool put_word(json_value value) {
        const char next = char_at(reached());
        return is_letter(next) || is_digit(next) ? explain_value(token_begin()) : put(std::move(value));
    }

    bool put_number() {
        const std::size_t begin = token_begin();
        // The parser has looked at the byte behind a number, unless that is the end of the text.
        const bool is_at_end = reached() == text_.size() && is_digit(text_.back());
        const std::size_t end = is_at_end ? reached() : reached() - 1;
        const std::size_t first = char_at(begin) == '-' ? begin + 1 : begin;
        if (char_at(first) == '0' && is_digit(char_at(first + 1)))
            return fail(begin, path_of_item(), "a number must not start with 0");
        if (is_letter(char_at(end)))
            return fail(begin, path_of_item(), "a value with a unit is written in quotes, e.g. \"5s\" or \"1MiB\"");
        json_value value;
        value.kind = json_kind::number;
        value.text = text_.substr(begin, end - begin);
        place(std::move(value)).end = end;
        end_ = end;
        return end_item();
    }

    bool open(json_kind kind) {
        if (open_.size() == deepest_)
            return fail(token_begin(), path_of_item(), "nested deeper than " + std::to_string(deepest_) + " levels");
        json_value value;
        value.kind = kind;
        json_value& placed = place(std::move(value));
        open_.push_back({&placed, {}, false});
        step(kind == json_kind::object ? expected::first_key : expected::value);
        return true;
    }

    bool close() {
        end_ = reached();
        open_.back().value->end = end_;
        open_.pop_back();
        return end_item();
    }

    /// Finds the mistake, which is after the last token that the parser took.
    bool explain() {
        std::size_t at = skip_space(end_);
        switch (expected_) {
            case expected::value: return explain_value(at);
            case expected::first_key: return explain_key(at);
            case expected::colon:
                if (char_at(at) != ':') return fail(at, path_of_item(), "expected ':' between the key and its value");
                return explain_value(skip_space(at + 1));
            case expected::separator: break;
            case expected::end:
                return fail(at, {}, "something follows the end of the config; is there a bracket too many before it?");
        }
        const json_value& list = *open_.back().value;
        const bool is_object = list.is(json_kind::object);
        if (at == text_.size())
            return fail(at, path_of_container(),
                        "the file ends before the bracket that opened in line " + std::to_string(line_of(list.begin)) +
                            " is closed");
        if (char_at(at) != ',')
            return fail(at, path_of_container(), std::string{"expected ',' or '"} + (is_object ? '}' : ']') + "'");
        at = skip_space(at + 1);
        return is_object ? explain_key(at) : explain_value(at);
    }

    bool explain_key(std::size_t at) {
        if (char_at(at) == '"') return explain_string(at, path_of_container());
        return fail(at, path_of_container(), "expected a key in double quotes");
    }

    bool explain_value(std::size_t at) {
        const char first = char_at(at);
        if (first == '"') return explain_string(at, path_of_item());
        if (first == '-' || is_digit(first)) return explain_number(at);
        if (at == text_.size())
            return fail(at, path_of_item(),
                        open_.empty() ? "the file is empty; the smallest config is {}"
                                      : "the file ends where a value is expected");
        const std::string_view rest = text_.substr(at);
        const auto length = std::find_if_not(rest.begin(), rest.end(), is_letter) - rest.begin();
        const std::string_view word = rest.substr(0, static_cast<std::size_t>(length));
        return fail(
            at, path_of_item(),
            word.empty() ? "expected a value" : "expected a value; a text is written in quotes: " + excerpt(word));
    }

    bool explain_number(std::size_t begin) {
        const std::string_view rest = text_.substr(begin);
        const std::string_view number = rest.substr(0, rest.find_first_not_of(bytes_of_numbers));
        const char* message = "a number needs digits";
        if (is_out_of_range_) message = "this number is out of range";
        else if (number.find_first_of("eE") != number.npos) message = "a number needs digits in its exponent";
        else if (number.find('.') != number.npos) message = "a number needs digits behind its point";
        return fail(begin, path_of_item(), message);
    }

    /// How many bytes the character or escape at `at` has, if it is one.
    std::size_t size_of_character(std::size_t at) const noexcept {
        const auto byte = static_cast<unsigned char>(char_at(at));
        if (byte == '\\') {
            if (char_at(at + 1) != 'u') return 2;
            const bool is_surrogate = (char_at(at + 2) | 0x20) == 'd' && char_at(at + 3) > '7';
            return is_surrogate ? 12 : 6;
        }
        return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    }

    /// The parser has stopped within the string, or at the end of the text.
    bool explain_string(std::size_t begin, std::string path) {
        std::size_t at = begin + 1;
        const auto is_whole = [&] {
            const std::string_view character = text_.substr(std::min(at, text_.size()), size_of_character(at));
            if (at + character.size() < reached()) return true;
            if (character.size() < 2) return false;
            return character[0] == '\\' ? wire::is_escaped_text(character)
                                        : wire::first_invalid_utf8(character) == character.npos;
        };
        while (is_whole()) at += size_of_character(at);
        const auto byte = static_cast<unsigned char>(char_at(at));
        if (byte == '\\' && at + 1 < text_.size())
            return fail(at, std::move(path),
                        R"(not an escape; valid: \" \\ \/ \b \f \n \r \t and \uXXXX (surrogates in pairs))");
        if (byte >= 0x80) return fail(at, std::move(path), "not UTF-8; save the file as UTF-8");
        if (at < text_.size() && byte < 0x20 && byte != '\n' && byte != '\r')
            return fail(at, std::move(path), "a control character in a string; write it as an escape, e.g. \\t");
        return fail(begin, std::move(path), "this string is not closed in its line; a quote is missing");
    }

    std::ptrdiff_t line_of(std::size_t offset) const {
        return 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
    }

    const std::string_view text_;
    const std::size_t deepest_;
    json_document& document_;
    const char* reached_;  ///< behind the last byte that the parser has looked at
    json_value root_;
    std::vector<container> open_;
    std::size_t end_ = 0;  ///< of the last token that the parser has taken
    expected expected_ = expected::value;
    bool is_out_of_range_ = false;
};

}  // namespace

json_document parse_commented(std::string_view text) {
    json_document document;
    std::string plain{text};
    // The library would treat a NUL as the end of the text.
    if (const std::size_t nul = plain.find('\0'); nul != plain.npos)
        document.problems.push_back({nul, "", "a NUL byte: this is not a text file", std::nullopt});
    else if (const auto comment = blank_comments(plain))
        document.problems.push_back({*comment, "", "this comment never ends; close it with */", std::nullopt});
    else tree_builder{plain, deepest_commented, document}.parse();
    return document;
}

std::optional<json_value> parse_object(std::string_view text) {
    // Bytes that the library would treat as the end of the text or ignore.
    if (text.find('\0') != text.npos || text.starts_with("\xEF\xBB\xBF")) return std::nullopt;
    json_document document;
    tree_builder{text, deepest_strict, document}.parse();
    const bool is_good = document.problems.empty() && document.root && document.root->is(json_kind::object);
    return is_good ? std::move(document.root) : std::nullopt;
}

}  // namespace bester::json
