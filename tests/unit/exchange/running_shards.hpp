#pragma once

#include <future>
#include <memory>
#include <type_traits>
#include <vector>

#include "exchange/directory.hpp"
#include "exchange/exchange_settings.hpp"
#include "exchange/shard.hpp"

namespace bester::exchange {

/// Shards that run, each on its thread, until the end. What a test does to them it does through ask(), on their
/// threads.
class running_shards {
public:
    explicit running_shards(unsigned count = 1) : settings_{"home", count}, all_(count) {
        for (unsigned i = 0; i < count; ++i) {
            shards_.push_back(std::make_unique<shard>(i, settings_, users_, all_));
            all_[i] = shards_.back().get();
        }
        for (const auto& each : shards_) each->start();
    }
    ~running_shards() { stop(); }
    running_shards(const running_shards&) = delete;
    running_shards& operator=(const running_shards&) = delete;

    /// Ends the threads; the shards exist until the end.
    void stop() {
        for (const auto& each : shards_) each->stop();
        for (const auto& each : shards_) each->join();
    }

    shard& operator[](unsigned index) { return *shards_[index]; }
    directory& users() { return users_; }

    /// What `call(shard&)` returns there, as a piece of mail. An exception that leaves it comes here, not to the shard.
    template <class Call>
    auto ask(unsigned index, Call&& call) {
        using result = std::invoke_result_t<Call, shard&>;
        auto work = std::make_shared<std::packaged_task<result(shard&)>>(std::forward<Call>(call));
        auto told = work->get_future();
        shards_[index]->post([work](shard& there) { (*work)(there); });
        return told.get();
    }
    template <class Call>
    auto ask(Call&& call) {
        return ask(0, std::forward<Call>(call));
    }
    /// Returns when so many turns of the shard have ended after this call, and what they buried has been destroyed.
    void pass_turns(unsigned count = 2, unsigned index = 0) {
        for (unsigned i = 0; i <= count; ++i) ask(index, [](shard&) {});
    }

private:
    exchange_settings settings_;
    directory users_;
    std::vector<shard*> all_;
    std::vector<std::unique_ptr<shard>> shards_;
};

}  // namespace bester::exchange
