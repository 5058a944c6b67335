#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bester::test {

/// One connection as the server sees it: whole frames in and out. Every wait ends after 10 s.
class server_side {
public:
    explicit server_side(int fd);

    std::optional<std::string> read_frame();
    /// Reads the log-in, says yes, and returns the log-in.
    std::string accept_login(const std::string& user = "tina");
    void write_frame(std::string_view body);
    void write_bytes(std::string_view bytes);
    void say_good(const std::string& id, int delivered = 1);
    void deliver(const std::string& type, const std::string& data, const std::string& id = {});
    /// Closes our half, and waits until the client has closed its own.
    void close();

private:
    int fd_;
};

/// Listens on a free loopback port, or on a UNIX socket, and runs one script for each connection,
/// one after the other, on a thread of its own. The destructor waits for it. Scripts must not
/// assert: they note what they saw, and the test looks at it after `finish`.
class frame_server {
public:
    using script = std::function<void(server_side&)>;

    explicit frame_server(std::vector<script> scripts, std::string path = {});
    ~frame_server();
    frame_server(const frame_server&) = delete;
    frame_server& operator=(const frame_server&) = delete;

    const std::string& endpoint() const { return endpoint_; }
    /// Waits until all scripts have run.
    void finish();

private:
    void serve(const std::vector<script>& scripts);

    int listener_ = -1;
    std::string path_;
    std::string endpoint_;
    std::thread thread_;
};

}  // namespace bester::test
