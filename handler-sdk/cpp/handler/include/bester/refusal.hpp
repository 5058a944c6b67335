#pragma once

#include <stdexcept>
#include <string>

namespace bester {

/// Whether the sender may try the same again. Without it a refusal is final.
struct temporary_tag {};
inline constexpr temporary_tag temporary{};

/// Thrown out of a message function it refuses that message: the sender's status is bad with this
/// code (1 to 64 of a-z, 0-9, '_') and reason. Throws std::invalid_argument itself if the code is
/// none. A value; any thread.
class refusal : public std::runtime_error {
public:
    refusal(std::string code, const std::string& reason);
    refusal(std::string code, const std::string& reason, temporary_tag);

    const std::string& code() const noexcept { return code_; }
    bool is_temporary() const noexcept { return is_temporary_; }

private:
    std::string code_;
    bool is_temporary_ = false;
};

}  // namespace bester
