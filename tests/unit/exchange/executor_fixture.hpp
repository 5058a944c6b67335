#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "exchange/executor.hpp"
#include "exchange/session.hpp"
#include "failing_allocation.hpp"
#include "running_shards.hpp"
#include "wire/handler_codec.hpp"

namespace bester::exchange {

/// A client as the exchange sees it. Notes what it gets; on its shard's thread.
class noting_session final : public session {
public:
    noting_session(shard& on, std::string user) : on_{on} {
        user_ = std::move(user);
        id_ = on_.sessions().add(*this);
        on_.users().add(user_, id_);
    }
    ~noting_session() {
        on_.groups().leave_all(*this);
        on_.users().remove(user_, id_);
        on_.sessions().remove(id_);
    }
    bool deliver(std::string_view type_token, std::string_view data, std::string_view id_token) override {
        if (is_full) return false;
        got.push_back(std::string{type_token}.append(" ").append(data).append(" ").append(id_token));
        return true;
    }
    bool deliver(const payload&) override {
        if (fails) {
            failing.emplace(1, 20);
            throw std::bad_alloc{};
        }
        if (is_full) return false;
        got.emplace_back("shared");
        return true;
    }
    void message_done(const envelope_view& message, const wire::status_error* error) override {
        got.push_back("done " + std::string{message.id_token} + ' ' + (error ? std::string{error->code} : "good") +
                      ' ' + std::to_string(message.delivered));
    }
    bool takes_from_servers() override { return !is_full; }
    void disconnect(const wire::status_error& why) override {
        got.push_back("disconnected " + std::string{why.reason});
    }

    bool is_full = false;
    bool fails = false;  ///< there is no memory for a delivery, nor for what is tried next
    std::optional<failing_allocation> failing;
    std::vector<std::string> got;

private:
    shard& on_;
};

/// A handler's channel as the executor sees it.
class noting_source final : public command_source {
public:
    explicit noting_source(shard& on) : on_{on}, id_{on.next_source_id()} { on_.add_source(*this); }
    ~noting_source() override { on_.remove_source(*this); }
    const std::string& handler() const noexcept override { return name_; }
    std::size_t most_recipients() const noexcept override { return 5; }
    const command_rights* rights() const noexcept override { return may ? &*may : nullptr; }
    bool take_command(std::uint64_t) noexcept override { return commands_left-- > 0; }
    void notify(std::string_view frame) noexcept override {
        try {
            told.emplace_back(frame.substr(4));
        } catch (const std::bad_alloc&) {
            miss_frame();
        }
    }
    void miss_frame() noexcept override { ++missed; }
    std::uint64_t source_id() const noexcept override { return id_; }

    std::optional<command_rights> may;
    int commands_left = 1'000;
    std::vector<std::string> told;
    int missed = 0;

private:
    shard& on_;
    std::string name_ = "chat";
    std::uint64_t id_;
};

class refusing_port final : public handler_port {
public:
    submit_result submit(const envelope_view& message, std::string_view type, std::string_view data) override {
        submitted.push_back(std::string{message.user}.append(" ").append(type).append(" ").append(data));
        kept.assign(message);
        return answer;
    }
    const std::string& name() const noexcept override { return name_; }

    submit_result answer;
    std::vector<std::string> submitted;
    envelope kept;  ///< the last one

private:
    std::string name_ = "other";
};

using texts = std::vector<std::string>;

/// Three shards with a handler's source on the first, tina there and gustav on the others.
struct executor_fixture {
    running_shards shards{3};
    std::unique_ptr<noting_source> source;
    std::unique_ptr<noting_session> tina;
    std::vector<std::unique_ptr<noting_session>> gustavs;
    refusing_port other;

    executor_fixture() {
        shards.ask(0, [&](shard& on) {
            source = std::make_unique<noting_source>(on);
            tina = std::make_unique<noting_session>(on, "tina");
            auto routes = std::make_shared<routing_table>();
            routes->by_name.emplace("other", &other);
            on.set_routes(routes);
        });
        for (unsigned i : {1u, 2u})
            shards.ask(i, [&](shard& on) { gustavs.push_back(std::make_unique<noting_session>(on, "gustav")); });
    }
    ~executor_fixture() {
        shards.ask(0, [&](shard&) {
            source.reset();
            tina.reset();
        });
        for (unsigned i : {1u, 2u}) shards.ask(i, [&](shard&) { gustavs[i - 1].reset(); });
    }

    static wire::handler_frame read(shard& on, std::string& text) {
        wire::handler_frame frame;
        const std::size_t size = text.size();
        text.append(wire::json_padding, '\0');
        const auto reader = on.reader();
        if (!wire::decode_handler_frame(reader, std::string_view{text}.substr(0, size), frame))
            throw std::logic_error{"the test's frame is wrong: " + text};
        return frame;
    }
    /// A message that she has sent, of type "talk" and with the id "m1"; on her shard.
    envelope_view message_of_tina() const {
        envelope_view message;
        message.origin = tina->id();
        message.user = "tina";
        message.type_token = R"("talk")";
        message.id_token = R"("m1")";
        return message;
    }
    /// The answer of these commands to a message of tina's.
    void answer(std::string commands, std::string more = {}) {
        shards.ask(0, [&](shard& on) {
            std::string text = R"({"kind":"answer","id":7,"commands":[)" + commands + "]" + more + "}";
            const auto frame = read(on, text);
            const envelope_view message = message_of_tina();
            command_progress at_once;
            on.commands().answer(*source, message, frame, at_once);
        });
    }
    /// `before` is mail for shard 1 that comes there together with that of the commands, before it.
    void push(std::string commands, std::function<void(shard&)> before = {}) {
        shards.ask(0, [&](shard& on) {
            if (before) on.post_to(1, std::move(before));
            std::string text = R"({"kind":"push","commands":[)" + commands + "]}";
            const auto frame = read(on, text);
            command_progress at_once;
            on.commands().push(*source, frame, at_once);
        });
    }
    /// All mail has been there and back.
    void settle() {
        for (int round = 0; round < 3; ++round)
            for (unsigned i : {0u, 1u, 2u}) shards.pass_turns(1, i);
    }
    texts of_tina() {
        settle();
        return shards.ask(0, [&](shard&) { return std::exchange(tina->got, {}); });
    }
    texts of_gustav(unsigned number) {
        settle();
        return shards.ask(number + 1, [&](shard&) { return std::exchange(gustavs[number]->got, {}); });
    }
    texts told() {
        settle();
        return shards.ask(0, [&](shard&) { return std::exchange(source->told, {}); });
    }
};

}  // namespace bester::exchange
