#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "wire/token_bucket.hpp"

namespace bester::access {

/// Lets some senders send messages of some types: an entry of the config's `permissions`. In patterns `*` stands for
/// any text. An entry without users, roles and `anonymous` allows no sender.
struct permission_rule {
    std::vector<std::string> types;  ///< patterns
    std::vector<std::string> users;  ///< patterns; never an anonymous session
    std::vector<std::string> roles;  ///< patterns; one of the sender's roles must match
    bool anonymous = false;          ///< anonymous sessions, too
    wire::rate limit{};              ///< of each session, for all types of this entry together

    bool operator==(const permission_rule&) const = default;
};

/// The sender of a message. Views, valid during the call.
struct sender {
    std::string_view user;
    std::span<const std::string> roles{};
    bool is_anonymous = false;
};

/// The rules of a config. Without rules every sender may send everything. Otherwise a message that no rule allows is
/// forbidden:
///
///   - The first pattern that fits a type, in the order of the rules, decides which rules count: those with this very
///     pattern. So a rule for `admin.*` is not undone by a later one for `*`.
///   - Of these the first that the sender fits lets the message, at its rate. If none fits, it is forbidden.
///
/// Immutable: any thread. What a message asks is a hash of its type (and the patterns with `*`); what a
/// session asks again it has remembered.
class type_permissions {
public:
    explicit type_permissions(std::vector<permission_rule> rules = {});

    /// Returns whether every sender may send everything.
    bool is_open() const noexcept { return rules_.empty(); }
    const std::vector<permission_rule>& rules() const noexcept { return rules_; }

    static constexpr std::uint32_t no_rule = ~std::uint32_t{0};
    /// Returns the index of the rule that lets this sender send this type; no_rule if none does.
    std::uint32_t find(const sender& who, std::string_view type) const;

private:
    struct pattern {
        std::string text;
        std::vector<std::uint32_t> rules;
    };
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    const pattern* fitting(std::string_view type) const;

    std::vector<permission_rule> rules_;
    std::vector<pattern> patterns_;  ///< patterns in the order of their first rule
    std::unordered_map<std::string, std::uint32_t, text_hash, std::equal_to<>> exact_;  ///< patterns without `*`
    std::vector<std::uint32_t> open_;                                                   ///< patterns with `*`
};

enum class permission : std::uint8_t { allowed, forbidden, rate_limited };

struct permission_verdict {
    permission what = permission::allowed;
    std::chrono::milliseconds wait{0};  ///< rate_limited: the time after which a message is allowed again

    bool operator==(const permission_verdict&) const = default;
};

/// What a session knows of its permissions: the answers for the types that it sent last, and how
/// fast it was. One for each session that has sent anything where there are rules; about 200 bytes. On the
/// session's thread.
class session_permissions {
public:
    /// Checks whether this message may be handed over; to be called once for each message, which counts for the rate.
    /// `rules` may have changed since the last call: then all answers are computed again, but the rates of rules in
    /// both go on.
    permission_verdict check(const std::shared_ptr<const type_permissions>& rules, const sender& who,
                             std::string_view type, std::uint64_t now_ms);
    /// Forgets answers after a change of the user or the roles; the rates go on.
    void forget_sender() noexcept;

private:
    struct answer {
        std::string type;
        std::uint32_t rule;
    };
    struct pace {
        std::uint32_t rule;
        wire::token_bucket bucket;
    };
    std::uint32_t rule_for(const sender& who, std::string_view type);
    void use(const std::shared_ptr<const type_permissions>& rules);

    std::shared_ptr<const type_permissions> rules_;
    std::vector<answer> answers_;
    std::size_t next_ = 0;  ///< index of the answer to replace next
    std::vector<pace> paces_;
};

}  // namespace bester::access
