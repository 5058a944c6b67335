#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "load/websocket.hpp"
#include "measure/byte_queue.hpp"

namespace bester::bench {

/// What a connection is there for. Senders and receivers are the two ends of pairs.
enum class role { requester, subscriber, publisher, sender, receiver };

/// Names one request of one connection: the place in its window and a number that never repeats.
/// Its text form, of fixed width, is the message's id and the beginning of its data.
struct request_id {
    std::uint32_t slot = 0;
    std::uint32_t sequence = 0;
};
inline constexpr std::size_t request_id_size = 11;
inline constexpr std::size_t data_size = 128;

void write_id(request_id id, char* into) noexcept;
request_id read_id(std::string_view text);

/// The 128 bytes that every message carries: its id, then always the same letters.
std::string data_template();
/// Throws unless `data` is what the message with this id carried.
void check_data(std::string_view data, request_id id);

/// The target answered something that it should not have: the run is void.
class wrong_answer : public std::runtime_error {
public:
    wrong_answer(const std::string& what, std::string_view text)
        : std::runtime_error(what + ": " + std::string(text.substr(0, 400))) {}
};

/// The answers to one request; a bit each.
inline constexpr unsigned reply_part = 1;
inline constexpr unsigned status_part = 2;

/// Hears what `protocol::parse` finds, in the order of the bytes.
class answer_sink {
public:
    virtual ~answer_sink() = default;
    virtual void on_ready() = 0;                             ///< logged in and subscribed; later: answer to a ping
    virtual void on_part(unsigned part, request_id id) = 0;  ///< of a request
    virtual void on_delivery(request_id id) = 0;             ///< at a subscriber
    virtual void on_published(request_id id, std::int64_t delivered) = 0;  ///< at the publisher; delivered to so many
};

/// How to speak to one kind of target. Has no state: all of it is in the bytes. Throws
/// wrong_answer for anything unexpected.
class protocol {
public:
    virtual ~protocol() = default;
    /// Appends what a new connection says first; false if nothing, so that it is ready at once.
    /// `number` counts the connections of its role: a sender and a receiver of one number are a pair.
    virtual bool open(role as, std::uint32_t number, byte_queue& out) const = 0;
    virtual void request(request_id id, byte_queue& out) const = 0;
    virtual void publish(request_id id, byte_queue& out) const = 0;
    /// From a sender to the receiver of its pair. Throws std::logic_error where there are no pairs.
    virtual void pass(std::uint32_t pair, request_id id, byte_queue& out) const;
    virtual void ping(byte_queue& out) const = 0;
    /// Takes complete messages from the front of `bytes` and returns their size. What the
    /// protocol obliges a client to answer by itself is appended to `out`.
    virtual std::size_t parse(std::string_view bytes, role as, byte_queue& out, answer_sink& sink) const = 0;
    /// Which parts complete a request.
    virtual unsigned parts() const noexcept = 0;
    /// Whether the target tells the publisher to how many it delivered.
    virtual bool confirms_publish() const noexcept = 0;
    /// Whether the target tells the sender of a pair that its message was delivered (status_part).
    virtual bool confirms_pass() const noexcept { return false; }

    /// Over WebSocket the protocol stays the same; connection_pool wraps and unwraps it.
    carriage carried() const noexcept { return carried_; }
    std::string_view path() const noexcept { return path_; }
    void carry(carriage how, std::string path) {
        carried_ = how;
        path_ = std::move(path);
    }

private:
    carriage carried_ = carriage::plain;
    std::string path_;  ///< of the URL
};

/// `confirms_pass`: what goes from sender to receiver has an id, to which a status comes.
std::unique_ptr<protocol> make_bester_protocol(bool confirms_pass);
std::unique_ptr<protocol> make_relay_protocol();
std::unique_ptr<protocol> make_nats_protocol();
std::unique_ptr<protocol> make_redis_protocol();
std::unique_ptr<protocol> make_pushpin_protocol();

/// The names that make_protocol knows.
std::vector<std::string> protocol_names();
/// Throws std::invalid_argument for an unknown name.
std::unique_ptr<protocol> make_protocol(std::string_view name);

}  // namespace bester::bench
