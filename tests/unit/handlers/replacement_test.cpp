#include "handlers/handler_entry.hpp"
#include "supervisor_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace std::chrono_literals;
using namespace bester::handlers;
using namespace bester::handlers::testing;

namespace {

std::set<pid_t> pids_of(const supervisor_fixture& test, const std::string& name) {
    std::set<pid_t> pids;
    for (const instance_status& each : test.status_of(name).instances) pids.insert(each.pid);
    return pids;
}

/// Where a call stands among the host's calls; the `nth` of the same, from 0.
std::ptrdiff_t position(const supervisor_fixture& test, const std::string& call, int nth = 0) {
    for (std::size_t i = 0; i < test.host.calls.size(); ++i)
        if (test.host.calls[i] == call && nth-- == 0) return static_cast<std::ptrdiff_t>(i);
    FAIL("the host was not called: " << call);
    return -1;
}

/// Only instances that serve, and as many as wanted.
bool has_settled(const supervisor_fixture& test, const std::string& name, std::size_t instances) {
    return test.is_ready(name) && test.status_of(name).instances.size() == instances;
}

}  // namespace

TEST_CASE("replacement: restart replaces all instances, each by one that is ready", "[handlers]") {
    supervisor_fixture test(1);
    handler_settings chat = test.entry("chat");
    chat.instances = 2;
    test.start({chat});
    REQUIRE(test.wait([&] { return has_settled(test, "chat", 2); }));
    const auto before = pids_of(test, "chat");
    REQUIRE(test.runs->restart("chat"));
    REQUIRE(test.wait([&] { return test.host.ready.size() == 4 && has_settled(test, "chat", 2); }));
    for (const pid_t pid : pids_of(test, "chat")) CHECK(before.count(pid) == 0);
    // One after the other, and never fewer than two in service.
    CHECK(position(test, "ready chat#0", 1) < position(test, "drain chat#0"));
    CHECK(position(test, "ready chat#0", 1) < position(test, "open chat#1 0", 1));
    CHECK(position(test, "ready chat#1", 1) < position(test, "drain chat#1"));
    CHECK(test.status_of("chat").instances.front().restarts == 0);
    CHECK(test.stop());
}

TEST_CASE("replacement: one that does not start leaves the old one in service", "[handlers]") {
    supervisor_fixture test;
    test.start({test.entry("chat")});
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    const auto pid = test.only("chat").pid;
    test.runs->apply({test.entry("chat", "fail")});
    REQUIRE(test.wait([&] { return test.status_of("chat").is_degraded; }));
    const auto all = test.status_of("chat").instances;
    CHECK(std::any_of(all.begin(), all.end(), [&](const instance_status& each) {
        return each.pid == pid && each.state == instance_state::ready;
    }));
    CHECK_FALSE(test.has_call("drain chat#0"));
    SECTION("until a good one comes") {
        test.runs->apply({test.entry("chat")});
        REQUIRE(test.wait([&] { return test.host.ready.size() == 2 && has_settled(test, "chat", 1); }));
        CHECK(test.only("chat").pid != pid);
    }
    CHECK(test.stop());
}

TEST_CASE("replacement: the replacement takes over when the old one dies meanwhile", "[handlers]") {
    supervisor_fixture test;
    test.start({test.entry("chat")});
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    REQUIRE(test.runs->restart("chat"));
    test.runs->channel_lost(test.host.ready.front(), "broken");
    REQUIRE(test.wait([&] { return test.host.ready.size() == 2 && has_settled(test, "chat", 1); }));
    CHECK(test.stop());
}

TEST_CASE("replacement after the old one: no place ever has two processes", "[handlers]") {
    supervisor_fixture test(1);
    handler_settings chat = test.entry("chat");
    chat.instances = 2;
    chat.replace = replace_mode::after;
    test.start({chat});
    REQUIRE(test.wait([&] { return has_settled(test, "chat", 2); }));
    const auto before = pids_of(test, "chat");
    SECTION("by a restart") { REQUIRE(test.runs->restart("chat")); }
    SECTION("by a reload") {
        chat.config_json = "1";
        test.runs->apply({chat});
    }
    bool had_two = false;
    REQUIRE(test.wait([&] {
        std::set<unsigned> places;
        for (const instance_status& each : test.status_of("chat").instances)
            if (each.pid != 0) had_two = !places.insert(each.number).second || had_two;
        return test.host.ready.size() == 4 && has_settled(test, "chat", 2);
    }));
    CHECK_FALSE(had_two);
    for (const pid_t pid : pids_of(test, "chat")) CHECK(before.count(pid) == 0);
    CHECK(position(test, "drain chat#0") < position(test, "open chat#0 0", 1));
    // One after the other: the second is left alone until the first serves again.
    CHECK(position(test, "ready chat#0", 1) < position(test, "drain chat#1"));
    CHECK(position(test, "drain chat#1") < position(test, "open chat#1 0", 1));
    CHECK(test.stop());
}

TEST_CASE("replacement after the old one: one that does not start leaves the other instances", "[handlers]") {
    supervisor_fixture test(1);
    handler_settings chat = test.entry("chat");
    chat.instances = 2;
    chat.replace = replace_mode::after;
    test.start({chat});
    REQUIRE(test.wait([&] { return has_settled(test, "chat", 2); }));
    handler_settings bad = test.entry("chat", "fail");
    bad.instances = 2;
    bad.replace = replace_mode::after;
    test.runs->apply({bad});
    REQUIRE(test.wait([&] { return test.status_of("chat").is_degraded; }));
    CHECK_FALSE(test.has_call("drain chat#1"));
    SECTION("until a good one comes") {
        test.runs->apply({chat});
        REQUIRE(test.wait([&] { return has_settled(test, "chat", 2); }));
        REQUIRE(test.wait([&] { return test.host.ready.size() == 4; }));
    }
    CHECK(test.stop());
}

TEST_CASE("replacement after the old one: a drain in between starts nothing", "[handlers]") {
    supervisor_fixture test(1);
    handler_settings chat = test.entry("chat");
    chat.replace = replace_mode::after;
    test.start({chat});
    REQUIRE(test.wait([&] { return has_settled(test, "chat", 1); }));
    REQUIRE(test.runs->restart("chat"));
    REQUIRE(test.runs->drain("chat"));
    REQUIRE(test.wait([&] { return test.only("chat").state == instance_state::stopped; }));
    CHECK(test.host.ready.size() == 1);
    REQUIRE(test.runs->restart("chat"));
    REQUIRE(test.wait([&] { return test.host.ready.size() == 2 && has_settled(test, "chat", 1); }));
    CHECK(test.stop());
}

TEST_CASE("reload: entries come, go and change, others are left alone", "[handlers]") {
    supervisor_fixture test;
    test.start({test.entry("stays"), test.entry("goes")});
    REQUIRE(test.wait([&] { return test.is_ready("stays") && test.is_ready("goes"); }));
    const pid_t pid = test.only("stays").pid;

    handler_settings stays = test.entry("stays");
    stays.types.push_back("more");
    stays.deadline = 1s;
    test.runs->apply({stays, test.entry("comes")});
    REQUIRE(test.wait([&] { return test.is_ready("comes") && test.runs->status().size() == 2; }));
    CHECK(test.has_call("close goes#0: drained"));
    CHECK(test.only("stays").pid == pid);
    CHECK_FALSE(test.has_call("drain stays#0"));

    SECTION("a removed entry that comes back before it is gone serves again") {
        test.host.answers_drains = false;
        test.runs->apply({stays});
        test.runs->apply({stays, test.entry("comes")});
        REQUIRE(test.wait([&] { return has_settled(test, "comes", 1); }));
    }
    SECTION("a handler that became one-shot has no process any more") {
        stays.start = start_mode::one_shot;
        test.runs->apply({stays, test.entry("comes")});
        REQUIRE(test.wait([&] { return test.runs->status().size() == 1; }));
    }
    CHECK(test.stop());
}

TEST_CASE("reload: more and fewer instances, without touching the others", "[handlers]") {
    supervisor_fixture test(1);
    handler_settings chat = test.entry("chat");
    test.start({chat});
    REQUIRE(test.wait([&] { return has_settled(test, "chat", 1); }));
    const pid_t pid = test.only("chat").pid;
    chat.instances = 3;
    test.runs->apply({chat});
    REQUIRE(test.wait([&] { return has_settled(test, "chat", 3); }));
    CHECK(pids_of(test, "chat").count(pid) == 1);
    chat.instances = 1;
    test.runs->apply({chat});
    REQUIRE(test.wait([&] { return has_settled(test, "chat", 1); }));
    CHECK(test.only("chat").pid == pid);
    CHECK(test.has_call("drain chat#2"));
    CHECK(test.has_call("drain chat#1"));
    CHECK(test.stop());
}

TEST_CASE("drain: the handler stays stopped until it is restarted", "[handlers]") {
    supervisor_fixture test;
    test.start({test.entry("chat")});
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    REQUIRE(test.runs->drain("chat"));
    REQUIRE(test.wait([&] { return test.only("chat").state == instance_state::stopped; }));
    CHECK(test.has_call("close chat#0: drained"));
    // Also through a reload that changes it.
    handler_settings changed = test.entry("chat");
    changed.config_json = "1";
    test.runs->apply({changed});
    CHECK(test.only("chat").state == instance_state::stopped);
    REQUIRE(test.runs->restart("chat"));
    REQUIRE(test.wait([&] { return test.host.ready.size() == 2; }));
    CHECK_FALSE(test.runs->drain("nobody"));
    CHECK(test.stop());
}

TEST_CASE("drain: a handler that exits when its channels are closed is not killed", "[handlers]") {
    supervisor_fixture test;
    test.start({test.entry("chat", "until_closed")});
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    REQUIRE(test.runs->drain("chat"));
    REQUIRE(test.wait([&] { return test.only("chat").state == instance_state::stopped; }));
    CHECK(test.log.has(": exited with status 0 after the drain"));
    CHECK(test.stop());
}

TEST_CASE("drain: a channel that closes does not cut the others short", "[handlers]") {
    supervisor_fixture test;
    test.host.answers_drains = false;
    test.start({test.entry("chat", "stubborn")});
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    REQUIRE(test.runs->drain("chat"));
    test.runs->channel_lost(test.host.ready.front(), "it closed a channel");
    CHECK(test.only("chat").state == instance_state::draining);
    CHECK(test.host.calls.back() == "drain chat#0");
    test.runs->instance_drained(test.host.ready.front());
    CHECK(test.host.calls.back() == "close chat#0: drained");
    test.runs.reset();
}

TEST_CASE("reload: which changes need a new process", "[handlers]") {
    const handler_settings base;
    const auto changed = [&](auto change) {
        handler_settings after = base;
        change(after);
        REQUIRE(after != base);
        return needs_new_process(base, after);
    };
    using settings = handler_settings;
    CHECK(changed([](settings& s) { s.command = {"x"}; }));
    CHECK(changed([](settings& s) { s.environment["A"] = "b"; }));
    CHECK(changed([](settings& s) { s.directory = "/"; }));
    CHECK(changed([](settings& s) { s.user = "nobody"; }));
    CHECK(changed([](settings& s) { s.start = start_mode::manual; }));
    CHECK(changed([](settings& s) { s.config_json = "1"; }));
    CHECK(changed([](settings& s) { s.window = 1; }));
    CHECK(changed([](settings& s) { s.message_size = 1; }));
    CHECK(changed([](settings& s) { s.recipients = 1; }));
    CHECK(changed([](settings& s) { s.groups = "x"; }));
    CHECK_FALSE(changed([](settings& s) { s.types = {"x"}; }));
    CHECK_FALSE(changed([](settings& s) { s.instances = 2; }));
    CHECK_FALSE(changed([](settings& s) { s.deadline = 1s; }));
    CHECK_FALSE(changed([](settings& s) { s.deadlines["x"] = 1s; }));
    CHECK_FALSE(changed([](settings& s) { s.idempotent = true; }));
    CHECK_FALSE(changed([](settings& s) { s.waiting = 1; }));
    CHECK_FALSE(changed([](settings& s) { s.restart.degraded_after = 1; }));
    CHECK_FALSE(changed([](settings& s) { s.stop_grace = 1s; }));
    CHECK_FALSE(changed([](settings& s) { s.hello_timeout = 1s; }));
}
