// framed_stream: received bytes that wait to be decoded.
#include <algorithm>
#include <cstring>
#include <utility>

#include "exchange/framed_stream.hpp"
#include "exchange/shard.hpp"
#include "wire/frame.hpp"
#include "wire/json_reader.hpp"

namespace bester::exchange {

namespace {

constexpr std::size_t smallest_kept = 4'096;  ///< the usual size, of buffers that are used again

}  // namespace

/// Reads the rest of an incomplete frame to where its beginning is, so that a frame in many pieces is not copied once
/// for each. Memory grows with the bytes that have arrived, not with the announced length.
bool framed_stream::read_into_kept() {
    kept_bytes& kept = *kept_;
    const auto found = wire::decode_frame(kept.view(), frame_limit_);
    const std::size_t missing = std::max<std::size_t>(found.missing, 1);
    const std::size_t room = kept.capacity - wire::json_padding - kept.begin - kept.size;
    if (room < std::min(missing, smallest_kept)) {
        const std::size_t wanted = std::min(kept.size + missing, std::size_t{kept.capacity} * 2);
        const std::size_t capacity = std::max(wanted, kept.size + smallest_kept) + wire::json_padding;
        std::unique_ptr<char[]> larger{new char[capacity]};
        std::memcpy(larger.get(), kept.view().data(), kept.size);
        shard_.account_kept(static_cast<std::ptrdiff_t>(capacity) - static_cast<std::ptrdiff_t>(kept.capacity));
        kept.data = std::move(larger);
        kept.begin = 0;
        kept.capacity = static_cast<std::uint32_t>(capacity);
    }
    const std::size_t taken = std::size_t{kept.begin} + kept.size;
    const std::size_t size = std::min(missing, std::size_t{kept.capacity} - wire::json_padding - taken);
    const ssize_t got = receive(kept.data.get() + taken, size);
    if (got <= 0) return read_nothing(got);
    kept.size += static_cast<std::uint32_t>(got);
    if (static_cast<std::size_t>(got) >= missing) read_kept();
    return true;
}

void framed_stream::decode_kept() {
    struct kept_until_the_end {
        framed_stream& of;
        std::unique_ptr<kept_bytes> bytes;
        ~kept_until_the_end() {
            if (bytes) of.drop_kept(std::move(bytes));
        }
    };
    kept_until_the_end kept{*this, std::move(kept_)};
    const std::string_view bytes = kept.bytes->view();
    const std::size_t consumed = decode(bytes);
    if (fd_ < 0 || consumed == bytes.size()) return;
    // A pause may come after each of many small frames: what is left is moved only when half of it is gone.
    const std::size_t left = bytes.size() - consumed;
    if (left <= smallest_kept || left < kept.bytes->capacity / 2) return keep(bytes.substr(consumed));
    kept.bytes->begin += static_cast<std::uint32_t>(consumed);
    kept.bytes->size = static_cast<std::uint32_t>(left);
    kept_ = std::move(kept.bytes);
}

void framed_stream::keep(std::string_view rest) {
    const std::size_t capacity = rest.size() + wire::json_padding;
    auto kept = capacity <= smallest_kept ? shard_.take_kept() : std::make_unique<kept_bytes>();
    if (!kept->data) {
        kept->capacity = static_cast<std::uint32_t>(std::max(capacity, smallest_kept));
        kept->data.reset(new char[kept->capacity]);
    }
    std::memcpy(kept->data.get(), rest.data(), rest.size());
    kept->begin = 0;
    kept->size = static_cast<std::uint32_t>(rest.size());
    shard_.account_kept(static_cast<std::ptrdiff_t>(kept->capacity));
    kept_ = std::move(kept);
}

/// Buffers of the usual size are used again, as a busy stream keeps a remainder after almost every read.
void framed_stream::drop_kept(std::unique_ptr<kept_bytes> kept) noexcept {
    shard_.account_kept(-static_cast<std::ptrdiff_t>(kept->capacity));
    if (kept->capacity == smallest_kept) shard_.give_back(std::move(kept));
}

}  // namespace bester::exchange
