// The line protocols of nats-server and redis-server, as far as the workloads need them.

#include <charconv>
#include <cstring>

#include "load/protocol.hpp"

namespace bester::bench {
namespace {

constexpr std::string_view line_end = "\r\n";

/// The line at the front, without its end; false if it is not complete.
bool take_line(std::string_view bytes, std::string_view& line) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return false;
    line = bytes.substr(0, end > 0 ? end - 1 : 0);
    return true;
}

std::size_t number(std::string_view text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) throw wrong_answer("not a number", text);
    return value;
}

void append_data(request_id id, byte_queue& out) {
    static const std::string text = data_template();
    char* place = out.grow(data_size);
    std::memcpy(place, text.data(), data_size);
    write_id(id, place);
}

/// Requests go to `bench.echo` with a reply subject below the connection's own inbox, as NATS
/// client libraries do it: one wildcard subscription for all requests of a connection.
class nats_protocol final : public protocol {
public:
    bool open(role as, std::uint32_t number, byte_queue& out) const override {
        out.append("CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"bench\",\"protocol\":1}\r\n");
        if (as == role::requester) {
            out.append("SUB ");
            append_inbox(out);
            out.append("* 1\r\n");
        }
        if (as == role::subscriber) out.append("SUB bench.news 1\r\n");
        if (as == role::receiver) {
            out.append("SUB ");
            append_receiver(number, out);
            out.append(" 1\r\n");
        }
        out.append("PING\r\n");
        return true;
    }

    void request(request_id id, byte_queue& out) const override {
        out.append("PUB bench.echo ");
        append_inbox(out);
        write_id(id, out.grow(request_id_size));
        out.append(" 128\r\n");
        append_data(id, out);
        out.append(line_end);
    }

    void publish(request_id id, byte_queue& out) const override {
        out.append("PUB bench.news 128\r\n");
        append_data(id, out);
        out.append(line_end);
    }

    /// Through the responder too, as all others go through a handler: its reply is the receiver's.
    void pass(std::uint32_t pair, request_id id, byte_queue& out) const override {
        out.append("PUB bench.echo ");
        append_receiver(pair, out);
        out.append(" 128\r\n");
        append_data(id, out);
        out.append(line_end);
    }

    void ping(byte_queue& out) const override { out.append("PING\r\n"); }
    unsigned parts() const noexcept override { return reply_part; }
    bool confirms_publish() const noexcept override { return false; }

    std::size_t parse(std::string_view bytes, role as, byte_queue& out, answer_sink& sink) const override {
        std::size_t done = 0;
        for (std::string_view line; take_line(bytes.substr(done), line);) {
            const std::size_t after_line = done + line.size() + line_end.size();
            if (line.starts_with("MSG ")) {
                const std::size_t size = number(line.substr(line.rfind(' ') + 1));
                if (bytes.size() - after_line < size + line_end.size()) break;
                on_message(line, bytes.substr(after_line, size), as, sink);
                done = after_line + size + line_end.size();
                continue;
            }
            if (line == "PONG") {
                sink.on_ready();
            } else if (line == "PING") {
                out.append("PONG\r\n");
            } else if (!line.starts_with("INFO ")) {
                throw wrong_answer("unexpected line from nats-server", line);
            }
            done = after_line;
        }
        return done;
    }

private:
    // The address of a connection's queue is as good a name as any, and needs no state here.
    static void append_inbox(byte_queue& out) {
        char text[32] = "_INBOX.";
        char* end = std::to_chars(text + 7, text + sizeof(text) - 1, reinterpret_cast<std::uintptr_t>(&out), 36).ptr;
        *end++ = '.';
        out.append({text, end});
    }

    static void append_receiver(std::uint32_t pair, byte_queue& out) {
        char text[24] = "bench.to.";
        out.append({text, std::to_chars(text + 9, text + sizeof(text), pair).ptr});
    }

    static void on_message(std::string_view line, std::string_view data, role as, answer_sink& sink) {
        const request_id id = read_id(data);
        check_data(data, id);
        if (as == role::subscriber || as == role::receiver) return sink.on_delivery(id);
        const std::string_view subject = line.substr(4, line.find(' ', 4) - 4);
        if (!subject.ends_with(data.substr(0, request_id_size))) {
            throw wrong_answer("the reply's subject is not that of its data", line);
        }
        sink.on_part(reply_part, id);
    }
};

/// Fan-out only: SUBSCRIBE and PUBLISH.
class redis_protocol final : public protocol {
public:
    bool open(role as, std::uint32_t, byte_queue& out) const override {
        out.append(as == role::subscriber ? "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n" : "*1\r\n$4\r\nPING\r\n");
        return true;
    }
    void request(request_id, byte_queue&) const override { throw std::logic_error("redis has no request and reply"); }
    void publish(request_id id, byte_queue& out) const override {
        out.append("*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$128\r\n");
        append_data(id, out);
        out.append(line_end);
    }
    void ping(byte_queue& out) const override { out.append("*1\r\n$4\r\nPING\r\n"); }
    unsigned parts() const noexcept override { return reply_part; }
    bool confirms_publish() const noexcept override { return true; }

    std::size_t parse(std::string_view bytes, role as, byte_queue&, answer_sink& sink) const override {
        constexpr std::string_view subscribed = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
        constexpr std::string_view message = "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$128\r\n";
        std::size_t done = 0;
        for (;;) {
            const std::string_view rest = bytes.substr(done);
            std::string_view line;
            if (as == role::subscriber) {
                const std::string_view head = rest.substr(0, message.size());
                if (rest.starts_with(subscribed)) {
                    sink.on_ready();
                    done += subscribed.size();
                } else if (rest.starts_with(message)) {
                    if (rest.size() < message.size() + data_size + line_end.size()) return done;
                    on_message(rest.substr(message.size(), data_size), sink);
                    done += message.size() + data_size + line_end.size();
                } else if (message.starts_with(head) || subscribed.starts_with(head)) {
                    return done;
                } else {
                    throw wrong_answer("unexpected bytes from redis-server", rest);
                }
            } else if (!take_line(rest, line)) {
                return done;
            } else {
                if (line == "+PONG") {
                    sink.on_ready();
                } else if (line.starts_with(":")) {
                    // PUBLISH is answered in order and without a name; the workload knows which it was.
                    sink.on_published({}, static_cast<std::int64_t>(number(line.substr(1))));
                } else {
                    throw wrong_answer("unexpected line from redis-server", line);
                }
                done += line.size() + line_end.size();
            }
        }
    }

private:
    static void on_message(std::string_view data, answer_sink& sink) {
        const request_id id = read_id(data);
        check_data(data, id);
        sink.on_delivery(id);
    }
};

}  // namespace

std::unique_ptr<protocol> make_nats_protocol() { return std::make_unique<nats_protocol>(); }
std::unique_ptr<protocol> make_redis_protocol() { return std::make_unique<redis_protocol>(); }

}  // namespace bester::bench
