#include "access/strict_json.hpp"

#include <nlohmann/json.hpp>

#include "wire/json_text.hpp"

namespace bester::access {

namespace {

/// Gathers what nlohmann's reader sees. False ends the reading.
class collector : public nlohmann::json_sax<nlohmann::json> {
public:
    json_value take() { return std::move(top_); }

    bool null() override { return put({}); }
    bool boolean(bool truth) override {
        json_value value;
        value.kind = json_kind::boolean;
        value.truth = truth;
        return put(std::move(value));
    }
    bool number_integer(number_integer_t number) override {
        return put_number(std::to_string(number), static_cast<double>(number));
    }
    bool number_unsigned(number_unsigned_t number) override {
        return put_number(std::to_string(number), static_cast<double>(number));
    }
    bool number_float(number_float_t number, const string_t& text) override { return put_number(text, number); }
    bool string(string_t& text) override {
        json_value value;
        value.kind = json_kind::string;
        value.text = std::move(text);
        return put(std::move(value));
    }
    bool binary(binary_t&) override { return false; }
    bool key(string_t& name) override {
        if (open_.back()->member(name)) return false;
        name_ = std::move(name);
        return true;
    }
    bool start_object(std::size_t) override { return open(json_kind::object); }
    bool start_array(std::size_t) override { return open(json_kind::array); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

private:
    bool put_number(std::string text, double number) {
        json_value value;
        value.kind = json_kind::number;
        value.text = std::move(text);
        value.number = number;
        return put(std::move(value));
    }
    bool put(json_value value) {
        if (open_.empty()) return false;  // the top is no object
        value.name = std::move(name_);
        name_.clear();
        open_.back()->items.push_back(std::move(value));
        return true;
    }
    bool open(json_kind kind) {
        if (open_.size() == deepest_json) return false;
        if (open_.empty()) {
            if (kind != json_kind::object) return false;
            top_.kind = kind;
            open_.push_back(&top_);
            return true;
        }
        json_value value;
        value.kind = kind;
        put(std::move(value));
        // Stays where it is: its parent gets no other member before it is closed.
        open_.push_back(&open_.back()->items.back());
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    json_value top_;
    std::vector<json_value*> open_;
    std::string name_;
};

}  // namespace

const json_value* json_value::member(std::string_view wanted) const noexcept {
    if (kind != json_kind::object) return nullptr;
    for (const json_value& each : items)
        if (each.name == wanted) return &each;
    return nullptr;
}

const json_value* json_value::find(std::string_view path) const noexcept {
    if (const json_value* found = member(path)) return found;
    for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1))
        if (const json_value* inner = member(path.substr(0, dot)))
            if (const json_value* found = inner->find(path.substr(dot + 1))) return found;
    return nullptr;
}

std::optional<json_value> parse_object(std::string_view text) {
    // What the reader would take for the end of the text, and for nothing.
    if (text.find('\0') != text.npos || text.starts_with("\xEF\xBB\xBF")) return std::nullopt;
    collector found;
    if (!nlohmann::json::sax_parse(text, &found)) return std::nullopt;
    return found.take();
}

void append_compact(std::string& out, const json_value& value) {
    switch (value.kind) {
        case json_kind::null: out += "null"; return;
        case json_kind::boolean: out += value.truth ? "true" : "false"; return;
        case json_kind::number: out += value.text; return;
        case json_kind::string: wire::append_quoted(out, value.text); return;
        case json_kind::array:
        case json_kind::object: break;
    }
    const bool is_object = value.kind == json_kind::object;
    out += is_object ? '{' : '[';
    bool is_first = true;
    for (const json_value& each : value.items) {
        if (!is_first) out += ',';
        is_first = false;
        if (is_object) {
            wire::append_quoted(out, each.name);
            out += ':';
        }
        append_compact(out, each);
    }
    out += is_object ? '}' : ']';
}

}  // namespace bester::access
