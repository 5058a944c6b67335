#include "wire/json_reader.hpp"

#include <simdjson.h>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace bester::wire {

namespace {

constexpr std::size_t first_capacity = std::size_t{64} << 10;

}  // namespace

/// simdjson's first stage alone: the positions of all tokens. It is the part of simdjson that is
/// chosen at run time for the processor; its other interfaces either build a tape of everything or
/// pass over values without checking them.
struct json_reader::indexer {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
    std::size_t capacity = 0;

    void reserve(std::size_t size) {
        if (size <= capacity) return;
        const std::size_t wanted = std::max(first_capacity, size + size / 2);
        // When this fails, a parser has lost the room that it had before: a new one is made for the next text.
        capacity = 0;
        const auto error = parser ? parser->set_capacity(wanted)
                                  : simdjson::get_active_implementation()->create_dom_parser_implementation(
                                        wanted, simdjson::DEFAULT_MAX_DEPTH, parser);
        if (error) {
            parser.reset();
            throw std::bad_alloc{};
        }
        capacity = wanted;
    }
};

json_reader::json_reader(std::size_t max_depth) : indexer_{std::make_unique<indexer>()}, max_depth_{max_depth} {
    // simdjson chooses its code for this processor at the first use, which takes memory within functions that must not
    // throw: so that comes here, and not when the first bytes of somebody are read.
    [[maybe_unused]] const bool is_chosen = simdjson::validate_utf8("", 0);
}
json_reader::~json_reader() = default;
json_reader::json_reader(json_reader&&) noexcept = default;
json_reader& json_reader::operator=(json_reader&&) noexcept = default;

json_reader_lease::json_reader_lease(json_reader& reader, std::size_t least_depth)
    : reader_{reader}, usual_depth_{reader.max_depth_} {
    if (reader.is_leased_) throw std::logic_error{"a JSON text is to be read while another one is being read"};
    reader.is_leased_ = true;
    reader.max_depth_ = std::max(usual_depth_, least_depth);
}

bool json_reader::start(std::string_view text) {
    text_ = text;
    depth_ = next_ = count_ = 0;
    unescaped_.clear();
    if (text.empty()) return false;
    indexer_->reserve(text.size());
    auto& parser = *indexer_->parser;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    if (parser.stage1(bytes, text.size(), simdjson::stage1_mode::regular)) return false;
    index_ = parser.structural_indexes.get();
    count_ = parser.n_structural_indexes;
    has_escapes_ = text.find('\\') != std::string_view::npos;
    return true;
}

bool json_reader::undo_escapes(std::string_view& value) {
    if (value.find('\\') == std::string_view::npos) return true;
    // Undoing escapes never makes text longer, so the views given before stay valid.
    // Not less than this: a short string would lie within the object, and move with it when it is given away.
    constexpr std::size_t least_room = 64;
    const std::size_t room = std::max(text_.size(), least_room);
    if (unescaped_.capacity() < room) unescaped_.reserve(room);
    const std::size_t begin = unescaped_.size();
    append_unescaped(unescaped_, value);
    value = std::string_view{unescaped_}.substr(begin);
    return true;
}

bool json_reader::integer(std::uint64_t& value) noexcept {
    constexpr std::size_t most_digits = 16;
    const char first = peek();
    if (first < '0' || first > '9') return false;
    const std::string_view token = take_token();
    if (token.size() > most_digits || (first == '0' && token.size() > 1)) return false;
    value = 0;
    for (const char c : token) {
        if (c < '0' || c > '9') return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value < std::uint64_t{1} << 53;
}

bool json_reader::boolean(bool& value) noexcept {
    if (peek() != 't' && peek() != 'f') return false;
    const std::string_view token = take_token();
    value = token == "true";
    return value || token == "false";
}

bool json_reader::value(std::string_view& raw) {
    switch (peek()) {
        case '"': return raw_string(raw);
        case '{':
        case '[': {
            const std::size_t begin = index_[next_];
            if (!skip_container()) return false;
            raw = text_.substr(begin, index_[next_ - 1] + 1 - begin);
            return true;
        }
        case 't': return (raw = take_token()) == "true";
        case 'f': return (raw = take_token()) == "false";
        case 'n': return (raw = take_token()) == "null";
        case '\0':
        case '}':
        case ']':
        case ',':
        case ':': return false;
        default: return is_number_text(raw = take_token());
    }
}

bool json_reader::skip_container() {
    if (peek() == '[') return array([&] { return skip(); });
    return object([&](std::string_view) { return skip(); });
}

}  // namespace bester::wire
