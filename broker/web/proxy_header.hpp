#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bester::web {

/// Where a connection came from, as a proxy told it.
struct proxy_source {
    /// As text, as short as it can be, IPv4 also where it was wrapped into IPv6. Empty: the proxy speaks
    /// for itself (LOCAL, a health check) or does not know (UNKNOWN): take the socket's.
    std::string address;
    std::uint16_t port = 0;
};

enum class proxy_status : std::uint8_t { need_more, complete, failed };

struct proxy_found {
    proxy_status status = proxy_status::need_more;
    std::size_t consumed = 0;
    std::string_view reason = {};  ///< of a failure; lives for ever
};

/// Reads the header of the PROXY protocol, version 1 or 2 (haproxy's proxy-protocol.txt), that a proxy
/// puts before everything else, out of bytes in any pieces. Its type-length-values are passed over.
/// What follows the header is not consumed. Longer ones than 536 bytes are refused, as the
/// specification allows. Pure.
class proxy_header_decoder {
public:
    /// `source` is written if the header is complete.
    proxy_found decode(std::string_view bytes, proxy_source& source);

private:
    static constexpr std::size_t longest = 536;

    std::array<char, longest> header_{};
    std::size_t size_ = 0;
    proxy_found failure_;
};

/// An address as proxy_source has it; nothing if it is none. A port after it, and [] around, are left out.
std::optional<std::string> normal_address(std::string_view text);

/// Where a request came from: of the addresses that proxies wrote to X-Forwarded-For (all its values as
/// one list, each proxy appends the one that it saw) the last that is not a trusted proxy's; the first,
/// if all are. Nothing if it is not there, or what stands there is no address.
std::optional<std::string> forwarded_for(std::string_view list,
                                         const std::function<bool(std::string_view address)>& is_trusted);

}  // namespace bester::web
