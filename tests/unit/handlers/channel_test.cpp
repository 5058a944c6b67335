// A channel on a running shard, with the test at the other end of its socket.
#include <catch2/catch.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "exchange/session.hpp"
#include "exchange/shard.hpp"
#include "failing_allocation.hpp"
#include "handlers/shard_handlers.hpp"
#include "wire/frame.hpp"

using namespace bester;
using namespace bester::handlers;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr auto patience = 20s;

/// What happened on the shard's thread, to be waited for by the test.
template <class Item>
class happenings {
public:
    void add(Item item) {
        const std::lock_guard lock{mutex_};
        items_.push_back(std::move(item));
        changed_.notify_all();
    }
    Item wait_for_next() {
        std::unique_lock lock{mutex_};
        if (!changed_.wait_for(lock, patience, [&] { return !items_.empty(); })) throw std::runtime_error{"nothing"};
        Item first = std::move(items_.front());
        items_.erase(items_.begin());
        return first;
    }
    bool empty() {
        const std::lock_guard lock{mutex_};
        return items_.empty();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Item> items_;
};

/// A client's session that notes its statuses: the id, then what became of it.
struct noting_session final : exchange::session {
    happenings<std::string> statuses;
    bool deliver(std::string_view, std::string_view, std::string_view) override { return true; }
    bool deliver(const exchange::payload&) override { return true; }
    bool takes_from_servers() override { return true; }
    void message_done(const exchange::envelope_view& message, const wire::status_error* error) override {
        const auto note = [&] {
            statuses.add(std::string{message.id_token} + " " + std::string{error ? error->code : "good"});
        };
        try {
            note();
        } catch (const std::bad_alloc&) {  // the one that was to fail; this is not what is tested
            note();
        }
    }
    void disconnect(const wire::status_error&) override {}
};

struct noting_listener final : instance_listener {
    happenings<std::pair<std::string, loss>> losses;
    happenings<unsigned> drained;
    void channel_lost(const instance_ref&, const std::string& reason, loss why) override { losses.add({reason, why}); }
    void channel_drained(const instance_ref&, unsigned shard) override { drained.add(shard); }
};

struct no_runner final : one_shot_runner {
    void call(std::string, std::string, std::chrono::milliseconds, std::size_t,
              std::function<void(one_shot_result)>) override {}
};

handler_settings echo_settings() {
    handler_settings settings;
    settings.name = "echo";
    settings.types = {"echo"};
    settings.deadline = 60s;
    return settings;
}

class open_channel {
public:
    explicit open_channel(const handler_settings& settings, bool answers_pings = true) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
        end_ = ends[0];
        others_.emplace(other_, all_handlers_, listener, runner_, std::chrono::steady_clock::now());
        all_handlers_[1] = &*others_;
        shard_.start();
        other_.start();
        on_shard([&](exchange::shard& shard) {
            handlers_.emplace(shard, all_handlers_, listener, runner_, std::chrono::steady_clock::now());
            all_handlers_[0] = &*handlers_;
            handlers_->apply({std::make_shared<const handler_settings>(settings)}, 10s);
            channel_offer offer;
            offer.instance = instance_;
            offer.fd = ends[1];
            offer.wishes.answers_pings = answers_pings;
            handlers_->open(std::move(offer), progress);
            handlers_->ready(instance_);
            sender_ = shard.sessions().add(session);
        });
    }
    ~open_channel() {
        on_shard([&](exchange::shard&) { handlers_->close(instance_, "the test ends"); });
        on_shard([&](exchange::shard&) { handlers_.reset(); });
        for (exchange::shard* const each : all_) each->stop();
        for (exchange::shard* const each : all_) each->join();
        ::close(end_);
    }

    template <class Work>
    void on_shard(Work work) {
        std::promise<void> done;
        shard_.post([&](exchange::shard& shard) {
            work(shard);
            done.set_value();
        });
        done.get_future().get();
    }

    /// A client sends a message with this id, which is also its data.
    void submit(const std::string& id) {
        on_shard([&](exchange::shard&) { submit_here(id); });
    }
    /// The same, on the shard's thread.
    void submit_here(const std::string& id) {
        const std::string token = '"' + id + '"';
        exchange::envelope_view message;
        message.origin = sender_;
        message.user = "tina";
        message.type_token = "\"echo\"";
        message.id_token = token;
        shard_.routes().named("echo")->submit(message, "echo", token);
    }
    std::size_t in_flight() {
        std::size_t count = 0;
        on_shard([&](exchange::shard&) {
            const auto loads = handlers_->load();
            for (const auto& [epoch, held] : loads.front().in_flight) count += held;
        });
        return count;
    }
    // On the shard's thread.
    void close() { handlers_->close(instance_, reason_); }
    void remove_handler() { handlers_->apply({}, 10s); }

    void send(const json& frame) { send_bytes(wire::make_frame(frame.dump())); }
    void send_bytes(const std::string& bytes) {
        REQUIRE(::send(end_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }
    /// The next frame for the handler.
    json receive() {
        for (;;) {
            const auto frame = wire::decode_frame(received_, 1 << 20);
            if (frame.status == wire::frame_status::complete) {
                json parsed = json::parse(frame.body);
                received_.erase(0, frame.consumed);
                return parsed;
            }
            pollfd watched{end_, POLLIN, 0};
            std::array<char, 4096> bytes{};
            REQUIRE(::poll(&watched, 1, 20'000) == 1);
            const ssize_t got = ::recv(end_, bytes.data(), bytes.size(), 0);
            REQUIRE(got > 0);
            received_.append(bytes.data(), static_cast<std::size_t>(got));
        }
    }
    json receive_message(const std::string& id) {
        json message = receive();
        CHECK(message.at("kind") == "message");
        CHECK(message.at("data") == id);
        return message;
    }
    void answer(const json& message) { send({{"kind", "answer"}, {"id", message.at("id")}}); }
    std::uint64_t count(exchange::counter which) {
        std::uint64_t value = 0;
        on_shard([&](exchange::shard& shard) { value = shard.counters()[which]; });
        return value;
    }
    void drain() {
        on_shard([&](exchange::shard&) { handlers_->drain(instance_); });
    }

    noting_session session;
    noting_listener listener;
    std::shared_ptr<instance_progress> progress = std::make_shared<instance_progress>(2);

private:
    exchange::exchange_settings settings_{"home", 2};
    exchange::directory users_;
    // The channel is on the first one; the other one has none of this instance.
    std::array<exchange::shard*, 2> all_{&shard_, &other_};
    exchange::shard shard_{0, settings_, users_, all_};
    exchange::shard other_{1, settings_, users_, all_};
    std::vector<shard_handlers*> all_handlers_{2};
    no_runner runner_;
    std::optional<shard_handlers> others_;
    std::optional<shard_handlers> handlers_;
    instance_ref instance_{"echo", 0, 1};
    const std::string reason_ = "the test says so";
    exchange::session_id sender_;
    int end_ = -1;
    std::string received_;
};

}  // namespace

TEST_CASE("channel: answers are matched by id, in any order", "[handlers]") {
    open_channel it{echo_settings()};
    for (const char* id : {"a", "b", "c"}) it.submit(id);
    const json a = it.receive_message("a");
    const json b = it.receive_message("b");
    const json c = it.receive_message("c");
    it.answer(b);
    CHECK(it.session.statuses.wait_for_next() == "\"b\" good");
    it.answer(c);
    it.answer(b);  // again: it is nobody's by now
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"c\" good");
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.count(exchange::counter::answers) == 3);
    CHECK(it.count(exchange::counter::answers_unknown) == 1);
}

TEST_CASE("channel: a place that is used again has another id, and a late answer misses it", "[handlers]") {
    auto settings = echo_settings();
    settings.window = 1;
    settings.deadline = 100ms;
    settings.ping_timeout = 60s;
    open_channel it{settings};
    it.submit("late");
    const json late = it.receive_message("late");
    CHECK(it.session.statuses.wait_for_next() == "\"late\" handler_timeout");
    CHECK(it.receive() == json{{"kind", "ping"}});
    it.submit("next");
    const json next = it.receive_message("next");
    CHECK(next.at("id") != late.at("id"));
    it.answer(late);
    it.answer(next);
    CHECK(it.session.statuses.wait_for_next() == "\"next\" good");
    CHECK(it.count(exchange::counter::answers_unknown) == 1);
    CHECK(it.count(exchange::counter::handler_timeouts) == 1);
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: what does not fit into the window waits for a deadline that is missed", "[handlers]") {
    auto settings = echo_settings();
    settings.window = 4;  // two on each of two shards
    settings.deadlines = {{"echo", 300ms}};
    settings.ping_timeout = 60s;
    open_channel it{settings};
    for (const char* id : {"a", "b", "c"}) it.submit(id);
    it.receive_message("a");
    const json b = it.receive_message("b");
    it.answer(b);
    CHECK(it.session.statuses.wait_for_next() == "\"b\" good");
    const json c = it.receive_message("c");
    CHECK(c.at("deadline").get<std::uint64_t>() <= 300);  // what it waited is taken off
    it.answer(c);
    CHECK(it.session.statuses.wait_for_next() == "\"c\" good");
    CHECK(it.session.statuses.wait_for_next() == "\"a\" handler_timeout");
}

TEST_CASE("channel: the commands of a late answer are refused where they want a report", "[handlers]") {
    open_channel it{echo_settings()};
    it.send({{"kind", "answer"},
             {"id", 99},
             {"commands",
              {{{"command", "sendGroup"}, {"group", "g"}, {"type", "t"}},
               {{"command", "sendGroup"}, {"group", "g"}, {"type", "t"}, {"report", "r"}}}}});
    const json refused = it.receive();
    CHECK(refused.at("kind") == "refused");
    CHECK(refused.at("report") == "r");
    CHECK(refused.at("index") == 1);
    CHECK(refused.at("code") == "handler_timeout");
}

TEST_CASE("channel: pings are asked and answered as long as an answer is owed", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = 50ms;
    settings.ping_timeout = 60s;
    open_channel it{settings};
    it.submit("a");
    const json a = it.receive_message("a");
    for (int i = 0; i < 3; ++i) {
        CHECK(it.receive() == json{{"kind", "ping"}});
        it.send({{"kind", "pong"}});
    }
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: without a pong the instance hangs, and what it holds fails", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = 50ms;
    settings.ping_timeout = 100ms;
    open_channel it{settings};
    it.submit("a");
    it.receive_message("a");
    const auto [reason, why] = it.listener.losses.wait_for_next();
    CHECK(why == loss::hanging);
    CHECK(reason == "it did not answer a ping within 0.1 s (ping_timeout)");
    CHECK(it.session.statuses.wait_for_next() == "\"a\" handler_failed");
}

TEST_CASE("channel: told only, an instance that hangs goes on", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = 50ms;
    settings.ping_timeout = 100ms;
    settings.hang = hang_action::tell;
    open_channel it{settings};
    it.submit("a");
    const json a = it.receive_message("a");
    while (it.count(exchange::counter::handler_hangs) == 0) {}
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.listener.losses.empty());
    // And is judged anew.
    it.submit("b");
    while (it.count(exchange::counter::handler_hangs) == 1) {}
}

TEST_CASE("channel: who does not know pings is not asked, and hangs when it is silent for long", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = 1ms;
    settings.ping_timeout = 1ms;
    settings.silence_timeout = 300ms;
    open_channel it{settings, false};
    it.submit("a");
    it.receive_message("a");
    it.submit("b");
    it.receive_message("b");  // and no ping before it
    CHECK(it.listener.losses.wait_for_next().first == "it was silent for 0.3 s (silence_timeout)");
}

TEST_CASE("channel: a handler that somebody started by hand has no deadline and is not judged", "[handlers]") {
    auto settings = echo_settings();
    settings.start = start_mode::manual;
    settings.deadline = settings.ping_interval = settings.ping_timeout = 20ms;
    open_channel it{settings};
    it.submit("a");
    const json a = it.receive_message("a");
    CHECK_FALSE(a.contains("deadline"));
    std::this_thread::sleep_for(300ms);
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: in a drain nobody is judged, and the last answer ends it", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = settings.ping_timeout = 20ms;
    open_channel it{settings};
    it.submit("a");
    const json a = it.receive_message("a");
    it.drain();
    std::this_thread::sleep_for(300ms);
    CHECK(it.listener.drained.empty());
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.listener.drained.wait_for_next() == 0);
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: a frame that is not understood is said to the handler, with its place", "[handlers]") {
    open_channel it{echo_settings()};
    it.send_bytes(wire::make_frame(R"({"kind":"push","commands":[}])"));
    const json error = it.receive();
    CHECK(error.at("code") == "protocol_error");
    CHECK(error.at("reason").get<std::string>().find("no JSON as expected at byte 27 (29 bytes): ") !=
          std::string::npos);
    CHECK(it.listener.losses.wait_for_next().second == loss::broken);
}

TEST_CASE("channel: what the instance held when it is lost fails, and what it was not given is not lost",
          "[handlers]") {
    const bool is_idempotent = GENERATE(false, true);
    auto settings = echo_settings();
    settings.idempotent = is_idempotent;
    settings.window = 1;
    settings.deadline = 400ms;
    settings.ping_timeout = 60s;
    open_channel it{settings};
    it.submit("held");
    it.receive_message("held");
    it.submit("waits");
    it.send_bytes(std::string(4, '\0'));  // no frame
    CHECK(it.listener.losses.wait_for_next().second == loss::broken);
    // Nobody else is there to take them: what may still be given to another instance waits for one.
    std::vector<std::string> ends{it.session.statuses.wait_for_next(), it.session.statuses.wait_for_next()};
    std::sort(ends.begin(), ends.end());
    CHECK(ends == std::vector<std::string>{is_idempotent ? "\"held\" handler_unavailable" : "\"held\" handler_failed",
                                           "\"waits\" handler_unavailable"});
}

TEST_CASE("channel: a frame that comes after those of a channel that has closed goes on when these are executed",
          "[handlers]") {
    open_channel it{echo_settings()};
    const auto query = [](int id) {
        return wire::make_frame(json{{"kind", "query"}, {"id", id}, {"query", "isClient"}, {"user", "tina"}}.dump());
    };
    const json push{{"kind", "push"}, {"after", {{"1", 3}}}, {"commands", json::array()}};
    it.send_bytes(query(1) + wire::make_frame(push.dump()) + query(2));
    CHECK(it.receive().at("id") == 1);
    // It has asked the other shard, where nobody tells it of anything any more.
    CHECK(it.count(exchange::counter::pushes) == 0);
    it.progress->executed[1] = 3;
    CHECK(it.receive().at("id") == 2);
    CHECK(it.count(exchange::counter::pushes) == 1);
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: a message that could not be handed over takes no place in the window", "[handlers]") {
    for (std::size_t number = 1;; ++number) {
        open_channel it{echo_settings()};
        failed_attempt attempt;
        it.on_shard([&](exchange::shard&) { attempt = fail_allocation(number, [&] { it.submit_here("a"); }); });
        CHECK(it.in_flight() == (attempt.has_thrown ? 0 : 1));
        it.submit("b");
        if (!attempt.has_thrown) it.receive_message("a");
        it.answer(it.receive_message("b"));
        CHECK(it.session.statuses.wait_for_next() == "\"b\" good");
        if (!attempt.has_failed) break;
    }
}

TEST_CASE("channel: each message that it held is ended once, whatever fails at its end", "[handlers]") {
    auto settings = echo_settings();
    settings.idempotent = GENERATE(false, true);
    std::size_t failures = 0;
    for (std::size_t number = 1;; ++number) {
        CAPTURE(number, settings.idempotent);
        open_channel it{settings};
        for (const char* id : {"a", "b", "c"}) it.submit(id);
        for (const char* id : {"a", "b", "c"}) it.receive_message(id);
        // Until the test asks again, on the shard's thread.
        std::optional<failing_allocation> failing;
        it.on_shard([&](exchange::shard&) {
            failing.emplace(number);
            it.close();
        });
        bool has_failed = false;
        it.on_shard([&](exchange::shard&) {});
        it.on_shard([&](exchange::shard&) {
            has_failed = failing->has_failed();
            failing.reset();
        });
        it.on_shard([&](exchange::shard&) { it.remove_handler(); });
        std::vector<std::string> ended;
        for (int i = 0; i < 3; ++i) ended.push_back(it.session.statuses.wait_for_next());
        std::sort(ended.begin(), ended.end());
        CHECK(ended[0].starts_with("\"a\" handler_"));
        CHECK(ended[1].starts_with("\"b\" handler_"));
        CHECK(ended[2].starts_with("\"c\" handler_"));
        it.on_shard([&](exchange::shard&) {});
        CHECK(it.session.statuses.empty());
        if (!has_failed) break;
        ++failures;
    }
    CHECK(failures > 0);
}
