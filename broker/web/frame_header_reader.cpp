#include "web/frame_header_reader.hpp"

#include <wslay/wslay.h>
#include <algorithm>
#include <cstring>
#include <new>

namespace bester::web {

struct frame_header_reader::context {
    context() { open(); }
    ~context() { wslay_frame_context_free(wslay); }
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    void open() {
        const wslay_frame_callbacks callbacks{nullptr, give, nullptr};
        if (wslay_frame_context_init(&wslay, &callbacks, this) != 0) throw std::bad_alloc{};
    }
    /// After an error wslay is in the middle of a frame.
    void reopen() {
        wslay_frame_context_free(wslay);
        wslay = nullptr;
        open();
    }

    /// The input that wslay reads: first the header, then as many bytes as the body still has.
    static ssize_t give(std::uint8_t* to, std::size_t room, int, void* user_data) noexcept {
        auto& self = *static_cast<context*>(user_data);
        if (self.is_given) {
            const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(room, self.owed));
            self.owed -= size;
            return static_cast<ssize_t>(size);  // the bytes are not read: wslay only counts them
        }
        self.is_given = true;
        std::memcpy(to, self.header.data(), self.header.size());
        to[1] &= 0x7f;
        return static_cast<ssize_t>(self.header.size());
    }

    wslay_frame_context_ptr wslay = nullptr;
    std::string_view header;
    std::uint64_t owed = 0;
    bool is_given = false;
};

frame_header_reader::frame_header_reader() : context_{std::make_unique<context>()} {}
frame_header_reader::~frame_header_reader() = default;

bool frame_header_reader::read(std::string_view bytes, std::uint64_t longest, frame_header& header) {
    context& self = *context_;
    self.header = bytes;
    self.is_given = false;
    self.owed = 1;  // wslay reports the header with the first byte of the body
    wslay_frame_iocb frame{};
    ssize_t counted = wslay_frame_recv(self.wslay, &frame);
    if (counted < 0) {
        self.reopen();
        return false;
    }
    header = {frame.payload_length, frame.opcode, frame.rsv, frame.fin != 0};
    if (frame.payload_length > longest) {
        self.reopen();
        return true;
    }
    self.owed = frame.payload_length - static_cast<std::uint64_t>(counted);
    while (self.owed > 0) counted = wslay_frame_recv(self.wslay, &frame);
    return true;
}

}  // namespace bester::web
