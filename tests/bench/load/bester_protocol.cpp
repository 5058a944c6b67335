// The client protocol of bester, and that of the bare relay, which is asked with the same bytes.

#include <charconv>
#include <cstring>

#include "load/protocol.hpp"
#include "measure/frame.hpp"

namespace bester::bench {
namespace {

/// A complete frame with holes for the id, copied and patched for each message.
class message_template {
public:
    explicit message_template(std::string_view type, bool has_id = true) {
        std::string body = R"({"payload":{"type":")" + std::string(type) + R"(","data":")";
        data_at_ = frame_prefix + body.size();
        body += data_template();
        if (has_id) {
            body += R"(","id":")";
            id_at_ = frame_prefix + body.size();
            body += std::string(request_id_size, '0');
        }
        body += R"("}})";
        text_.resize(frame_prefix);
        store_u32(text_.data(), static_cast<std::uint32_t>(body.size()));
        text_ += body;
    }

    void append(request_id id, byte_queue& out) const {
        char* place = out.grow(text_.size());
        std::memcpy(place, text_.data(), text_.size());
        write_id(id, place + data_at_);
        if (id_at_ != 0) std::memcpy(place + id_at_, place + data_at_, request_id_size);
    }

private:
    std::string text_;
    std::size_t data_at_ = 0;
    std::size_t id_at_ = 0;  ///< 0: it has none
};

void append_frame(std::string_view body, byte_queue& out) {
    store_u32(out.grow(frame_prefix), static_cast<std::uint32_t>(body.size()));
    out.append(body);
}

/// What follows the first `key` of the frame up to the next quote, if it is a string. The
/// generator knows what it sent, so it can search instead of parse, which keeps it cheap.
std::string_view find_string(std::string_view body, std::string_view key) {
    const void* found = ::memmem(body.data(), body.size(), key.data(), key.size());
    if (found == nullptr) return {};
    const std::size_t begin = static_cast<std::size_t>(static_cast<const char*>(found) - body.data()) + key.size();
    const std::size_t end = body.find('"', begin);
    return end == std::string_view::npos ? std::string_view{} : body.substr(begin, end - begin);
}

std::int64_t find_delivered(std::string_view body) {
    constexpr std::string_view key = R"("delivered":)";
    const std::size_t at = body.find(key);
    std::int64_t value = -1;
    if (at != std::string_view::npos) {
        std::from_chars(body.data() + at + key.size(), body.data() + body.size(), value);
    }
    return value;
}

/// The ends of pairs: `s00a` sends to `r00a`.
std::string end_name(role as, std::uint32_t number) {
    char name[] = "s000";
    if (as == role::receiver) name[0] = 'r';
    for (std::size_t i = 3; i > 0; --i, number >>= 4) name[i] = "0123456789abcdef"[number & 15];
    return name;
}

class bester_protocol final : public protocol {
public:
    explicit bester_protocol(bool confirms_pass) : pass_{"pass", confirms_pass}, confirms_pass_{confirms_pass} {}

    bool open(role as, std::uint32_t number, byte_queue& out) const override {
        if (as == role::sender || as == role::receiver) {
            append_frame(R"({"header":{"scope":"client","authentication":{"username":")" + end_name(as, number) +
                             R"(","password":"bench"}},"payload":{"type":"dummy"}})",
                         out);
            return true;
        }
        append_frame(R"({"payload":{"type":"dummy"}})", out);
        if (as == role::subscriber) append_frame(R"({"payload":{"type":"join","id":"join"}})", out);
        return true;
    }
    void request(request_id id, byte_queue& out) const override { echo_.append(id, out); }
    void publish(request_id id, byte_queue& out) const override { publish_.append(id, out); }
    void pass(std::uint32_t, request_id id, byte_queue& out) const override { pass_.append(id, out); }
    void ping(byte_queue& out) const override { append_frame(R"({"payload":{"type":"dummy","id":"ping"}})", out); }
    unsigned parts() const noexcept override { return reply_part | status_part; }
    bool confirms_publish() const noexcept override { return true; }
    bool confirms_pass() const noexcept override { return confirms_pass_; }

    std::size_t parse(std::string_view bytes, role as, byte_queue&, answer_sink& sink) const override {
        return for_each_frame(bytes, [&](std::string_view body) {
            const std::string_view kind = find_string(body, R"("messageType":")");
            if (kind == "statusReport") return on_status(body, as, sink);
            if (kind == "receivedMessage") return on_delivery(body, as, sink);
            throw wrong_answer("unexpected frame", body);
        });
    }

private:
    static void on_status(std::string_view body, role as, answer_sink& sink) {
        if (find_string(body, R"("status":")") != "good") throw wrong_answer("bad status", body);
        const std::string_view id = find_string(body, R"("id":")");
        if (id == "auth_special") {
            if (as != role::subscriber) sink.on_ready();
        } else if (id == "join" || id == "ping") {
            sink.on_ready();
        } else if (as == role::publisher) {
            sink.on_published(read_id(id), find_delivered(body));
        } else {
            sink.on_part(status_part, read_id(id));
        }
    }

    static void on_delivery(std::string_view body, role as, answer_sink& sink) {
        const std::string_view data = find_string(body, R"("data":")");
        const request_id id = read_id(data);
        check_data(data, id);
        if (as == role::subscriber || as == role::receiver) return sink.on_delivery(id);
        if (find_string(body, R"("id":")") != data.substr(0, request_id_size)) {
            throw wrong_answer("the reply's id is not that of its data", body);
        }
        sink.on_part(reply_part, id);
    }

    message_template echo_{"echo"};
    message_template publish_{"publish"};
    message_template pass_;
    bool confirms_pass_;
};

class relay_protocol final : public protocol {
public:
    /// The relay is told who is at the other end of which pair, and says the same.
    bool open(role as, std::uint32_t number, byte_queue& out) const override {
        if (as != role::sender && as != role::receiver) return false;
        append_frame(end_name(as, number), out);
        return true;
    }
    void request(request_id id, byte_queue& out) const override { echo_.append(id, out); }
    void publish(request_id, byte_queue&) const override { throw std::logic_error("the relay has no fan-out"); }
    void pass(std::uint32_t, request_id id, byte_queue& out) const override { echo_.append(id, out); }
    void ping(byte_queue&) const override { throw std::logic_error("the relay has no ping"); }
    unsigned parts() const noexcept override { return reply_part; }
    bool confirms_publish() const noexcept override { return false; }

    std::size_t parse(std::string_view bytes, role as, byte_queue&, answer_sink& sink) const override {
        return for_each_frame(bytes, [&](std::string_view body) {
            if (!body.starts_with('{') && (as == role::sender || as == role::receiver)) return sink.on_ready();
            const std::string_view data = find_string(body, R"("data":")");
            const request_id id = read_id(data);
            check_data(data, id);
            if (as == role::receiver) return sink.on_delivery(id);
            sink.on_part(reply_part, id);
        });
    }

private:
    message_template echo_{"echo"};
};

}  // namespace

std::unique_ptr<protocol> make_bester_protocol(bool confirms_pass) {
    return std::make_unique<bester_protocol>(confirms_pass);
}
std::unique_ptr<protocol> make_relay_protocol() { return std::make_unique<relay_protocol>(); }

}  // namespace bester::bench
