#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bester::web {

/// The origin of a connection as a proxy reports it.
struct proxy_source {
    /// The address in its shortest form, as IPv4 also where it was wrapped into IPv6. Empty: the proxy itself is the
    /// client (LOCAL, a health check) or does not know the address (UNKNOWN): use the socket's.
    std::string address;
    std::uint16_t port = 0;
};

enum class proxy_status : std::uint8_t { need_more, complete, failed };

struct proxy_found {
    proxy_status status = proxy_status::need_more;
    std::size_t consumed = 0;
    std::string_view reason = {};  ///< reason of a failure; static text
};

/// Reads the header of the PROXY protocol, version 1 or 2 (haproxy's proxy-protocol.txt), that a proxy puts before
/// everything else, out of bytes in any pieces. Its type-length-values are ignored. Bytes after the header are not
/// consumed. Headers longer than 536 bytes are refused, as the specification allows. Pure.
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

/// Returns an address in the form of proxy_source; none if the text is not an address. A port and brackets are removed.
std::optional<std::string> normal_address(std::string_view text);

/// Returns the client's address from X-Forwarded-For (all its values as one list, to which each proxy appends the
/// address that it saw): the last address that is not a trusted proxy's, or the first one if all are. None if the
/// header is missing, or an entry is not an address.
std::optional<std::string> forwarded_for(std::string_view list,
                                         const std::function<bool(std::string_view address)>& is_trusted);

}  // namespace bester::web
