#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace bester::wire {

/// What stands between a stream and its socket: TLS. Bytes in, bytes out, no socket of its own. Belongs
/// to the stream, used on its shard's thread.
class stream_cipher {
public:
    /// Results of read() that are no number of bytes.
    static constexpr std::ptrdiff_t nothing = 0;  ///< all that was received has been read
    static constexpr std::ptrdiff_t ended = -1;   ///< the peer will send nothing more
    static constexpr std::ptrdiff_t failed = -2;  ///< the connection cannot go on

    virtual ~stream_cipher() = default;
    /// Whether the connection is being opened still, which costs more time than anything that comes later.
    virtual bool is_opening() const noexcept = 0;
    /// Takes what came over the socket; the bytes must stay until read() gives `nothing` or less.
    virtual void receive(std::string_view bytes) = 0;
    /// Copies what has not been read, so that the bytes need not stay.
    virtual void keep_input() = 0;
    /// Puts plain bytes into the buffer; how many, or one of the above.
    virtual std::ptrdiff_t read(std::span<char> into) = 0;
    /// Takes plain bytes to be sent. False: the connection cannot go on.
    virtual bool write(std::string_view bytes) = 0;
    /// Says that nothing more will be written.
    virtual void end_output() = 0;
    /// What is to go over the socket, until the next call.
    virtual std::string_view pending_output() = 0;
    virtual void consume_output(std::size_t size) noexcept = 0;
    /// Memory that it holds of what was received and cannot be read yet: part of a record. None: 0.
    virtual std::size_t held_input() const noexcept = 0;
    /// Memory that it holds of what is to go over the socket.
    virtual std::size_t held_output() const noexcept = 0;
};

}  // namespace bester::wire
