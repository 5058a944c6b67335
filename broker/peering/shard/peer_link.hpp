#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/framed_stream.hpp"
#include "peering/link/link_gauge.hpp"
#include "peering/link/link_hello.hpp"
#include "wire/link_codec.hpp"

namespace bester::peering {

class shard_peers;

/// A link that a handshake has made, to be taken over by its shard. Movable.
struct link_offer {
    std::uint64_t id = 0;  ///< id of the link, unique while the server runs
    std::string server;
    std::uint64_t incarnation = 0;
    int fd = -1;
    std::unique_ptr<wire::stream_cipher> cipher;  ///< null: a plain link
    std::chrono::milliseconds heartbeat{};
    std::size_t peer_frame_limit = 0;  ///< what the other side takes
    std::shared_ptr<link_gauge> gauge;

    link_offer() = default;
    link_offer(link_offer&& other) noexcept;
    link_offer& operator=(link_offer&&) = delete;
    ~link_offer();  ///< closes what nobody took over
};

/// One connection to another server, on its shard's thread. Carries frames; what they mean is
/// shard_peers' business. Heartbeats: a ping each interval, and the end when nothing came for two.
class peer_link final : public exchange::framed_stream {
public:
    peer_link(shard_peers& owner, exchange::shard& on, link_offer&& offer, std::size_t frame_limit);

    void begin();
    /// Writes any frame but a message.
    void send(const wire::link_frame& frame);
    void send_message(const wire::flow_header& header, std::string_view body);
    /// A frame that came from elsewhere, whole.
    void send_raw(std::string_view frame);
    /// Says why, and closes when that is written.
    void part(const link_refusal& why);

    /// May more be put on it now? What waits in the socket's way is bounded by this.
    bool has_room() const noexcept { return queued_bytes() < most_queued; }
    /// Does a frame of this size reach the other side?
    bool takes(std::size_t body_size) const noexcept { return body_size <= peer_frame_limit_; }
    /// Heartbeat and liveness.
    void sweep(std::uint64_t now_ms);

    const std::string& server() const noexcept { return server_; }
    std::uint64_t id() const noexcept { return id_; }
    const std::shared_ptr<link_gauge>& gauge() const noexcept { return gauge_; }
    /// For the log: why it ended.
    const std::string& end_reason() const noexcept { return end_reason_; }
    const std::string& end_code() const noexcept { return end_code_; }
    void note_end(std::string code, std::string reason);

protected:
    exchange::frame_verdict on_frame(std::string_view body) override;
    void on_bad_frame(bool is_too_large) override;
    void on_end_of_input() override;
    void on_closed(exchange::close_reason reason) override;
    void on_drained() override;

private:
    static constexpr std::size_t most_queued = std::size_t{1} << 20;
    static constexpr std::uint64_t farewell_ms = 2'000;

    shard_peers& owner_;
    std::uint64_t id_;
    std::string server_;
    std::uint64_t heartbeat_ms_;
    std::size_t peer_frame_limit_;
    std::shared_ptr<link_gauge> gauge_;
    std::uint64_t last_heard_ms_;
    std::uint64_t last_ping_ms_;
    std::uint64_t ping_token_ = 0;  ///< of the ping that was not answered yet
    std::uint64_t parted_ms_ = 0;
    std::string end_code_;
    std::string end_reason_;
    std::string scratch_;  ///< for small frames, kept for its memory
};

}  // namespace bester::peering
