#include <catch2/catch.hpp>

#include "cli/line_editor.hpp"

using namespace bester::cli;

namespace {
key_result type(line_editor& editor, std::string_view keys) {
    auto last = key_result::nothing;
    for (const char key : keys) last = editor.feed(key);
    return last;
}

constexpr auto up = "\033[A";
constexpr auto down = "\033[B";
constexpr auto right = "\033[C";
constexpr auto left = "\033[D";
}  // namespace

TEST_CASE("line editor: keys edit the line", "[cli]") {
    struct row {
        std::string keys;
        std::string text;
        std::size_t cursor;
    };
    const auto [keys, text, cursor] = GENERATE(
        row{"abc", "abc", 3}, row{"abc\177", "ab", 2}, row{"\177", "", 0}, row{"abc\001x", "xabc", 1},
        row{"abc\001\033[3~", "bc", 0}, row{std::string("ab") + left + "x", "axb", 2},
        row{std::string("ab") + left + left + left + right + "x", "axb", 2}, row{"one two\027", "one ", 4},
        row{"one two  \027", "one ", 4}, row{"abc\025", "", 0}, row{std::string("abc") + left + left + "\013", "a", 1},
        row{"abc\001\005d", "abcd", 4}, row{"gr\xc3\xbc\177", "gr", 2},
        row{std::string("\xc3\xbc") + left + "a", "a\xc3\xbc", 1}, row{"a\tb", "ab", 2}, row{"a\033[200~b", "ab", 2},
        row{"a\033xb", "ab", 2}, row{"abc\033[Hx\033[Fy", "xabcy", 5});
    CAPTURE(keys);
    line_editor editor;
    type(editor, keys);
    CHECK(editor.text() == text);
    CHECK(editor.cursor() == cursor);
}

TEST_CASE("line editor: Enter, Ctrl-C and Ctrl-D are told apart", "[cli]") {
    line_editor editor;
    CHECK(type(editor, "hello\r") == key_result::line);
    CHECK(editor.take_line() == "hello");
    CHECK(editor.text().empty());
    CHECK(type(editor, "\004") == key_result::end);
    CHECK(type(editor, "ab\001\004") == key_result::changed);
    CHECK(editor.text() == "b");
    CHECK(type(editor, "\003") == key_result::interrupt);
}

TEST_CASE("line editor: the arrows bring old lines, and the new one back", "[cli]") {
    line_editor editor;
    type(editor, "one\rtwo\rtwo\rnew");
    type(editor, up);
    CHECK(editor.text() == "two");
    type(editor, up);
    CHECK(editor.text() == "one");
    CHECK(type(editor, up) == key_result::nothing);
    type(editor, down);
    type(editor, down);
    CHECK(editor.text() == "new");
    CHECK(type(editor, down) == key_result::nothing);
}

TEST_CASE("line editor: what is shown fits into a row, with the cursor in it", "[cli]") {
    line_editor editor;
    CHECK(editor.render("> ", 80) == "\r\033[K> ");
    type(editor, "abc");
    type(editor, left);
    CHECK(editor.render("> ", 80) == "\r\033[K> abc\033[1D");
    line_editor longer;
    type(longer, "0123456789");
    CHECK(longer.render("> ", 8) == "\r\033[K> 56789");
    type(longer, "\001");
    CHECK(longer.render("> ", 8) == "\r\033[K> 01234\033[5D");
}
