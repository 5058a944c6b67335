#include "access/type_permissions.hpp"

#include <algorithm>

#include "wire/pattern.hpp"

namespace bester::access {

namespace {

/// Sessions send few types, one after the other. Searching more would take longer than computing the answer again.
constexpr std::size_t most_answers = 4;

bool fits_one(const std::vector<std::string>& patterns, std::string_view text) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return wire::fits(p, text); });
}

bool lets(const permission_rule& rule, const sender& who) {
    if (who.is_anonymous ? rule.anonymous : fits_one(rule.users, who.user)) return true;
    return std::any_of(who.roles.begin(), who.roles.end(),
                       [&](const auto& role) { return fits_one(rule.roles, role); });
}

}  // namespace

type_permissions::type_permissions(std::vector<permission_rule> rules) : rules_(std::move(rules)) {
    for (std::uint32_t rule = 0; rule < rules_.size(); ++rule) {
        for (const std::string& text : rules_[rule].types) {
            const auto known =
                std::find_if(patterns_.begin(), patterns_.end(), [&](const auto& p) { return p.text == text; });
            if (known != patterns_.end()) {
                if (known->rules.back() != rule) known->rules.push_back(rule);
                continue;
            }
            const auto place = static_cast<std::uint32_t>(patterns_.size());
            patterns_.push_back({text, {rule}});
            if (text.find('*') == text.npos) exact_.emplace(text, place);
            else open_.push_back(place);
        }
    }
}

const type_permissions::pattern* type_permissions::fitting(std::string_view type) const {
    const auto exact = exact_.find(type);
    std::uint32_t first = exact == exact_.end() ? no_rule : exact->second;
    for (const std::uint32_t place : open_) {
        if (place > first) break;
        if (wire::fits(patterns_[place].text, type)) {
            first = place;
            break;
        }
    }
    return first == no_rule ? nullptr : &patterns_[first];
}

std::uint32_t type_permissions::find(const sender& who, std::string_view type) const {
    if (const pattern* found = fitting(type))
        for (const std::uint32_t rule : found->rules)
            if (lets(rules_[rule], who)) return rule;
    return no_rule;
}

permission_verdict session_permissions::check(const std::shared_ptr<const type_permissions>& rules, const sender& who,
                                              std::string_view type, std::uint64_t now_ms) {
    if (rules_ != rules) use(rules);
    if (!rules_ || rules_->is_open()) return {};
    const std::uint32_t rule = rule_for(who, type);
    if (rule == type_permissions::no_rule) return {permission::forbidden};
    const wire::rate& limit = rules_->rules()[rule].limit;
    if (!limit.is_limited()) return {};
    auto known = std::find_if(paces_.begin(), paces_.end(), [&](const auto& p) { return p.rule == rule; });
    if (known == paces_.end()) known = paces_.insert(paces_.end(), {rule, {}});
    const std::uint64_t wait_ms = known->bucket.take(limit, now_ms);
    return wait_ms == 0 ? permission_verdict{}
                        : permission_verdict{permission::rate_limited, std::chrono::milliseconds{wait_ms}};
}

/// After a reload the rates of unchanged rules go on, so that a reload for another reason does not fill the buckets.
void session_permissions::use(const std::shared_ptr<const type_permissions>& rules) {
    std::vector<pace> kept;
    if (rules) {
        const auto& next = rules->rules();
        for (const pace& each : paces_) {
            const auto same = std::find(next.begin(), next.end(), rules_->rules()[each.rule]);
            if (same != next.end()) kept.push_back({static_cast<std::uint32_t>(same - next.begin()), each.bucket});
        }
    }
    paces_ = std::move(kept);
    rules_ = rules;
    answers_.clear();
    next_ = 0;
}

void session_permissions::forget_sender() noexcept {
    answers_.clear();
    next_ = 0;
}

std::uint32_t session_permissions::rule_for(const sender& who, std::string_view type) {
    for (const answer& each : answers_)
        if (each.type == type) return each.rule;
    const std::uint32_t rule = rules_->find(who, type);
    if (answers_.size() < most_answers) {
        answers_.push_back({std::string{type}, rule});
    } else {
        answers_[next_] = {std::string{type}, rule};
        next_ = (next_ + 1) % most_answers;
    }
    return rule;
}

}  // namespace bester::access
