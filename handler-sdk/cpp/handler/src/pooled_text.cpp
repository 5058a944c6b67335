#include <bester/pooled_text.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace bester::detail {

namespace {

constexpr std::size_t most_kept = 16;
constexpr std::size_t largest_kept_text = std::size_t{64} << 10;  // what one large answer took goes back to the system

struct text_pool {
    std::array<std::string, most_kept> texts;
    std::size_t count = 0;
    ~text_pool();
};

// Trivially destructible, so it may be asked by texts that die after the thread's pool.
thread_local bool pool_is_gone = false;
thread_local text_pool pool;

text_pool::~text_pool() { pool_is_gone = true; }

void give_back(std::string& text) noexcept {
    if (text.capacity() < sizeof(std::string) || text.capacity() > largest_kept_text) return;
    if (pool_is_gone || pool.count == most_kept) return;
    text.clear();
    pool.texts[pool.count++] = std::move(text);
}

}  // namespace

pooled_text::pooled_text() noexcept {
    if (!pool_is_gone && pool.count > 0) text_ = std::move(pool.texts[--pool.count]);
}

pooled_text::pooled_text(pooled_text&& other) noexcept : text_{std::move(other.text_)} { other.text_.clear(); }

pooled_text& pooled_text::operator=(pooled_text&& other) noexcept {
    if (this == &other) return *this;
    give_back(text_);
    text_ = std::move(other.text_);
    other.text_.clear();
    return *this;
}

pooled_text::~pooled_text() { give_back(text_); }

}  // namespace bester::detail
