#include <catch2/catch.hpp>

#include "exchange/session.hpp"
#include "exchange/session_table.hpp"

namespace bester::exchange {

namespace {

struct some_session final : session {
    bool deliver(std::string_view, std::string_view, std::string_view) override { return true; }
    bool deliver(const payload&) override { return true; }
    void message_done(const envelope_view&, const wire::status_error*) override {}
    void message_left_queue() override {}
    void disconnect(const wire::status_error&) override {}
};

}  // namespace

TEST_CASE("session table: a hidden one is found by its id, and counts for nothing else", "[exchange]") {
    session_table table{1, 7};
    some_session plain, hidden;
    const session_id a = table.add(plain), b = table.add_hidden(hidden);
    CHECK(table.find(a) == &plain);
    CHECK(table.find(b) == &hidden);
    CHECK(table.size() == 1);
    int seen = 0;
    table.for_each([&](session& each) {
        CHECK(&each == &plain);
        ++seen;
    });
    CHECK(seen == 1);
    table.remove(b);
    CHECK_FALSE(table.find(b));
    CHECK(table.size() == 1);
    const session_id c = table.add(hidden);  // in the same place, and seen
    CHECK(c.slot() == b.slot());
    CHECK_FALSE(table.find(b));
    CHECK(table.size() == 2);
    table.remove(a);
    table.remove(a);
    CHECK(table.size() == 1);
}

}  // namespace bester::exchange
