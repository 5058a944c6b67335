#include "peering/link/link_setup.hpp"

#include <asio/this_coro.hpp>

#include <utility>

#include "coroutines/transfer.hpp"
#include "peering/link/host_lookup.hpp"
#include "peering/link/host_port.hpp"
#include "wire/json_reader.hpp"
#include "wire/link_codec.hpp"

namespace bester::peering {

namespace {

tl::unexpected<setup_failure> failed(std::string code, std::string reason, std::string server = {}) {
    return tl::unexpected(setup_failure{std::move(server), {std::move(code), std::move(reason), true}});
}

std::string padded_body(std::string_view text) { return std::string{text}.append(wire::json_padding, '\0'); }

asio::awaitable<link_connection::result<asio::ip::tcp::socket>> connect(std::string address,
                                                                        std::chrono::milliseconds limit) {
    const auto executor = co_await asio::this_coro::executor;
    struct attempt {
        asio::ip::tcp::resolver resolver;
        asio::ip::tcp::socket socket;
        asio::steady_timer timer;
        bool is_late = false;
    };
    const auto now = std::make_shared<attempt>(attempt{
        asio::ip::tcp::resolver{executor}, asio::ip::tcp::socket{executor}, asio::steady_timer{executor, limit}});
    now->timer.async_wait([weak = std::weak_ptr<attempt>{now}](std::error_code error) {
        const auto late = weak.lock();
        if (error || !late) return;
        std::error_code ignored;
        late->is_late = true;
        late->resolver.cancel();
        late->socket.close(ignored);
    });
    const auto words = [&](std::error_code error) {
        return now->is_late ? std::string{"no connection within peering.handshake_timeout"} : error.message();
    };
    const auto [host, port] = split_host_port(address);
    const auto [unresolved, found] = co_await look_up(now->resolver, host, port);
    if (unresolved) co_return tl::unexpected("cannot find " + host + ": " + words(unresolved));
    const auto unconnected = co_await coroutines::connect_to_any(now->socket, found);
    now->timer.cancel();
    if (unconnected) co_return tl::unexpected(words(unconnected));
    co_return std::move(now->socket);
}

/// Reads the other side's first frame: its hello, or the reason why it refuses the link.
asio::awaitable<setup_result> read_hello(std::shared_ptr<link_connection> connection, const setup_rules& rules,
                                         std::string expected) {
    auto body = co_await connection->read_frame(max_hello_size);
    if (!body) co_return failed("connection_lost", body.error(), expected);
    wire::link_frame frame;
    wire::json_reader reader;
    const std::string kept = padded_body(*body);
    const std::string_view text{kept.data(), body->size()};
    if (wire::decode_link_frame(text, frame) == wire::link_error::none) {
        if (const auto* goodbye = std::get_if<wire::goodbye_frame>(&frame)) {
            auto said = decode_goodbye(reader, goodbye->json);
            said.reason = "it refused: " + said.reason;
            co_return tl::unexpected(setup_failure{expected, std::move(said)});
        }
    }
    const auto* said = std::get_if<wire::hello_frame>(&frame);
    if (!said) co_return failed(std::string{bad_hello_code}, "its first frame is not a hello", expected);
    auto hello = decode_hello(reader, said->json);
    if (!hello) co_return tl::unexpected(setup_failure{expected, hello.error()});
    made_link made{connection, std::move(*hello), {}};
    std::vector<std::string> names;
    std::optional<std::span<const std::string>> certified;
    if (connection->is_secure()) {
        made.certificate = connection->engine().peer_certificate();
        names = connection->engine().peer_names();
        certified = names;
    }
    if (auto refused = check_hello(rules.own, made.hello, certified, expected))
        co_return tl::unexpected(setup_failure{made.hello.server, std::move(*refused)});
    co_return made;
}

std::string hello_body(const setup_rules& rules, const std::string& expected) {
    link_hello own = rules.own;
    own.expects = expected;
    std::string frame;
    const std::string json = encode(own);
    wire::append_link_frame(frame, wire::hello_frame{json});
    return frame.substr(wire::frame_header_size);
}

}  // namespace

asio::awaitable<setup_result> dial_link(std::string address, std::string server, link_transport transport,
                                        setup_rules rules) {
    auto socket = co_await connect(address, rules.limit);
    if (!socket) co_return failed("connection_failed", address + ": " + socket.error(), server);
    const auto connection = std::make_shared<link_connection>(std::move(*socket), rules.limit);
    if (transport == link_transport::tls) {
        if (!rules.context)
            co_return failed("no_certificate", "this server has no usable certificate (peering.certificate)", server);
        auto secured = co_await connection->secure(tls::engine::connect(rules.context, server));
        if (!secured) co_return failed("tls_failed", address + ": " + secured.error(), server);
        if (!connection->engine().peer_has_name(server)) {
            link_refusal why{std::string{peer_refused_code},
                             "the certificate at " + address + " is not that of " + server, false};
            co_await refuse_link(connection, why);
            co_return tl::unexpected(setup_failure{server, std::move(why)});
        }
    } else if (!rules.allow_plain || !connection->is_local()) {
        co_return failed("plain_not_allowed",
                         "a plain link goes to a loopback address only, and needs peering.allow_plain", server);
    }
    const auto begun = std::chrono::steady_clock::now();
    if (auto sent = co_await connection->write_frame(hello_body(rules, server)); !sent)
        co_return failed("connection_lost", address + ": " + sent.error(), server);
    auto made = co_await read_hello(connection, rules, server);
    if (!made) {
        co_await refuse_link(connection, made.error().why);
        co_return made;
    }
    made->round_trip = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
    co_return made;
}

asio::awaitable<setup_result> greet_link(std::shared_ptr<link_connection> connection, setup_rules rules) {
    const auto is_tls = co_await connection->begins_with_tls();
    if (!is_tls) co_return failed("connection_lost", is_tls.error());
    if (*is_tls) {
        if (!rules.context)
            co_return failed("no_certificate", "this server has no usable certificate (peering.certificate)");
        auto secured = co_await connection->secure(tls::engine::accept(rules.context), rules.pace);
        if (!secured) co_return failed("tls_failed", secured.error());
    } else if (!rules.allow_plain || !connection->is_local()) {
        link_refusal why{"plain_not_allowed",
                         "links without TLS are taken from loopback addresses only, and with peering.allow_plain",
                         false};
        co_await refuse_link(connection, why);
        co_return tl::unexpected(setup_failure{{}, std::move(why)});
    }
    auto made = co_await read_hello(connection, rules, {});
    if (!made) co_await refuse_link(connection, made.error().why);
    co_return made;
}

asio::awaitable<bool> welcome_link(made_link link, setup_rules rules) {
    const auto sent = co_await link.connection->write_frame(hello_body(rules, link.hello.server));
    co_return sent.has_value();
}

asio::awaitable<void> refuse_link(std::shared_ptr<link_connection> connection, link_refusal why) {
    std::string frame;
    const std::string json = encode(why);
    wire::append_link_frame(frame, wire::goodbye_frame{json});
    co_await connection->write_frame(std::string_view{frame}.substr(wire::frame_header_size));
    connection->close();
}

}  // namespace bester::peering
