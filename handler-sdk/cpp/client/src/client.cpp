#include <bester/client.hpp>

#include <utility>

#include "connection.hpp"

namespace bester {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

client client::connect(const std::string& endpoint, credentials who, client_options options) {
    auto where = client_detail::parse_endpoint(endpoint);
    if (!where) throw connect_error(connect_error::stage::connecting, where.error());
    auto made = std::make_unique<connection>(std::move(*where), std::move(who), options);
    const auto opened = made->open(steady_clock::now() + options.connect_timeout);
    if (!opened) throw connect_error(opened.error().where, opened.error().info, opened.error().frame);
    return client(std::move(made));
}

client::client(std::unique_ptr<connection> made) : connection_(std::move(made)) {}
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;
client::~client() = default;

namespace {
/// Text that is not UTF-8 becomes U+FFFD instead of an exception.
std::string text_of(const nlohmann::json& data) {
    return data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
}  // namespace

outcome client::send(const destination& to, const nlohmann::json& data) {
    return send(to, data, connection_->options().answer_timeout);
}

outcome client::send(const destination& to, const nlohmann::json& data, milliseconds timeout) {
    return connection_->send(to, text_of(data), timeout);
}

outcome client::send_raw(const destination& to, std::string_view data) {
    return send_raw(to, data, connection_->options().answer_timeout);
}

outcome client::send_raw(const destination& to, std::string_view data, milliseconds timeout) {
    return connection_->send(to, data, timeout);
}

submission client::post(const destination& to, const nlohmann::json& data) {
    return connection_->post(to, text_of(data));
}

submission client::post_raw(const destination& to, std::string_view data) { return connection_->post(to, data); }

submission client::submit(const destination& to, const nlohmann::json& data, std::string id) {
    return connection_->submit(to, text_of(data), std::move(id));
}

submission client::submit_raw(const destination& to, std::string_view data, std::string id) {
    return connection_->submit(to, data, std::move(id));
}

std::optional<client_event> client::receive(milliseconds timeout) {
    return connection_->receive(steady_clock::now() + timeout);
}

bool client::is_connected() const noexcept { return connection_->is_connected(); }
int client::file_descriptor() const noexcept { return connection_->descriptor(); }
std::size_t client::unanswered() const noexcept { return connection_->unanswered(); }
const std::string& client::user() const noexcept { return connection_->user(); }
const status& client::login() const noexcept { return connection_->login(); }
void client::close() noexcept { connection_->close(); }

}  // namespace bester
