// Takes a text iff the reference parser does, whatever stands after it; and undoes escapes as it does.
#include <string>

#include "fuzz_input.hpp"
#include "json_reference.hpp"
#include "padded.hpp"

namespace {

using namespace bester::wire;

constexpr std::size_t max_depth = 16;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static json_reader reader{max_depth};
    const std::string_view text = as_text(data, size);
    const bool expected = test::reference_accepts(text, max_depth);
    require(test::reader_accepts(reader, text) == expected);
    require(test::reader_accepts(reader, text, '\0') == expected);
    require(test::reader_accepts(reader, text, '}') == expected);

    const test::padded copy{text};
    std::string_view value;
    if (expected && reader.start(copy.view()) && reader.peek() == '"') {
        require(reader.string(value));
        require(value == nlohmann::json::parse(text).get<std::string>());
    }
    if (expected && reader.start(copy.view())) {
        // The value alone, without the white space around it, is the same JSON.
        require(reader.value(value));
        require(value.data() >= copy.view().data() && value.size() <= size);
        require(test::reader_accepts(reader, value));
    }
    std::string token;
    append_quoted(token, text);
    require(test::reader_accepts(reader, token));
    return 0;
}
