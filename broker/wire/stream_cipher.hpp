#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace bester::wire {

/// The layer between a stream and its socket: TLS. Bytes in, bytes out, no socket of its own. Belongs to the stream,
/// used on its shard's thread.
class stream_cipher {
public:
    /// Results of read() that are not a number of bytes.
    static constexpr std::ptrdiff_t nothing = 0;  ///< all received input has been read
    static constexpr std::ptrdiff_t ended = -1;   ///< the peer has finished sending
    static constexpr std::ptrdiff_t failed = -2;  ///< the connection cannot go on

    virtual ~stream_cipher() = default;
    /// Returns whether the handshake is not finished, which costs more time than anything later.
    virtual bool is_opening() const noexcept = 0;
    /// Takes input from the socket; the bytes must stay unchanged until read() returns `nothing` or less.
    virtual void receive(std::string_view bytes) = 0;
    /// Copies input that is not read, so that the caller's bytes need not stay.
    virtual void keep_input() = 0;
    /// Writes plain bytes into the buffer; returns their number, or one of the results above.
    virtual std::ptrdiff_t read(std::span<char> into) = 0;
    /// Takes plain bytes to be sent; returns false if the connection cannot go on.
    virtual bool write(std::string_view bytes) = 0;
    /// Ends the output.
    virtual void end_output() = 0;
    /// Returns the bytes for the socket; valid until the next call.
    virtual std::string_view pending_output() = 0;
    virtual void consume_output(std::size_t size) noexcept = 0;
    /// Returns the memory for received input that cannot be read yet, a part of a record; 0 if there is none.
    virtual std::size_t held_input() const noexcept = 0;
    /// Returns the memory for output to the socket.
    virtual std::size_t held_output() const noexcept = 0;
};

}  // namespace bester::wire
