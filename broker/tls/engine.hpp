#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tls/certificate_info.hpp"
#include "tls/context.hpp"

namespace bester::tls {

enum class handshake_status {
    want_more,  ///< send pending output, and call again with more input
    done,
    failed,  ///< see failure(); send pending output (it tells the peer why), then close
};

enum class read_status {
    data,
    want_more,  ///< all received input has been read
    closed,     ///< the peer sent close_notify; nothing more will come
    failed,     ///< see failure()
};

struct read_result {
    read_status status{};
    std::size_t size = 0;  ///< with `data`: how many bytes were put into the buffer, at least one
};

/// One TLS connection as bytes in, bytes out, for any event loop: no socket, no clock, no thread of its own. Belongs to
/// one thread at a time, and may be handed to another between calls. Movable; a moved-from engine can be assigned to or
/// destroyed. An error or close_notify is final.
///
/// A turn of the loop:   receive(what the socket had); handshake() until done; read() until want_more;
///                       write(…) any number of times; then one write() of pending_output() to the socket.
/// In the steady state this class does not allocate, and OpenSSL allocates two small blocks for a record of up to 16
/// KiB. Throws if there is no memory.
class engine {
public:
    /// Makes the engine of an accepted connection.
    static engine accept(std::shared_ptr<const context> context);
    /// Makes the engine of a dialled connection. The name is sent to the other side (SNI); empty: none. It proves
    /// nothing, so check peer_has_name() after the handshake.
    static engine connect(std::shared_ptr<const context> context, const std::string& server_name);

    ~engine();
    engine(engine&&) noexcept;
    engine& operator=(engine&&) noexcept;

    /// Takes input from the peer without copying it: the bytes must stay unchanged until handshake() or read() has
    /// returned want_more, failed or closed; a caller that stops earlier must call keep_input().
    void receive(std::string_view bytes);
    /// A temporary would be destroyed before it is read.
    template <std::same_as<std::string> Temporary>
    void receive(Temporary&& bytes) = delete;
    /// Copies what has not been read yet, so that the caller may use its buffer for something else.
    void keep_input();
    /// Notes the end of the transport; if the peer has not sent close_notify, reading fails.
    void end_input() noexcept;

    /// Continues the handshake as far as the input allows. A dialler's handshake is complete before the other side has
    /// checked its certificate: a refusal comes as the first result of read().
    handshake_status handshake();
    bool is_handshake_done() const noexcept;

    /// Decrypts as much as possible into a buffer that is not empty. Returns want_more before the handshake is
    /// complete.
    read_result read(std::span<char> into);

    /// Takes all bytes for encryption; returns false after a failure or end_output(). Small writes are gathered to
    /// records of 16 KiB. Output that is written before the handshake is complete is sent after it.
    bool write(std::string_view bytes);
    /// Sends close_notify after everything written; idempotent. Input can still be read.
    void shutdown();

    /// Returns the bytes to be sent to the peer, with everything written until now; valid until the next call.
    std::string_view pending_output();
    /// Removes the sent part of pending_output().
    void consume_output(std::size_t size) noexcept;
    /// Moves pending output to the end of another string. If that is empty, the two are swapped, so that two
    /// alternating strings cause no copies and allocations.
    void take_output(std::string& into);

    /// Returns the bytes that wait to be sent, encrypted or not; for limits of queues.
    std::size_t waiting_size() const noexcept;
    /// Returns the memory for an incomplete record, including OpenSSL's; 0 if there is none.
    std::size_t held_input() const noexcept;
    /// Returns the memory for output that was not taken.
    std::size_t held_output() const noexcept;
    /// Frees empty buffers (about 50 KiB after traffic), for connections that have been idle for a while; the next
    /// message allocates them again.
    void release_memory();

    /// Returns why it failed, as a text for the log; empty if it did not.
    const std::string& failure() const noexcept;

    /// Returns the peer's certificate, after the handshake, if one was requested.
    std::optional<certificate_info> peer_certificate() const;
    /// Returns its names: for a link, the servers that the peer may be.
    std::vector<std::string> peer_names() const;
    /// Returns whether this is exactly one of its names.
    bool peer_has_name(std::string_view name) const;

private:
    struct connection_state;
    explicit engine(std::unique_ptr<connection_state> state);
    std::unique_ptr<connection_state> state_;
};

}  // namespace bester::tls
