#include "socketio/attachments.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "wire/base64.hpp"

namespace bester::socketio {

namespace {

/// A replacement for data[begin, end).
struct replacement {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t num = no_body;  ///< index of the body

    static constexpr std::size_t no_body = ~std::size_t{};
};

constexpr std::string_view binary_begin = R"({"_binary":")";
constexpr std::string_view binary_end = R"("})";
constexpr std::string_view placeholder_begin = R"({"_placeholder":true,"num":)";

/// The text, with the bytes after it that the reader needs.
std::string padded(std::string_view text) {
    std::string copy;
    copy.reserve(text.size() + wire::json_padding);
    copy += text;
    copy.append(wire::json_padding, ' ');
    return copy;
}

std::size_t number_of(std::string_view text) noexcept {
    std::size_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && at == end ? number : replacement::no_body;
}

/// The replacements in a text, in order.
class replacements {
public:
    /// Replacements inside of it are dropped: they were found before, since an object is recognised at its end.
    void add(std::size_t begin, std::size_t size, std::size_t num) {
        while (!found_.empty() && found_.back().begin >= begin) found_.pop_back();
        found_.push_back({begin, begin + size, num});
    }
    const std::vector<replacement>& all() const noexcept { return found_; }

    /// Returns the text with each place replaced by what `write(out, replacement)` appends.
    template <class Write>
    std::string apply(std::string_view text, std::size_t size, Write&& write) const {
        std::string out;
        out.reserve(size + wire::json_padding);
        std::size_t copied = 0;
        for (const replacement& each : found_) {
            out += text.substr(copied, each.begin - copied);
            write(out, each);
            copied = each.end;
        }
        return out += text.substr(copied);
    }

private:
    std::vector<replacement> found_;
};

/// Reads any value, and so checks it; `walker.object()` reads the objects.
template <class Walker>
bool walk(wire::json_reader& reader, Walker& walker) {
    if (reader.peek() == '{') return walker.object();
    if (reader.peek() == '[') return reader.array([&] { return walk(reader, walker); });
    return reader.skip();
}

template <class Walker>
bool walk_all(wire::json_reader& reader, std::string_view text, Walker& walker) {
    return reader.start(text) && walk(reader, walker) && reader.at_end();
}

/// Finds the placeholders for `count` bodies.
struct placeholder_walker {
    wire::json_reader& reader;
    std::size_t count;
    replacements found = {};
    attachment_error error = attachment_error::not_json;

    bool object() {
        const std::size_t begin = reader.here();
        bool is_placeholder = false;
        std::size_t num = replacement::no_body;
        const bool is_read = reader.object([&](std::string_view key) {
            // Of duplicate fields the last one counts, as in JavaScript.
            if (key == "_placeholder") is_placeholder = reader.peek() == 't';
            if (key != "num") return walk(reader, *this);
            num = replacement::no_body;
            if (reader.peek() < '0' || reader.peek() > '9') return walk(reader, *this);
            std::string_view digits;
            if (!reader.value(digits)) return false;
            num = number_of(digits);
            return true;
        });
        if (!is_read || !is_placeholder) return is_read;
        if (num >= count) {
            error = attachment_error::bad_place;
            return false;
        }
        found.add(begin, reader.since(begin).size(), num);
        return true;
    }
};

/// Finds the objects that stand for bytes, and decodes these.
struct binary_walker {
    wire::json_reader& reader;
    replacements found = {};
    std::vector<std::string> bodies = {};

    bool object() {
        const std::size_t begin = reader.here();
        std::size_t fields = 0;
        std::optional<std::string_view> base64;
        const bool is_read = reader.object([&](std::string_view key) {
            ++fields;
            const char first = reader.peek();
            if (key == "_binary" && first == '"') return reader.string(base64.emplace());
            if (key != "_placeholder" || first != 't') return walk(reader, *this);
            const std::size_t at = reader.here();
            if (!reader.skip()) return false;
            found.add(at, std::string_view{"true"}.size(), replacement::no_body);
            return true;
        });
        std::string body;
        if (!is_read || fields != 1 || !base64 || !wire::decode_base64(*base64, body)) return is_read;
        found.add(begin, reader.since(begin).size(), bodies.size());
        bodies.push_back(std::move(body));
        return true;
    }
};

/// Returns the size of the data with the bodies in it; none if a body has no place.
std::optional<std::size_t> joined_size(std::size_t size, const replacements& found,
                                       std::span<const std::string> bodies) {
    std::vector<bool> is_used(bodies.size());
    for (const replacement& each : found.all()) {
        is_used[each.num] = true;
        size += binary_begin.size() + wire::base64_size(bodies[each.num].size()) + binary_end.size();
        size -= each.end - each.begin;
    }
    if (std::ranges::find(is_used, false) != is_used.end()) return std::nullopt;
    return size;
}

}  // namespace

std::string_view to_string(attachment_error error) noexcept {
    switch (error) {
        case attachment_error::not_json: return "not JSON";
        case attachment_error::bad_place: return "a placeholder for no attachment";
        case attachment_error::unused: return "an attachment without a placeholder";
        case attachment_error::too_large: return "attachments are too large";
        case attachment_error::too_many: return "too many attachments";
        case attachment_error::interrupted: return "a text between attachments";
        case attachment_error::unexpected: return "bytes that belong to no packet";
    }
    return "unknown";
}

tl::expected<std::string, attachment_error> join_attachments(wire::json_reader& reader, std::string_view data,
                                                             std::span<const std::string> bodies,
                                                             std::size_t max_size) {
    const std::string text = padded(data);
    placeholder_walker walker{reader, bodies.size()};
    if (!walk_all(reader, std::string_view{text}.substr(0, data.size()), walker)) return tl::unexpected{walker.error};
    const auto size = joined_size(data.size(), walker.found, bodies);
    if (!size) return tl::unexpected{attachment_error::unused};
    if (*size > max_size) return tl::unexpected{attachment_error::too_large};
    return walker.found.apply(data, *size, [&](std::string& out, const replacement& each) {
        out += binary_begin;
        wire::append_base64(out, bodies[each.num]);
        out += binary_end;
    });
}

bool may_have_attachments(std::string_view data) noexcept {
    // Looking for the rarest of its characters is several times as fast as looking for the word.
    constexpr std::string_view name = "\"_binary\"";
    for (std::size_t at = data.find('_', 1); at != std::string_view::npos; at = data.find('_', at + 1))
        if (data.substr(at - 1).starts_with(name)) return true;
    return false;
}

tl::expected<split_data, attachment_error> split_attachments(wire::json_reader& reader, std::string_view data) {
    const std::string text = padded(data);
    binary_walker walker{reader};
    if (!walk_all(reader, std::string_view{text}.substr(0, data.size()), walker))
        return tl::unexpected{attachment_error::not_json};
    if (walker.bodies.empty()) return split_data{std::string{data}, {}};
    std::string split = walker.found.apply(data, data.size(), [](std::string& out, const replacement& each) {
        if (each.num == replacement::no_body) out += '1';
        else ((out += placeholder_begin) += std::to_string(each.num)) += '}';
    });
    return split_data{std::move(split), std::move(walker.bodies)};
}

}  // namespace bester::socketio
