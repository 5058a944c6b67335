#pragma once

#include "captured_log.hpp"
#include "event_loop.hpp"
#include "handlers/supervisor.hpp"
#include "temporary_directory.hpp"

#include <asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

namespace bester::handlers::testing {

/// The shards as the supervisor sees them: keeps channels and writes down what it is told.
class recording_host : public channel_host {
public:
    explicit recording_host(asio::io_context& io, unsigned shards) : io_(io), shards_(shards) {}
    ~recording_host() override;

    unsigned shards() const noexcept override { return shards_; }
    void open_channel(channel_offer offer) override;
    void instance_ready(const instance_ref& instance) override;
    void close_instance(const instance_ref& instance, const std::string& reason) override;
    void drain_instance(const instance_ref& instance) override;

    /// Sends a frame on every channel of the instance.
    void send(const instance_ref& instance, const std::string& json);

    supervisor* answers_to = nullptr;
    bool answers_drains = true;     ///< as if nothing were in flight
    bool fails_to_close = false;    ///< the next close_instance() has no memory
    bool fails_when_ready = false;  ///< the next instance_ready() has none
    std::vector<std::string> calls;
    std::vector<channel_offer> offers;
    std::vector<instance_ref> ready;

private:
    asio::io_context& io_;
    unsigned shards_;
    std::map<instance_ref, std::vector<int>> channels_;
};

/// A supervisor with a runtime directory of its own, driven by the test's thread.
struct supervisor_fixture {
    explicit supervisor_fixture(unsigned shards = 2);
    ~supervisor_fixture();

    /// An entry that runs test_handler.py in a mode.
    handler_settings entry(const std::string& name, const std::string& mode = "normal") const;
    void start(std::vector<handler_settings> entries) { runs->start(std::move(entries)); }
    bool wait(const std::function<bool()>& condition) { return eventually(io, condition); }
    /// Stops everything; false if that does not come to an end.
    bool stop(std::chrono::milliseconds drain = std::chrono::seconds(10));

    handler_status status_of(const std::string& name) const;
    /// The only instance of an entry.
    instance_status only(const std::string& name) const;
    bool is_ready(const std::string& name) const;
    bool has_call(const std::string& call) const;
    std::string socket_path() const { return directory.path("handlers.sock"); }

    temporary_directory directory;
    captured_log log;
    asio::io_context io;
    recording_host host;
    std::unique_ptr<supervisor> runs;
};

}  // namespace bester::handlers::testing
