#include "cli/broker.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <asio.hpp>

#include "admin/control_server.hpp"
#include "admin/control_target.hpp"
#include "cli/account_logins.hpp"
#include "cli/broker_status.hpp"
#include "cli/client_access.hpp"
#include "cli/client_listeners.hpp"
#include "cli/control_one_shots.hpp"
#include "cli/loaded_files.hpp"
#include "cli/logging.hpp"
#include "cli/memory_return.hpp"
#include "clients/shard_clients.hpp"
#include "config/difference.hpp"
#include "config/load.hpp"
#include "exchange/directory.hpp"
#include "exchange/shard.hpp"
#include "handlers/handler_registry.hpp"
#include "handlers/spawn.hpp"
#include "handlers/supervisor.hpp"
#include "json/make.hpp"
#include "log/log.hpp"
#include "peering/network/peer_network.hpp"
#include "wire/counted.hpp"

namespace bester::cli {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr auto poll_interval = 50ms;
constexpr auto account_poll_interval = 1s;
constexpr auto farewell = 2s;                          ///< time for clients to take the last frames
constexpr std::uint64_t longest_reconnect_ms = 5'000;  ///< clients are asked to come back within this

handlers::handler_list shared_list(const std::vector<handlers::handler_settings>& entries) {
    handlers::handler_list list;
    for (const auto& entry : entries) list.push_back(std::make_shared<const handlers::handler_settings>(entry));
    return list;
}

/// Joins several lines to one text for use within a line.
std::string without_last_newline(std::string lines) {
    if (lines.ends_with('\n')) lines.pop_back();
    return lines;
}

}  // namespace

class broker::parts final : public admin::control_target {
public:
    parts(std::string config_file, config::surroundings machine, config::broker_config settings,
          handlers::guard& guard);
    ~parts() override;

    void run();

    json::json_value status() override;
    json::json_value handlers() override;
    admin::control_result restart_handler(const std::string& name) override;
    admin::control_result drain_handler(const std::string& name) override;
    json::json_value peers() override;
    admin::control_result retry_peer(const std::string& name) override;
    admin::control_result drain_peer(const std::string& name) override;
    void reload(admin::control_completion completion) override;
    void stop() override;
    void account_changed(const std::string& user) override;

private:
    using changed_settings = tl::expected<json::json_value, admin::control_error>;

    bool run_control();
    void make_shards();
    void open();
    void tear_down();
    void start_listeners();
    void wait_for_signals();
    void poll_accounts();
    void apply_account_changes();
    changed_settings reload_now();
    void apply(const config::broker_config& wanted);
    void wait_until_answered(clock_type::time_point deadline);
    void wait_until_closed(clock_type::time_point deadline);
    void stop_handlers();
    status_facts gather();
    static admin::control_result known_peer(tl::expected<void, std::string> result);
    admin::control_result known_handler(const std::string& name, tl::expected<void, std::string> result);

    template <class Work>
    void on_all_shards(Work work) {
        for (std::size_t i = 0; i < shards_.size(); ++i)
            shards_[i]->post([work, there = clients_[i].get()](exchange::shard&) { work(*there); });
    }

    std::string config_file_;
    config::surroundings machine_;
    config::broker_config settings_;
    loaded_files files_read_{settings_};
    std::chrono::system_clock::time_point loaded_ = std::chrono::system_clock::now();
    clock_type::time_point started_ = clock_type::now();
    std::vector<clients::listener_settings> listener_settings_;  ///< sessions refer to these
    std::size_t connection_limit_;
    bool is_stopping_ = false;
    clock_type::time_point stop_deadline_{};

    clients::doorkeeper door_{settings_.login.throttle};  ///< connections refer to it
    asio::io_context control_{1};
    asio::signal_set signals_{control_, SIGTERM, SIGINT, SIGHUP};
    asio::steady_timer account_timer_{control_};
    asio::steady_timer stop_timer_{control_};
    memory_return memory_return_{control_, [this] {
                                     for (const auto& each : shards_)
                                         each->post([](exchange::shard& there) { there.give_up_spare(); });
                                 }};
    log_reminder log_reminder_{control_};
    control_one_shots one_shots_{control_};
    clients::file_reader files_;  ///< connections hold places of it
    exchange::exchange_settings exchange_settings_;
    exchange::directory directory_;
    std::vector<exchange::shard*> shard_pointers_;
    std::vector<std::unique_ptr<exchange::shard>> shards_;
    std::unique_ptr<peering::peer_network> network_;
    std::unique_ptr<handlers::handler_registry> registry_;
    std::unique_ptr<account_logins> logins_;
    std::vector<std::unique_ptr<clients::shard_clients>> clients_;
    std::unique_ptr<handlers::supervisor> supervisor_;
    client_listeners listeners_{control_, listener_settings_, connection_limit_, door_.connections};
    std::unique_ptr<admin::control_server> control_server_;
};

broker::parts::parts(std::string config_file, config::surroundings machine, config::broker_config settings,
                     handlers::guard& guard)
    : config_file_{std::move(config_file)},
      machine_{std::move(machine)},
      settings_{std::move(settings)},
      listener_settings_{settings_.listeners},
      connection_limit_{settings_.limits.connections} {
    signals_.add(SIGUSR1);
    make_shards();
    network_ = std::make_unique<peering::peer_network>(
        control_, shard_pointers_, peering::network_surroundings{settings_.server.name, BESTER_VERSION},
        settings_.peering, settings_.peers);
    registry_ = std::make_unique<handlers::handler_registry>(
        shard_pointers_, one_shots_,
        handlers::handler_registry::callbacks{
            [this](handlers::instance_ref instance, std::string reason, handlers::loss why) {
                asio::post(control_, [this, instance = std::move(instance), reason = std::move(reason), why] {
                    supervisor_->channel_lost(instance, reason, why);
                });
            },
            [this](handlers::instance_ref instance) {
                asio::post(control_,
                           [this, instance = std::move(instance)] { supervisor_->instance_drained(instance); });
            },
            [this](handlers::instance_ref instance) {
                asio::post(control_,
                           [this, instance = std::move(instance)] { supervisor_->instance_confirmed(instance); });
            }});
    logins_ = std::make_unique<account_logins>(settings_);
    const auto rules = must_make_access_rules(settings_);
    for (const auto& shard : shards_)
        clients_.push_back(
            std::make_unique<clients::shard_clients>(*shard, settings_.limits, *logins_, door_, files_, rules));
    for (const auto& each : clients_) each->know(clients_);
    supervisor_ = std::make_unique<handlers::supervisor>(
        control_, *registry_, handlers::supervisor_settings{settings_.server.runtime_directory, settings_.server.name},
        &guard);
    registry_->apply(shared_list(settings_.handlers), settings_.limits.busy_timeout);
    try {
        open();
    } catch (...) {
        tear_down();
        throw;
    }
}

/// From here on threads and processes run. Processes are started last, so that none is started for a broker that cannot
/// bind its addresses.
void broker::parts::open() {
    for (const auto& shard : shards_) shard->start();
    supervisor_->listen();
    control_server_ = std::make_unique<admin::control_server>(
        control_, *this, admin::control_server_settings{.path = settings_.control_socket});
    control_server_->start();
    start_listeners();
    network_->start();
    supervisor_->start(settings_.handlers);
    wait_for_signals();
    if (logins_->has_accounts()) poll_accounts();
}

broker::parts::~parts() { tear_down(); }

void broker::parts::tear_down() {
    listeners_.close();
    control_server_.reset();
    supervisor_.reset();
    logins_->stop();
    files_.stop();
    exchange::end_all(shards_);
    clients_.clear();
    registry_.reset();
    network_.reset();
}

void broker::parts::make_shards() {
    exchange_settings_.server_name = settings_.server.name;
    exchange_settings_.shards = settings_.server.threads;
    exchange_settings_.limits = settings_.exchange;
    shard_pointers_.resize(settings_.server.threads);
    for (unsigned i = 0; i < settings_.server.threads; ++i) {
        shards_.push_back(std::make_unique<exchange::shard>(i, exchange_settings_, directory_,
                                                            std::span<exchange::shard* const>{shard_pointers_}));
        shard_pointers_[i] = shards_.back().get();
    }
}

void broker::parts::start_listeners() {
    auto next = std::make_shared<std::size_t>(0);
    const auto give = [this, next](clients::arrival came, const clients::listener_settings& from) {
        const std::size_t i = (*next)++ % shards_.size();
        shards_[i]->post([came = std::move(came), there = clients_[i].get(), &from](exchange::shard&) mutable {
            there->adopt(std::move(came), from);
        });
    };
    const auto refuse = [this](int fd) {
        shards_.front()->post([fd](exchange::shard& there) {
            there.count(exchange::counter::connections_refused);
            there.see_off(fd);
        });
    };
    listeners_.open(give, refuse);
}

void broker::parts::run() {
    log::info("bester {} serves \"{}\" with {}, config digest {}", BESTER_VERSION, settings_.server.name,
              wire::counted(shards_.size(), "shard"), settings_.digest);
    while (!run_control()) {}
    log::info("bester has stopped");
}

/// Runs the control thread's loop to its end. Returns false if an exception left a handler, which ends that call only.
bool broker::parts::run_control() {
    const auto attempt = [](auto&& work) {
        try {
            work();
            return true;
        } catch (const std::exception& error) {
            log::error("internal error on the control thread: {}", error.what());
            return false;
        }
    };
    if (attempt([&] { control_.run(); })) return true;
    attempt([&] { supervisor_->go_on(); });
    attempt([&] { network_->go_on(); });
    if (is_stopping_)
        attempt([&] {
            stop_timer_.expires_after(poll_interval);
            stop_timer_.async_wait([this](std::error_code error) {
                if (!error) wait_until_answered(stop_deadline_);
            });
        });
    return false;
}

void broker::parts::wait_for_signals() {
    signals_.async_wait([this](std::error_code error, int signal) {
        if (error) return;
        wait_for_signals();  // first, so that nothing keeps it from going on
        if (signal == SIGHUP) {
            reload([](const admin::control_result&) {});
        } else if (signal == SIGUSR1) {
            logging::reopen(settings_.log);
        } else if (is_stopping_) {
            log::warning("second signal {}, stopping at once", signal);
            control_.stop();
        } else {
            log::info("signal {}", signal);
            stop();
        }
    });
}

// ---- accounts ----------------------------------------------------------------------------------

void broker::parts::poll_accounts() {
    account_timer_.expires_after(account_poll_interval);
    account_timer_.async_wait([this](std::error_code error) {
        if (error || is_stopping_) return;
        poll_accounts();  // first, so that nothing keeps it from going on
        apply_account_changes();
    });
}

void broker::parts::apply_account_changes() {
    const auto changes = logins_->poll();
    if (!changes.any()) return;
    if (!changes.complete) {
        const auto users = std::make_shared<const std::vector<std::string>>(logins_->all_users());
        on_all_shards([users](clients::shard_clients& there) { there.end_sessions_without(*users); });
        return;
    }
    auto ended = changes.removed;
    if (settings_.accounts.end_changed) ended.insert(ended.end(), changes.changed.begin(), changes.changed.end());
    on_all_shards([users = std::make_shared<const std::vector<std::string>>(ended)](clients::shard_clients& there) {
        for (const std::string& user : *users) there.end_sessions_of(user);
    });
}

void broker::parts::account_changed(const std::string& user) {
    logins_->account_changed(user);
    apply_account_changes();
}

// ---- status and orders -------------------------------------------------------------------------

status_facts broker::parts::gather() {
    status_facts facts{config_file_, settings_, loaded_, started_, directory_.users(), supervisor_->status(), {}, {}};
    facts.dropped_log_lines = logging::dropped_lines();
    facts.left_out_log_lines = log::lines_left_out();
    for (const auto& listener : listeners_.all())
        facts.listeners.push_back({&listener->settings(), listener->bound_address()});
    facts.shards = gather_shards(shards_, clients_, *registry_);
    return facts;
}

json::json_value broker::parts::status() {
    auto document = describe_status(gather());
    set(document, "peering", network_->status());
    return document;
}

json::json_value broker::parts::handlers() { return describe_handlers(gather()); }

admin::control_result broker::parts::known_handler(const std::string& name, tl::expected<void, std::string> result) {
    if (result) return json::make_object();
    const bool is_known = std::any_of(settings_.handlers.begin(), settings_.handlers.end(),
                                      [&](const auto& entry) { return entry.name == name; });
    return tl::unexpected(admin::control_error{is_known ? "refused" : "handler_unknown", std::move(result.error())});
}

admin::control_result broker::parts::restart_handler(const std::string& name) {
    return known_handler(name, supervisor_->restart(name));
}

admin::control_result broker::parts::drain_handler(const std::string& name) {
    return known_handler(name, supervisor_->drain(name));
}

json::json_value broker::parts::peers() { return network_->status(); }

admin::control_result broker::parts::known_peer(tl::expected<void, std::string> result) {
    if (result) return json::make_object();
    return tl::unexpected(admin::control_error{"peer_unknown", std::move(result.error())});
}

admin::control_result broker::parts::retry_peer(const std::string& name) { return known_peer(network_->retry(name)); }

admin::control_result broker::parts::drain_peer(const std::string& name) { return known_peer(network_->drain(name)); }

void broker::parts::reload(admin::control_completion completion) {
    auto result = reload_now();
    if (result)
        log::info("reload: {}, config digest {}", wire::counted(result->value_of("changes")->elements.size(), "change"),
                  settings_.digest);
    else log::error("reload refused, nothing was changed: {}", result.error().reason);
    if (!result) return completion(std::move(result));
    // Answered when every shard uses the new config, so that the caller can rely on it.
    auto finish = std::make_shared<std::function<void()>>([=, result = std::move(result)] { completion(result); });
    auto left = std::make_shared<std::atomic<std::size_t>>(shards_.size());
    on_all_shards([this, finish, left](clients::shard_clients&) {
        if (left->fetch_sub(1) == 1) asio::post(control_, [finish] { (*finish)(); });
    });
}

broker::parts::changed_settings broker::parts::reload_now() {
    if (is_stopping_) return tl::unexpected(admin::control_error{"refused", "the broker is stopping"});
    auto loaded = config::load(config_file_, machine_);
    if (!loaded.config)
        return tl::unexpected(admin::control_error{"config_invalid", without_last_newline(loaded.report())});
    auto changes = config::diff(settings_, *loaded.config);
    loaded_files files{*loaded.config};
    for (auto& renewed : files_read_.changes_to(files)) changes.push_back(std::move(renewed));
    std::string needing_restart;
    for (const auto& change : changes) {
        if (change.needs_restart) needing_restart += config::format(change) + '\n';
        log::info("reload: {}", config::format(change));
    }
    if (!needing_restart.empty())
        return tl::unexpected(admin::control_error{"needs_restart", without_last_newline(std::move(needing_restart))});
    auto contexts = listeners_.load_contexts();
    if (!contexts) return tl::unexpected(admin::control_error{"config_invalid", contexts.error()});
    auto rules = make_access_rules(*loaded.config);
    if (!rules) return tl::unexpected(admin::control_error{"config_invalid", rules.error()});
    if (auto usable = network_->check(loaded.config->peering); !usable)
        return tl::unexpected(admin::control_error{"config_invalid", usable.error()});
    const config::log_settings& log_now = loaded.config->log;
    if (log_now == settings_.log) logging::reopen(log_now);
    else if (!logging::apply(log_now))
        return tl::unexpected(admin::control_error{"config_invalid", "cannot open log.file " + log_now.file});
    listeners_.use(std::move(*contexts));
    on_all_shards([rules = *rules](clients::shard_clients& there) { there.apply(rules); });
    door_.throttle.reconfigure(loaded.config->login.throttle);
    apply(*loaded.config);
    files_read_ = std::move(files);
    return json::make_object({{"changes", changes_json(changes)}, {"digest", settings_.digest}});
}

void broker::parts::apply(const config::broker_config& wanted) {
    settings_ = wanted;
    loaded_ = std::chrono::system_clock::now();
    const auto limits = std::make_shared<const clients::client_limits>(settings_.limits);
    on_all_shards([limits](clients::shard_clients& there) { there.apply(*limits); });
    for (const auto& shard : shards_)
        shard->post([limits = settings_.exchange](exchange::shard& there) { there.apply(limits); });
    logins_->apply(settings_.accounts);
    registry_->apply(shared_list(settings_.handlers), settings_.limits.busy_timeout);
    supervisor_->apply(settings_.handlers);
    network_->apply(settings_.peering, settings_.peers);
}

// ---- the end -----------------------------------------------------------------------------------

void broker::parts::stop() {
    if (is_stopping_) return;
    is_stopping_ = true;
    stop_deadline_ = clock_type::now() + settings_.server.stop_grace;
    log::info("stopping: draining for {} s at most (server.stop_grace)",
              std::chrono::duration<double>(settings_.server.stop_grace).count());
    listeners_.close();
    account_timer_.cancel();
    const auto grace_ms = static_cast<std::uint64_t>(settings_.server.stop_grace.count());
    const std::uint64_t spread = std::min(longest_reconnect_ms, grace_ms / 2);
    on_all_shards([spread](clients::shard_clients& there) { there.drain(spread); });
    wait_until_answered(stop_deadline_);
}

void broker::parts::wait_until_answered(clock_type::time_point deadline) {
    const shard_totals totals = count_clients(shards_, clients_);
    if (totals.unanswered > 0 && clock_type::now() < deadline) {
        stop_timer_.expires_after(poll_interval);
        stop_timer_.async_wait([this, deadline](std::error_code error) {
            if (!error) wait_until_answered(deadline);
        });
        return;
    }
    if (totals.unanswered > 0)
        log::warning("{} without an answer at the end of server.stop_grace",
                     wire::counted(totals.unanswered, "message"));
    on_all_shards([](clients::shard_clients& there) { there.close_all(); });
    wait_until_closed(std::min(deadline, clock_type::now() + farewell));
}

void broker::parts::wait_until_closed(clock_type::time_point deadline) {
    if (count_clients(shards_, clients_).connections > 0 && clock_type::now() < deadline) {
        stop_timer_.expires_after(poll_interval);
        stop_timer_.async_wait([this, deadline](std::error_code error) {
            if (!error) wait_until_closed(deadline);
        });
        return;
    }
    stop_handlers();
}

void broker::parts::stop_handlers() {
    supervisor_->stop(clock_type::now() + settings_.server.stop_grace, [this] {
        network_->stop(clock_type::now() + settings_.server.stop_grace, [this] {
            control_server_->close();
            signals_.cancel();
            control_.stop();
        });
    });
}

broker::broker(std::string config_file, config::surroundings machine, config::broker_config settings,
               handlers::guard& guard)
    : parts_{std::make_unique<parts>(std::move(config_file), std::move(machine), std::move(settings), guard)} {}
broker::~broker() = default;
void broker::run() { parts_->run(); }

}  // namespace bester::cli
