#include "pool.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "protocol.hpp"

namespace spectator {

namespace {

using nlohmann::json;

/// Upper and lower case of ASCII alike.
bool contains(std::string_view text, std::string_view wanted) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    const auto alike = [&](char a, char b) { return lower(a) == lower(b); };
    return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), alike) != text.end();
}

std::uint64_t number_of(const json& wish) {
    if (!wish.contains("cursor")) return 0;
    const auto& text = wish.at("cursor").get_ref<const std::string&>();
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
        throw mistake{"bad_request", "this `cursor` is none of ours"};
    return number;
}

/// Gathers one page of what it is shown in ascending order of numbers.
class page_maker {
public:
    explicit page_maker(const json& wish) : limit_{wish.value("limit", std::size_t{50})}, after_{number_of(wish)} {
        if (wish.value("get", "") == "search") text_ = wish.value("text", "");
    }

    template <class Describe>
    void show(std::uint64_t number, std::string_view name, std::string_view more, Describe&& describe) {
        if (!text_.empty() && !contains(name, text_) && !contains(more, text_)) return;
        ++total_;
        if (number <= after_) return;
        if (items_.size() == limit_) {
            has_more_ = true;
            return;
        }
        items_.push_back(describe());
        last_ = number;
    }

    json take() {
        return {{"items", std::move(items_)},
                {"total", total_},
                {"cursor", has_more_ ? json(std::to_string(last_)) : json{}}};
    }

private:
    std::size_t limit_;
    std::uint64_t after_;
    std::string text_;
    json items_ = json::array();
    std::size_t total_ = 0;
    std::uint64_t last_ = 0;
    bool has_more_ = false;
};

json fetch_guilds(const std::vector<guild>& guilds, const json& wish) {
    const json& visible = wish.at("guilds");
    const bool is_list = visible.contains("only");
    const json& named = visible.at(is_list ? "only" : "without");
    page_maker page{wish};
    for (std::size_t i = 0; i < guilds.size(); ++i) {
        const guild& each = guilds[i];
        const bool is_named = std::find(named.begin(), named.end(), each.id) != named.end();
        if (is_named != is_list) continue;
        page.show(i + 1, each.name, each.id, [&] {
            return json{{"id", each.id}, {"name", each.name}, {"members", each.of(category::members).size()}};
        });
    }
    return page.take();
}

}  // namespace

json fetch(const std::vector<guild>& guilds, const json& wish) {
    if (wish.at("of") == "guilds") return fetch_guilds(guilds, wish);
    category what{};
    if (!read_category(wish.at("of").get<std::string>(), what))
        throw mistake{"bad_request", "there is no such category"};
    const auto& id = wish.at("guild").get_ref<const std::string&>();
    const auto in = std::find_if(guilds.begin(), guilds.end(), [&](const guild& each) { return each.id == id; });
    if (in == guilds.end()) throw mistake{"not_found", "there is no guild " + id};
    const auto& items = in->of(what);
    if (wish.at("get") == "one") {
        const auto& wanted = wish.at("item").get_ref<const std::string&>();
        const auto found =
            std::find_if(items.begin(), items.end(), [&](const item& each) { return id_of(what, each) == wanted; });
        if (found == items.end()) throw mistake{"not_found", wanted + " is not there, or not any more"};
        return {{"guild", id}, {"item", described(what, *found)}};
    }
    page_maker page{wish};
    for (const item& each : items) page.show(each.number, each.name, each.more, [&] { return described(what, each); });
    json answer = page.take();
    answer["guild"] = id;
    return answer;
}

}  // namespace spectator
