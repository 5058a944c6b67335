#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace bester::peering {

/// A queue in one block of memory, which it keeps: no allocation once it has grown to its usual size.
/// Elements are assigned over, so they should be plain values. Belongs to one thread.
template <class Element>
class ring {
public:
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    Element& operator[](std::size_t i) noexcept { return slots_[(first_ + i) & (slots_.size() - 1)]; }
    const Element& operator[](std::size_t i) const noexcept { return slots_[(first_ + i) & (slots_.size() - 1)]; }
    Element& front() noexcept { return (*this)[0]; }
    const Element& front() const noexcept { return (*this)[0]; }

    void push_back(const Element& element) {
        if (size_ == slots_.size()) grow();
        ++size_;
        (*this)[size_ - 1] = element;
    }
    void pop_front() noexcept {
        first_ = (first_ + 1) & (slots_.size() - 1);
        --size_;
    }
    void clear() noexcept { first_ = size_ = 0; }

private:
    void grow() {
        std::vector<Element> larger(slots_.empty() ? 16 : 2 * slots_.size());
        for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
        slots_ = std::move(larger);
        first_ = 0;
    }

    std::vector<Element> slots_;  ///< a power of two
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace bester::peering
