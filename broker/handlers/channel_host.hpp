#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace bester::handlers {

/// One life of one instance: a restart gets a new epoch, so what is late for the old one finds nothing.
struct instance_ref {
    std::string handler;      ///< the entry's name
    unsigned number = 0;      ///< 0 … instances - 1
    std::uint64_t epoch = 0;  ///< unique in this broker's life

    auto operator<=>(const instance_ref&) const = default;
};

/// What a process says of itself in its first hello.
struct handler_wishes {
    bool client_events = false;
    bool peer_events = false;
    bool group_events = false;
    bool answers_pings = false;
};

/// Why an instance is given up: its process or a channel of it is of no use, or it does not answer.
enum class loss : std::uint8_t { broken, hanging };

/// Whose channel it is, and what a channel is told when it begins.
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

/// What the control plane (supervisor) needs of the shards. All functions may be called from the
/// control thread; they post to the shards and return at once.
class channel_host {
public:
    virtual ~channel_host() = default;

    /// How many shards there are, and so how many channels an instance must open.
    virtual unsigned shards() const noexcept = 0;
    /// Gives a channel to its shard, which owns it from now on.
    virtual void open_channel(channel_offer offer) = 0;
    /// All channels are open: messages may flow to this instance.
    virtual void instance_ready(const instance_ref& instance) = 0;
    /// The instance is lost or must go: closes its channels, answers or moves what it held.
    /// `reason` is for the log and the senders, e.g. "killed by signal 11 (SIGSEGV)".
    virtual void close_instance(const instance_ref& instance, const std::string& reason) = 0;
    /// Gives it nothing new and sends `drain`; answered by supervisor::instance_drained when
    /// every shard has got its last answer from it.
    virtual void drain_instance(const instance_ref& instance) = 0;
};

}  // namespace bester::handlers
