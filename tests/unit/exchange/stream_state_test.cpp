#include "exchange/stream_state.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <vector>

using bester::exchange::stream_state;
using life = stream_state::life;
using reading = stream_state::reading;
using input = stream_state::input;
using output = stream_state::output;
using task = stream_state::task;

namespace {

using call = bool (*)(stream_state&);

/// A call, made in a state that `path` leads to, and the state that it leaves.
template <class State>
struct transition {
    std::vector<call> path;
    call event;
    State after;
};

template <class State>
void check_table(const std::vector<transition<State>>& table, State (stream_state::*state)() const noexcept) {
    for (std::size_t row = 0; row < table.size(); ++row) {
        CAPTURE(row);
        stream_state of;
        for (const call step : table[row].path) REQUIRE(step(of));
        const State before = (of.*state)();
        const bool has_changed = table[row].event(of);
        CHECK((of.*state)() == table[row].after);
        CHECK(has_changed == (before != table[row].after));
    }
}

const call flush_and_end = [](stream_state& of) { return of.flush_and_end(); };
const call end = [](stream_state& of) { return of.end(); };
const call told = [](stream_state& of) { return of.told(); };
const call take_out = [](stream_state& of) { return of.take_out(); };

const call hang_up = [](stream_state& of) { return of.hang_up(); };
const call look_again = [](stream_state& of) { return of.look_again(); };
const call end_input = [](stream_state& of) { return of.end_input(); };

const call block = [](stream_state& of) { return of.block(); };
const call find_room = [](stream_state& of) { return of.find_room(); };
const call unblock = [](stream_state& of) { return of.unblock(); };
const call lose_output = [](stream_state& of) { return of.lose_output(); };

const call dry_later = [](stream_state& of) { return of.dry_later(); };
const call dried = [](stream_state& of) { return of.dried(); };
const call fail_later = [](stream_state& of) { return of.fail_later(); };

}  // namespace

TEST_CASE("stream state: a stream ends once, after the flush or at once", "[exchange]") {
    const std::vector<call> open;
    const std::vector<call> flushing{flush_and_end};
    const std::vector<call> ended{end};
    const std::vector<call> gone{end, told};
    check_table<life>({{open, flush_and_end, life::flushing},
                       {open, end, life::ended},
                       {open, told, life::open},
                       {open, take_out, life::gone},
                       {flushing, flush_and_end, life::flushing},
                       {flushing, end, life::ended},
                       {flushing, told, life::flushing},
                       {flushing, take_out, life::flushing},
                       {ended, flush_and_end, life::ended},
                       {ended, end, life::ended},
                       {ended, told, life::gone},
                       {ended, take_out, life::ended},
                       {gone, flush_and_end, life::gone},
                       {gone, end, life::gone},
                       {gone, told, life::gone},
                       {gone, take_out, life::gone}},
                      &stream_state::now);
    stream_state state;
    CHECK_FALSE(state.is_closing());
    state.flush_and_end();
    CHECK(state.is_closing());
}

TEST_CASE("stream state: the socket is looked at again after a hang-up, but not after the end of input", "[exchange]") {
    const std::vector<call> coming;
    const std::vector<call> hung_up{hang_up};
    const std::vector<call> ended{end_input};
    check_table<input>({{coming, hang_up, input::hung_up},
                        {coming, look_again, input::coming},
                        {coming, end_input, input::ended},
                        {hung_up, hang_up, input::hung_up},
                        {hung_up, look_again, input::coming},
                        {hung_up, end_input, input::ended},
                        {ended, hang_up, input::ended},
                        {ended, look_again, input::ended},
                        {ended, end_input, input::ended}},
                       &stream_state::input_state);
}

TEST_CASE("stream state: output that is lost neither flows nor blocks again", "[exchange]") {
    const std::vector<call> flowing;
    const std::vector<call> blocked{block};
    const std::vector<call> unblocking{block, find_room};
    const std::vector<call> lost{lose_output};
    check_table<output>({{flowing, block, output::blocked},
                         {flowing, find_room, output::flowing},
                         {flowing, unblock, output::flowing},
                         {flowing, lose_output, output::lost},
                         {blocked, block, output::blocked},
                         {blocked, find_room, output::unblocking},
                         {blocked, unblock, output::blocked},
                         {blocked, lose_output, output::lost},
                         {unblocking, block, output::blocked},
                         {unblocking, find_room, output::unblocking},
                         {unblocking, unblock, output::flowing},
                         {unblocking, lose_output, output::lost},
                         {lost, block, output::lost},
                         {lost, find_room, output::lost},
                         {lost, unblock, output::lost},
                         {lost, lose_output, output::lost}},
                        &stream_state::output_state);
}

TEST_CASE("stream state: a failure that is due is not put off by anything", "[exchange]") {
    const std::vector<call> none;
    const std::vector<call> dry{dry_later};
    const std::vector<call> fail{fail_later};
    check_table<task>({{none, dry_later, task::dry},
                       {none, dried, task::none},
                       {none, fail_later, task::fail},
                       {dry, dry_later, task::dry},
                       {dry, dried, task::none},
                       {dry, fail_later, task::fail},
                       {fail, dry_later, task::fail},
                       {fail, dried, task::fail},
                       {fail, fail_later, task::fail}},
                      &stream_state::due);
}

TEST_CASE("stream state: reading goes on when the last reason to hold it is gone, and in a turn of its own",
          "[exchange]") {
    constexpr std::uint8_t one = 1;
    constexpr std::uint8_t other = 2;
    stream_state state;
    CHECK(state.can_receive());
    CHECK_FALSE(state.release(one));
    CHECK_FALSE(state.read_on());
    CHECK(state.read_state() == reading::flowing);

    CHECK(state.hold(one));
    CHECK_FALSE(state.hold(other));
    CHECK(state.read_state() == reading::held);
    CHECK(state.is_held(one));
    CHECK_FALSE(state.release(one));
    CHECK_FALSE(state.is_held(one));
    CHECK(state.is_held(other));
    CHECK_FALSE(state.read_on());
    CHECK(state.release(other));
    CHECK(state.read_state() == reading::resuming);
    CHECK_FALSE(state.can_receive());
    CHECK_FALSE(state.release(other));

    SECTION("held again before it was read") {
        CHECK(state.hold(one));
        CHECK_FALSE(state.read_on());
        CHECK(state.is_held());
        CHECK(state.release(one));
    }
    CHECK(state.read_on());
    CHECK(state.can_receive());
    state.end_input();
    CHECK_FALSE(state.can_receive());
}

TEST_CASE("stream state: who has more to read than its share waits for its turn, or until it is released",
          "[exchange]") {
    stream_state state;
    CHECK(state.take_turns());
    CHECK(state.read_state() == reading::waiting);
    CHECK_FALSE(state.can_receive());
    CHECK_FALSE(state.take_turns());
    CHECK_FALSE(state.release(1));
    SECTION("its turn comes") {
        CHECK(state.read_on());
        CHECK(state.can_receive());
    }
    SECTION("it is held meanwhile") {
        CHECK(state.hold(1));
        CHECK_FALSE(state.take_turns());
        CHECK_FALSE(state.read_on());
        CHECK(state.release(1));
        CHECK(state.read_state() == reading::resuming);
    }
}

TEST_CASE("stream state: a stream that ends does not resume", "[exchange]") {
    stream_state state;
    state.hold(1);
    state.flush_and_end();
    CHECK_FALSE(state.release(1));
    CHECK(state.read_state() == reading::flowing);
}
