#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace bester::web {

/// The header of a WebSocket frame, without its masking key.
struct frame_header {
    std::uint64_t size = 0;  ///< of the body
    std::uint8_t opcode = 0;
    std::uint8_t reserved = 0;  ///< RSV1 is 4, RSV2 is 2, RSV3 is 1
    bool is_final = false;
};

/// Reads headers of frames with wslay, which checks the rules of RFC 6455 for lengths and control frames.
///
/// wslay unmasks bodies byte by byte, 1.8 ns each (375 ns for 200 bytes, where a whole round trip over TCP takes the
/// broker 1.2 µs), and holds 4 KiB a connection. So each frame is presented to it as not masked and with its body
/// already received: wslay only counts the body, and is at the beginning of the next frame afterwards. A header then
/// costs 10 ns, and one wslay context serves a whole shard.
///
/// Belongs to one thread.
class frame_header_reader {
public:
    frame_header_reader();
    ~frame_header_reader();
    frame_header_reader(const frame_header_reader&) = delete;
    frame_header_reader& operator=(const frame_header_reader&) = delete;

    /// Reads `bytes`, a whole header of a frame with MASK set; returns false if the RFC does not allow it. The caller
    /// must refuse a body above `longest`.
    bool read(std::string_view bytes, std::uint64_t longest, frame_header& header);

private:
    struct context;
    std::unique_ptr<context> context_;
};

}  // namespace bester::web
