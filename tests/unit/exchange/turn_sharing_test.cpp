// Streams of which there are more than a turn has time for.
#include <memory>

#include "turn_fixture.hpp"

namespace bester::exchange {

TEST_CASE_METHOD(turn_fixture, "turn: those who have more to read take turns, as many in each as it has time for",
                 "[exchange]") {
    fake_stream a{log, "a"}, b{log, "b"}, c{log, "c"}, d{log, "d"};
    a.on_read = [&] { t.read_more(a); };
    for (fake_stream* each : {&a, &b, &c, &d}) t.read_more(*each);
    t.read_more(b);  // is there already
    t.read_on(d);    // as well
    CHECK(t.waiting_to_read() == 4);
    CHECK(run() == calls{"ready", "mail", "sweep", "a reads", "b reads", "post", "post"});
    CHECK(t.has_work());
    CHECK(run() == calls{"ready", "mail", "sweep", "c reads", "d reads", "post", "post"});
    // Alone, it is served once a turn.
    CHECK(run() == calls{"ready", "mail", "sweep", "a reads", "post", "post"});
    a.on_read = fails();
    CHECK(run() ==
          calls{"ready", "mail", "sweep", "a reads", "caught in a stream that reads more", "a fails", "post", "post"});
    CHECK_FALSE(t.has_work());
    CHECK(t.waiting_to_read() == 0);
}

TEST_CASE_METHOD(turn_fixture, "turn: who resumes does not wait for those who have more to read", "[exchange]") {
    fake_stream a{log, "a"}, b{log, "b"}, c{log, "c"}, d{log, "d"};
    for (fake_stream* each : {&a, &b, &c}) t.read_more(*each);
    t.read_on(d);
    CHECK(run() == calls{"ready", "mail", "sweep", "d reads", "a reads", "b reads", "post", "post"});
    CHECK(run() == calls{"ready", "mail", "sweep", "c reads", "post", "post"});
}

TEST_CASE_METHOD(turn_fixture, "turn: a stream that was closed is not destroyed before its turn to read has come",
                 "[exchange]") {
    fake_stream a{log, "a"}, b{log, "b"}, c{log, "c"};
    auto closed = std::make_unique<fake_stream>(log, "closed");
    host.most_reads = 1;
    for (fake_stream* each : {&a, &b, &c}) t.read_more(*each);
    t.read_more(*closed);
    t.bury(std::move(closed));
    for (const char* each : {"a reads", "b reads", "c reads"})
        CHECK(run() == calls{"ready", "mail", "sweep", each, "post", "post"});
    CHECK(run() == calls{"ready", "mail", "sweep", "closed reads", "post", "post", "closed destroyed"});
}

TEST_CASE_METHOD(turn_fixture, "turn: streams are written as far as there is time, and those that are left come next",
                 "[exchange]") {
    fake_stream a{log, "a"}, b{log, "b"}, c{log, "c"}, d{log, "d"}, e{log, "e"}, f{log, "f"};
    host.most_writes = 2;
    for (fake_stream* each : {&a, &b, &c, &d}) t.flush(*each);
    CHECK(run() == calls{"ready", "mail", "sweep", "a writes", "b writes", "c is left", "d is left", "post", "post"});
    CHECK(t.has_work());
    // Those that have got output since then take turns with them; who has its place already keeps it.
    for (fake_stream* each : {&e, &f, &c}) t.flush(*each);
    CHECK(run() == calls{"ready", "mail", "sweep", "c writes", "e writes", "f is left", "post", "post"});
    d.on_write = [&] { t.flush(d); };  // it has more than it may write at a time
    CHECK(run() == calls{"ready", "mail", "sweep", "d writes", "f writes", "post", "post"});
    d.on_write = {};
    CHECK(run() == calls{"ready", "mail", "sweep", "d writes", "post", "post"});
    CHECK_FALSE(t.has_work());
}

TEST_CASE_METHOD(turn_fixture, "turn: one that fails when it is left is closed", "[exchange]") {
    fake_stream a{log, "a"}, b{log, "b"};
    host.most_writes = 1;
    b.on_left = fails();
    t.flush(a);
    t.flush(b);
    CHECK(run() == calls{"ready", "mail", "sweep", "a writes", "b is left",
                         "caught in a stream that is not written yet", "b fails", "post", "post"});
}

TEST_CASE_METHOD(turn_fixture, "turn: those on whom the others depend are written first, whatever time there is",
                 "[exchange]") {
    fake_stream a{log, "a"}, b{log, "b"}, handler{log, "handler"}, server{log, "server"};
    host.most_writes = 1;
    for (fake_stream* each : {&a, &b}) t.flush(*each);
    for (fake_stream* each : {&handler, &server}) t.flush_first(*each);
    handler.on_write = [&] { t.flush_first(handler); };
    CHECK(run() ==
          calls{"ready", "mail", "sweep", "handler writes", "server writes", "a writes", "b is left", "post", "post"});
    CHECK(run() == calls{"ready", "mail", "sweep", "handler writes", "b writes", "post", "post"});
    CHECK(t.has_work());
}

TEST_CASE_METHOD(turn_fixture, "turn: a stream that was closed is not destroyed before its turn to be written has come",
                 "[exchange]") {
    fake_stream a{log, "a"}, b{log, "b"}, c{log, "c"};
    auto closed = std::make_unique<fake_stream>(log, "closed");
    host.most_writes = 1;
    for (fake_stream* each : {&a, &b, &c}) t.flush(*each);
    t.flush(*closed);
    t.bury(std::move(closed));
    CHECK(run() ==
          calls{"ready", "mail", "sweep", "a writes", "b is left", "c is left", "closed is left", "post", "post"});
    for (const char* each : {"b writes", "c writes"})
        CHECK(run() == calls{"ready", "mail", "sweep", each, "post", "post"});
    CHECK(run() == calls{"ready", "mail", "sweep", "closed writes", "post", "post", "closed destroyed"});
    SECTION("unless no turn will run any more") {
        auto last = std::make_unique<fake_stream>(log, "last");
        t.flush(a);
        t.flush(*last);
        t.bury(std::move(last));
        run();
        t.discard();
        CHECK(log.take() == calls{"last destroyed"});
        CHECK_FALSE(t.has_work());
    }
}

}  // namespace bester::exchange
