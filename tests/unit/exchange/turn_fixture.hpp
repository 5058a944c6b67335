#pragma once

#include <catch2/catch.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "exchange/turn.hpp"

namespace bester::exchange {

using work = std::function<void()>;

/// What was called, in order, and by whom it is told to do more.
struct record {
    std::vector<std::string> calls;

    std::vector<std::string> take() { return std::exchange(calls, {}); }
    void add(std::string call, const work& more) {
        calls.push_back(std::move(call));
        if (more) more();
    }
};

class fake_host final : public turn_host {
public:
    explicit fake_host(record& in) : in_{in} {}
    void handle_ready() override { in_.add("ready", on_ready); }
    void run_mail() override { in_.add("mail", on_mail); }
    void sweep() override { in_.add("sweep", on_sweep); }
    bool may_read_more(std::size_t count) override { return count < most_reads; }
    bool may_write_more(std::size_t count) override { return count < most_writes; }
    void post_outgoing() override { in_.add("post", on_post); }
    void caught(const char* where) noexcept override { in_.add(std::string{"caught in "} + where, {}); }

    work on_ready;
    work on_mail;
    work on_sweep;
    work on_post;
    std::size_t most_reads = 2;
    std::size_t most_writes = 100;

private:
    record& in_;
};

class fake_stream final : public turn_stream {
public:
    fake_stream(record& in, std::string name) : in_{in}, name_{std::move(name)} {}
    ~fake_stream() override { in_.add(name_ + " destroyed", on_destroyed); }
    void on_ready(std::uint32_t) override {}
    void read_on() override { in_.add(name_ + " reads", on_read); }
    void flush() override { in_.add(name_ + " writes", on_write); }
    void left_unwritten() override { in_.add(name_ + " is left", on_left); }
    void fail() noexcept override { in_.add(name_ + " fails", on_fail); }

    work on_read;
    work on_write;
    work on_left;
    work on_fail;
    work on_destroyed;

private:
    record& in_;
    std::string name_;
};

class fake_writer final : public turn_worker {
public:
    explicit fake_writer(record& in) : turn_worker{work_phase::writing}, in_{in} {}
    void work_in_turn() override { in_.add("writer", on_write); }

    work on_write;

private:
    record& in_;
};

using calls = std::vector<std::string>;

struct turn_fixture {
    record log;
    fake_host host{log};
    turn t{host};
    fake_writer writer{log};

    calls run() {
        t.run();
        CHECK(t.phase() == turn_phase::ended);
        return log.take();
    }
};

inline work fails() {
    return [] { throw std::runtime_error{"as planned"}; };
}

}  // namespace bester::exchange
