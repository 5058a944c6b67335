#include <catch2/catch.hpp>

#include "access/type_permissions.hpp"

namespace bester::access {

namespace {

using strings = std::vector<std::string>;
using std::chrono::milliseconds;

permission_rule rule(strings types, strings users, strings roles = {}, bool anonymous = false, wire::rate limit = {}) {
    return {std::move(types), std::move(users), std::move(roles), anonymous, limit};
}

std::shared_ptr<const type_permissions> compiled(std::vector<permission_rule> rules) {
    return std::make_shared<const type_permissions>(std::move(rules));
}

const strings no_roles;
const strings admin_role{"admin"};

}  // namespace

TEST_CASE("permissions: without rules everybody may send everything", "[access]") {
    session_permissions session;
    CHECK(session.check(compiled({}), {"tina"}, "any", 0) == permission_verdict{});
    CHECK(session.check(compiled({}), {"anonymous-1", no_roles, true}, "any", 0) == permission_verdict{});
    CHECK(session.check(nullptr, {"tina"}, "any", 0) == permission_verdict{});
}

TEST_CASE("permissions: with rules, what none lets is forbidden", "[access]") {
    const auto rules = compiled({rule({"chat"}, {"*"}), rule({"admin.*"}, {"root"}, {"admin", "ops-*"}),
                                 rule({"open"}, {}, {}, true), rule({"nobody"}, {})});
    const strings ops{"x", "ops-eu"};
    struct row {
        sender who;
        std::string type;
        bool may;
    };
    const row rows[] = {
        {{"tina"}, "chat", true},
        {{"tina"}, "chats", false},
        {{"tina"}, "", false},
        {{"tina"}, "admin.stop", false},
        {{"root"}, "admin.stop", true},
        {{"tina", admin_role}, "admin.stop", true},
        {{"tina", ops}, "admin.", true},
        {{"tina", ops}, "admin", false},
        {{"tina"}, "open", false},
        {{"anonymous-1", no_roles, true}, "open", true},
        {{"anonymous-1", no_roles, true}, "chat", false},  // `*` is every user, and an anonymous session is none
        {{"root", no_roles, true}, "admin.stop", false},   // whatever it calls itself
        {{"a", admin_role, true}, "admin.stop", true},     // roles are given, not claimed
        {{"root", admin_role}, "nobody", false},
        {{"root", admin_role}, "other", false},
    };
    for (const row& each : rows) {
        CAPTURE(each.who.user, each.type);
        session_permissions session;
        const auto expected = each.may ? permission::allowed : permission::forbidden;
        CHECK(session.check(rules, each.who, each.type, 0).what == expected);
        CHECK(session.check(rules, each.who, each.type, 0).what == expected);  // as remembered
    }
}

TEST_CASE("permissions: the first pattern that fits a type decides, and later ones do not undo it", "[access]") {
    const auto rules = compiled({rule({"admin.*"}, {}, {"admin"}), rule({"admin.help"}, {"*"}),
                                 rule({"chat"}, {}, {"pro"}, false, {100, 1}), rule({"chat"}, {"*"}, {}, false, {5, 1}),
                                 rule({"*"}, {"*"})});
    const strings pro{"pro"};
    CHECK(rules->find({"tina"}, "admin.stop") == type_permissions::no_rule);
    CHECK(rules->find({"tina"}, "admin.help") == type_permissions::no_rule);  // `admin.*` came first
    CHECK(rules->find({"tina", admin_role}, "admin.help") == 0);
    CHECK(rules->find({"tina", pro}, "chat") == 2);
    CHECK(rules->find({"tina"}, "chat") == 3);
    CHECK(rules->find({"tina"}, "else") == 4);
}

TEST_CASE("permissions: an exact type before a pattern wins, one after it does not", "[access]") {
    CHECK(compiled({rule({"a.b"}, {"x"}), rule({"a.*"}, {"y"})})->find({"y"}, "a.b") == type_permissions::no_rule);
    CHECK(compiled({rule({"a.*"}, {"y"}), rule({"a.b"}, {"x"})})->find({"x"}, "a.b") == type_permissions::no_rule);
    CHECK(compiled({rule({"a.*", "a.b"}, {"y"}), rule({"a.b"}, {"x"})})->find({"y"}, "a.b") == 0);
}

TEST_CASE("permissions: the rate is each session's, and a rule's types share it", "[access]") {
    const auto rules = compiled({rule({"a", "b"}, {"*"}, {}, false, {2, 1'000, 3}), rule({"c"}, {"*"})});
    session_permissions one, other;
    std::uint64_t now = 10'000;
    const auto send = [&](session_permissions& session, const char* type) {
        return session.check(rules, {"tina"}, type, now);
    };
    for (const char* type : {"a", "b", "a"}) CHECK(send(one, type).what == permission::allowed);
    CHECK(send(one, "b") == permission_verdict{permission::rate_limited, milliseconds{500}});
    CHECK(send(one, "c").what == permission::allowed);
    CHECK(send(other, "a").what == permission::allowed);
    now += 500;
    CHECK(send(one, "b").what == permission::allowed);
    CHECK(send(one, "b").what == permission::rate_limited);
    SECTION("who waits the time that was said may send") {
        for (int i = 0; i < 100; ++i) {
            const auto verdict = send(one, "a");
            if (verdict.what == permission::rate_limited) {
                now += static_cast<std::uint64_t>(verdict.wait.count());
                REQUIRE(send(one, "a").what == permission::allowed);
            }
        }
    }
    SECTION("another user or other roles do not make it anew") {
        one.forget_sender();
        CHECK(send(one, "b").what == permission::rate_limited);
    }
}

TEST_CASE("permissions: other rules count from the next message on", "[access]") {
    session_permissions session;
    const auto closed = compiled({rule({"a"}, {"*"}, {}, false, {1, 1'000, 1})}), open = compiled({rule({"b"}, {"*"})});
    CHECK(session.check(closed, {"tina"}, "a", 0).what == permission::allowed);
    CHECK(session.check(closed, {"tina"}, "b", 0).what == permission::forbidden);
    CHECK(session.check(open, {"tina"}, "a", 0).what == permission::forbidden);
    CHECK(session.check(open, {"tina"}, "b", 0).what == permission::allowed);
    CHECK(session.check(compiled({}), {"tina"}, "a", 0).what == permission::allowed);
}

TEST_CASE("permissions: the rate of a rule goes on in other rules that have the same one", "[access]") {
    const auto slow = rule({"a"}, {"*"}, {}, false, {1, 1'000'000, 2});
    session_permissions session;
    const auto send = [&](const std::shared_ptr<const type_permissions>& rules) {
        return session.check(rules, {"tina"}, "a", 10'000).what;
    };
    CHECK(send(compiled({slow})) == permission::allowed);
    CHECK(send(compiled({slow})) == permission::allowed);
    SECTION("nothing has changed") { CHECK(send(compiled({slow})) == permission::rate_limited); }
    SECTION("it stands elsewhere") {
        CHECK(send(compiled({rule({"b"}, {"*"}), slow})) == permission::rate_limited);
        CHECK(send(compiled({slow})) == permission::rate_limited);
    }
    SECTION("its rate is another one, which takes effect at once") {
        CHECK(send(compiled({rule({"a"}, {"*"}, {}, false, {1'000, 1'000, 2})})) == permission::allowed);
    }
    SECTION("it was gone in between") {
        CHECK(send(compiled({rule({"b"}, {"*"})})) == permission::forbidden);
        CHECK(send(compiled({slow})) == permission::allowed);
    }
    SECTION("there were no rules in between") {
        CHECK(send(nullptr) == permission::allowed);
        CHECK(send(compiled({slow})) == permission::allowed);
    }
}

TEST_CASE("permissions: roles that change are looked at when the session says so", "[access]") {
    session_permissions session;
    const auto rules = compiled({rule({"a"}, {}, {"admin"})});
    CHECK(session.check(rules, {"tina"}, "a", 0).what == permission::forbidden);
    session.forget_sender();
    CHECK(session.check(rules, {"tina", admin_role}, "a", 0).what == permission::allowed);
}

TEST_CASE("permissions: any number of types is asked for with the same answers", "[access]") {
    const auto rules = compiled({rule({"t1*"}, {"*"}), rule({"t2"}, {"*"})});
    session_permissions session;
    for (int round = 0; round < 3; ++round)
        for (int i = 0; i < 40; ++i) {
            const std::string type = "t" + std::to_string(i);
            const bool may = type[1] == '1' || type == "t2";
            CHECK((session.check(rules, {"tina"}, type, 0).what == permission::allowed) == may);
        }
}

}  // namespace bester::access
