#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "../exchange/running_shards.hpp"
#include "clients/http/file_reader.hpp"
#include "clients/login/access_rules.hpp"
#include "clients/login/login_service.hpp"
#include "clients/shard_clients.hpp"

namespace bester::clients {

/// The clients of shards that run until the end; nobody has an account.
class clients_of_shards {
public:
    clients_of_shards(unsigned count, const client_limits& limits) : shards_{count}, clients_(count) {
        for (unsigned i = 0; i < count; ++i)
            shards_.ask(i, [&](exchange::shard& there) {
                clients_[i] = std::make_unique<shard_clients>(there, limits, logins_, door_, files_,
                                                              std::make_shared<const access_rules>());
            });
        for (unsigned i = 0; i < count; ++i)
            shards_.ask(i, [this, i](exchange::shard&) { clients_[i]->know(clients_); });
    }
    ~clients_of_shards() {
        for (unsigned i = 0; i < clients_.size(); ++i) {
            shards_.ask(i, [this, i](exchange::shard&) { clients_[i]->close_all(); });
            shards_.pass_turns(3, i);
        }
        shards_.stop();
    }
    clients_of_shards(const clients_of_shards&) = delete;
    clients_of_shards& operator=(const clients_of_shards&) = delete;

    /// Returns what `call(shard_clients&)` returns on the thread of that shard.
    template <class Call>
    auto ask(unsigned index, Call&& call) {
        return shards_.ask(index, [&](exchange::shard&) { return call(*clients_[index]); });
    }
    /// Returns when no shard ends connections for what they hold of this kind.
    void settle(exchange::held_kind what) {
        do {
            for (unsigned i = 0; i < clients_.size(); ++i) shards_.pass_turns(2, i);
        } while (door_.is_shedding[static_cast<std::size_t>(what)]);
    }
    connection_count& connections() { return door_.connections; }

private:
    struct no_accounts final : login_service {
        bool is_remembered(std::string_view, std::string_view) override { return false; }
        void verify(std::string_view, std::string_view, std::uint64_t,
                    std::function<void(login_result)> done) override {
            done(login_result::rejected);
        }
        std::chrono::milliseconds expected_wait() const override { return {}; }
        void change_password(std::string_view, std::string_view, std::string_view, std::uint64_t,
                             std::function<void(login_result)> done) override {
            done(login_result::rejected);
        }
    };

    no_accounts logins_;
    doorkeeper door_{access::throttle_settings{}};
    file_reader files_;
    exchange::running_shards shards_;
    std::vector<std::unique_ptr<shard_clients>> clients_;
};

}  // namespace bester::clients
