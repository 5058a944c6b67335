#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "exchange/framing.hpp"
#include "web/http_request_decoder.hpp"

namespace bester::clients {

/// A stream of HTTP requests: each head is a frame, without a body of its own; see request().
class http_framing final : public exchange::framing {
public:
    /// Gets the whole response to what is no request; the stream is to be closed after it.
    using refusal = std::function<void(const std::string& response, std::string_view reason)>;

    http_framing(web::http_limits limits, refusal refuse) : decoder_{limits}, refuse_{std::move(refuse)} {}

    exchange::framed decode(std::string_view bytes) override;
    void give_again() override { is_again_ = true; }

    /// Has part of one been received?
    bool has_begun() const noexcept { return decoder_.has_begun(); }
    /// The last one.
    const web::http_request& request() const noexcept { return request_; }

private:
    web::http_request_decoder decoder_;
    web::http_request request_;
    refusal refuse_;
    bool is_again_ = false;
};

}  // namespace bester::clients
