#include "cli/logging.hpp"

#include <iostream>

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "log/log.hpp"

namespace bester::cli {
namespace {

constexpr std::size_t queued_lines = 8'192;

spdlog::level::level_enum level_of(config::log_level level) {
    switch (level) {
        case config::log_level::trace: return spdlog::level::trace;
        case config::log_level::debug: return spdlog::level::debug;
        case config::log_level::info: return spdlog::level::info;
        case config::log_level::warning: return spdlog::level::warn;
        case config::log_level::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

}  // namespace

logging::logging(const config::log_settings& settings) {
    spdlog::init_thread_pool(queued_lines, 1);
    if (!apply(settings)) throw std::runtime_error{"cannot open log.file " + settings.file};
}

logging::~logging() { spdlog::shutdown(); }

bool logging::apply(const config::log_settings& settings) {
    try {
        spdlog::sink_ptr sink;
        if (settings.file.empty()) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        else sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.file);
        auto logger = std::make_shared<spdlog::async_logger>("bester", std::move(sink), spdlog::thread_pool(),
                                                             spdlog::async_overflow_policy::overrun_oldest);
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
        logger->set_level(level_of(settings.level));
        logger->flush_on(spdlog::level::info);
        spdlog::set_default_logger(std::move(logger));
        return true;
    } catch (const spdlog::spdlog_ex&) {
        return false;
    }
}

void logging::reopen(const config::log_settings& settings) {
    if (!settings.file.empty() && !apply(settings))
        log::error("log.file {} cannot be opened anew; the log goes on where it was", settings.file);
}

std::size_t logging::dropped_lines() { return spdlog::thread_pool()->overrun_counter(); }

log_reminder::log_reminder(asio::io_context& on) : timer_{on} { wait(); }

void log_reminder::wait() {
    constexpr std::chrono::seconds interval{1};
    timer_.expires_after(interval);
    timer_.async_wait([this](const asio::error_code& cancelled) {
        if (cancelled) return;
        wait();  // first, so that nothing keeps it from going on
        log::tell_left_out();
    });
}

void log_failure(const std::string& what, const config::log_settings& settings) {
    spdlog::critical("{}", what);
    if (!settings.file.empty()) std::cerr << "bester: " << what << "\n";
}

void log_to_terminal() {
    auto logger = std::make_shared<spdlog::logger>("bester", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("bester: %l: %v");
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace bester::cli
