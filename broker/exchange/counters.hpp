#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::exchange {

// The counters, by name: `EACH(name)`. The names are stable, since status and metrics show them; nothing else lists
// them.
#define BESTER_COUNTERS(EACH)                                                                     \
    EACH(connections_opened) /* by clients, logged in or not */                                   \
    EACH(connections_closed)                                                                      \
    EACH(sessions_opened) /* that logged in */                                                    \
    EACH(sessions_closed) /* of these */                                                          \
    EACH(authentications_failed)                                                                  \
    EACH(logins_put_off)      /* for reasons of the broker: busy, stopping, no log-in handler */  \
    EACH(logins_throttled)    /* refused unseen, as too many had failed */                        \
    EACH(connections_refused) /* too many, or too many from there; Engine.IO sessions too */      \
    EACH(sessions_expired)    /* with their token */                                              \
    EACH(messages)            /* from clients, well-formed */                                     \
    EACH(messages_bad)        /* from clients, refused before any handler saw them */             \
    EACH(requests_refused)    /* over HTTP */                                                     \
    EACH(messages_forbidden)  /* by `permissions` */                                              \
    EACH(messages_limited)    /* by a rate of `permissions` */                                    \
    EACH(answers)             /* from handlers, to an open message */                             \
    EACH(answers_unknown)     /* from handlers, late or to nothing */                             \
    EACH(pushes)                                                                                  \
    EACH(commands)                                                                                \
    EACH(commands_refused)                                                                        \
    EACH(queries)                                                                                 \
    EACH(deliveries) /* handed to a session */                                                    \
    EACH(statuses_good)                                                                           \
    EACH(statuses_bad)                                                                            \
    EACH(handler_timeouts)                                                                        \
    EACH(handler_failures) /* messages that an instance took with it */                           \
    EACH(handler_hangs)    /* instances that did not answer a ping, by channel */                 \
    EACH(handler_retries)  /* messages given to another instance */                               \
    EACH(busy)                                                                                    \
    EACH(slow_consumers)                                                                          \
    EACH(peer_deliveries_refused) /* another server's, as half of the session's queue was full */ \
    EACH(write_timeouts)                                                                          \
    EACH(protocol_errors)    /* of handlers */                                                    \
    EACH(input_evictions)    /* ended for limits.held_input, or for others before a log-in */     \
    EACH(frame_timeouts)     /* of clients */                                                     \
    EACH(recoveries_dropped) /* packets kept for a client's return, dropped to make room */       \
    EACH(files_served)       /* over HTTP */                                                      \
    EACH(internal_errors)

enum class counter : std::uint8_t {
#define BESTER_COUNTER(name) name,
    BESTER_COUNTERS(BESTER_COUNTER)
#undef BESTER_COUNTER
};

inline constexpr std::array counter_names{
#define BESTER_COUNTER(name) std::string_view{#name},
    BESTER_COUNTERS(BESTER_COUNTER)
#undef BESTER_COUNTER
};

inline constexpr std::size_t counter_count = counter_names.size();

/// The counters of one shard. Written by its thread alone; read through its mailbox.
class counters {
public:
    std::uint64_t& operator[](counter which) noexcept { return values_[static_cast<std::size_t>(which)]; }
    std::uint64_t operator[](counter which) const noexcept { return values_[static_cast<std::size_t>(which)]; }
    counters& operator+=(const counters& other) noexcept {
        for (std::size_t i = 0; i < counter_count; ++i) values_[i] += other.values_[i];
        return *this;
    }

private:
    std::array<std::uint64_t, counter_count> values_{};
};

}  // namespace bester::exchange
