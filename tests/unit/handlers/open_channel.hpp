#pragma once

// A channel on a running shard, with the test at the other end of its socket.
#include <catch2/catch.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "exchange/session.hpp"
#include "exchange/shard.hpp"
#include "handlers/shard_handlers.hpp"
#include "wire/frame.hpp"

namespace bester::handlers {

using namespace std::chrono_literals;
using nlohmann::json;

inline constexpr auto patience = 20s;

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
    happenings<instance_ref> confirmed;
    void channel_lost(const instance_ref&, const std::string& reason, loss why) override { losses.add({reason, why}); }
    void channel_drained(const instance_ref&, unsigned shard) override { drained.add(shard); }
    void instance_confirmed(const instance_ref& instance) override { confirmed.add(instance); }
};

struct no_runner final : one_shot_runner {
    void call(std::string, std::string, std::chrono::milliseconds, std::size_t,
              std::function<void(one_shot_result)>) override {}
};

inline handler_settings echo_settings() {
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

    /// A client sends a message with this id, which is also its data, or the beginning of it.
    void submit(const std::string& id, std::size_t size = 0) {
        on_shard([&](exchange::shard&) { submit_here(id, size); });
    }
    /// The same, on the shard's thread.
    void submit_here(const std::string& id, std::size_t size = 0) {
        const std::string token = '"' + id + '"';
        const std::string data = '"' + id + std::string(size, 'x') + '"';
        exchange::envelope_view message;
        message.origin = sender_;
        message.user = "tina";
        message.type_token = "\"echo\"";
        message.id_token = token;
        shard_.routes().named("echo")->submit(message, "echo", data);
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
    /// Returns the sizes of all that comes until the channel closes, frame by frame; of the last one, what came of it.
    std::vector<std::size_t> sizes_to_the_end() {
        std::array<char, 65536> bytes{};
        for (;;) {
            pollfd watched{end_, POLLIN, 0};
            REQUIRE(::poll(&watched, 1, 20'000) == 1);
            const ssize_t got = ::recv(end_, bytes.data(), bytes.size(), 0);
            if (got <= 0) break;
            received_.append(bytes.data(), static_cast<std::size_t>(got));
        }
        std::vector<std::size_t> sizes;
        while (!received_.empty()) {
            const auto frame = wire::decode_frame(received_, 1 << 20);
            const bool is_whole = frame.status == wire::frame_status::complete;
            sizes.push_back(is_whole ? frame.consumed : received_.size());
            received_.erase(0, sizes.back());
        }
        return sizes;
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

}  // namespace bester::handlers
