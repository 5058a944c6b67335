#pragma once

#include <cstdint>
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

/// What reports and statuses count to, at most: every JSON reader holds integers up to here exactly.
inline constexpr std::uint64_t most_counted = (std::uint64_t{1} << 53) - 1;

/// The sum, or most_counted if that is less; neither may be above it.
constexpr std::uint64_t add_counts(std::uint64_t a, std::uint64_t b) noexcept {
    return a > most_counted - b ? most_counted : a + b;
}

/// A recipient that a command did not reach, and why.
struct missed_recipient {
    std::string recipient;
    std::string code;
};

/// What another shard or another server says of its part of a command.
struct partial_outcome {
    std::uint64_t delivered = 0;
    std::vector<missed_recipient> missed;
    std::string error_code;  ///< empty: none. Else the sender's status is bad
    std::string error_reason;
    bool is_temporary = false;
};

/// Whom a partial outcome is for: the shard that asked, and what waits there. 0: nothing.
struct acknowledgement {
    unsigned shard = 0;
    std::uint64_t status = 0;
    std::uint64_t report = 0;
    bool is_wanted() const noexcept { return status != 0 || report != 0; }
};

/// Who wants to know what a command reached: the handler that gave it, or the server that sent it on.
struct report_target {
    std::uint64_t source = 0;  ///< of the handler's command, or
    std::string_view tag;      ///< empty: no report is wanted
    std::string_view server;   ///< the server to which
    std::uint64_t ref = 0;     ///< the result is sent

    bool is_wanted() const noexcept { return (source != 0 && !tag.empty()) || ref != 0; }
};

/// What one command reached so far, on the shard that executes it.
struct reach {
    std::uint64_t delivered = 0;
    std::uint64_t report = 0;              ///< in pending_outcomes, if others are asked
    std::vector<missed_recipient> missed;  ///< filled only if a report is wanted
};

/// Statuses and reports that wait until other shards or servers have said what they reached. Belongs
/// to one shard's executor. Outputs, once each: session::message_done for a status and a report frame
/// to the command's source for a report, or peer_port::finish for either if another server asked.
class pending_outcomes {
public:
    explicit pending_outcomes(shard& owner) noexcept : shard_{owner} {}

    /// Somebody else will say what it reached: `message`'s status waits for it (null: it does not),
    /// and so does the report, if one is wanted.
    acknowledgement expect(envelope_view* message, const report_target& report, reach& reached);
    /// That has been said.
    void arrived(const acknowledgement& to, const partial_outcome& outcome);
    /// The same from another shard; `code`: why the sessions were missed.
    void arrived(const acknowledgement& to, std::uint64_t delivered, const std::vector<session_id>& missed,
                 wire::error_code code);
    /// Something of it found no room: if all else goes well, its status is bad all the same.
    void spoil(const acknowledgement& to, wire::error_code why);
    /// The shard's own part of a command with a report is done.
    void complete(const report_target& report, reach&& reached);
    /// The end of a message, as far as its handler is concerned. `error` null: good.
    void finish(const envelope_view& message, const wire::status_error* error);

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

    void end(std::uint64_t number, const pending_status& ended);
    void tell_sender(const envelope_view& message, const wire::status_error* error);
    void tell_server(const envelope_view& message, const wire::status_error* error);
    void send_report(const report_target& to, const partial_outcome& sum);

    shard& shard_;
    std::uint64_t last_ = 0;
    numbered_slots<pending_status> statuses_;
    std::unordered_map<std::uint64_t, pending_report> reports_;  ///< rarer
};

}  // namespace bester::exchange
