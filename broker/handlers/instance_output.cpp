#include "handlers/instance_output.hpp"

#include "handlers/output_log.hpp"
#include "log/log.hpp"

#include <asio/posix/stream_descriptor.hpp>

#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>

namespace bester::handlers {

namespace {

constexpr std::size_t read_size = 16 * 1024;
constexpr int reads_per_turn = 4;
constexpr int reads_at_the_end = 128;  // more than a pipe holds

}  // namespace

/// One pipe. Shared with its pending wait only, which does nothing once it has been closed.
class instance_output::pipe_reader : public std::enable_shared_from_this<pipe_reader> {
public:
    pipe_reader(asio::io_context& io, std::string mark, int fd)
        : log_([mark = std::move(mark)](log::level level, std::string_view line) {
              log::output_line(level, mark, line);
          }),
          pipe_(io, fd) {}

    void wait() {
        pipe_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](const asio::error_code& error) {
                             if (!error && self->pipe_.is_open() && self->read(reads_per_turn)) self->wait();
                         });
    }

    void finish() {
        if (!pipe_.is_open()) return;
        if (read(reads_at_the_end)) close();
    }

    void close() {
        asio::error_code ignored;
        pipe_.close(ignored);
        log_.finish(std::chrono::steady_clock::now());
    }

    const std::string& last_line() const { return log_.last_line(); }

private:
    /// False when the pipe has ended, and is closed.
    bool read(int most) {
        for (; most > 0; --most) {
            std::array<char, read_size> buffer;
            const ssize_t count = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
            if (count > 0) {
                log_.write({buffer.data(), static_cast<std::size_t>(count)}, std::chrono::steady_clock::now());
            } else if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
                return true;
            } else {
                close();
                return false;
            }
        }
        return true;
    }

    output_log log_;
    asio::posix::stream_descriptor pipe_;
};

instance_output::instance_output(asio::io_context& io, const std::string& label, int pid, int output, int errors) {
    const std::string mark = "[handler " + label + " pid " + std::to_string(pid);
    output_ = std::make_shared<pipe_reader>(io, mark + " out]", output);
    errors_ = std::make_shared<pipe_reader>(io, mark + " err]", errors);
    output_->wait();
    errors_->wait();
}

instance_output::~instance_output() { finish(); }

void instance_output::finish() {
    output_->finish();
    errors_->finish();
}

std::string instance_output::last_line() const {
    return errors_->last_line().empty() ? output_->last_line() : errors_->last_line();
}

}  // namespace bester::handlers
