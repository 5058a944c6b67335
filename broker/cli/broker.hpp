#pragma once

#include <memory>
#include <string>

#include "config/broker_config.hpp"
#include "config/surroundings.hpp"

namespace bester::handlers {
class guard;
}

namespace bester::cli {

/// The whole broker: its parts, their start, reload and end. It owns the shards' threads; everything else happens on
/// the thread that calls run(), the control thread.
class broker {
public:
    /// Throws if an address, the accounts or the runtime directory cannot be used.
    broker(std::string config_file, config::surroundings machine, config::broker_config settings,
           handlers::guard& guard);
    ~broker();
    broker(const broker&) = delete;
    broker& operator=(const broker&) = delete;

    /// Serves until SIGTERM, SIGINT or an administrator's stop, and everything is drained and closed.
    void run();

private:
    class parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace bester::cli
