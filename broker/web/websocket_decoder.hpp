#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "web/close_code.hpp"
#include "web/websocket_frame.hpp"
#include "web/websocket_pool.hpp"

namespace bester::web {

struct websocket_settings {
    std::size_t message_limit = std::size_t{1} << 20;  ///< limit of a whole message, decompressed
    bool allows_binary = false;                        ///< else a binary message is refused with 1003
    bool is_compressed = false;                        ///< permessage-deflate was agreed upon
};

enum class websocket_status : std::uint8_t {
    need_more,  ///< all input was consumed, and nothing is complete
    message,
    ping,  ///< to be answered with a pong of the same body
    pong,
    close,   ///< `code` and `body` are the client's; to be answered. Later input is ignored
    failed,  ///< send a close frame with `code`, and close; this status is final
};

/// The result of decode().
struct websocket_found {
    websocket_status status = websocket_status::need_more;
    bool is_binary = false;
    close_code code = close_code::none;
    std::size_t consumed = 0;
    /// Followed by wire::json_padding readable bytes; valid until the next call to any decoder of the pool. The reason
    /// of a failure, for the log; static text.
    std::string_view body = {};
};

/// Cuts a client's input after the handshake, in any pieces, into messages and control frames (RFC 6455, section 5).
/// wslay reads the headers; masks, order of fragments, sizes, UTF-8, close codes and compression are checked here. The
/// size of a message is checked when a header announces it, before memory is taken, and memory is taken as its bytes
/// come.
///
/// Between messages it holds no memory outside of the object. Belongs to one thread, that of its pool, which outlives
/// it.
class websocket_decoder {
public:
    websocket_decoder(websocket_pool& pool, const websocket_settings& settings) noexcept;
    ~websocket_decoder();
    websocket_decoder(const websocket_decoder&) = delete;
    websocket_decoder& operator=(const websocket_decoder&) = delete;

    websocket_found decode(std::string_view bytes);
    /// Makes the next decode() return the last message once more, without consuming input, because it was not taken.
    /// Must be called before any other decoder of the pool is used.
    void give_again();

    /// Returns the memory that it holds for incomplete messages and those to be given again.
    std::size_t held_bytes() const noexcept { return held_ ? sizeof *held_ + held_->data.capacity() : 0; }
    /// Returns whether a message or a frame has begun that is not complete.
    bool has_begun() const noexcept {
        return phase_ != phase::failed && !is_again_ && (header_size_ > 0 || is_in_message_ || held_);
    }
    /// Drops everything that it holds; decodes nothing from then on.
    void discard() {
        phase_ = phase::ended;
        is_again_ = false;
        give_back();
    }

    /// Applies from the next frame on.
    void set_message_limit(std::size_t limit) noexcept { settings_.message_limit = limit; }

private:
    enum class phase : std::uint8_t { header, payload, ended, failed };

    bool take_header(std::string_view& bytes);
    close_code begin_frame(std::string_view& why);
    close_code check_data_frame(const frame_header& header, std::string_view& why);
    bool take_payload(std::string_view& bytes, websocket_found& found);
    bool take_control(std::string_view piece, websocket_found& found);
    bool take_data(std::string_view piece, websocket_found& found);
    websocket_found finish_message(std::string_view body);
    websocket_found finish_close(std::string_view body);
    websocket_found fail(close_code code, std::string_view why);
    std::size_t largest_payload() const noexcept;
    held_message& held();
    void give_back();

    websocket_pool* pool_;
    std::unique_ptr<held_message> held_;
    websocket_settings settings_;
    std::uint64_t left_ = 0;      ///< bytes of the frame's payload that are missing
    std::uint64_t received_ = 0;  ///< bytes of the message on the wire, including this frame
    std::array<char, 14> header_{};
    std::uint8_t header_size_ = 0;
    std::uint8_t mask_at_ = 0;  ///< index of the key's next byte
    phase phase_ = phase::header;
    opcode opcode_ = opcode::text;  ///< of the frame
    bool is_final_ = false;
    bool is_in_message_ = false;  ///< a data frame that is not final has begun it
    bool is_binary_ = false;      ///< this and the next: of the message
    bool is_deflated_ = false;
    bool is_again_ = false;
    websocket_found last_;
};

}  // namespace bester::web
