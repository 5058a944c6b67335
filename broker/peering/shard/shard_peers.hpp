#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/command_rights.hpp"
#include "exchange/peer_port.hpp"
#include "exchange/shard.hpp"
#include "peering/flows/flow_receiver.hpp"
#include "peering/flows/flow_sender.hpp"
#include "peering/flows/pending_refs.hpp"
#include "peering/shard/peer_link.hpp"
#include "peering/shard/peer_view.hpp"
#include "wire/link_message.hpp"
#include "wire/token_bucket.hpp"

namespace bester::peering {

/// The calls of the shards to the control thread. Called on shards' threads; posts and returns.
class link_listener {
public:
    virtual ~link_listener() = default;
    virtual void link_closed(std::string server, std::uint64_t id, std::string code, std::string reason) = 0;
    virtual void round_trip(std::string server, std::chrono::microseconds took) = 0;
    /// Counts down the waiting adverts in `gauge` when they have been read.
    virtual void advert(std::string server, std::string json, std::shared_ptr<link_gauge> gauge) = 0;
    /// Sends a frame to an original daemon; `done` may be called on any thread.
    virtual void send_legacy(std::string address, std::string frame,
                             std::function<void(wire::error_code, std::string)> done) = 0;
};

/// The counters of the flows to and from one server, for status.
struct flow_load {
    std::string server;
    std::size_t queued_messages = 0;
    std::size_t queued_bytes = 0;
    std::uint64_t received = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t refused = 0;  ///< messages to there that were refused for lack of room
    flow_counters sent;
};

/// One shard's part of peering: the links and flows of the servers whose home it is (home_shard), and the entrance to
/// other servers for its handlers' commands. On the shard's thread, apart from the constructor.
///
/// A message for another server is encoded on the shard of its command, handed to the home shard of its destination,
/// numbered and kept there by a flow_sender, and put on the link of the next hop.
class shard_peers final : public exchange::peer_port, public exchange::swept, public exchange::turn_worker {
public:
    /// `all`: those of all shards by index, filled before any shard runs. `first_flow`: see flow_sender.
    shard_peers(exchange::shard& on, const std::vector<shard_peers*>& all, link_listener& listener,
                std::uint64_t first_flow, std::shared_ptr<const peer_view> known);
    ~shard_peers() override;

    // Called by the control thread, through the shard's mailbox.
    void apply(std::shared_ptr<const peer_view> known);
    void adopt(link_offer&& offer);
    /// Ends the link to a server, if it has this id (0: any).
    void part(std::string_view server, std::uint64_t id, const link_refusal& why);
    /// The same, as soon as all messages sent there are acknowledged.
    void drain(std::string_view server, std::uint64_t id);
    void send_advert(std::string_view server, std::string_view json);
    /// Tells handlers of reached and lost servers; on shard 0.
    void tell_reached(std::string_view server, bool is_reached);
    std::vector<flow_load> load() const;
    /// Returns whether messages with a route wait to be sent or acknowledged.
    bool is_sending() const noexcept;

    // As exchange::peer_port.
    exchange::peer_answer may_send(std::string_view server, std::string_view type) const override;
    void deliver(std::string_view server, const exchange::remote_delivery& what,
                 const exchange::acknowledgement& to) override;
    void submit(std::string_view server, const exchange::remote_submission& what,
                const exchange::acknowledgement& to) override;
    wire::error_code reply(const exchange::remote_origin& to, std::string_view type_token, std::string_view data,
                           std::string_view id_token) override;
    void finish(const exchange::remote_origin& message, const exchange::partial_outcome& outcome) override;
    void for_each_server(const std::function<void(std::string_view)>& call) const override;
    std::vector<std::string> reached_servers() const override { return reached_; }

    // Called by peer_link.
    void on_frame(peer_link& link, const wire::link_frame& frame, std::string_view body);
    void on_goodbye(peer_link& link, std::string_view json);
    void on_round_trip(const peer_link& link, std::chrono::microseconds took);
    void on_link_closed(peer_link& link);
    void on_link_drained(const peer_link& link);

    bool sweep(std::uint64_t now_ms) override;
    void work_in_turn() override;

private:
    using time_point = flow_sender::time_point;

    /// The flows in both directions between this server and another.
    struct flow {
        flow(const std::string& name, const flow_settings& settings, std::uint64_t first)
            : server{name}, sender{settings, first} {}
        std::string server;
        flow_sender sender;
        flow_receiver receiver;
        std::string next_hop;  ///< the link that its frames take; empty: there is no route now
        std::uint64_t next_hop_link = 0;
        std::uint64_t received = 0;
        std::uint64_t duplicates = 0;
        std::uint64_t refused = 0;
        bool is_dirty = false;                 ///< whether it is in dirty_
        bool waits_for_room = false;           ///< whether it waits for room on its link
        std::size_t unsaid_bytes = 0;          ///< received since the last acknowledgement
        bool must_say = false;                 ///< the acknowledgement is due
        std::size_t unanswered = 0;            ///< messages from there that are being handled
        std::size_t unanswered_bytes = 0;      ///< bytes of those messages
        wire::token_bucket budget;             ///< bucket of its peers.*.rate
        std::set<std::uint64_t> lost_replies;  ///< refs of its messages whose reply found no room
    };

    time_point now() const noexcept { return time_point{std::chrono::milliseconds{shard_.now_ms()}}; }
    peer_link* find_link(std::string_view server) const;
    flow* find_flow(std::string_view server);
    flow& flow_of(std::string_view server);
    void mark(flow& which);
    void end_drained();
    void find_ways();
    void find_way(flow& which);
    void pump(flow& which);
    void acknowledge(flow& which);
    void put(const flow& on, const wire::link_frame& frame);
    std::uint8_t own_hops() const noexcept;

    // Outgoing.
    wire::error_code check(std::string_view server, const wire::link_message& message) const;
    void send(const wire::link_message& message, pending_refs::waiting waiting, std::uint64_t answered = 0);
    void give(const wire::link_message& message, pending_refs::waiting waiting, std::uint64_t answered);
    void submit_legacy(std::string_view address, const exchange::remote_submission& what,
                       const exchange::acknowledgement& to);
    void offer(std::string& body, pending_refs::waiting&& waiting, std::uint64_t answered);
    void refuse_full(flow& on, const pending_refs::waiting& waiting);
    void withdraw(flow& from, std::uint64_t number);
    void fail(const pending_refs::waiting& waiting, wire::error_code code, std::string_view reason);
    void fail_all(const std::vector<failed_message>& failed);
    void tell(const exchange::acknowledgement& to, exchange::partial_outcome&& outcome);

    // Incoming.
    static void pass(peer_link& link, const std::string& frame);
    void forward(const peer_link& from, std::string_view destination, std::uint8_t hops_left, std::string_view body);
    bool on_flow_frame(const wire::link_frame& frame);
    bool on_message(const wire::message_frame& frame);
    void execute(flow& from, const wire::deliver_message& message);
    void execute(flow& from, const wire::submit_message& message);
    void execute(flow& from, const wire::reply_message& message);
    void execute(flow& from, const wire::result_message& message);
    void execute(flow&, const wire::void_message&) {}
    const peer_facts* admit(flow& from, std::string_view type_token, std::string_view sender, std::uint64_t ref);
    bool lets_reply(std::string_view server, std::string_view type_token) const;
    void refuse(const flow& from, std::uint64_t ref, wire::error_code code, std::string_view reason);
    void send_result(const exchange::remote_origin& origin, const exchange::partial_outcome& outcome);

    exchange::shard& shard_;
    const std::vector<shard_peers*>& all_;
    link_listener& listener_;
    std::uint64_t first_flow_;
    std::shared_ptr<const peer_view> known_;
    std::map<std::string, std::unique_ptr<peer_link>, std::less<>> links_;
    std::map<std::string, std::uint64_t, std::less<>> draining_;  ///< server, with the id of the link
    std::vector<std::unique_ptr<peer_link>> retired_;             ///< replaced links that still say goodbye
    std::map<std::string, std::unique_ptr<flow>, std::less<>> flows_;
    std::vector<flow*> dirty_;
    std::vector<flow*> writing_;
    bool is_write_due_ = false;
    pending_refs refs_;
    std::vector<failed_message> failed_;
    std::vector<std::string> reached_;
    std::vector<std::string_view> users_;
    std::string scratch_;
};

}  // namespace bester::peering
