#include "cli/client_listeners.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "clients/listener/listener_context.hpp"
#include "log/log.hpp"

namespace bester::cli {

namespace {

constexpr auto certificate_check_interval = std::chrono::hours{24};
constexpr auto expiry_notice = std::chrono::days{30};

std::chrono::sys_seconds wall_now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

void tell_of_expiry(const clients::listener& listener) {
    const tls::certificate_info& own = *listener.tls()->certificate();
    const clients::listener_settings& settings = listener.settings();
    const auto now = wall_now();
    const auto left = tls::days_left(own, now);
    if (left < 0)
        log::error(
            "listener {}: the certificate {} expired {} ago: clients refuse it; put a new one there, then "
            "bester reload",
            settings.name, settings.tls.certificate, tls::days_text(-left));
    else if (own.not_after - now < expiry_notice)
        log::warning("listener {}: the certificate {} expires in {}, on {}; put a new one there, then bester reload",
                     settings.name, settings.tls.certificate, tls::days_text(left), tls::format_time(own.not_after));
}

}  // namespace

client_listeners::client_listeners(asio::io_context& control, const std::vector<clients::listener_settings>& settings,
                                   const std::size_t& connection_limit, clients::connection_count& connections)
    : control_{control},
      settings_{settings},
      connection_limit_{connection_limit},
      connections_{connections},
      certificate_timer_{control} {}

void client_listeners::open(const clients::listener::hand_over& give, const clients::listener::turn_away& refuse) {
    auto loaded = load_contexts();
    if (!loaded) throw std::runtime_error{loaded.error()};
    for (std::size_t i = 0; i < settings_.size(); ++i) {
        const clients::listener_settings& wanted = settings_[i];
        auto& made = listeners_.emplace_back(
            std::make_unique<clients::listener>(control_, wanted, connection_limit_, connections_, give, refuse));
        made->use_tls((*loaded)[i]);
        const bool is_named = wanted.name != wanted.address;
        log::info("listening on {}{}{}", made->bound_address(), is_named ? " (" + wanted.name + ")" : "",
                  made->tls() ? ", TLS" : "");
    }
    watch_certificates();
}

tl::expected<client_listeners::contexts, std::string> client_listeners::load_contexts() const {
    contexts all;
    for (const clients::listener_settings& wanted : settings_) {
        if (!wanted.tls.is_on()) {
            all.emplace_back();
            continue;
        }
        auto loaded = tls::context::load(clients::context_settings_for(wanted.tls));
        if (!loaded) return tl::unexpected("listener " + wanted.name + ": " + loaded.error().reason);
        all.push_back(std::move(*loaded));
    }
    return all;
}

void client_listeners::use(contexts loaded) {
    for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->use_tls(std::move(loaded[i]));
}

void client_listeners::watch_certificates() {
    for (const auto& listener : listeners_)
        if (listener->tls()) tell_of_expiry(*listener);
    certificate_timer_.expires_after(certificate_check_interval);
    certificate_timer_.async_wait([this](std::error_code error) {
        if (!error) watch_certificates();
    });
}

void client_listeners::close() {
    certificate_timer_.cancel();
    for (const auto& listener : listeners_) listener->close();
}

}  // namespace bester::cli
