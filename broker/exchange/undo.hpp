#pragma once

#include <utility>

namespace bester::exchange {

/// Takes back what was begun, when an exception ends what was to follow: calls `back` when it is destroyed, unless
/// done() was called before. `back` must not throw.
template <class Back>
class undo {
public:
    explicit undo(Back back) noexcept : back_{std::move(back)} {}
    ~undo() {
        if (!is_done_) back_();
    }
    undo(const undo&) = delete;
    undo& operator=(const undo&) = delete;

    /// All has gone well: nothing is taken back.
    void done() noexcept { is_done_ = true; }

private:
    Back back_;
    bool is_done_ = false;
};

}  // namespace bester::exchange
