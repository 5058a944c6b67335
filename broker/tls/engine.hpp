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
    want_more,  ///< send what is pending, and come back with more from the peer
    done,
    failed,  ///< see failure(); send what is pending (it tells the peer why), then close
};

enum class read_status {
    data,
    want_more,  ///< nothing left: all that was received has been read
    closed,     ///< the peer said farewell (close_notify); nothing more will come
    failed,     ///< see failure()
};

struct read_result {
    read_status status{};
    std::size_t size = 0;  ///< with `data`: how many bytes were put into the buffer, at least one
};

/// One TLS connection as bytes in, bytes out, for any event loop: no socket, no clock, no thread of its
/// own. Belongs to one thread at a time, and may be handed to another between calls. Movable; one that
/// was moved from can be assigned to or destroyed. After an error or a farewell it stays there.
///
/// A turn of the loop:   receive(what the socket had); handshake() until done; read() until want_more;
///                       write(…) any number of times; then one write() of pending_output() to the socket.
/// In the steady state nothing is allocated here, and by OpenSSL two small pieces for a record of up to
/// 16 KiB. Running out of memory throws.
class engine {
public:
    /// For a connection that was accepted.
    static engine accept(std::shared_ptr<const context> context);
    /// For one that was dialled. The name is shown to the other side (SNI); empty: none. It proves
    /// nothing, so look at peer_has_name() after the handshake.
    static engine connect(std::shared_ptr<const context> context, const std::string& server_name);

    ~engine();
    engine(engine&&) noexcept;
    engine& operator=(engine&&) noexcept;

    /// Takes what came from the peer. The bytes are not copied: they must stay as they are until
    /// handshake() or read() has said want_more, or failed, or closed; whoever wants to stop before
    /// that calls keep_input().
    void receive(std::string_view bytes);
    /// A temporary would be gone before it is read.
    template <std::same_as<std::string> Temporary>
    void receive(Temporary&& bytes) = delete;
    /// Copies what has not been read yet, so that the caller may use its buffer for something else.
    void keep_input();
    /// The transport has ended; if the peer did not say farewell before, reading will fail.
    void end_input() noexcept;

    /// Goes on with the handshake as far as what was received allows. A dialler is done before the other
    /// side has looked at its certificate: a refusal then comes as the first result of read().
    handshake_status handshake();
    bool is_handshake_done() const noexcept;

    /// Decrypts into a buffer (not an empty one), as much as there is and fits. Before the handshake is
    /// done: want_more.
    read_result read(std::span<char> into);

    /// Takes bytes to be encrypted, all of them; false after a failure or our own farewell. Small ones
    /// are gathered to records of 16 KiB. What is written before the handshake is done goes out after it.
    bool write(std::string_view bytes);
    /// Says farewell (close_notify) after what was written; idempotent. What comes in can still be read.
    void shutdown();

    /// What is to be sent to the peer, with all that was written until now; stays as it is until the
    /// next call.
    std::string_view pending_output();
    /// So much of pending_output() was sent.
    void consume_output(std::size_t size) noexcept;
    /// Moves what is to be sent to the end of another string. If that is empty the two are exchanged,
    /// so that with two strings taking turns nothing is copied or allocated.
    void take_output(std::string& into);

    /// Bytes that wait to be sent, before they are encrypted or after; for limits of queues.
    std::size_t waiting_size() const noexcept;
    /// Memory for what was received and is no whole record yet, OpenSSL's included. None: 0.
    std::size_t held_input() const noexcept;
    /// Memory for what was written and has not been taken out.
    std::size_t held_output() const noexcept;
    /// Gives back the memory of buffers that hold nothing (some 50 KiB after traffic). For connections
    /// that have been idle for a while; the next message takes it again.
    void release_memory();

    /// Why it failed, in words for a log; empty if it did not.
    const std::string& failure() const noexcept;

    /// What the peer showed, once the handshake is done and if a certificate was asked for.
    std::optional<certificate_info> peer_certificate() const;
    /// Its names: for a link, servers that the peer may be.
    std::vector<std::string> peer_names() const;
    /// Is this exactly one of its names?
    bool peer_has_name(std::string_view name) const;
    /// The application protocol that was agreed upon; empty if none.
    std::string_view alpn() const noexcept;
    /// "TLSv1.3"
    std::string_view version() const noexcept;
    /// The name that the dialler asked for (SNI); empty if none.
    std::string_view requested_name() const noexcept;

private:
    struct connection_state;
    explicit engine(std::unique_ptr<connection_state> state);
    std::unique_ptr<connection_state> state_;
};

}  // namespace bester::tls
