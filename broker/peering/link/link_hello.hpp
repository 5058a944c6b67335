#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace bester::wire {
class json_reader;
}

namespace bester::peering {

inline constexpr std::uint64_t link_protocol = 1;
inline constexpr std::size_t max_hello_size = 8 * 1024;
inline constexpr std::chrono::milliseconds least_heartbeat{100};
inline constexpr std::chrono::milliseconds most_heartbeat{3'600'000};
/// A frame limit below this could not even take the overhead of a message.
inline constexpr std::size_t least_frame_limit = 4 * 1024;

/// The first frame in each direction of a link: who it is, and what it asks of the other side.
/// proto-docs/peering.md, "Hello".
struct link_hello {
    std::uint64_t protocol = link_protocol;
    std::string server;
    std::uint64_t incarnation = 0;  ///< a random number of this run of the server
    std::string expects;            ///< whom it believes to talk to; empty if it does not know
    std::chrono::milliseconds heartbeat{15'000};
    std::size_t frame_limit = 0;  ///< the largest body that it takes
    bool has_discovery = false;
    bool has_routing = false;

    bool operator==(const link_hello&) const = default;
};

/// Why a link ends: a goodbye frame's text, and what goes to the log.
struct link_refusal {
    std::string code;
    std::string reason;
    bool is_temporary = false;

    bool operator==(const link_refusal&) const = default;
};

// The codes of a link_refusal that is made here.
inline constexpr std::string_view bad_hello_code = "bad_hello";
inline constexpr std::string_view protocol_mismatch_code = "protocol_mismatch";
inline constexpr std::string_view peer_refused_code = "peer_refused";

/// As it stands in a hello: 16 hexadecimal digits.
std::string incarnation_text(std::uint64_t incarnation);

/// JSON, without the frame around it. Names need no escaping.
std::string encode(const link_hello& hello);
std::string encode(const link_refusal& goodbye);

/// Reads a hello; fields that are not known here are passed over. Of another protocol's hello only
/// `protocol` is read (check_hello refuses it then). Error: bad_hello.
tl::expected<link_hello, link_refusal> decode_hello(wire::json_reader& reader, std::string_view json);

/// Reads a goodbye as far as it can be understood; control characters become '?', long texts are cut,
/// since they go to the log.
link_refusal decode_goodbye(wire::json_reader& reader, std::string_view json);

/// May the server that said this be linked to? `certificate_names` are those of the certificate that it
/// has authenticated itself with; std::nullopt on a link without TLS, where its word is taken.
/// `expected_peer` is whom we dialled, empty if it dialled us. Whether a peer of that name is wanted at
/// all is for the caller to say.
std::optional<link_refusal> check_hello(const link_hello& own, const link_hello& hello,
                                        std::optional<std::span<const std::string>> certificate_names,
                                        std::string_view expected_peer);

/// What both sides of the link go by.
std::chrono::milliseconds effective_heartbeat(const link_hello& own, const link_hello& other) noexcept;

}  // namespace bester::peering
