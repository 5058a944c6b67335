#include "cli/logging.hpp"

#include <iostream>
#include <memory>
#include <mutex>

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "files/takes_output.hpp"
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

/// The sink of the broker's logger, which writes to another one that may be exchanged while lines are written.
class changing_sink final : public spdlog::sinks::sink {
public:
    void use(spdlog::sink_ptr wanted) {
        const std::lock_guard lock{mutex_};
        now_.swap(wanted);  // the one before ends without the lock, when no line is being written to it
    }
    void log(const spdlog::details::log_msg& message) override {
        if (const auto to = now()) to->log(message);
    }
    void flush() override {
        if (const auto to = now()) to->flush();
    }
    void set_pattern(const std::string&) override {}  // each has its own
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

private:
    /// A stopped terminal holds up the thread that writes, but not the one that exchanges the sink.
    spdlog::sink_ptr now() {
        const std::lock_guard lock{mutex_};
        return now_;
    }

    std::mutex mutex_;
    spdlog::sink_ptr now_;
};

/// Lives as long as the logger.
std::shared_ptr<changing_sink>& outlet() {
    static std::shared_ptr<changing_sink> sink;
    return sink;
}

}  // namespace

logging::logging(const config::log_settings& settings) {
    spdlog::init_thread_pool(queued_lines, 1);
    outlet() = std::make_shared<changing_sink>();
    auto logger = std::make_shared<spdlog::async_logger>("bester", outlet(), spdlog::thread_pool(),
                                                         spdlog::async_overflow_policy::overrun_oldest);
    logger->flush_on(spdlog::level::info);
    // Once, while there is one thread: loggers must not be exchanged while others write.
    spdlog::set_default_logger(std::move(logger));
    if (!apply(settings)) {
        log_to_terminal();
        throw std::runtime_error{"cannot open log.file " + settings.file};
    }
}

logging::~logging() { spdlog::shutdown(); }

bool logging::apply(const config::log_settings& settings) {
    if (!settings.file.empty() && !files::takes_output(settings.file)) return false;
    try {
        spdlog::sink_ptr sink;
        if (settings.file.empty()) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        else sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.file);
        sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
        outlet()->use(std::move(sink));
        spdlog::default_logger_raw()->set_level(level_of(settings.level));
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
