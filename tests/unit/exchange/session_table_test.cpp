#include <catch2/catch.hpp>

#include <set>
#include <vector>

#include "exchange/random_words.hpp"
#include "exchange/session.hpp"
#include "exchange/session_table.hpp"

namespace bester::exchange {

namespace {

struct some_session final : session {
    bool deliver(std::string_view, std::string_view, std::string_view) override { return true; }
    bool deliver(const payload&) override { return true; }
    void message_done(const envelope_view&, const wire::status_error*) override {}
    bool takes_from_servers() override { return true; }
    void disconnect(const wire::status_error&) override {}
};

}  // namespace

TEST_CASE("session table: a hidden one is found by its id, and counts for nothing else", "[exchange]") {
    session_table table{1, random_words{}};
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

TEST_CASE("session table: a generation is neither 0 nor that of the session before", "[exchange]") {
    std::vector<std::uint32_t> words{0, 9, 9, 0, 8};
    std::size_t at = 0;
    session_table table{1, [&] { return words.at(at++); }};
    some_session one;
    const session_id first = table.add(one);
    CHECK(first.generation() == 9);
    table.remove(first);
    CHECK_FALSE(table.find(first));
    CHECK(table.add(one).generation() == 8);
}

TEST_CASE("session table: ids that are known say nothing of others", "[exchange]") {
    session_table table{1, random_words{}};
    std::vector<some_session> some(1'000);
    std::set<std::uint32_t> generations, differences;
    std::uint32_t last = 0;
    for (some_session& each : some) {
        const std::uint32_t generation = table.add(each).generation();
        generations.insert(generation);
        differences.insert(generation - last);
        last = generation;
    }
    CHECK(generations.size() > 990);
    CHECK(differences.size() > 990);
}

}  // namespace bester::exchange
