#pragma once

#include <string>
#include <vector>

namespace bester::wire::test {

/// Texts that RFC 8259 makes valid JSON.
inline const std::vector<std::string>& valid_json() {
    static const std::vector<std::string> texts{
        // scalars and structure
        "null", "true", "false", "0", "-0", "1", "\"\"", "[]", "{}", " [ ] ", "{ }", "\t\r\n 1 \t\r\n", "[null]", "[[[]]]",
        "[1,2,3]", "[true,false,null]", R"({"a":1})", R"({"a":{"b":{"c":[]}}})", R"({"a":1,"b":2})", R"({"":0})",
        R"({"a":1,"a":2})", R"([{"a":[]},[{}]])", "[1 ,2 , 3]", "{\"a\" : 1}", "{\"a\"\n:\t1\r}", "[\n]",
        // numbers, also such as no machine type holds
        "-1", "10", "123456789", "1.5", "-1.5", "0.1", "1e1", "1E1", "1e+1", "1e-1", "1.5e10", "0e1", "0e+1", "-0e-0", "1e00",
        "1e999", "-1e999", "1e-999", "1e9999999999999999999", "123e65", "1234567890123456789012345678901234567890",
        "-1234567890123456789012345678901234567890", "0.00000000000000000000000000000000000000000000000000000000000001",
        "[1e999,1]", R"({"a":-1e999})", "18446744073709551616", "9007199254740993", "1.7976931348623159e308",
        // strings
        "\"a\"", "\" \"", "\"\\\"\"", "\"\\\\\"", "\"\\/\"", "\"/\"", "\"\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\u0061\"",
        "\"\\uabCD\"", "\"\\ud83d\\ude00\"", "\"\\uD834\\uDD1E\"", "\"\\uDBFF\\uDFFF\"", "\"\\ufffe\"", "\"\\\\u0061\"",
        "\"\\\\\\\\\\\"\"", "\"[1,2]{}:\"", "\"\x7f\"", "\"Gr\xc3\xbc\xc3\x9f" "e\"", "\"\xe2\x82\xac\"", "\"\xf0\x9f\x98\x80\"",
        "\"\xf4\x8f\xbf\xbf\"", "\"\xef\xbb\xbf\"", "\"\xe2\x80\xa8\"", "\"\xc2\x80\"", "\"\xed\x9f\xbf\"", "\"\xee\x80\x80\"",
        "\"\xef\xbf\xbf\"", "\"/* no comment */ // none\"", R"({"\u0061\n":"\"}"})", R"(["\\","\\\"",""])",
    };
    return texts;
}

/// Texts that are no valid JSON, whoever is asked.
inline const std::vector<std::string>& invalid_json() {
    using std::string_literals::operator""s;
    static const std::vector<std::string> texts{
        // structure
        "", " ", "[", "]", "{", "}", ",", ":", "[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1;2]", "[}", "{]", "[1}", "{\"a\":1]",
        "[]]", "[[]", "[][]", "{}{}", "[] []", "{},", ",{}", "1 2", "1,2", "{1:1}", "{a:1}", "{'a':1}", "{\"a\"}", "{\"a\":}",
        "{\"a\" 1}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}", "{\"a\"::1}", "{:1}", "{\"a\":1:2}",
        "{null:1}", "{[]:1}", "{\"a\",\"b\":1}", "[\"a\":1]", "{\"a\":1,\"b\"}", "[1]x", "x[1]", "{}#", "[1]//", "[/**/1]",
        "// c\n1", "1 // c", "[\"a\"\"b\"]", "\"a\"\"b\"", "\"a\"b", "a\"b\"", "1\"a\"", "\"a\"1", "true\"a\"", "[]1", "1[]", "{}true",
        "[1]{}", "\"a\"[]", "[\"a\"b]", "{\"a\"b:1}", "(1)", "<1>", "[1)", "&", "[&]", "*", "@",
        // words
        "nul", "nulll", "nullx", "NULL", "Null", "tru", "truee", "True", "TRUE", "fals", "falsee", "undefined", "none", "n", "t", "f",
        "[nul]", "[truefalse]", "true false", "truefalse", "-true", "tr\\u0075e", "n\0ull"s,
        // numbers
        "-", "+", "+1", "--1", "00", "01", "-01", "-00", "1.", ".1", "-.1", "1.e1", ".e1", "1e", "1e+", "1e-", "1E", "1e1.5", "1ee1",
        "1e+-1", "0x1", "0b1", "1_0", "1'0", "NaN", "Infinity", "-Infinity", "inf", "1a", "1 .5", "1. 5", "1 e5", "- 1", "[1.]",
        "[-]", "1/2", "1+1", "1-1", "\xef\xbc\x91", "1\0"s, "1,", "0.1.2", "[01]", "0e", "[0e]", "-a", "1-",
        // strings
        "\"", "\"a", "a\"", "'a'", "\"\\\"", "\"\\", "\"\\a\"", "\"\\x41\"", "\"\\'\"", "\"\\0\"", "\"\\ \"", "\"\\\n\"", "\"\\u\"",
        "\"\\u1\"", "\"\\u12\"", "\"\\u123\"", "\"\\u123", "\"\\u123g\"", "\"\\U0041\"", "\"\\u 041\"", "\"\\u-041\"",
        "\"\\ud800\"", "\"\\ud800\\\"", "\"\\ud800\\u\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\udc00\"",
        "\"\\udc00\\ud800\"", "\"\\ud800 \\udc00\"", "\"\n\"", "\"\t\"", "\"\x01\"", "\"\x1f\"", "\"\0\""s, "\"a\nb\"", "\\\"a\\\"",
        "[\\\"a\\\"]", "\\", "[\\]", "\"a\"\\", "\\\"\"", "[\"a\\\"]", "{\"a\\\":1}", "\\n",
        // white space that JSON has not, control characters, NUL
        "\f1", "1\f", "\v1", "[\f]", "[1\f]", "\xc2\xa0" "1", "\xe2\x80\x83" "1", "[1,\x0c" "2]", "[1\x1a" "2]", "{\"a\"\x1a" "1}",
        "[\x1a" "]", "\0"s, "1 \0"s, "[]\0"s, "{}\0{}"s, "\0[]"s, "\x7f", "[\x01]", "\x0c", "\x1a",
        // not UTF-8
        "\xff", "\"\xff\"", "\"\x80\"", "\"\xc3\"", "\"\xc3(\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x80\x80\"", "\"\xe0\x9f\xbf\"",
        "\"\xe2\x82\"", "\"\xed\xa0\x80\"", "\"\xed\xbf\xbf\"", "\"\xf0\x80\x80\x80\"", "\"\xf0\x8f\xbf\xbf\"", "\"\xf0\x9f\x98\"",
        "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"", "\"\xfe\"", "\xc3\xbc", "[\xc3\xbc]", "\"a\xe2\x82",
        "{\"\xff\":1}", "\xc3", "\x80",
    };
    return texts;
}

/// Texts that the RFC leaves to the reader; the broker refuses them all: a byte order mark, other encodings.
inline const std::vector<std::string>& refused_json() {
    using std::string_literals::operator""s;
    static const std::vector<std::string> texts{
        "\xef\xbb\xbf{}", "\xef\xbb\xbf", "\xef\xbb\xbf 1", "\xff\xfe{\0}\0"s, "\xfe\xff\0{\0}"s, "{\0}\0"s, "\0{\0}"s,
    };
    return texts;
}

}  // namespace bester::wire::test
