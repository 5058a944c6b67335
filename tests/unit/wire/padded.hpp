#pragma once

#include <cstring>
#include <memory>
#include <string_view>

#include "wire/json_reader.hpp"

namespace bester::wire::test {

/// A text in a heap block of exactly its size and json_padding bytes of rubbish, so that
/// AddressSanitizer sees whoever reads further, and a test whoever trusts the padding.
class padded {
public:
    explicit padded(std::string_view text, char filler = '"')
        : bytes_{new char[text.size() + json_padding]}, size_{text.size()} {
        std::memcpy(bytes_.get(), text.data(), text.size());
        std::memset(bytes_.get() + text.size(), filler, json_padding);
    }

    std::string_view view() const noexcept { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

/// Does a reader take this as one whole JSON text?
inline bool reader_accepts(json_reader& reader, std::string_view text, char filler = '"') {
    const padded copy{text, filler};
    return reader.start(copy.view()) && reader.skip() && reader.at_end();
}

}  // namespace bester::wire::test
