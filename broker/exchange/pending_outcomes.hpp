#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exchange/envelope.hpp"
#include "exchange/numbered_slots.hpp"
#include "exchange/session_id.hpp"
#include "wire/client_codec.hpp"
#include "wire/error_code.hpp"

namespace bester::exchange {

class shard;

/// The largest number in a report or status: JSON readers hold integers up to 2^53 - 1 exactly.
inline constexpr std::uint64_t most_counted = (std::uint64_t{1} << 53) - 1;

/// Returns a + b, or most_counted if the sum is larger. Neither may be larger than most_counted.
constexpr std::uint64_t add_counts(std::uint64_t a, std::uint64_t b) noexcept {
    return a > most_counted - b ? most_counted : a + b;
}

/// A recipient that a command did not reach, with the error code that says why.
struct missed_recipient {
    std::string recipient;
    std::string code;
};

/// The result of the part of a command that another shard or another server has executed.
struct partial_outcome {
    std::uint64_t delivered = 0;
    std::vector<missed_recipient> missed;
    std::string error_code;  ///< not empty: the sender's status is bad, with this code
    std::string error_reason;
    bool is_temporary = false;
};

/// The address of a partial outcome: the shard that asked, and the numbers of the status and the report that wait there
/// (0: none).
struct acknowledgement {
    unsigned shard = 0;
    std::uint64_t status = 0;
    std::uint64_t report = 0;
    bool is_wanted() const noexcept { return status != 0 || report != 0; }
};

/// The receiver of a command's report: the handler that gave it, or the server that sent it here.
struct report_target {
    std::uint64_t source = 0;  ///< the command_source's number; 0: a server sent the command
    std::string_view tag;      ///< the handler's name for the report; empty: it wants none
    std::string_view server;   ///< the server that sent the command
    std::uint64_t ref = 0;     ///< that server's number for the result; 0: it wants none

    bool is_wanted() const noexcept { return (source != 0 && !tag.empty()) || ref != 0; }
};

class pending_outcomes;

/// What one command has reached so far, on the shard that executes it. If an exception ends the command before
/// complete(), the report that it has begun goes with this object.
struct reach {
    explicit reach(pending_outcomes& in) noexcept : outcomes{in} {}
    ~reach();
    reach(const reach&) = delete;
    reach& operator=(const reach&) = delete;

    pending_outcomes& outcomes;
    std::uint64_t delivered = 0;
    std::uint64_t report = 0;              ///< number of the pending report, if other shards or servers take part
    std::vector<missed_recipient> missed;  ///< filled only if a report is wanted
};

/// Statuses and reports that wait until other shards or servers have said what they reached. Belongs
/// to one shard's executor. Outputs, once each: session::message_done for a status and a report frame
/// to the command's source for a report, or peer_port::finish for either if another server asked.
/// An exception that leaves one of these outputs goes no further: what is told is told once.
class pending_outcomes {
public:
    explicit pending_outcomes(shard& owner) noexcept : shard_{owner} {}

    /// Registers one part of a command that another shard or server executes. The status of `message` (if not null) and
    /// the report (if one is wanted) wait for its outcome. Returns the address for that outcome.
    acknowledgement expect(envelope_view* message, const report_target& report, reach& reached);
    /// Takes an outcome that was expected.
    void arrived(const acknowledgement& to, const partial_outcome& outcome) noexcept { arrived(to, outcome, true); }
    /// The same from another shard; `code` says why the sessions in `missed` were not reached.
    void arrived(const acknowledgement& to, std::uint64_t delivered, std::span<const session_id> missed,
                 wire::error_code code) noexcept;
    /// Forgets a status that waits: its message is ended by other means.
    void forget(std::uint64_t pending) noexcept { statuses_.remove(pending); }
    /// Forgets a report of which a part is expected: its command was ended by an exception.
    void forget_report(std::uint64_t report) noexcept { reports_.erase(report); }
    /// Returns how many reports wait for a part.
    std::size_t reports() const noexcept { return reports_.size(); }
    /// Makes the status bad with the code `why`, unless it is bad for another reason already.
    void spoil(const acknowledgement& to, wire::error_code why);
    /// Adds what the shard itself reached to the report; sends the report if nothing else is expected.
    void complete(const report_target& report, reach& reached) noexcept;
    /// Ends a message for which the handler has answered: the status is sent now, or when all outcomes have arrived. A
    /// null `error` means success. Without the memory to wait the status is sent now, and is bad (internal_error).
    void finish(const envelope_view& message, const wire::status_error* error) noexcept;

private:
    struct pending_status {
        unsigned waiting = 0;
        std::uint64_t delivered = 0;
        bool is_finished = false;
        envelope message;
        std::string error_code;  ///< empty: none so far
        std::string error_reason;
        bool is_temporary = false;
    };
    struct pending_report {
        unsigned waiting = 0;
        std::uint64_t source = 0;
        std::string tag;
        std::string server;
        std::uint64_t ref = 0;
        partial_outcome sum{};
    };

    void arrived(const acknowledgement& to, const partial_outcome& outcome, bool is_whole) noexcept;
    void end(std::uint64_t number, const pending_status& ended) noexcept;
    void tell_sender(const envelope_view& message, const wire::status_error* error) noexcept;
    void tell_server(const envelope_view& message, const wire::status_error* error) noexcept;
    void send_report(const report_target& to, const partial_outcome& sum) noexcept;

    shard& shard_;
    std::uint64_t last_ = 0;
    numbered_slots<pending_status> statuses_;
    std::unordered_map<std::uint64_t, pending_report> reports_;  ///< reports are rarer than statuses
};

}  // namespace bester::exchange
