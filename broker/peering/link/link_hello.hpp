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
/// A smaller frame limit would have no room for a message's overhead.
inline constexpr std::size_t least_frame_limit = 4 * 1024;

/// The first frame in each direction of a link: the sender's name, and its requests to the other side.
/// proto-docs/peering.md, "Hello".
struct link_hello {
    std::uint64_t protocol = link_protocol;
    std::string server;
    std::uint64_t incarnation = 0;  ///< a random number of this run of the server
    std::string expects;            ///< name of the server that it expects; empty if it does not know
    std::chrono::milliseconds heartbeat{15'000};
    std::size_t frame_limit = 0;  ///< the largest body that it accepts
    bool has_discovery = false;
    bool has_routing = false;

    bool operator==(const link_hello&) const = default;
};

/// Why a link ends: the text of a goodbye frame and of the log.
struct link_refusal {
    std::string code;
    std::string reason;
    bool is_temporary = false;

    bool operator==(const link_refusal&) const = default;
};

// The codes of a link_refusal of this server.
inline constexpr std::string_view bad_hello_code = "bad_hello";
inline constexpr std::string_view protocol_mismatch_code = "protocol_mismatch";
inline constexpr std::string_view peer_refused_code = "peer_refused";

/// Returns the incarnation as in a hello: 16 hexadecimal digits.
std::string incarnation_text(std::uint64_t incarnation);

/// Returns the JSON of a hello, without a frame. Names need no escaping.
std::string encode(const link_hello& hello);
std::string encode(const link_refusal& goodbye);

/// Reads a hello; unknown fields are ignored. Of another protocol's hello only `protocol` is read (check_hello refuses
/// it then). Error: bad_hello.
tl::expected<link_hello, link_refusal> decode_hello(wire::json_reader& reader, std::string_view json);

/// Reads a goodbye as far as it can be understood; control characters become '?', long texts are cut,
/// since they go to the log.
link_refusal decode_goodbye(wire::json_reader& reader, std::string_view json);

/// Checks whether a link to the server that sent this hello is allowed. `certificate_names` are the names in its
/// certificate; std::nullopt on a link without TLS, where its name is not proved. `expected_peer` is the server that
/// was dialled; empty if the other side dialled. The caller decides whether a peer of that name is wanted at all.
std::optional<link_refusal> check_hello(const link_hello& own, const link_hello& hello,
                                        std::optional<std::span<const std::string>> certificate_names,
                                        std::string_view expected_peer);

/// Returns the values that both sides of the link use.
std::chrono::milliseconds effective_heartbeat(const link_hello& own, const link_hello& other) noexcept;

}  // namespace bester::peering
