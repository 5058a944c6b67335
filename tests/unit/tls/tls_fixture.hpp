#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <ostream>
#include <string>

#include "tls/certificate_authority.hpp"
#include "tls/context.hpp"
#include "tls/engine.hpp"

namespace bester::tls {

std::ostream& operator<<(std::ostream& out, error_code code);
std::ostream& operator<<(std::ostream& out, handshake_status status);
std::ostream& operator<<(std::ostream& out, read_status status);

/// A directory that goes with its content.
class temporary_directory {
public:
    temporary_directory();
    ~temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    std::string path() const { return path_.string(); }
    std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

std::chrono::sys_seconds now();
validity some_days();
validity long_ago();

/// Throws the reason of what failed.
template <class Value>
Value must(result<Value> outcome) {
    if (!outcome)
        throw std::runtime_error(std::string(to_string(outcome.error().code)) + ": " + outcome.error().reason);
    if constexpr (!std::is_void_v<Value>) return *std::move(outcome);
}

/// An authority in a directory of its own, and what it issues.
class test_authority {
public:
    explicit test_authority(const std::string& name = "test authority", validity valid = some_days());

    /// Settings of a link for a server that is issued a certificate now, once.
    context_settings settings(const std::string& server, validity valid = some_days());
    /// The same with a certificate that says what the test wants.
    context_settings settings(const std::string& file, const certificate_request& request);
    std::shared_ptr<const context> link(const std::string& server) { return must(context::load(settings(server))); }

    std::string file(const std::string& name) const { return directory_.file(name); }
    std::string path() const { return directory_.path(); }
    const certificate_authority& authority() const { return authority_; }

private:
    temporary_directory directory_;
    certificate_authority authority_;
};

/// Gives what one side has to send to the other, in pieces of at most so many bytes; each piece goes
/// through a buffer that is overwritten after the call.
void deliver(engine& from, engine& to, std::size_t piece = 1 << 20);

/// Everything that the engine can read now; the status that ended it.
struct all_read {
    std::string text;
    read_status end;
};
all_read read_all(engine& from, std::size_t buffer = 1 << 16);

/// Two sides and how the handshake ended for each.
struct pair {
    engine dialler;
    engine acceptor;
    handshake_status dialled = handshake_status::want_more;
    handshake_status accepted = handshake_status::want_more;
};

/// Connects two sides until both are done or one failed; then the dialler has heard the verdict, too.
pair connect(std::shared_ptr<const context> dialler, std::shared_ptr<const context> acceptor,
             std::size_t piece = 1 << 20, const std::string& server_name = "");

}  // namespace bester::tls
