#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "peering/flows/flow_receiver.hpp"
#include "peering/flows/flow_sender.hpp"

namespace bester::peering::test {

/// How bad the way between two servers is. Probabilities are per step, or per frame.
struct hostility {
    double cut = 0.05;        ///< of the link, within a frame too, in both directions
    double drop = 0;          ///< of a whole frame, by a server between
    double duplicate = 0.02;  ///< of a frame from the past
    double sender_restart = 0;
    double receiver_restart = 0;
    int longest_outage_ms = 300;
    int deadline_ms = 0;  ///< 0: none; otherwise up to twice that
    flow_settings settings{};
};

/// What became of one message.
struct message_fate {
    bool was_sent = false;
    bool is_abandoned = false;  ///< its origin was started anew
    unsigned delivered = 0;
    unsigned failed = 0;
    flow_failure why{};
};

/// A flow_sender and a flow_receiver with a way between them that does everything wrong: bytes arrive
/// in pieces, links are cut anywhere, frames of the past come again, acknowledgements overtake one
/// another. Each step is some milliseconds; nothing happens in between. The first rule that is broken
/// is kept in `broken`.
class hostile_pipe {
public:
    hostile_pipe(const hostility& how, std::uint32_t seed);

    void step(std::size_t offers);
    /// The way is good from now on, and stays.
    void heal();

    bool is_settled() const noexcept { return sender_->queued_messages() == 0; }
    const std::vector<message_fate>& fates() const noexcept { return fates_; }
    const flow_sender& sender() const noexcept { return *sender_; }
    std::size_t cuts() const noexcept { return cuts_; }
    std::size_t refused() const noexcept { return refused_; }
    std::uint64_t lost() const noexcept { return lost_; }
    std::size_t most_held() const noexcept { return most_held_; }
    std::string broken;

private:
    bool chance(double probability) { return probability > 0 && std::bernoulli_distribution{probability}(random_); }
    std::size_t up_to(std::size_t most) { return std::uniform_int_distribution<std::size_t>{0, most}(random_); }

    void offer();
    void restart_sender();
    void restart_receiver();
    void cut();
    void connect();
    void pull();
    void remember(std::vector<std::string>& past, std::string_view frame);
    void deliver_bytes(std::size_t most);
    void on_frame(std::string_view body);
    void on_message(std::string_view body);
    void acknowledge();
    void deliver_acknowledgements(std::size_t most);
    void on_acknowledgement(std::string_view frame);
    void settle_failures();
    void fail(const std::string& what, std::uint64_t ref);

    hostility how_;
    std::mt19937 random_;
    flow_sender::time_point now_{};
    std::unique_ptr<flow_sender> sender_;
    std::unique_ptr<flow_receiver> receiver_;
    bool is_connected_ = false;
    bool is_healed_ = false;
    flow_sender::time_point connects_at_{};
    flow_sender::time_point next_timer_{};
    std::string stream_;                         ///< forth, on the link
    std::string partial_;                        ///< what of a frame has arrived
    std::vector<std::string> acknowledgements_;  ///< back, in no order
    std::vector<std::string> past_;              ///< frames that went forth
    std::vector<std::string> past_acknowledgements_;
    std::vector<message_fate> fates_;  ///< of message ref at ref - 1
    std::vector<failed_message> failed_;
    std::uint64_t last_delivered_ = 0;
    std::uint64_t lost_ = 0;
    std::size_t cuts_ = 0;
    std::size_t refused_ = 0;
    std::size_t most_held_ = 0;
};

}  // namespace bester::peering::test
