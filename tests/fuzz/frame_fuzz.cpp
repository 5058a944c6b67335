// Cuts the input into frames: whole, byte by byte, and at cuts that the input itself chooses. All
// must give the same frames and the same end.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz_input.hpp"
#include "wire/frame.hpp"

namespace {

using namespace bester::wire;

struct outcome {
    std::vector<std::string> bodies;
    frame_status end = frame_status::need_more;
    std::size_t left_over = 0;

    bool operator==(const outcome&) const = default;
};

/// Reads as a session does: an incomplete tail is kept, and nothing after lost framing is looked at.
template <class NextSize>
outcome read_all(std::string_view stream, std::size_t limit, NextSize&& next_size) {
    outcome result;
    std::string tail;
    while (!stream.empty()) {
        const std::size_t size = std::clamp<std::size_t>(next_size(), 1, stream.size());
        // A buffer of exactly this size, so that AddressSanitizer sees who reads further.
        const std::string bytes = tail + std::string{stream.substr(0, size)};
        stream.remove_prefix(size);
        std::string_view rest = bytes;
        for (;;) {
            const frame_result frame = decode_frame(rest, limit);
            result.end = frame.status;
            if (frame.status == frame_status::need_more) {
                require(frame.missing > 0 && frame.consumed == 0);
                break;
            }
            if (frame.status != frame_status::complete) return result;
            require(frame.body.size() >= smallest_frame && frame.body.size() <= limit);
            require(frame.consumed == frame_header_size + frame.body.size() && frame.consumed <= rest.size());
            result.bodies.emplace_back(frame.body);
            rest.remove_prefix(frame.consumed);
        }
        tail = rest;
        result.left_over = tail.size();
    }
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view input = as_text(data, size);
    if (input.empty()) return 0;
    const std::size_t limit = 2 + static_cast<unsigned char>(input[0]) * std::size_t{4};
    const std::string_view stream = input.substr(1);
    // Lost framing ends all; what was left over before it depends on where the pieces ended.
    const auto settled = [](outcome o) {
        if (o.end != frame_status::need_more) o.left_over = 0;
        return o;
    };
    const outcome whole = settled(read_all(stream, limit, [&] { return stream.size(); }));
    require(settled(read_all(stream, limit, [] { return std::size_t{1}; })) == whole);
    std::size_t at = 0;
    const auto chosen = [&] { return static_cast<unsigned char>(input[at++ % input.size()]) % std::size_t{13}; };
    require(settled(read_all(stream, limit, chosen)) == whole);
    return 0;
}
