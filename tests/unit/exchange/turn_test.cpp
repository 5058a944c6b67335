#include "exchange/turn.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "failing_allocation.hpp"
#include "turn_fixture.hpp"

namespace bester::exchange {

TEST_CASE_METHOD(turn_fixture, "turn: the phases come in order, and each knows its name", "[exchange]") {
    fake_stream stream{log, "s"};
    std::vector<turn_phase> phases;
    const work note = [&] { phases.push_back(t.phase()); };
    host.on_ready = host.on_mail = host.on_sweep = stream.on_read = stream.on_write = writer.on_write = note;
    t.read_on(stream);
    t.flush(stream);
    t.add(writer);
    t.defer([&] { log.add("deferred", note); });
    CHECK(t.has_work());
    CHECK(run() == calls{"ready", "mail", "sweep", "s reads", "writer", "s writes", "post", "deferred", "post"});
    CHECK(phases == std::vector{turn_phase::handling, turn_phase::mail, turn_phase::mail, turn_phase::reading_on,
                                turn_phase::writing, turn_phase::writing, turn_phase::ending});
    CHECK_FALSE(t.has_work());
    CHECK(run() == calls{"ready", "mail", "sweep", "post", "post"});
}

TEST_CASE_METHOD(turn_fixture,
                 "turn: what is registered in a phase is called in this turn's later phases or the next turn's",
                 "[exchange]") {
    enum class when { ready, mail, sweep, read, writer, write, post, deferred };
    enum class what { read, write, writer, defer };
    const auto registering = GENERATE(when::ready, when::mail, when::sweep, when::read, when::writer, when::write,
                                      when::post, when::deferred);
    const auto registered = GENERATE(what::read, what::write, what::writer, what::defer);
    CAPTURE(static_cast<int>(registering), static_cast<int>(registered));

    fake_stream other{log, "other"};
    fake_stream wanted{log, "wanted"};
    fake_writer other_writer{log};
    bool is_registered = false;
    const work act = [&] {
        if (std::exchange(is_registered, true)) return;
        log.calls.clear();  // only what comes after counts
        switch (registered) {
            case what::read: t.read_on(wanted); break;
            case what::write: t.flush(wanted); break;
            case what::writer: t.add(writer); break;
            case what::defer: t.defer([&] { log.add("wanted deferred", {}); }); break;
        }
    };
    switch (registering) {
        case when::ready: host.on_ready = act; break;
        case when::mail: host.on_mail = act; break;
        case when::sweep: host.on_sweep = act; break;
        case when::read:
            other.on_read = act;
            t.read_on(other);
            break;
        case when::writer:
            other_writer.on_write = act;
            t.add(other_writer);
            break;
        case when::write:
            other.on_write = act;
            t.flush(other);
            break;
        case when::post: host.on_post = act; break;
        case when::deferred: t.defer(act); break;
    }
    const std::string call = registered == what::read     ? "wanted reads"
                             : registered == what::write  ? "wanted writes"
                             : registered == what::writer ? "writer"
                                                          : "wanted deferred";
    const int last_phase_before = registered == what::read     ? static_cast<int>(when::sweep)
                                  : registered == what::writer ? static_cast<int>(when::read)
                                  : registered == what::write  ? static_cast<int>(when::writer)
                                                               : static_cast<int>(when::post);
    const bool is_in_this_turn = static_cast<int>(registering) <= last_phase_before;
    const auto this_turn = run();
    CHECK((std::count(this_turn.begin(), this_turn.end(), call) == 1) == is_in_this_turn);
    CHECK(t.has_work() != is_in_this_turn);
    const auto next_turn = run();
    CHECK((std::count(next_turn.begin(), next_turn.end(), call) == 1) != is_in_this_turn);
    CHECK_FALSE(t.has_work());
}

TEST_CASE_METHOD(turn_fixture, "turn: a stream is called once, however often it was registered", "[exchange]") {
    fake_stream a{log, "a"};
    fake_stream b{log, "b"};
    for (int i = 0; i < 3; ++i) {
        t.flush(a);
        t.flush(b);
        t.read_on(b);
    }
    CHECK(run() == calls{"ready", "mail", "sweep", "b reads", "a writes", "b writes", "post", "post"});
    // Again while it is called: in the next turn.
    a.on_write = [&] { t.flush(a); };
    t.flush(a);
    CHECK(run() == calls{"ready", "mail", "sweep", "a writes", "post", "post"});
    CHECK(t.has_work());
    a.on_write = {};
    CHECK(run() == calls{"ready", "mail", "sweep", "a writes", "post", "post"});
    CHECK_FALSE(t.has_work());
}

TEST_CASE_METHOD(turn_fixture,
                 "turn: a buried stream outlives all that was registered before, and is destroyed after one turn more",
                 "[exchange]") {
    auto owned = std::make_unique<fake_stream>(log, "s");
    fake_stream& stream = *owned;
    const work bury = [&] {
        if (!owned) return;
        t.read_on(stream);
        t.flush(stream);
        t.bury(std::move(owned));
    };
    SECTION("when it is handled") {
        host.on_ready = bury;
        CHECK(run() == calls{"ready", "mail", "sweep", "s reads", "s writes", "post", "post"});
    }
    SECTION("by mail") {
        host.on_mail = bury;
        CHECK(run() == calls{"ready", "mail", "sweep", "s reads", "s writes", "post", "post"});
    }
    SECTION("while it reads on") {
        stream.on_read = bury;
        t.read_on(stream);
        CHECK(run() == calls{"ready", "mail", "sweep", "s reads", "s writes", "post", "post"});
        CHECK(run() == calls{"ready", "mail", "sweep", "s reads", "post", "post", "s destroyed"});
        return;
    }
    SECTION("while it is written") {
        stream.on_write = bury;
        t.flush(stream);
        CHECK(run() == calls{"ready", "mail", "sweep", "s writes", "post", "post"});
        CHECK(run() == calls{"ready", "mail", "sweep", "s reads", "s writes", "post", "post", "s destroyed"});
        return;
    }
    SECTION("at the end of the turn, with a call that the next turn makes") {
        // The call looks for the stream by an id; were it gone already, so would be what a careless one points to.
        t.defer([&] {
            bury();
            t.defer([&] { log.add("called", {}); });
        });
        CHECK(run() == calls{"ready", "mail", "sweep", "post", "post"});
        CHECK(run() == calls{"ready", "mail", "sweep", "s reads", "s writes", "post", "called", "post", "s destroyed"});
        return;
    }
    CHECK(t.has_work());
    CHECK(run() == calls{"ready", "mail", "sweep", "post", "post", "s destroyed"});
    CHECK_FALSE(t.has_work());
}

TEST_CASE_METHOD(turn_fixture, "turn: closed streams are destroyed while others have something to do in every turn",
                 "[exchange]") {
    fake_stream busy{log, "busy"};
    busy.on_write = [&] { t.flush(busy); };
    t.flush(busy);
    int alive = 0;
    for (int i = 0; i < 100; ++i) {
        auto gone = std::make_unique<fake_stream>(log, "gone");
        gone->on_destroyed = [&] { --alive; };
        ++alive;
        t.bury(std::move(gone));
        t.run();
        CHECK(alive <= 2);
    }
    busy.on_write = {};
    t.run();
    t.run();
    CHECK(alive == 0);
}

TEST_CASE_METHOD(turn_fixture, "turn: a destructor may bury others", "[exchange]") {
    auto first = std::make_unique<fake_stream>(log, "first");
    first->on_destroyed = [&] { t.bury(std::make_unique<fake_stream>(log, "second")); };
    t.bury(std::move(first));
    run();
    CHECK(run().back() == "first destroyed");
    CHECK(t.has_work());
    run();
    CHECK(run().back() == "second destroyed");
    CHECK_FALSE(t.has_work());
}

TEST_CASE_METHOD(turn_fixture, "turn: what is buried when the turn itself is destroyed goes with it", "[exchange]") {
    {
        turn other{host};
        other.bury(std::make_unique<fake_stream>(log, "older"));
        other.run();
        other.bury(std::make_unique<fake_stream>(log, "younger"));
        log.take();
    }
    CHECK(log.take() == calls{"older destroyed", "younger destroyed"});
}

TEST_CASE_METHOD(turn_fixture, "turn: an exception ends the call that it left, and no other", "[exchange]") {
    fake_stream bad{log, "bad"};
    fake_stream good{log, "good"};
    calls expected;
    SECTION("what is ready") {
        host.on_ready = fails();
        expected = {"ready", "caught in what is ready", "mail", "sweep", "good reads", "good writes", "post", "post"};
    }
    SECTION("mail") {
        host.on_mail = fails();
        expected = {"ready", "mail", "caught in mail", "sweep", "good reads", "good writes", "post", "post"};
    }
    SECTION("a sweep") {
        host.on_sweep = fails();
        expected = {"ready", "mail", "sweep", "caught in a sweep", "good reads", "good writes", "post", "post"};
    }
    SECTION("a stream that reads on") {
        bad.on_read = fails();
        t.read_on(bad);
        expected = {"ready",     "mail",       "sweep",       "bad reads", "caught in a stream that reads on",
                    "bad fails", "good reads", "good writes", "post",      "post"};
    }
    SECTION("a stream that is written") {
        bad.on_write = fails();
        t.flush(bad);
        expected = {
            "ready",     "mail",        "sweep", "good reads", "bad writes", "caught in a stream that is written",
            "bad fails", "good writes", "post",  "post"};
    }
    SECTION("a writer") {
        writer.on_write = fails();
        t.add(writer);
        expected = {"ready",       "mail", "sweep", "good reads", "writer", "caught in a writer",
                    "good writes", "post", "post"};
    }
    SECTION("the end of a turn") {
        t.defer(fails());
        t.defer([&] { log.add("deferred", {}); });
        expected = {"ready",    "mail", "sweep", "good reads", "good writes", "post", "caught in the end of a turn",
                    "deferred", "post"};
    }
    SECTION("mail for other shards") {
        host.on_post = fails();
        expected = {"ready",
                    "mail",
                    "sweep",
                    "good reads",
                    "good writes",
                    "post",
                    "caught in mail for other shards",
                    "post",
                    "caught in mail for other shards"};
    }
    t.read_on(good);
    t.flush(good);
    CHECK(run() == expected);
    CHECK_FALSE(t.has_work());
}

namespace {

/// Has work at the end of a turn, and some more at the end of the next.
struct noting_ender final : turn_worker {
    noting_ender(turn& in, int& calls) : turn_worker{work_phase::ending}, turn_{in}, calls_{calls} {}
    void work_in_turn() override {
        ++calls_;
        if (again > 0 && again-- > 0) turn_.add(*this);
        if (fails) throw std::runtime_error{"planned"};
    }

    int again = 0;
    bool fails = false;

private:
    turn& turn_;
    int& calls_;
};

}  // namespace

TEST_CASE_METHOD(turn_fixture, "turn: who has work at its end is called once in each, without memory", "[turn]") {
    int calls = 0;
    noting_ender first{t, calls};
    noting_ender second{t, calls};
    first.again = 1;
    first.fails = true;
    const auto attempt = fail_allocation(1, [&] {
        for (int i = 0; i < 3; ++i) {
            t.add(first);
            t.add(second);
        }
    });
    CHECK_FALSE(attempt.has_failed);
    CHECK(t.has_work());
    run();
    CHECK(calls == 2);
    CHECK(t.has_work());
    run();
    CHECK(calls == 3);
    CHECK_FALSE(t.has_work());
}

TEST_CASE_METHOD(turn_fixture, "turn: who is destroyed while it is registered leaves its place", "[turn]") {
    int calls = 0;
    noting_ender first{t, calls};
    noting_ender last{t, calls};
    auto gone = std::make_unique<noting_ender>(t, calls);
    t.add(first);
    t.add(*gone);
    t.add(last);
    SECTION("before the turn") { gone.reset(); }
    SECTION("in the same phase, by another") {
        fake_writer writing{log};
        auto second = std::make_unique<fake_writer>(log);
        writing.on_write = [&] {
            second.reset();
            gone.reset();
        };
        t.add(writing);
        t.add(*second);
        run();
        CHECK(calls == 2);
        CHECK_FALSE(t.has_work());
        return;
    }
    run();
    CHECK(calls == 2);
    CHECK_FALSE(t.has_work());
}

TEST_CASE_METHOD(turn_fixture, "turn: what is discarded is destroyed at once, also what waits to be read", "[turn]") {
    int calls = 0;
    for (const bool waits : {false, true}) {
        auto closed = std::make_unique<fake_stream>(log, "closed");
        if (waits) t.read_more(*closed);
        t.flush(*closed);
        t.bury(std::move(closed));
    }
    t.defer([&] { ++calls; });
    t.discard();
    CHECK(log.take() == std::vector<std::string>{"closed destroyed", "closed destroyed"});
    CHECK_FALSE(t.has_work());
    CHECK(calls == 0);
}

}  // namespace bester::exchange
