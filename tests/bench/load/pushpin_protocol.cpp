// What is said over WebSocket to pushpin, which passes it on to targets/pushpin_backend.py: fan-out only.

#include <cstring>

#include "load/protocol.hpp"
#include "measure/frame.hpp"

namespace bester::bench {
namespace {

class pushpin_protocol final : public protocol {
public:
    bool open(role as, std::uint32_t, byte_queue& out) const override {
        append_frame(as == role::subscriber ? "join" : "ping", out);
        return true;
    }
    void request(request_id, byte_queue&) const override {
        throw std::logic_error("only fan-out goes through pushpin");
    }
    void publish(request_id id, byte_queue& out) const override {
        static const std::string text = data_template();
        append_frame(text, out);
        write_id(id, out.grow(0) - data_size);
    }
    void ping(byte_queue& out) const override { append_frame("ping", out); }
    unsigned parts() const noexcept override { return reply_part; }
    bool confirms_publish() const noexcept override { return false; }

    std::size_t parse(std::string_view bytes, role as, byte_queue&, answer_sink& sink) const override {
        return for_each_frame(bytes, [&](std::string_view body) {
            if (body == "ready") return sink.on_ready();
            if (as != role::subscriber) throw wrong_answer("unexpected message through pushpin", body);
            const request_id id = read_id(body);
            check_data(body, id);
            sink.on_delivery(id);
        });
    }

private:
    static void append_frame(std::string_view body, byte_queue& out) {
        store_u32(out.grow(frame_prefix), static_cast<std::uint32_t>(body.size()));
        out.append(body);
    }
};

}  // namespace

std::unique_ptr<protocol> make_pushpin_protocol() { return std::make_unique<pushpin_protocol>(); }

}  // namespace bester::bench
