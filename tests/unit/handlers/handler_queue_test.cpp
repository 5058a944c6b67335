#include <catch2/catch.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "exchange/directory.hpp"
#include "exchange/exchange_settings.hpp"
#include "exchange/session.hpp"
#include "exchange/shard.hpp"
#include "failing_allocation.hpp"
#include "handlers/handler_queue.hpp"
#include "handlers/rendezvous.hpp"
#include "wire/names.hpp"

namespace bester::handlers {

namespace {

using exchange::submit_result;
using texts = std::vector<std::string>;

/// An instance that takes as many messages as its window allows, and writes all down that it got.
struct recorder final : outlet {
    recorder(unsigned number, std::size_t window) : number_{number}, window_{window} {}

    struct held_message {
        exchange::envelope message;
        std::string data;
        queue_place place;
    };

    unsigned number() const noexcept override { return number_; }
    bool has_room() const noexcept override { return held.size() < window_; }
    void send(const exchange::envelope_view& message, std::string_view data, const queue_place& place) override {
        if (refused > 0 && refused-- > 0) throw std::bad_alloc{};
        held_message& got = held.emplace_back();
        got.message.assign(message);
        got.data = data;
        got.place = place;
        seen.emplace_back(data);
    }
    void list_held(std::vector<std::uint64_t>& orders) const override {
        for (const held_message& each : held) orders.push_back(each.place.order);
    }

    unsigned number_;
    std::size_t window_;
    unsigned refused = 0;  ///< that many more messages cannot be handed over, for want of memory
    std::deque<held_message> held;
    texts seen;
};

/// A client that writes down how its messages ended.
struct client final : exchange::session {
    explicit client(exchange::shard& on) : home{on} { id_ = home.sessions().add(*this); }
    ~client() { home.sessions().remove(id_); }
    bool deliver(std::string_view, std::string_view, std::string_view) override { return true; }
    bool deliver(const exchange::payload&) override { return true; }
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override {
        ends.push_back(std::string{message.id_token} + ' ' + std::string{error ? error->code : "good"});
    }
    bool takes_from_servers() override { return true; }
    void disconnect(const wire::status_error&) override {}

    exchange::shard& home;
    texts ends;
};

/// One shard that does not run, and a queue on it.
struct bench {
    bench() {
        settings.server_name = "home";
        all[0] = &home;
        entry.name = "h";
        use();
    }

    void use() {
        auto shared = std::make_shared<const handler_settings>(entry);
        if (queue) queue->apply(shared, std::chrono::milliseconds{2'000});
        else queue = std::make_unique<handler_queue>(home, shared, std::chrono::milliseconds{2'000});
    }

    submit_result submit(const client& from, const std::string& data, std::string_view key = {},
                         std::uint64_t share = 0) {
        exchange::envelope_view message;
        message.origin = from.id();
        message.user = "tina";
        message.type_token = "\"t\"";
        message.id_token = data;
        message.key_token = key;
        message.key_hash = wire::key_hash(key);
        message.share = share;
        return queue->submit(message, "t", data);
    }

    /// The instance answers what it got first.
    void answer(recorder& by) {
        const std::uint64_t order = by.held.front().place.order;
        by.held.pop_front();
        queue->ended(order);
        queue->room_at(by);
    }

    /// The instance is lost: all that it held is given to another one.
    void lose(recorder& instance) {
        queue->withdraw(instance);
        while (!instance.held.empty()) {
            auto held = std::move(instance.held.front());
            instance.held.pop_front();
            queue->ended(held.place.order);
            queue->give_back(std::move(held.message), std::move(held.data), held.place);
        }
        queue->forget(instance);
    }

    exchange::exchange_settings settings;
    exchange::directory users;
    exchange::shard* all[1] = {};
    exchange::shard home{0, settings, users, all};
    handler_settings entry;
    std::unique_ptr<handler_queue> queue;
};

}  // namespace

TEST_CASE("handler queue: what an instance loses keeps its place before what waited", "[handlers]") {
    // Window, lost after so many answers; six messages of one session.
    const auto window = GENERATE(1u, 2u, 3u, 6u);
    const auto answered = GENERATE(0u, 1u, 2u);
    CAPTURE(window, answered);
    bench it;
    client tina{it.home};
    recorder first{0, window};
    it.queue->add_ready(first);
    for (const char* data : {"1", "2", "3", "4", "5", "6"}) it.submit(tina, data);
    for (unsigned i = 0; i < answered; ++i) it.answer(first);
    const bool has_other = GENERATE(false, true);
    recorder second{1, 100};
    if (has_other) it.queue->add_ready(second);
    it.lose(first);
    if (!has_other) it.queue->add_ready(second);
    texts expected;
    for (unsigned i = answered; i < 6; ++i) expected.push_back(std::to_string(i + 1));
    texts got = second.seen;
    // What the second got before is not given again.
    CHECK(got == expected);
    CHECK(it.queue->waiting() == 0);
}

TEST_CASE("handler queue: what an instance still holds never runs beside newer messages of the order", "[handlers]") {
    bench it;
    client tina{it.home};
    recorder old{0, 10};
    recorder fresh{0, 10};
    it.queue->add_ready(old);
    it.submit(tina, "1");
    it.submit(tina, "2");
    // The new one serves already, or nobody does for a while.
    if (GENERATE(true, false)) {
        it.queue->add_ready(fresh);
        it.queue->remove_ready(old);
        it.submit(tina, "3");
    } else {
        it.queue->remove_ready(old);
        it.submit(tina, "3");
        it.queue->add_ready(fresh);
    }
    it.submit(tina, "4");
    client gustav{it.home};
    it.submit(gustav, "other");
    CHECK(fresh.seen == texts{"other"});
    it.answer(old);
    CHECK(fresh.seen == texts{"other"});
    const bool is_lost = GENERATE(true, false);
    if (is_lost) it.lose(old);
    else it.answer(old);
    CHECK(fresh.seen == (is_lost ? texts{"other", "2", "3", "4"} : texts{"other", "3", "4"}));
}

TEST_CASE("handler queue: sessions keep their instance when another one comes or goes", "[handlers]") {
    bench it;
    std::vector<std::unique_ptr<recorder>> instances;
    for (unsigned i = 0; i < 4; ++i) instances.push_back(std::make_unique<recorder>(i, 1'000));
    for (unsigned i = 0; i < 3; ++i) it.queue->add_ready(*instances[i]);
    std::vector<std::unique_ptr<client>> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<client>(it.home));
    const auto places = [&] {
        std::vector<unsigned> found;
        for (const auto& each : clients) {
            it.submit(*each, "x");
            for (const auto& instance : instances)
                if (!instance->held.empty()) {
                    found.push_back(instance->number());
                    it.answer(*instance);
                }
        }
        REQUIRE(found.size() == clients.size());
        return found;
    };
    const auto before = places();
    for (unsigned i = 0; i < 3; ++i) CHECK(std::count(before.begin(), before.end(), i) > 40);
    it.queue->forget(*instances[1]);
    const auto without = places();
    for (std::size_t i = 0; i < clients.size(); ++i) CHECK((before[i] == 1 || without[i] == before[i]));
    it.queue->add_ready(*instances[1]);
    CHECK(places() == before);
    it.queue->add_ready(*instances[3]);
    const auto with = places();
    for (std::size_t i = 0; i < clients.size(); ++i) CHECK((with[i] == 3 || with[i] == before[i]));
}

TEST_CASE("handler queue: a key decides the instance, whoever sends it", "[handlers]") {
    bench it;
    recorder a{0, 1'000};
    recorder b{1, 1'000};
    it.queue->add_ready(a);
    it.queue->add_ready(b);
    std::vector<std::unique_ptr<client>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<client>(it.home));
    for (const auto& each : clients) it.submit(*each, "x", "room");
    CHECK((a.seen.size() == 20 || b.seen.size() == 20));
    for (int i = 0; i < 40; ++i) it.submit(*clients[0], "y", "room " + std::to_string(i));
    CHECK(a.seen.size() > 5);
    CHECK(b.seen.size() > 5);
}

TEST_CASE("handler queue: n messages to a handler without an instance end together", "[handlers]") {
    bench it;
    it.entry.deadline = std::chrono::milliseconds{500};
    it.use();
    client tina{it.home};
    for (const char* data : {"1", "2", "3"}) CHECK(it.submit(tina, data).what == submit_result::outcome::taken);
    CHECK(it.queue->sweep(it.home.now_ms() + 499));
    CHECK(tina.ends.empty());
    CHECK_FALSE(it.queue->sweep(it.home.now_ms() + 500));
    CHECK(it.queue->waiting() == 0);
    CHECK(tina.ends.size() == 3);
}

TEST_CASE("handler queue: who waits for room is told busy, who waits for an earlier message is not", "[handlers]") {
    bench it;
    client tina{it.home};
    client gustav{it.home};
    recorder old{0, 10};
    recorder fresh{0, 1};
    it.queue->add_ready(old);
    it.submit(tina, "1");
    it.queue->add_ready(fresh);
    it.queue->remove_ready(old);
    it.submit(tina, "2");
    it.submit(gustav, "a");
    it.submit(gustav, "b");
    it.queue->sweep(it.home.now_ms() + 2'000);
    CHECK(gustav.ends == texts{"b busy"});
    CHECK(tina.ends.empty());
    it.answer(fresh);
    it.answer(old);
    CHECK(fresh.seen == texts{"a", "2"});
}

TEST_CASE("handler queue: a share that is too large is refused, and gives way", "[handlers]") {
    bench it;
    it.entry.waiting = 4;
    it.use();
    client tina{it.home};
    client gustav{it.home};
    for (const char* data : {"1", "2", "3", "4"}) CHECK(it.submit(tina, data).what == submit_result::outcome::taken);
    CHECK(it.submit(tina, "5").error == wire::error_code::busy);
    CHECK(it.submit(gustav, "a").what == submit_result::outcome::taken);
    recorder instance{0, 10};
    it.queue->add_ready(instance);
    CHECK(instance.seen == texts{"1", "2", "3", "a"});
}

TEST_CASE("handler queue: what is asked for many of one address takes one share, and addresses take turns",
          "[handlers]") {
    bench b;
    b.entry.waiting = 4;
    b.use();
    recorder instance{0, 1};
    b.queue->add_ready(instance);
    std::vector<std::unique_ptr<client>> calls;  // as log-ins do it: each has a session of its own
    const auto ask = [&](const std::string& data, std::uint64_t address) {
        calls.push_back(std::make_unique<client>(b.home));
        return b.submit(*calls.back(), data, {}, address).what;
    };
    using outcome = submit_result::outcome;
    for (const char* each : {"1", "2", "3", "4", "5"}) CHECK(ask(each, 7) == outcome::taken);
    CHECK(ask("6", 7) == outcome::refused);
    CHECK(ask("other", 8) == outcome::taken);
    while (!instance.held.empty()) b.answer(instance);
    CHECK(instance.seen == texts{"1", "2", "3", "other", "4"});
    b.queue->remove_ready(instance);
}

TEST_CASE("handler queue: a removed handler ends what waits", "[handlers]") {
    bench it;
    client tina{it.home};
    it.submit(tina, "1");
    it.queue->retire();
    CHECK(tina.ends == texts{"1 handler_unavailable"});
    CHECK(it.queue->waiting() == 0);
}

TEST_CASE("handler queue: what could not be handed over keeps its place, and goes later", "[handlers]") {
    bench it;
    client tina{it.home};
    recorder only{0, 1};
    it.queue->add_ready(only);
    for (const char* data : {"1", "2", "3"}) it.submit(tina, data);
    only.refused = 1;
    CHECK_THROWS_AS(it.answer(only), std::bad_alloc);
    CHECK(it.queue->waiting() == 2);
    // Nobody answers any more; but time passes.
    it.queue->sweep(it.home.now_ms());
    CHECK(only.seen == texts{"1", "2"});
    it.answer(only);
    CHECK(only.seen == texts{"1", "2", "3"});
    CHECK(it.queue->waiting() == 0);
}

TEST_CASE("handler queue: no failed allocation loses a message when instances change", "[handlers]") {
    const auto what = GENERATE(0, 1, 2);
    std::size_t failures = 0;
    for (std::size_t number = 1;; ++number) {
        bench it;
        client tina{it.home};
        client ann{it.home};
        recorder first{0, 1};
        recorder second{1, 2};
        it.queue->add_ready(first);
        for (const char* data : {"1", "2", "3", "4"}) {
            it.submit(tina, data);
            it.submit(ann, std::string{data} + "a");
        }
        const auto attempt = fail_allocation(number, [&] {
            if (what == 0) it.queue->add_ready(second);
            if (what == 1) it.queue->remove_ready(first);
            if (what == 2) it.queue->forget(first);
        });
        // As when a channel has failed: it ends, and its end is tried until it is through.
        it.queue->forget(first);
        it.queue->forget(second);
        CHECK(it.queue->waiting() + first.seen.size() + second.seen.size() == 8);
        it.queue->retire();
        CHECK(tina.ends.size() + ann.ends.size() == 8 - first.seen.size() - second.seen.size());
        CHECK(it.queue->waiting() == 0);
        if (!attempt.has_failed) break;
        ++failures;
    }
    CHECK((failures > 0 || what == 2));  // forgetting takes no memory
}

TEST_CASE("handler queue: who gives way is told, whatever fails meanwhile", "[handlers]") {
    std::size_t failures = 0;
    for (std::size_t number = 1;; ++number) {
        bench it;
        it.entry.waiting = 4;
        it.use();
        client tina{it.home};
        client ann{it.home};
        recorder only{0, 1};
        it.queue->add_ready(only);
        for (const char* data : {"1", "2", "3", "4", "5"}) it.submit(tina, data);
        const auto attempt = fail_allocation(number, [&] { it.submit(ann, "a"); });
        // One turn of the shard.
        it.home.start();
        it.home.stop();
        it.home.join();
        const std::size_t evicted = 5 - only.seen.size() - (it.queue->waiting() - (attempt.has_thrown ? 0 : 1));
        CHECK(tina.ends.size() == evicted);
        if (!attempt.has_thrown) CHECK(tina.ends == texts{"5 busy"});
        if (!attempt.has_failed) break;
        ++failures;
    }
    CHECK(failures > 0);
}

TEST_CASE("handler queue: what could not be given back is as it was", "[handlers]") {
    for (std::size_t number = 1;; ++number) {
        bench it;
        exchange::envelope message;
        message.user = std::string(100, 'u');
        std::string data(1'000, 'd');
        const auto attempt =
            fail_allocation(number, [&] { it.queue->give_back(std::move(message), std::move(data), {}); });
        if (!attempt.has_failed) break;
        CHECK(attempt.has_thrown);
        CHECK(message.user.size() == 100);
        CHECK(data.size() == 1'000);
        CHECK(it.queue->waiting() == 0);
    }
}

}  // namespace bester::handlers
