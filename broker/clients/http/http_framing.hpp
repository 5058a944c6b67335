#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "exchange/framing.hpp"
#include "web/http_request_decoder.hpp"
#include "web/padded_buffer.hpp"

namespace bester::clients {

/// The next frame of a connection that speaks HTTP: a request, or the error of bytes that are not one.
struct http_arrival {
    web::http_request request;
    web::http_status error = web::http_status::none;  ///< none: `request` is good; else it has no meaning
    std::string_view reason = {};                     ///< reason of the error, for the log and the answer; static text
};

/// Cuts a stream into HTTP requests: each request is a frame, whose body is the request's (mostly empty). A request
/// that is not understood is a frame, too, after which nothing more is decoded. The code that accepts a frame takes its
/// request with take(); a frame that is not accepted keeps its request here, so that answers go in the order of
/// requests. A body is kept until it is complete; its memory grows with the bytes that arrive.
class http_framing final : public exchange::framing {
public:
    explicit http_framing(web::http_limits limits) : decoder_{std::move(limits)} {}

    exchange::framed decode(std::string_view bytes) override;
    void give_again() override { is_again_ = true; }
    std::size_t held_bytes() const noexcept override {
        return decoder_.held_bytes() + arrival_.request.memory() + body_.capacity();
    }
    void discard() override { release_body(); }

    /// Returns whether a part of a request has been received that is not complete.
    bool has_begun() const noexcept override { return decoder_.has_begun() || missing_ != 0; }
    /// Returns whether the head of the next request has come, but not all of its body.
    bool is_in_body() const noexcept { return missing_ != 0; }
    /// Returns the request whose body is being received; meaningless unless is_in_body().
    const web::http_request& incomplete() const noexcept { return arrival_.request; }
    /// Moves the last request out; only its body stays here, until the next one is decoded.
    http_arrival take() noexcept { return std::exchange(arrival_, {}); }
    /// Frees the memory of the last frame's body, which otherwise stays until the next request.
    void release_body() noexcept { body_ = {}; }

private:
    exchange::framed take_body(std::string_view bytes, std::size_t head_size);

    web::http_request_decoder decoder_;
    http_arrival arrival_;
    web::padded_buffer body_;
    std::size_t missing_ = 0;  ///< bytes of the body that have not come
    bool is_again_ = false;
};

}  // namespace bester::clients
