#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include <bester/client_events.hpp>

#include "endpoint.hpp"
#include "file_descriptor.hpp"
#include "tls_session.hpp"

namespace bester::client_detail {

/// Frames (4-byte little-endian length, then the body) over one non-blocking stream socket, through TLS
/// if it is given. Owns the socket, the session and both buffers. One thread. After a failure it stays failed; what was
/// received completely before can still be fetched.
class frame_stream {
public:
    frame_stream(file_descriptor socket, std::size_t receive_limit, std::optional<tls_session> tls = {});
    frame_stream(const frame_stream&) = delete;
    frame_stream& operator=(const frame_stream&) = delete;
    ~frame_stream();  ///< says farewell where TLS wants it, if the socket takes it at once

    /// Adds a frame to the output; `wait` writes it.
    void enqueue(std::string_view body);
    bool has_output() const noexcept { return written_ < output().size(); }

    /// Waits until something can be read or written and does it; false if nothing could be done
    /// until then. Reads and writes at the same time, so that two full sockets never block each other.
    bool wait(deadline until);

    /// The next complete frame, if there is one.
    std::optional<std::string> next_frame();

    /// Set when the stream has ended: `connection_lost`, `tls_failed`, `too_large` or `bad_frame`.
    const std::optional<error_info>& failure() const noexcept { return failure_; }
    int descriptor() const noexcept { return socket_.get(); }

private:
    std::string& output() noexcept { return tls_ ? tls_->output() : output_; }
    const std::string& output() const noexcept { return tls_ ? tls_->output() : output_; }
    void read();
    void write();
    ssize_t receive();
    void fail(std::string code, std::string reason);

    file_descriptor socket_;
    std::size_t receive_limit_;
    std::optional<tls_session> tls_;
    std::string input_;
    std::size_t consumed_ = 0;
    std::string output_;
    std::size_t written_ = 0;
    std::optional<error_info> failure_;
};

}  // namespace bester::client_detail
