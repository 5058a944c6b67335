#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "exchange/framing.hpp"
#include "web/http_request_decoder.hpp"
#include "web/padded_buffer.hpp"

namespace bester::clients {

/// A stream of HTTP requests: each request is a frame, whose body is the request's (mostly empty); see
/// request(). A body is kept here until it is complete, its memory taken as the bytes come.
class http_framing final : public exchange::framing {
public:
    /// Gets the whole response to what is no request; the stream is to be closed after it.
    using refusal = std::function<void(const std::string& response, std::string_view reason)>;

    http_framing(web::http_limits limits, refusal refuse) : decoder_{std::move(limits)}, refuse_{std::move(refuse)} {}

    exchange::framed decode(std::string_view bytes) override;
    void give_again() override { is_again_ = true; }

    /// Has part of one been received?
    bool has_begun() const noexcept { return decoder_.has_begun() || missing_ != 0; }
    /// The last one; its body has come when it is given as a frame.
    const web::http_request& request() const noexcept { return request_; }
    /// Gives the memory of the last frame's body back, which otherwise stays until the next request.
    void release_body() noexcept { body_ = {}; }

private:
    exchange::framed take_body(std::string_view bytes, std::size_t head_size);

    web::http_request_decoder decoder_;
    web::http_request request_;
    refusal refuse_;
    web::padded_buffer body_;
    std::size_t missing_ = 0;  ///< bytes of the body that have not come
    bool is_again_ = false;
};

}  // namespace bester::clients
