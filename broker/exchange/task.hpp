#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace bester::exchange {

class shard;

/// A piece of work for a shard: a callable that takes `shard&`, kept in place (no allocation),
/// moved but never copied, called once on that shard's thread.
class task {
public:
    static constexpr std::size_t room = 88;

    template <class Work, class = std::enable_if_t<!std::is_same_v<std::decay_t<Work>, task>>>
    task(Work&& work) : actions_{&actions_of<std::decay_t<Work>>} {
        using stored = std::decay_t<Work>;
        static_assert(sizeof(stored) <= room && alignof(stored) <= alignof(std::max_align_t),
                      "keep what is large behind a pointer");
        static_assert(std::is_nothrow_move_constructible_v<stored>);
        new (storage_) stored(std::forward<Work>(work));
    }
    task(task&& other) noexcept : actions_{other.actions_} { actions_->move(storage_, other.storage_); }
    task& operator=(task&&) = delete;
    ~task() { actions_->destroy(storage_); }

    void operator()(shard& on) { actions_->call(storage_, on); }

private:
    struct actions {
        void (*call)(void*, shard&);
        void (*move)(void*, void*) noexcept;
        void (*destroy)(void*) noexcept;
    };
    template <class Work>
    static constexpr actions actions_of{
        [](void* work, shard& on) { (*static_cast<Work*>(work))(on); },
        [](void* to, void* from) noexcept { new (to) Work(std::move(*static_cast<Work*>(from))); },
        [](void* work) noexcept { static_cast<Work*>(work)->~Work(); },
    };

    const actions* actions_;
    alignas(std::max_align_t) std::byte storage_[room];
};

}  // namespace bester::exchange
