// A chat with rooms for the unmodified Socket.IO client. The broker speaks the client's protocol: an
// event comes here as a message whose data is `["event", argument, …]`, and a delivery of the same form
// goes out as one. So this is what a Socket.IO server's `io.on("connection", …)` is, in a process of its
// own. The namespace `/` is the type `chat`, `/admin` the type `panel`.
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <bester/handler.hpp>

#include "chat_event.hpp"
#include "chat_people.hpp"

namespace {

using json = nlohmann::json;
using chat::event;
using chat::person;

constexpr const char* chat_type = "chat";
constexpr const char* panel_type = "panel";
constexpr const char* watchers = "watchers";  // the group of those who look at the panel
constexpr std::size_t longest_text = 4'000;   // bytes
// What is sent to a server whose link is cut waits for it; its people are gone only if it stays away.
constexpr std::chrono::seconds patience{10};

class chat_service {
public:
    explicit chat_service(bester::handler& self) : self_{self} {
        self.on_welcome([this](const bester::welcome& w) { start(w); });
        self.on_snapshot([this](const bester::snapshot& s) { find_out(s); });
        self.on_connected([this](const bester::client_session& c) { greet(c); });
        self.on_disconnected([this](const bester::client_session& c) {
            if (watchers_.erase(c.session) == 0) go(c.session);
        });
        self.on_peer_up([this](const std::string& peer) {
            has_peers_ = true;
            if (const auto lost = lost_.extract(peer)) self_.cancel(lost.mapped());
            to_server(peer, roster(false));
        });
        self.on_peer_down(
            [this](const std::string& peer) { lost_[peer] = self_.after(patience, [this, peer] { forget(peer); }); });
        self.on_message(chat_type, [this](const bester::message& m) {
            return m.server() == server_ ? take_chat(m) : take_from_server(m);
        });
        self.on_message(panel_type, [this](const bester::message& m) { return take_panel(m); });
    }

private:
    // ---- who comes and goes ---------------------------------------------------------------------

    void start(const bester::welcome& w) {
        server_ = w.server;
        everybody_.clear();
        watchers_.clear();
        has_peers_ = false;
        for (const auto& [peer, timer] : lost_) self_.cancel(timer);
        lost_.clear();
    }

    /// After a restart: who is here, and in which rooms, the broker still knows.
    void find_out(const bester::snapshot& s) {
        has_peers_ = !s.peers.empty();
        for (const auto& each : s.clients) come(each);
        to_servers(roster(true));
    }

    person* come(const bester::client_session& c) {
        if (c.socketio_namespace == "/admin") watchers_.insert(c.session);
        if (c.socketio_namespace != "/") return nullptr;
        auto& who = everybody_.add({c.session, c.user, {}, {}});
        who.name = chat::name_of(c.user, c.query);
        for (const auto& group : c.groups)
            if (const auto room = chat::room_of(group); !room.empty()) everybody_.enter(who, room);
        return &who;
    }

    void greet(const bester::client_session& c) {
        const person* const who = come(c);
        if (!who) return;
        push(bester::send_sessions(c.session, {"welcome", described_wholly(*who, server_)}).type(chat_type));
        changed(*who);
    }

    void go(const std::string& id) {
        const person* const found = everybody_.find(id);
        if (!found) return;
        const person gone = *found;
        everybody_.remove(id);
        for (const auto& room : gone.rooms) tell_presence(gone, room, false);
        tell_panel({"offline", {{"id", gone.id}}});
        if (gone.server.empty()) to_servers({{"do", "gone"}, {"id", gone.id}});
    }

    /// Somebody is new, or in other rooms than before.
    void changed(const person& who) {
        tell_panel({"online", described_wholly(who, server_)});
        if (who.server.empty()) to_servers({{"do", "here"}, {"who", described_wholly(who, server_)}});
    }

    /// Whoever sent this. Between a restart and the snapshot they may be unknown.
    person& sender(const bester::message& m) {
        const std::string id{m.session()}, user{m.user()};
        if (person* const known = everybody_.find(id)) return *known;
        return everybody_.add({id, user, chat::name_of(user, {}), {}});
    }

    // ---- what clients say -----------------------------------------------------------------------

    bester::answer take_chat(const bester::message& m) {
        const event e{m};
        person& who = sender(m);
        if (e.name == "join room") return join_room(who, e);
        if (e.name == "leave room") return leave_room(who, e);
        if (e.name == "message") return pass_text(m, who, e);
        if (e.name == "image") return pass_image(m, who, e);
        if (e.name == "typing") return pass_typing(m, who, e);
        if (e.name == "whisper") return whisper(who, e);
        throw bester::refusal{"unknown_event", "there is no event \"" + e.name + "\""};
    }

    static std::string room_named(const json& name) {
        if (!name.is_string() || !chat::is_room(name.get_ref<const std::string&>()))
            throw bester::refusal{"bad_room", "a room's name is 1 to 40 of letters, digits, - and _"};
        return name.get<std::string>();
    }

    static std::string room_of_member(const person& who, const json& name) {
        auto room = room_named(name);
        if (!who.rooms.contains(room)) throw bester::refusal{"not_in_room", "join " + room + " first"};
        return room;
    }

    bester::answer join_room(person& who, const event& e) {
        const auto room = room_named(e.argument);
        if (everybody_.enter(who, room)) {
            tell_presence(who, room, true);
            changed(who);
        }
        return {bester::join(chat::group_of(room)),
                bester::reply({{"room", room}, {"members", everybody_.list_room(room)}})};
    }

    bester::answer leave_room(person& who, const event& e) {
        const auto room = room_of_member(who, e.argument);
        everybody_.leave(who, room);
        tell_presence(who, room, false);
        changed(who);
        return {bester::leave(chat::group_of(room)), bester::reply({{"room", room}})};
    }

    bester::answer pass_text(const bester::message& m, const person& who, const event& e) {
        const auto room = room_of_member(who, e.field("room"));
        auto text = e.text("text");
        if (text.empty() || text.size() > longest_text)
            throw bester::refusal{"bad_text", "a text has 1 to 4,000 bytes"};
        return pass(m, who, room, "message", {{"text", std::move(text)}});
    }

    /// An attachment stands in the data as `{"_binary":"<base64>"}`, coming and going.
    bester::answer pass_image(const bester::message& m, const person& who, const event& e) {
        const auto room = room_of_member(who, e.field("room"));
        const auto kind = e.text("type");
        if (kind != "image/png" && kind != "image/jpeg" && kind != "image/webp" && kind != "image/gif")
            throw bester::refusal{"bad_image", "an image is a PNG, JPEG, WebP or GIF"};
        const auto image = e.field("image");
        if (!image.is_object() || !image.contains("_binary"))
            throw bester::refusal{"bad_image", "the image's bytes are missing"};
        return pass(m, who, room, "image", {{"type", kind}, {"image", image}});
    }

    /// To all others in the room. When it was sent is what the sender is told, and they are.
    bester::answer pass(const bester::message& m, const person& who, const std::string& room, const char* name,
                        json what) {
        const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(m.time().time_since_epoch()).count();
        what.update({{"room", room}, {"from", described(who)}, {"time", time}});
        const json made{name, std::move(what)};
        to_servers({{"do", "tell"}, {"room", room}, {"event", made}});
        return {bester::send_group(chat::group_of(room), made).except(m.session()), bester::reply({{"time", time}})};
    }

    bester::answer pass_typing(const bester::message& m, const person& who, const event& e) {
        const auto room = room_of_member(who, e.argument);
        const json made{"typing", {{"room", room}, {"from", described(who)}}};
        to_servers({{"do", "tell"}, {"room", room}, {"event", made}});
        return bester::send_group(chat::group_of(room), made).except(m.session());
    }

    bester::answer whisper(const person& who, const event& e) {
        const person* const to = everybody_.find(e.text("to"));
        if (!to) throw bester::refusal{"nobody_there", "nobody has this id now"};
        const auto text = e.text("text");
        if (text.empty() || text.size() > longest_text)
            throw bester::refusal{"bad_text", "a text has 1 to 4,000 bytes"};
        json made{"whisper", {{"from", described(who)}, {"text", text}}};
        if (to->server.empty()) return {bester::send_sessions(to->id, made), bester::reply(described(*to))};
        to_server(to->server, {{"do", "tell"}, {"id", id_there(*to)}, {"event", std::move(made)}});
        return bester::reply(described(*to));
    }

    // ---- what those at the panel say ---------------------------------------------------------------

    bester::answer take_panel(const bester::message& m) {
        const event e{m};
        // From this list on they hear of every change, and of none before it.
        if (e.name == "who is online")
            return {bester::join(watchers), bester::reply(json::array({everybody_.list_all(server_)}))};
        if (e.name != "kick") throw bester::refusal{"unknown_event", "there is no event \"" + e.name + "\""};
        const person* const whom = everybody_.find(e.text("id"));
        if (!whom) throw bester::refusal{"nobody_there", "nobody has this id now"};
        const auto reason = e.text("reason");
        if (whom->server.empty())
            return {bester::disconnect_sessions(whom->id, reason), bester::reply(described(*whom))};
        to_server(whom->server, {{"do", "kick"}, {"id", id_there(*whom)}, {"reason", reason}});
        return bester::reply(described(*whom));
    }

    // ---- telling ----------------------------------------------------------------------------------

    /// Without a connection there is nobody to tell: what is true then is in the snapshot of the next one.
    void push(bester::pushable_command what) { (void)self_.push(std::move(what)); }

    void tell_panel(const json& made) {
        if (!watchers_.empty()) push(bester::send_group(watchers, made).type(panel_type));
    }

    void tell_presence(const person& who, const std::string& room, bool is_here) {
        if (everybody_.members(room) == 0) return;
        json what{{"room", room}, {"who", described(who)}, {"is_here", is_here}, {"members", everybody_.members(room)}};
        push(bester::send_group(chat::group_of(room), {"presence", std::move(what)}).except(who.id).type(chat_type));
    }

    // ---- other servers: the same handler there --------------------------------------------------------

    /// A push, not a part of the answer: what becomes of it there neither delays nor fails the sender.
    void to_server(const std::string& server, const json& what) {
        push(bester::send_servers(server, what).type(chat_type));
    }
    void to_servers(const json& what) {
        if (has_peers_) to_server("*", what);
    }

    void forget(const std::string& peer) {
        lost_.erase(peer);
        for (const auto& id : everybody_.ids_of_server(peer)) go(id);
    }

    json roster(bool asks) const {
        auto list = json::array();
        for (const auto& [id, who] : everybody_)
            if (who.server.empty()) list.push_back(described_wholly(who, server_));
        return {{"do", "roster"}, {"people", std::move(list)}, {"asks", asks}};
    }

    static std::string id_there(const person& who) { return who.id.substr(0, who.id.size() - who.server.size() - 1); }

    bester::answer take_from_server(const bester::message& m) {
        const auto data = m.data();
        const std::string there{m.server()}, wish = data.at("do");
        if (wish == "here") know(there, data.at("who"));
        if (wish == "gone") go(data.at("id").get<std::string>() + "@" + there);
        if (wish == "kick")
            return bester::disconnect_sessions(data.at("id").get<std::string>(), data.at("reason").get<std::string>());
        if (wish == "roster") {
            auto before = everybody_.ids_of_server(there);
            for (const auto& who : data.at("people")) std::erase(before, know(there, who));
            for (const auto& id : before) go(id);
            if (data.at("asks").get<bool>()) to_server(there, roster(false));
        }
        if (wish != "tell") return {};
        auto made = data.at("event");
        for (const char* field : {"id", "user"}) {
            auto& name = made.at(1).at("from").at(field);
            name = name.get<std::string>() + "@" + there;
        }
        if (data.contains("id")) return bester::send_sessions(data.at("id").get<std::string>(), made);
        return bester::send_group(chat::group_of(data.at("room").get<std::string>()), made);
    }

    /// What another server says of somebody there. Returns the id that they have here.
    std::string know(const std::string& there, const json& said) {
        const auto id = said.at("id").get<std::string>() + "@" + there;
        auto& who = everybody_.add(
            {id, said.at("user").get<std::string>() + "@" + there, said.at("name").get<std::string>(), there});
        const auto rooms = said.at("rooms").get<std::set<std::string>>();
        for (const auto& room : std::set{who.rooms})
            if (!rooms.contains(room) && everybody_.leave(who, room)) tell_presence(who, room, false);
        for (const auto& room : rooms)
            if (everybody_.enter(who, room)) tell_presence(who, room, true);
        changed(who);
        return id;
    }

    bester::handler& self_;
    std::string server_;
    chat::people everybody_;
    std::set<std::string> watchers_;  // sessions at the panel
    bool has_peers_ = false;
    std::map<std::string, bester::timer_id> lost_;  // servers that cannot be reached just now
};

}  // namespace

int main(int argc, char** argv) {
    bester::handler self{"socketio"};
    const chat_service serve{self};
    return self.run(argc, argv);
}
