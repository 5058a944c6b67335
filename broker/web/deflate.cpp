#include "web/deflate.hpp"

#include <zlib.h>
#include <algorithm>
#include <new>

namespace bester::web {

namespace {

/// A sync flush ends with these bytes, which RFC 7692 leaves out on the wire.
constexpr std::string_view flush_tail{"\0\0\xff\xff", 4};

// zlib takes the input through a pointer that is not const, and does not write to it.
Bytef* as_input(std::string_view bytes) noexcept { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())); }

constexpr std::size_t largest_kept = std::size_t{1} << 20;

}  // namespace

struct message_deflater::stream {
    stream() {
        if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -deflate_window_bits, 6, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc{};
    }
    ~stream() { deflateEnd(&z); }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    z_stream z{};
};

message_deflater::message_deflater() = default;
message_deflater::~message_deflater() = default;

std::string_view message_deflater::deflate(std::string_view message) {
    if (!stream_) stream_ = std::make_unique<stream>();
    z_stream& z = stream_->z;
    deflateReset(&z);
    if (out_.capacity() > largest_kept) out_ = {};
    out_.clear();
    z.next_in = as_input(message);
    z.avail_in = static_cast<uInt>(message.size());
    out_.reserve(deflateBound(&z, static_cast<uLong>(message.size())) + 16);
    do {
        out_.reserve(out_.size() + 64);
        const std::size_t room = out_.capacity() - out_.size();
        z.next_out = reinterpret_cast<Bytef*>(out_.data() + out_.size());
        z.avail_out = static_cast<uInt>(room);
        ::deflate(&z, Z_SYNC_FLUSH);
        out_.set_size(out_.size() + room - z.avail_out);
    } while (z.avail_out == 0);
    return out_.view().substr(0, out_.size() - flush_tail.size());
}

struct message_inflater::stream {
    stream() {
        if (inflateInit2(&z, -15) != Z_OK) throw std::bad_alloc{};
    }
    ~stream() { inflateEnd(&z); }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    z_stream z{};
};

message_inflater::message_inflater() = default;
message_inflater::~message_inflater() = default;

inflate_status message_inflater::inflate(std::string_view body, std::size_t limit, std::string_view& message) {
    if (!stream_) stream_ = std::make_unique<stream>();
    z_stream& z = stream_->z;
    inflateReset(&z);
    if (out_.capacity() > largest_kept) out_ = {};
    out_.clear();
    out_.reserve(std::min(limit + 1, 4 * body.size() + 64));
    if (body.empty()) {  // some clients send that for an empty message
        message = out_.view();
        return inflate_status::done;
    }
    bool has_ended = false;  // the last block was read, and nothing after it
    for (const std::string_view part : {body, flush_tail}) {
        // The tail is for a message whose last block is not marked as the last.
        if (has_ended && part.data() == flush_tail.data()) break;
        z.next_in = as_input(part);
        z.avail_in = static_cast<uInt>(part.size());
        for (;;) {
            if (out_.size() > limit) return inflate_status::too_large;
            if (out_.size() == out_.capacity()) out_.reserve(std::min(limit + 1, 2 * out_.size()));
            const std::size_t room = std::min(out_.capacity(), limit + 1) - out_.size();
            z.next_out = reinterpret_cast<Bytef*>(out_.data() + out_.size());
            z.avail_out = static_cast<uInt>(room);
            const int result = ::inflate(&z, Z_SYNC_FLUSH);
            out_.set_size(out_.size() + room - z.avail_out);
            if (result == Z_STREAM_END) {
                inflateReset(&z);
                has_ended = z.avail_in == 0;
                if (has_ended) break;
                continue;
            }
            has_ended = false;
            if (result == Z_OK && (z.avail_in > 0 || z.avail_out == 0)) continue;
            if (result != Z_OK && result != Z_BUF_ERROR) return inflate_status::bad;
            break;  // zlib wants more input
        }
    }
    if (out_.size() > limit) return inflate_status::too_large;
    constexpr int at_border_of_blocks = 128;
    if (!has_ended && (z.data_type & at_border_of_blocks) == 0) return inflate_status::bad;
    message = out_.view();
    return inflate_status::done;
}

}  // namespace bester::web
