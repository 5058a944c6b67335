// Texto v1, a messaging protocol for browsers, whole: the broker binds it to a WebSocket path, so that
// each text frame comes here as a message and each delivery goes out as a frame. What the frames say
// is decided here; who is connected where, and over which servers the way leads, is the broker's business.
#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <bester/handler.hpp>

#include "frames.hpp"
#include "texto_clients.hpp"

namespace {

constexpr const char* type = "texto";

struct settings {
    std::string path = "/v1/texto";
    bool is_strict = false;
};

settings read_settings(const nlohmann::json& config) {
    settings read;
    if (config.is_null()) return read;
    if (!config.is_object()) throw std::invalid_argument{"config must be an object"};
    for (const auto& [key, value] : config.items()) {
        if (key == "path" && value.is_string()) value.get_to(read.path);
        else if (key == "strict" && value.is_boolean()) value.get_to(read.is_strict);
        else throw std::invalid_argument{"\"" + key + R"(": there are "path", a string, and "strict", true or false)"};
    }
    return read;
}

/// Is `wish` one of the settings in a URL's query?
bool says(std::string_view query, std::string_view wish) {
    for (std::size_t begin = 0; begin <= query.size();) {
        const std::size_t end = std::min(query.find('&', begin), query.size());
        if (query.substr(begin, end - begin) == wish) return true;
        begin = end + 1;
    }
    return false;
}

/// A message to somebody, as the frame that they will get.
struct letter {
    std::string receiver;
    std::string frame;
};

class texto_service {
public:
    explicit texto_service(bester::handler& self) : self_{self} {
        self.on_welcome([this](const bester::welcome& w) { start(w); });
        self.on_snapshot([this](const bester::snapshot& s) {
            knows_who_is_here_ = true;
            // Again, after a restart: nobody knows any more who was greeted, and twice is better than never.
            for (const auto& each : s.clients) come(each);
        });
        self.on_connected([this](const bester::client_session& each) { come(each); });
        self.on_disconnected([this](const bester::client_session& each) { here_.remove(each.session); });
        self.on_message(type, [this](const bester::message& m, bester::responder r) { take(m, std::move(r)); });
    }

private:
    using outcome = bester::callback<void(bool is_delivered)>;

    void start(const bester::welcome& w) {
        settings_ = read_settings(w.config);
        server_ = w.server;
        largest_ = w.message_size;
        here_ = texto::clients{settings_.path};
        knows_who_is_here_ = false;
    }

    void come(const bester::client_session& session) {
        if (!here_.add(session) || says(session.query, "nogreet=1")) return;
        const auto greeting = texto::quoted(texto::connection_frame(session.user, texto::new_id()));
        (void)self_.push(bester::send_sessions(session.session, bester::raw_json{greeting}).type(type));
    }

    void take(const bester::message& m, bester::responder r) {
        if (m.server() != server_) return r.answer(take_from_server(m));
        if (knows_who_is_here_ && !here_.has_session(m.session()))
            return r.answer(
                bester::refuse("not_on_texto_path", "Texto is spoken on the WebSocket path " + settings_.path));
        const std::string client{m.user()};
        const texto::request wish = texto::read_request(m.raw().text(), client);
        switch (wish.kind) {
            case texto::kind::ack: return r.answer({});
            case texto::kind::registration: return r.answer(reply(texto::connection_frame(client, wish.id)));
            case texto::kind::send: return send(client, wish, m.deadline(), std::move(r));
            case texto::kind::mistake: break;
        }
        r.answer(reply(
            texto::error_frame(client, wish.id.empty() ? texto::new_id() : wish.id, wish.code, wish.description)));
    }

    static bester::command reply(std::string_view frame) {
        return bester::reply(bester::raw_json{texto::quoted(frame)});
    }

    // ---- to a client of this server, or of another one ------------------------------------------

    void send(const std::string& client, const texto::request& wish, std::chrono::steady_clock::time_point deadline,
              bester::responder r) {
        letter it{wish.receiver,
                  texto::quoted(texto::receive_frame(wish.receiver, texto::new_id(), client, wish.text))};
        // Everything that is sent carries the frame once more quoted, and a few words around it.
        if (2 * it.frame.size() + 1024 > largest_)
            return r.answer(reply(texto::error_frame(client, wish.id, "EINVAL", "the text is too long")));
        if (settings_.is_strict) return send_strictly(client, wish.id, std::move(it), deadline, std::move(r));
        auto ack = reply(texto::ack_frame(client, wish.id));
        if (is_here(it.receiver))
            return r.answer({bester::send_clients(it.receiver, bester::raw_json{it.frame}), std::move(ack)});
        look_for(std::move(it), {});
        r.answer(std::move(ack));
    }

    /// The answer waits for what became of the letter, but never longer than the broker waits for it.
    void send_strictly(const std::string& client, const std::string& id, letter it,
                       std::chrono::steady_clock::time_point deadline, bester::responder r) {
        struct waiting {
            bester::responder responder;
            bester::timer_id timer{};
        };
        auto held = std::make_shared<waiting>(waiting{std::move(r), {}});
        const auto left = std::max(deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds{0});
        held->timer =
            self_.after(std::min<std::chrono::nanoseconds>(left * 4 / 5, std::chrono::minutes{1}), [held, client, id] {
                held->responder.answer(reply(
                    texto::error_frame(client, id, "ENOENT",
                                       "no server has said in time that this receiver is there; it may arrive yet")));
            });
        look_for(std::move(it), [this, held, client, id](bool is_delivered) {
            self_.cancel(held->timer);
            held->responder.answer(reply(is_delivered
                                             ? texto::ack_frame(client, id)
                                             : texto::error_frame(client, id, "ENOENT", "nobody has this id now")));
        });
    }

    /// Is it certain that this client is here, or that it is not? Neither, until the snapshot has come.
    bool is_here(const std::string& client) const { return knows_who_is_here_ && here_.has_client(client); }
    bool is_not_here(const std::string& client) const { return knows_who_is_here_ && !here_.has_client(client); }

    /// Here first, then on the other servers.
    void look_for(letter it, outcome done) {
        if (is_not_here(it.receiver)) return forward(it, std::move(done));
        auto shared = std::make_shared<outcome>(std::move(done));
        const letter copy = it;
        deliver(copy, [this, it = std::move(it), shared](bool is_delivered) {
            if (!is_delivered) forward(it, std::move(*shared));
            else if (*shared) (*shared)(true);
        });
    }

    void deliver(const letter& it, outcome done) {
        push(bester::send_clients(it.receiver, bester::raw_json{it.frame}).type(type), std::move(done));
    }

    /// The handlers on the other servers get it; the one whose client it is delivers it. As a push, not
    /// as part of the answer: what becomes of it there is not to delay or to fail the sender's next frames.
    void forward(const letter& it, outcome done) {
        const std::string data = R"({"receiver_id":")" + it.receiver + R"(","frame":)" + it.frame + "}";
        push(bester::send_servers("*", bester::raw_json{data}).type(type), std::move(done));
    }

    void push(bester::pushable_command what, outcome done) {
        if (!done) {
            (void)self_.push(std::move(what));
            return;
        }
        auto shared = std::make_shared<outcome>(std::move(done));
        const bool is_sent = self_.push(std::move(what).report(
            [shared](const bester::delivery_report& report) { (*shared)(report.delivered > 0); }));
        if (!is_sent) (*shared)(false);
    }

    // ---- from another server ----------------------------------------------------------------------

    /// What `forward` there sent. How many it reaches travels back with the outcome, unasked.
    bester::answer take_from_server(const bester::message& m) const {
        const auto data = m.data();
        const std::string receiver = data.is_object() ? data.value("receiver_id", "") : "";
        if (!texto::is_client_id(receiver) || !data.contains("frame"))
            return bester::refuse("bad_data", "no letter of a Texto handler");
        if (is_not_here(receiver)) return {};
        return bester::send_clients(receiver, data.at("frame"));
    }

    bester::handler& self_;
    settings settings_;
    std::string server_;
    std::size_t largest_ = 0;
    texto::clients here_;
    bool knows_who_is_here_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    bester::handler self{"texto"};
    const texto_service serve{self};
    return self.run(argc, argv);
}
