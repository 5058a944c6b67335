#include "web/websocket_decoder.hpp"

#include <algorithm>
#include <cstring>

#include "web/utf8.hpp"

namespace bester::web {

namespace {

constexpr std::size_t key_size = 4;

/// Returns the length of a header, from its second byte.
std::size_t header_length(char second) noexcept {
    const int length = second & 0x7f;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + key_size;
}

/// `at` is the index of the key's first byte.
void unmask(char* to, const char* from, std::size_t size, const char* key, std::size_t at) noexcept {
    char turned[8];
    for (std::size_t i = 0; i < sizeof turned; ++i) turned[i] = key[(at + i) % key_size];
    std::uint64_t mask = 0;
    std::memcpy(&mask, turned, sizeof mask);
    std::size_t i = 0;
    for (; i + sizeof mask <= size; i += sizeof mask) {
        std::uint64_t word = 0;
        std::memcpy(&word, from + i, sizeof word);
        word ^= mask;
        std::memcpy(to + i, &word, sizeof word);
    }
    for (; i < size; ++i) to[i] = static_cast<char>(from[i] ^ turned[i % key_size]);
}

bool is_control(opcode kind) noexcept { return static_cast<unsigned>(kind) >= 8; }

}  // namespace

websocket_decoder::websocket_decoder(websocket_pool& pool, const websocket_settings& settings) noexcept
    : pool_{&pool}, settings_{settings} {
    static_assert(sizeof(websocket_decoder) <= 200, "there are many of them, and most are idle");
}

websocket_decoder::~websocket_decoder() { give_back(); }

websocket_found websocket_decoder::decode(std::string_view bytes) {
    if (is_again_) {
        is_again_ = false;
        last_.body = held_->data.view();
        last_.consumed = 0;
        give_back();
        return last_;
    }
    if (phase_ == phase::failed) return last_;
    const std::size_t given = bytes.size();
    last_ = {};
    while (phase_ != phase::ended) {
        if (phase_ == phase::header) {
            const bool is_whole = take_header(bytes);
            if (header_size_ >= 2 && (header_[1] & 0x80) == 0)
                return fail(close_code::protocol_error, "a frame is not masked");
            if (!is_whole) break;
            std::string_view why;
            if (const close_code code = begin_frame(why); code != close_code::none) return fail(code, why);
        }
        if (take_payload(bytes, last_)) {
            last_.consumed = given - bytes.size();
            return last_;
        }
        if (bytes.empty()) break;
    }
    last_.consumed = given;
    return last_;
}

void websocket_decoder::give_again() {
    if (last_.status != websocket_status::message || is_again_) return;
    is_again_ = true;
    held_ = pool_->take_again(last_.body);  // there was none: a message ends where no other one is half received
}

/// Returns whether the header is complete.
bool websocket_decoder::take_header(std::string_view& bytes) {
    const auto take_up_to = [&](std::size_t wanted) {
        if (header_size_ >= wanted) return true;
        const std::size_t size = std::min(wanted - header_size_, bytes.size());
        std::memcpy(header_.data() + header_size_, bytes.data(), size);
        header_size_ = static_cast<std::uint8_t>(header_size_ + size);
        bytes.remove_prefix(size);
        return header_size_ == wanted;
    };
    return take_up_to(2) && take_up_to(header_length(header_[1]));
}

/// Returns the most bytes of a message on the wire: incompressible data grows a little when it is deflated.
std::size_t websocket_decoder::largest_payload() const noexcept {
    return is_deflated_ ? settings_.message_limit + settings_.message_limit / 256 + 64 : settings_.message_limit;
}

close_code websocket_decoder::begin_frame(std::string_view& why) {
    frame_header header;
    const std::string_view bytes{header_.data(), header_size_ - key_size};
    const std::uint64_t longest = std::max<std::uint64_t>(2 * settings_.message_limit + 64, max_control_size);
    if (!pool_->headers_.read(bytes, longest, header)) {
        why = "a frame's length is not as it must be";
        return close_code::protocol_error;
    }
    opcode_ = static_cast<opcode>(header.opcode);
    is_final_ = header.is_final;
    left_ = header.size;
    mask_at_ = 0;
    phase_ = phase::payload;
    if (header.opcode > 10 || (header.opcode > 2 && header.opcode < 8)) {
        why = "a reserved opcode";
        return close_code::protocol_error;
    }
    const bool begins_message = opcode_ == opcode::text || opcode_ == opcode::binary;
    if ((header.reserved & ~(settings_.is_compressed && begins_message ? 4u : 0u)) != 0) {
        why = "a reserved bit is set";
        return close_code::protocol_error;
    }
    return is_control(opcode_) ? close_code::none : check_data_frame(header, why);
}

close_code websocket_decoder::check_data_frame(const frame_header& header, std::string_view& why) {
    if ((opcode_ == opcode::continuation) != is_in_message_) {
        why = is_in_message_ ? "a message begins within another" : "a continuation of nothing";
        return close_code::protocol_error;
    }
    if (!is_in_message_) {
        is_binary_ = opcode_ == opcode::binary;
        is_deflated_ = header.reserved != 0;
        received_ = 0;
    }
    if (is_binary_ && !settings_.allows_binary) {
        why = "binary messages are not taken here";
        return close_code::unsupported_data;
    }
    const std::uint64_t largest = largest_payload();
    if (received_ > largest || header.size > largest - received_) {
        why = "a message is too large";
        return close_code::message_too_large;
    }
    received_ += header.size;
    return close_code::none;
}

/// Takes the available payload; returns whether that completed something for the caller.
bool websocket_decoder::take_payload(std::string_view& bytes, websocket_found& found) {
    const std::string_view piece = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
    bytes.remove_prefix(piece.size());
    left_ -= piece.size();
    const bool has_found = is_control(opcode_) ? take_control(piece, found) : take_data(piece, found);
    if (left_ > 0) {
        mask_at_ = static_cast<std::uint8_t>((mask_at_ + piece.size()) % key_size);
    } else {
        header_size_ = 0;
        if (phase_ == phase::payload) phase_ = phase::header;
    }
    return has_found;
}

bool websocket_decoder::take_control(std::string_view piece, websocket_found& found) {
    if (left_ > 0 && piece.empty()) return false;
    const char* const key = header_.data() + header_size_ - key_size;
    const bool is_in_part = left_ > 0 || (held_ && held_->control_size > 0);
    char body[max_control_size];
    std::size_t size = piece.size();
    if (is_in_part) {
        held_message& part = held();
        unmask(part.control.data() + part.control_size, piece.data(), piece.size(), key, mask_at_);
        part.control_size = static_cast<std::uint8_t>(part.control_size + piece.size());
        if (left_ > 0) return false;
        size = part.control_size;
        std::memcpy(body, part.control.data(), size);
        part.control_size = 0;
        if (!is_in_message_) give_back();
    } else {
        unmask(body, piece.data(), size, key, 0);
    }
    pool_->scratch_.clear();
    std::memcpy(pool_->scratch_.extend(size), body, size);
    const std::string_view text = pool_->scratch_.view();
    if (opcode_ == opcode::close) found = finish_close(text);
    else
        found = {opcode_ == opcode::ping ? websocket_status::ping : websocket_status::pong, false, close_code::none, 0,
                 text};
    return true;
}

bool websocket_decoder::take_data(std::string_view piece, websocket_found& found) {
    const char* const key = header_.data() + header_size_ - key_size;
    if (is_final_ && left_ == 0 && !held_) {
        pool_->scratch_.clear();
        unmask(pool_->scratch_.extend(piece.size()), piece.data(), piece.size(), key, mask_at_);
        is_in_message_ = false;
        found = finish_message(pool_->scratch_.view());
        return true;
    }
    // A frame whose payload has not begun needs no buffer.
    if (!piece.empty()) unmask(held().data.extend(piece.size()), piece.data(), piece.size(), key, mask_at_);
    is_in_message_ = true;
    if (left_ > 0 || !is_final_) return false;
    is_in_message_ = false;
    held_->data.reserve(0);
    const std::string_view body = held_->data.view();
    give_back();
    found = finish_message(body);
    return true;
}

websocket_found websocket_decoder::finish_message(std::string_view body) {
    if (is_deflated_) {
        std::string_view message;
        switch (pool_->inflater_.inflate(body, settings_.message_limit, message)) {
            case inflate_status::done: break;
            case inflate_status::bad: return fail(close_code::invalid_data, "a message cannot be decompressed");
            case inflate_status::too_large: return fail(close_code::message_too_large, "a message is too large");
        }
        body = message;
    }
    if (!is_binary_ && !is_utf8(body)) return fail(close_code::invalid_data, "a text is not UTF-8");
    return {websocket_status::message, is_binary_, close_code::none, 0, body};
}

websocket_found websocket_decoder::finish_close(std::string_view body) {
    if (body.size() == 1) return fail(close_code::protocol_error, "a close frame with half a code");
    close_code code = close_code::no_status;
    if (!body.empty()) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(body[i])); };
        code = static_cast<close_code>(byte(0) << 8 | byte(1));
        body.remove_prefix(2);
        if (!may_be_sent(code)) return fail(close_code::protocol_error, "a close code that is none");
        if (!is_utf8(body)) return fail(close_code::invalid_data, "the reason of a close frame is not UTF-8");
    }
    phase_ = phase::ended;
    give_back();
    return {websocket_status::close, false, code, 0, body};
}

websocket_found websocket_decoder::fail(close_code code, std::string_view why) {
    phase_ = phase::failed;
    give_back();
    return last_ = {websocket_status::failed, false, code, 0, why};
}

held_message& websocket_decoder::held() {
    if (!held_) held_ = pool_->take();
    return *held_;
}

void websocket_decoder::give_back() {
    if (held_) pool_->give_back(std::move(held_));
}

}  // namespace bester::web
