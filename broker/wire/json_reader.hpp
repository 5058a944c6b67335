#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "wire/json_text.hpp"

namespace bester::wire {

/// How many readable bytes must follow a text that a json_reader reads (simdjson loads whole blocks).
inline constexpr std::size_t json_padding = 64;

/// Reads one JSON text in place, front to back, without building a tree: simdjson finds the tokens
/// (and checks UTF-8 and the strings' bounds), the functions below walk over them and check the
/// grammar of all that they pass. Whoever walks a whole text has validated it: nothing is skipped
/// unchecked.
///
///     reader.start(text) && reader.object([&](std::string_view key) {
///         return key == "type" ? reader.string(type) : reader.skip(); }) && reader.at_end();
///
/// Everything returns false at the first mistake and stays there. Views point into the text, or into
/// the reader where escapes had to be undone, and are valid until the next start(), or, after give_text(), as long
/// as that text. One reader a thread, used through a json_reader_lease; it keeps its memory from text to text.
class json_reader {
public:
    /// `max_depth`: how deep objects and arrays may be nested.
    explicit json_reader(std::size_t max_depth = 64);
    ~json_reader();
    json_reader(json_reader&&) noexcept;
    json_reader& operator=(json_reader&&) noexcept;

    /// Begins with `text`, after which json_padding bytes must be readable.
    bool start(std::string_view text);

    /// The first byte of the next token: { [ " or the beginning of a number or word. 0 at the end.
    char peek() const noexcept { return next_ < count_ ? text_[index_[next_]] : '\0'; }

    /// Reads an object; `field(key)` must read the value, and says whether to go on.
    template <class Field>
    bool object(Field&& field) {
        if (!enter('{')) return false;
        if (take('}')) return leave();
        do {
            std::string_view key;
            if (!string(key) || !take(':') || !field(key)) return false;
        } while (take(','));
        return take('}') && leave();
    }

    /// Reads an array; `element()` must read one value, and says whether to go on.
    template <class Element>
    bool array(Element&& element) {
        if (!enter('[')) return false;
        if (take(']')) return leave();
        do {
            if (!element()) return false;
        } while (take(','));
        return take(']') && leave();
    }

    /// Reads a string, its escapes undone.
    bool string(std::string_view& value) {
        std::string_view token;
        return raw_string(token) && unquote(token, value);
    }
    /// Reads a string as it stands, with its quotes.
    bool raw_string(std::string_view& token) {
        if (peek() != '"') return false;
        token = take_token();
        return !has_escapes_ || is_escaped_text(token.substr(1, token.size() - 2));
    }
    /// The text of a token that raw_string gave for this text, its escapes undone. Once for each
    /// token: there is room for the whole text unescaped, and more would move what views point to.
    bool unquote(std::string_view token, std::string_view& value) {
        value = token.substr(1, token.size() - 2);
        return !has_escapes_ || undo_escapes(value);
    }
    /// Reads an integer from 0 to 2^53 - 1.
    bool integer(std::uint64_t& value) noexcept;
    bool boolean(bool& value) noexcept;
    /// Reads any value; `raw` is its bytes without white space around.
    bool value(std::string_view& raw);
    /// Reads any value and forgets it.
    bool skip() {
        std::string_view raw;
        return value(raw);
    }
    /// Where the next token begins, for since().
    std::size_t here() const noexcept { return next_ < count_ ? index_[next_] : text_.size(); }
    /// The bytes of all that was read from there on.
    std::string_view since(std::size_t begin) const noexcept {
        std::size_t end = here();
        while (end > begin && is_white_space(text_[end - 1])) --end;
        return text_.substr(begin, end - begin);
    }
    /// Has everything been read?
    bool at_end() const noexcept { return next_ == count_; }

    /// Gives the text of all strings whose escapes were undone to who goes on using their views; `before` is what that
    /// one had of an earlier text, whose memory is used again.
    void give_text(std::string& before) noexcept { unescaped_.swap(before); }

    /// From the next text on.
    void set_max_depth(std::size_t depth) noexcept { max_depth_ = depth; }

private:
    friend class json_reader_lease;
    struct indexer;

    bool enter(char open) noexcept {
        if (depth_ == max_depth_ || !take(open)) return false;
        ++depth_;
        return true;
    }
    bool leave() noexcept {
        --depth_;
        return true;
    }
    bool take(char structural) noexcept {
        if (peek() != structural) return false;
        ++next_;
        return true;
    }
    /// The token's bytes: up to the next one, without the white space between them.
    std::string_view take_token() noexcept {
        const std::size_t begin = index_[next_++];
        std::size_t end = next_ < count_ ? index_[next_] : text_.size();
        while (is_white_space(text_[end - 1])) --end;
        return text_.substr(begin, end - begin);
    }
    static constexpr bool is_white_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
    bool skip_container();
    bool undo_escapes(std::string_view& value);

    std::unique_ptr<indexer> indexer_;
    std::size_t max_depth_;
    std::size_t depth_ = 0;
    std::string_view text_;
    const std::uint32_t* index_ = nullptr;
    std::size_t count_ = 0;
    std::size_t next_ = 0;
    bool is_leased_ = false;
    bool has_escapes_ = false;  ///< is there a backslash anywhere? Mostly not, and then no string is looked into
    std::string unescaped_;     ///< what unquote gave, all of this text's; reserved so that views stay valid
};

/// The right to use a thread's reader, and the views that it gave, until the lease ends. There is one at a time: to
/// read something while something else is being read would change what the views of that say.
class json_reader_lease {
public:
    /// Throws std::logic_error if the reader is leased. `least_depth`: what may be nested meanwhile if the
    /// reader itself allows less.
    explicit json_reader_lease(json_reader& reader, std::size_t least_depth = 0);
    ~json_reader_lease() {
        reader_.max_depth_ = usual_depth_;
        reader_.is_leased_ = false;
    }
    json_reader_lease(const json_reader_lease&) = delete;
    json_reader_lease& operator=(const json_reader_lease&) = delete;

    operator json_reader&() const noexcept { return reader_; }
    json_reader* operator->() const noexcept { return &reader_; }

private:
    json_reader& reader_;
    std::size_t usual_depth_;
};

}  // namespace bester::wire
