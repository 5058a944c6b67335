#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bester::handlers {

/// A message that an instance still owes after its deadline.
struct overdue_message {
    std::uint64_t id = 0;
    std::string what;  ///< for the log
    std::uint64_t sent_ms = 0;
    std::uint64_t since_ms = 0;  ///< when its deadline passed
};

/// The messages that an instance still owes after their senders have been told `handler_timeout`, kept so that the log
/// can name them if the instance is ended. If there are many, those that came due first since the last frame of the
/// instance are kept: the first of them is the one that it hangs in. Owned by a channel, on its shard.
class overdue_messages {
public:
    static constexpr std::size_t most = 16;

    void add(overdue_message&& message, std::uint64_t last_heard_ms) {
        if (kept_.size() == most) {
            const auto old = std::find_if(kept_.begin(), kept_.end(),
                                          [&](const auto& each) { return each.since_ms <= last_heard_ms; });
            if (old == kept_.end()) return;
            kept_.erase(old);
        }
        kept_.push_back(std::move(message));
    }
    /// Removes a message whose answer came late.
    void answered(std::uint64_t id) {
        if (!kept_.empty()) std::erase_if(kept_, [id](const auto& each) { return each.id == id; });
    }
    /// Returns them in the order in which they came due.
    const std::vector<overdue_message>& all() const noexcept { return kept_; }

private:
    std::vector<overdue_message> kept_;
};

}  // namespace bester::handlers
