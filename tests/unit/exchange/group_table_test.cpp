#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "exchange/group_table.hpp"
#include "exchange/session.hpp"

namespace bester::exchange {

namespace {

struct some_session final : session {
    bool deliver(std::string_view, std::string_view, std::string_view) override { return true; }
    bool deliver(const payload&) override { return true; }
    void message_done(const envelope_view&, const wire::status_error*) override {}
    bool takes_from_servers() override { return true; }
    void disconnect(const wire::status_error&) override {}
};

struct listener final : group_observer {
    std::vector<std::string> heard;
    std::function<void()> then;
    void on_group(std::string_view group, std::size_t sessions) noexcept override {
        heard.push_back(std::string{group} + '=' + std::to_string(sessions));
        if (then) then();
    }
    std::vector<std::string> take() { return std::exchange(heard, {}); }
};

using texts = std::vector<std::string>;

struct observed_table {
    unsigned waiting = 0;  ///< how often it was said that there are changes to tell
    group_table table{[this] { ++waiting; }};
    some_session a, b, c;
    listener hears;
};

}  // namespace

TEST_CASE("group table: an observer hears once of many changes, with the last number", "[exchange]") {
    observed_table it;
    it.table.watch("chat", it.hears);
    it.table.join("chat", "hall", it.a, 10);
    it.table.join("chat", "hall", it.b, 10);
    it.table.join("chat", "hall", it.b, 10);
    it.table.join("chat", "attic", it.c, 10);
    it.table.join("other", "hall", it.c, 10);
    CHECK(it.hears.heard.empty());
    CHECK(it.waiting == 1);
    it.table.tell_changes();
    CHECK(it.hears.take() == texts{"attic=1", "hall=2"});
    it.table.tell_changes();
    CHECK(it.hears.heard.empty());
    it.table.leave("chat", "attic", it.c);
    it.table.leave_all(it.a);
    CHECK(it.waiting == 2);
    it.table.tell_changes();
    CHECK(it.hears.take() == texts{"attic=0", "hall=1"});
    it.table.drop_handler("chat");
    it.table.tell_changes();
    CHECK(it.hears.take() == texts{"hall=0"});
}

TEST_CASE("group table: who leaves and comes back within a turn is no news", "[exchange]") {
    observed_table it;
    it.table.watch("chat", it.hears);
    it.table.join("chat", "hall", it.a, 10);
    it.table.leave("chat", "hall", it.a);
    it.table.join("chat", "hall", it.b, 10);
    it.table.tell_changes();
    CHECK(it.hears.take() == texts{"hall=1"});
    it.table.leave("chat", "hall", it.b);
    it.table.join("chat", "hall", it.a, 10);
    it.table.tell_changes();
    CHECK(it.hears.heard.empty());
    it.table.join("chat", "cellar", it.b, 10);
    it.table.leave("chat", "cellar", it.b);
    it.table.tell_changes();
    CHECK(it.hears.heard.empty());
}

TEST_CASE("group table: a new observer does not hear of what was there, and the others of what was before it",
          "[exchange]") {
    observed_table it;
    listener later;
    it.table.watch("chat", it.hears);
    it.table.join("chat", "hall", it.a, 10);
    it.table.watch("chat", later);
    CHECK(it.hears.take() == texts{"hall=1"});
    texts there;
    it.table.for_each("chat",
                      [&](const group& in) { there.push_back(in.name() + std::to_string(in.members().size())); });
    CHECK(there == texts{"hall1"});
    it.table.tell_changes();
    CHECK(later.heard.empty());
    it.table.join("chat", "hall", it.b, 10);
    it.table.tell_changes();
    CHECK(it.hears.take() == texts{"hall=2"});
    CHECK(later.take() == texts{"hall=2"});
}

TEST_CASE("group table: nothing is gathered while nobody observes, and an observer may go when it hears",
          "[exchange]") {
    observed_table it;
    it.table.join("chat", "hall", it.a, 10);
    CHECK(it.waiting == 0);
    listener other;
    it.table.watch("chat", it.hears);
    it.table.watch("chat", other);
    it.hears.then = [&] {
        it.table.unwatch(it.hears);
        it.table.unwatch(other);
    };
    it.table.join("chat", "hall", it.b, 10);
    it.table.join("chat", "attic", it.b, 10);
    it.table.tell_changes();
    CHECK(it.hears.take() == texts{"attic=1"});
    CHECK(other.heard.empty());
    it.table.leave_all(it.b);
    CHECK(it.waiting == 1);
    it.table.leave_all(it.a);
}

TEST_CASE("group table: a session that may be in no group is in none, and leaves all of them", "[exchange]") {
    observed_table it;
    CHECK_FALSE(it.table.join("chat", "hall", it.a, 0));
    CHECK_FALSE(it.a.memberships);
    CHECK(it.table.find("chat", "hall") == nullptr);
    it.table.leave_all(it.a);
    REQUIRE(it.table.join("chat", "hall", it.a, 1));
    CHECK(it.table.join("chat", "hall", it.a, 1));
    CHECK_FALSE(it.table.join("chat", "attic", it.a, 1));
    CHECK(it.table.find("chat", "attic") == nullptr);
    it.table.leave_all(it.a);
    CHECK(it.table.find("chat", "hall") == nullptr);
}

}  // namespace bester::exchange
