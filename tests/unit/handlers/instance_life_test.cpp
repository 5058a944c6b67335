#include "handlers/instance_life.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace bester::handlers {

namespace {

using phase = instance_life::phase;

constexpr phase all_phases[] = {phase::starting, phase::ready, phase::draining, phase::stopping, phase::gone};

/// One in this phase; if it is stopping, then for having been lost.
instance_life in(phase which) {
    instance_life made;
    switch (which) {
        case phase::starting: break;
        case phase::ready: made.become_ready(); break;
        case phase::draining:
            made.become_ready();
            made.drain();
            break;
        case phase::stopping: made.lose(); break;
        case phase::gone: made.finish(); break;
    }
    REQUIRE(made.now() == which);
    return made;
}

struct transition {
    std::string name;
    bool (instance_life::*call)() noexcept;
    std::vector<phase> from;
    phase to;
};

const std::vector<transition> table{
    {"become_ready", &instance_life::become_ready, {phase::starting}, phase::ready},
    {"drain", &instance_life::drain, {phase::ready}, phase::draining},
    {"leave", &instance_life::leave, {phase::ready, phase::draining}, phase::stopping},
    {"stop", &instance_life::stop, {phase::starting, phase::ready, phase::draining}, phase::stopping},
    {"lose", &instance_life::lose, {phase::starting, phase::ready}, phase::stopping},
    {"finish", &instance_life::finish, {phase::starting, phase::ready, phase::draining, phase::stopping}, phase::gone},
};

}  // namespace

TEST_CASE("instance life: each transition comes from its states only, and changes nothing elsewhere", "[handlers]") {
    for (const transition& each : table)
        for (const phase from : all_phases) {
            CAPTURE(each.name, static_cast<int>(from));
            instance_life state = in(from);
            const bool is_one = std::find(each.from.begin(), each.from.end(), from) != each.from.end();
            CHECK((state.*each.call)() == is_one);
            CHECK(state.now() == (is_one ? each.to : from));
        }
}

TEST_CASE("instance life: the first reason for its end is the one that counts", "[handlers]") {
    instance_life state = in(phase::ready);
    REQUIRE(state.lose());
    CHECK_FALSE(state.stop());
    CHECK_FALSE(state.leave());
    CHECK(state.is_lost());
    CHECK_FALSE(state.is_to_end());
    state = in(phase::draining);
    CHECK(state.is_to_end());
    REQUIRE(state.leave());
    CHECK_FALSE(state.stop());
    CHECK(state.is_drained());
    CHECK(state.is_to_end());
    CHECK(state.was_ready());
    state = in(phase::draining);
    REQUIRE(state.stop());
    CHECK_FALSE(state.is_drained());
    CHECK(state.is_to_end());
    state = in(phase::starting);
    REQUIRE(state.stop());
    CHECK_FALSE(state.was_ready());
}

TEST_CASE("instance life: the owner is told once, after the end", "[handlers]") {
    instance_life state = in(phase::ready);
    CHECK_FALSE(state.told());
    state.finish();
    CHECK(state.must_tell());
    CHECK(state.told());
    CHECK_FALSE(state.told());
    CHECK_FALSE(state.must_tell());
}

TEST_CASE("instance life: channels are closed once, and only if one was open", "[handlers]") {
    instance_life state;
    CHECK_FALSE(state.close_channels());
    CHECK(state.open_channel());
    CHECK(state.open_channel());
    CHECK(state.close_channels());
    CHECK_FALSE(state.close_channels());
    CHECK_FALSE(state.open_channel());
    CHECK_FALSE(state.has_channels());
}

}  // namespace bester::handlers
