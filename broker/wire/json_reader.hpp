#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "wire/json_text.hpp"

namespace bester::wire {

/// The number of readable bytes that must follow a text for a json_reader, since simdjson loads whole blocks.
inline constexpr std::size_t json_padding = 64;

/// Reads one JSON text in place, front to back, without building a tree: simdjson finds the tokens (and checks UTF-8
/// and the strings' bounds), the functions below walk over them and check the grammar of everything that they pass. A
/// caller that walks over a whole text has validated it: nothing is skipped unchecked.
///
///     reader.start(text) && reader.object([&](std::string_view key) {
///         return key == "type" ? reader.string(type) : reader.skip(); }) && reader.at_end();
///
/// All functions return false from the first mistake on. Views point into the text, or into the reader where escapes
/// were decoded, and are valid until the next start(), or, after give_text(), as long as that text. One reader for each
/// thread, used through a json_reader_lease; it keeps its memory from text to text.
class json_reader {
public:
    /// `max_depth` is the largest nesting of objects and arrays.
    explicit json_reader(std::size_t max_depth = 64);
    ~json_reader();
    json_reader(json_reader&&) noexcept;
    json_reader& operator=(json_reader&&) noexcept;

    /// Begins with `text`, after which json_padding bytes must be readable.
    bool start(std::string_view text);

    /// Returns the first byte of the next token: { [ " or the beginning of a number or word; 0 at the end.
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

    /// Reads a string and decodes its escapes.
    bool string(std::string_view& value) {
        std::string_view token;
        return raw_string(token) && unquote(token, value);
    }
    /// Reads a string without decoding, with its quotes.
    bool raw_string(std::string_view& token) {
        if (peek() != '"') return false;
        token = take_token();
        return !has_escapes_ || is_escaped_text(token.substr(1, token.size() - 2));
    }
    /// Returns the decoded text of a token that raw_string returned for this text. Only once for each token: the
    /// reserved room is enough for the whole text decoded once, and more would move the bytes of views.
    bool unquote(std::string_view token, std::string_view& value) {
        value = token.substr(1, token.size() - 2);
        return !has_escapes_ || undo_escapes(value);
    }
    /// Reads an integer from 0 to 2^53 - 1.
    bool integer(std::uint64_t& value) noexcept;
    bool boolean(bool& value) noexcept;
    /// Reads any value; `raw` is its bytes without surrounding white space.
    bool value(std::string_view& raw);
    /// Reads any value and drops it.
    bool skip() {
        std::string_view raw;
        return value(raw);
    }
    /// Returns where the next token begins, for since().
    std::size_t here() const noexcept { return next_ < count_ ? index_[next_] : text_.size(); }
    /// Returns the bytes of everything that was read from there on.
    std::string_view since(std::size_t begin) const noexcept {
        std::size_t end = here();
        while (end > begin && is_white_space(text_[end - 1])) --end;
        return text_.substr(begin, end - begin);
    }
    /// Returns whether everything has been read.
    bool at_end() const noexcept { return next_ == count_; }

    /// Gives the buffer of decoded strings to a caller that goes on using their views; `before` is the caller's buffer
    /// of an earlier text, whose memory is used again.
    void give_text(std::string& before) noexcept { unescaped_.swap(before); }

    /// Applies from the next text on.
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
    /// Returns the token's bytes: up to the next token, without white space.
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
    bool has_escapes_ = false;  ///< whether there is a backslash anywhere; usually not, and then no string is searched
    std::string unescaped_;     ///< all decoded strings of this text; reserved so that views stay valid
};

/// The right to use a thread's reader and its views until the lease ends. There is one lease at a time, since reading
/// another text would change the bytes of the first one's views.
class json_reader_lease {
public:
    /// Throws std::logic_error if the reader is leased. `least_depth` is the allowed nesting during the lease if the
    /// reader allows less.
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
