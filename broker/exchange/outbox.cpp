#include "exchange/outbox.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bester::exchange {

namespace {
constexpr std::size_t most_pieces = 64;
constexpr std::size_t first_capacity = 4;
}  // namespace

std::unique_ptr<char[]> chunk_pool::take(std::size_t capacity) {
    chunks& free = free_of(capacity);
    std::unique_ptr<char[]> chunk;
    if (free.empty()) {
        chunk.reset(new char[capacity]);
    } else {
        chunk = std::move(free.back());
        free.pop_back();
    }
    in_use_ += capacity;
    return chunk;
}

void chunk_pool::give_back(std::unique_ptr<char[]> chunk, std::size_t capacity) noexcept {
    in_use_ -= capacity;
    chunks& free = free_of(capacity);
    if (free.size() < free.capacity()) free.push_back(std::move(chunk));
}

char* outbox::reserve(std::size_t size) {
    if (first_ < pieces_.size()) {
        piece& last = pieces_.back();
        if (last.chunk && last.capacity - last.size >= size) return last.chunk.get() + last.size;
    }
    // What may fail comes first: the place, then the chunk; only then anything is counted.
    if (pieces_.size() == pieces_.capacity()) pieces_.reserve(std::max(first_capacity, 2 * pieces_.size()));
    const bool is_pooled = size <= chunk_pool::chunk_size;
    const bool is_small = pieces_.empty() && size <= chunk_pool::small_size && !pool_->has_spare();
    const std::size_t capacity = is_small ? chunk_pool::small_size : is_pooled ? chunk_pool::chunk_size : size;
    std::unique_ptr<char[]> chunk = is_pooled ? pool_->take(capacity) : std::unique_ptr<char[]>{new char[size]};
    if (!is_pooled) pool_->account(static_cast<std::ptrdiff_t>(size));
    piece& added = pieces_.emplace_back();
    added.capacity = static_cast<std::uint32_t>(capacity);
    added.data = chunk.get();
    added.chunk = std::move(chunk);
    memory_ += added.capacity;
    return added.chunk.get();
}

void outbox::commit(std::size_t size) noexcept {
    piece& last = pieces_.back();
    last.size += static_cast<std::uint32_t>(size);
    ++last.frames;
    ++frames_;
    bytes_ += size;
}

void outbox::append(payload shared) {
    piece& added = pieces_.emplace_back();
    added.data = shared.data();
    added.size = static_cast<std::uint32_t>(shared.size());
    added.frames = 1;
    bytes_ += added.size;
    ++frames_;
    added.shared = std::move(shared);
}

void outbox::append(std::string_view frame) {
    std::memcpy(reserve(frame.size()), frame.data(), frame.size());
    commit(frame.size());
}

void outbox::pop_front() noexcept {
    piece& front = pieces_[first_];
    frames_ -= front.frames;
    if (front.is_held) {
        front.shared.leave_queue();
        memory_ -= front.size;
    }
    if (front.chunk) {
        memory_ -= front.capacity;
        if (front.capacity <= chunk_pool::chunk_size) pool_->give_back(std::move(front.chunk), front.capacity);
        else pool_->account(-static_cast<std::ptrdiff_t>(front.capacity));
    }
    front = piece{};
    sent_ = 0;
    if (++first_ == pieces_.size()) {
        pieces_.clear();
        first_ = first_unheld_ = 0;
    } else if (first_ >= 2 * most_pieces) {
        pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_unheld_ -= std::min(first_unheld_, first_);
        first_ = 0;
    }
}

void outbox::advance(std::size_t written) noexcept {
    bytes_ -= written;
    written_ += written;
    while (first_ < pieces_.size() && written >= pieces_[first_].size - sent_) {
        written -= pieces_[first_].size - sent_;
        pop_front();
    }
    sent_ += written;
}

flush_result outbox::flush(int fd, std::size_t most) noexcept {
    while (bytes_ > 0) {
        if (most == 0) return flush_result::more;
        iovec vectors[most_pieces];
        std::size_t count = 0;
        std::size_t wanted = 0;
        for (std::size_t i = first_; i < pieces_.size() && count < most_pieces && wanted < most; ++i) {
            const std::size_t skipped = i == first_ ? sent_ : 0;
            const std::size_t size = std::min<std::size_t>(pieces_[i].size - skipped, most - wanted);
            vectors[count++] = {const_cast<char*>(pieces_[i].data) + skipped, size};
            wanted += size;
        }
        ssize_t taken;
        if (count == 1) {
            taken = ::send(fd, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        } else {
            msghdr message{};
            message.msg_iov = vectors;
            message.msg_iovlen = count;
            taken = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        if (taken < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN || errno == EWOULDBLOCK ? flush_result::blocked : flush_result::failed;
        }
        advance(static_cast<std::size_t>(taken));
        most -= static_cast<std::size_t>(taken);
        if (static_cast<std::size_t>(taken) < wanted) return flush_result::blocked;
    }
    return flush_result::done;
}

std::size_t outbox::hold_memory() noexcept {
    for (std::size_t i = std::max(first_, first_unheld_); i < pieces_.size(); ++i) {
        piece& each = pieces_[i];
        if (!each.shared) continue;
        each.is_held = true;
        each.shared.enter_queue();
        memory_ += each.size;
    }
    first_unheld_ = pieces_.size();
    return memory_;
}

void outbox::clear() noexcept {
    while (first_ < pieces_.size()) pop_front();
    bytes_ = frames_ = 0;
    written_ = 0;
}

bool outbox::copy_unwritten(std::uint64_t at, std::size_t size, char* out) const noexcept {
    if (at < written_ || at + size > written_ + bytes_) return false;
    std::uint64_t position = written_ - sent_;
    for (std::size_t i = first_; i < pieces_.size() && size > 0; ++i) {
        const std::uint64_t end = position + pieces_[i].size;
        if (at < end) {
            const std::size_t offset = static_cast<std::size_t>(at - position);
            const std::size_t part = std::min(size, pieces_[i].size - offset);
            std::memcpy(out, pieces_[i].data + offset, part);
            out += part;
            at += part;
            size -= part;
        }
        position = end;
    }
    return size == 0;
}

}  // namespace bester::exchange
