#include "peering/flows/pending_refs.hpp"
#include "failing_allocation.hpp"

#include <catch2/catch.hpp>

namespace bester::peering {
namespace {

using namespace std::chrono_literals;

constexpr exchange::session_id tina{1, 2, 3};
constexpr exchange::session_id ann{1, 3, 3};

struct fixture {
    std::uint64_t ask(const std::string& server, exchange::session_id asker, const std::string& id,
                      std::chrono::seconds time = 30s) {
        return refs.add({{1, 7, 0}, server, {}, asker, id}, now + time);
    }
    bool end(const std::string& server, std::uint64_t ref) { return refs.take_of(server, ref, ended); }

    pending_refs refs;
    pending_refs::waiting ended;
    pending_refs::time_point now{};
};

}  // namespace

TEST_CASE("pending refs: only the server that was asked may reply, to that session, with that id", "[peering]") {
    fixture f;
    const std::uint64_t ref = f.ask("b", tina, R"("x")");
    CHECK(f.refs.find_asked("b", tina, R"("x")"));
    CHECK_FALSE(f.refs.find_asked("c", tina, R"("x")"));
    CHECK_FALSE(f.refs.find_asked("b", ann, R"("x")"));
    CHECK_FALSE(f.refs.find_asked("b", tina, R"("y")"));
    CHECK_FALSE(f.refs.find_asked("b", tina, ""));
    CHECK_FALSE(f.end("c", ref));
    CHECK_FALSE(f.end("b", ref + 1));
    CHECK(f.end("b", ref));
    CHECK_FALSE(f.end("b", ref));
    CHECK_FALSE(f.refs.find_asked("b", tina, R"("x")"));
}

TEST_CASE("pending refs: of several with one id, each may be replied to until the last has ended", "[peering]") {
    fixture f;
    const std::uint64_t first = f.ask("b", tina, ""), second = f.ask("b", tina, "");
    CHECK(f.refs.open_at("b") == 2);
    CHECK(f.end("b", first));
    CHECK(f.refs.find_asked("b", tina, ""));
    CHECK(f.end("b", second));
    CHECK_FALSE(f.refs.find_asked("b", tina, ""));
    CHECK(f.refs.open_at("b") == 0);
    CHECK(f.refs.empty());
}

TEST_CASE("pending refs: each expires at its own time, in whatever order they came", "[peering]") {
    fixture f;
    f.ask("b", tina, "", 150s);
    f.ask("b", ann, "", 30s);
    f.now += 30s - 1ns;
    CHECK_FALSE(f.refs.take_expired(f.now, f.ended));
    f.now += 1ns;
    CHECK(f.refs.take_expired(f.now, f.ended));
    CHECK(f.ended.asker == ann);
    CHECK_FALSE(f.refs.take_expired(f.now, f.ended));
    CHECK_FALSE(f.refs.find_asked("b", ann, ""));
    CHECK(f.refs.find_asked("b", tina, ""));
    f.now += 120s;
    CHECK(f.refs.take_expired(f.now, f.ended));
    CHECK(f.ended.asker == tina);
}

TEST_CASE("pending refs: many that end at once leave the others as they are", "[peering]") {
    fixture f;
    const std::uint64_t kept = f.ask("b", tina, "", 20s);
    for (int i = 0; i < 10'000; ++i) REQUIRE(f.end("b", f.ask("b", ann, "")));
    CHECK(f.refs.open_at("b") == 1);
    f.now += 20s;
    CHECK(f.refs.take_expired(f.now, f.ended));
    CHECK(f.ended.asker == tina);
    CHECK_FALSE(f.end("b", kept));
}

TEST_CASE("pending refs: without memory nothing waits that has no deadline", "[peering]") {
    for (std::size_t number = 1;; ++number) {
        fixture f;
        pending_refs::waiting what{{1, 7, 0}, std::string(100, 's'), {}, tina, std::string(100, 'i')};
        const auto attempt = fail_allocation(number, [&] { f.refs.add(std::move(what), f.now + 30s); });
        if (!attempt.has_failed) break;
        CHECK(attempt.has_thrown);
        CHECK(f.refs.empty());
        CHECK(f.refs.open_at(std::string(100, 's')) == 0);
        CHECK_FALSE(f.refs.find_asked(std::string(100, 's'), tina, std::string(100, 'i')));
        CHECK(what.server.size() == 100);
    }
}

}  // namespace bester::peering
