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
/// The largest integer that every JSON reader holds exactly.
inline constexpr std::uint64_t most_advert_version = (std::uint64_t{1} << 53) - 1;
inline constexpr std::chrono::microseconds least_link_cost{1};
inline constexpr std::chrono::microseconds most_link_cost{60'000'000};

/// The order of a server's adverts: the version decides. Incarnations are random, so they only break ties after a
/// restart within the same millisecond of a clock set back.
struct advert_age_mark {
    std::uint64_t version = 0;
    std::string incarnation;  ///< 16 hex digits, random at each start

    auto operator<=>(const advert_age_mark&) const = default;
};

/// A link as one of its ends sees it.
struct advert_link {
    std::string peer;
    std::chrono::microseconds cost{1};

    bool operator==(const advert_link&) const = default;
};

/// The advert of one server, which others pass on unchanged, with its age.
struct advert {
    std::string server;
    advert_age_mark mark{};
    std::vector<advert_link> links{};      ///< sorted by peer, each peer once
    std::vector<std::string> addresses{};  ///< where it can be dialled, "host:port"; may be empty
    bool is_transit = false;               ///< it forwards for others
    std::chrono::milliseconds age{0};      ///< time since it was made, summed up by the servers that kept it

    bool operator==(const advert&) const = default;
};

/// The adverts that one end of a new link has already, so that the other sends only those that are missing.
struct summary_entry {
    std::string server;
    advert_age_mark mark;

    bool operator==(const summary_entry&) const = default;
};

struct database_summary {
    std::vector<summary_entry> known;

    bool operator==(const database_summary&) const = default;
};

/// The content of an advert frame.
using link_state_message = std::variant<advert, database_summary>;

/// Returns the JSON text of an advert frame. Pure; the message must keep the bounds above.
std::string encode(const advert& message);
std::string encode(const database_summary& message);

/// Reads an advert frame; unknown fields are ignored, all bounds are checked, links are sorted. The error is a sentence
/// for the log, without text of the peer.
tl::expected<link_state_message, std::string> decode_link_state(std::string_view text);

/// Returns whether this is "host:port" or "[v6 address]:port", with a port from 1 to 65535.
bool is_dial_address(std::string_view text) noexcept;

/// Returns whether these are the 16 hex digits (lower case) of an incarnation.
bool is_incarnation(std::string_view text) noexcept;

}  // namespace bester::peering
