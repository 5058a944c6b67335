#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace bester::handlers {

/// Names one life of an instance: a restart gets a new epoch, so that late work for the old one finds nothing.
struct instance_ref {
    std::string handler;      ///< the entry's name
    unsigned number = 0;      ///< 0 … instances - 1
    std::uint64_t epoch = 0;  ///< unique while the broker runs

    auto operator<=>(const instance_ref&) const = default;
};

/// The wishes of a process in its first hello.
struct handler_wishes {
    bool client_events = false;
    bool peer_events = false;
    bool group_events = false;
    bool answers_pings = false;
    bool says_ready = false;  ///< the instance is ready only when it has said so
};

/// Why an instance is given up: its process or a channel is broken, or it does not answer.
enum class loss : std::uint8_t { broken, hanging };

/// The instance of a new channel, and the settings that the channel begins with.
struct channel_facts {
    instance_ref instance;
    unsigned shard = 0;
    handler_wishes wishes{};
    std::string groups_owner{};  ///< the handler whose groups its commands and events are about
};

/// A channel whose hello was accepted and answered; the taker owns `fd` (non-blocking).
struct channel_offer : channel_facts {
    int fd = -1;
    std::string received{};  ///< bytes that came after the hello
};

/// The shards as the control plane (supervisor) sees them. All functions may be called from the control thread; they
/// post to the shards and return at once.
class channel_host {
public:
    virtual ~channel_host() = default;

    /// Returns the number of shards, which is the number of channels that an instance must open.
    virtual unsigned shards() const noexcept = 0;
    /// Gives a channel to its shard, which owns it from now on.
    virtual void open_channel(channel_offer offer) = 0;
    /// All channels are open: messages may flow to this instance.
    virtual void instance_ready(const instance_ref& instance) = 0;
    /// The instance is lost or is to end: closes its channels, and ends or moves the messages that it held. `reason` is
    /// for the log and the senders, e.g. "killed by signal 11 (SIGSEGV)".
    virtual void close_instance(const instance_ref& instance, const std::string& reason) = 0;
    /// Gives the instance no more messages and sends `drain`; supervisor::instance_drained is called when every shard
    /// has got its last answer.
    virtual void drain_instance(const instance_ref& instance) = 0;
};

}  // namespace bester::handlers
