#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

namespace bester::peering {

inline constexpr std::size_t most_advert_links = 1024;
inline constexpr std::size_t most_advert_addresses = 8;
inline constexpr std::size_t most_summary_servers = 4096;
inline constexpr std::size_t longest_advert_text = 256 * 1024;
inline constexpr std::size_t longest_summary_text = 512 * 1024;
/// Every JSON reader holds integers up to here exactly.
inline constexpr std::uint64_t most_advert_version = (std::uint64_t{1} << 53) - 1;
inline constexpr std::chrono::microseconds least_link_cost{1};
inline constexpr std::chrono::microseconds most_link_cost{60'000'000};

/// Which of two adverts of one server is the newer: the version decides. Incarnations are random,
/// so they only break the tie after a restart within the same millisecond of a clock set back.
struct advert_age_mark {
    std::uint64_t version = 0;
    std::string incarnation;  ///< 16 hex digits, other ones after each start

    auto operator<=>(const advert_age_mark&) const = default;
};

/// One link as its one end sees it.
struct advert_link {
    std::string peer;
    std::chrono::microseconds cost{1};

    bool operator==(const advert_link&) const = default;
};

/// What one server says of itself; others pass it on as it is, with its age.
struct advert {
    std::string server;
    advert_age_mark mark{};
    std::vector<advert_link> links{};      ///< sorted by peer, each peer once
    std::vector<std::string> addresses{};  ///< where it can be dialled, "host:port"; may be empty
    bool is_transit = false;               ///< it forwards for others
    std::chrono::milliseconds age{0};      ///< time since it was made, added up by those who kept it

    bool operator==(const advert&) const = default;
};

/// What one end of a new link knows already, so that the other sends only what is missing.
struct summary_entry {
    std::string server;
    advert_age_mark mark;

    bool operator==(const summary_entry&) const = default;
};

struct database_summary {
    std::vector<summary_entry> known;

    bool operator==(const database_summary&) const = default;
};

/// What an advert frame of a link carries.
using link_state_message = std::variant<advert, database_summary>;

/// The JSON text of an advert frame. Pure; the message must hold to the bounds above.
std::string encode(const advert& message);
std::string encode(const database_summary& message);

/// Reads an advert frame; unknown fields are ignored, all bounds are checked, links are sorted.
/// The error is a sentence for the log, without text of the peer's.
tl::expected<link_state_message, std::string> decode_link_state(std::string_view text);

/// Is this "host:port" or "[v6 address]:port", with a port from 1 to 65535?
bool is_dial_address(std::string_view text) noexcept;

/// Are these the 16 hex digits (lower case) of an incarnation?
bool is_incarnation(std::string_view text) noexcept;

}  // namespace bester::peering
