#include "load/protocol.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "measure/frame.hpp"

using namespace bester::bench;

namespace {

/// Writes down what the parser reports, one word each.
class recording_sink final : public answer_sink {
public:
    void on_ready() override { seen.emplace_back("ready"); }
    void on_part(unsigned part, request_id id) override {
        seen.push_back((part == reply_part ? "reply " : "status ") + text(id));
    }
    void on_delivery(request_id id) override { seen.push_back("delivery " + text(id)); }
    void on_published(request_id id, std::int64_t delivered) override {
        seen.push_back("published " + text(id) + " to " + std::to_string(delivered));
    }

    std::vector<std::string> seen;

private:
    static std::string text(request_id id) { return std::to_string(id.slot) + "." + std::to_string(id.sequence); }
};

std::string data_of(request_id id) {
    std::string data = data_template();
    write_id(id, data.data());
    return data;
}

std::string frame(const std::string& body) {
    std::string text(frame_prefix, '\0');
    store_u32(text.data(), static_cast<std::uint32_t>(body.size()));
    return text + body;
}

std::string reply(request_id id, request_id data_id) {
    const std::string name = data_of(id).substr(0, request_id_size);
    return frame(R"({"header":{"messageType":"receivedMessage"},"payload":{"type":"echo","data":")" + data_of(data_id) +
                 R"(","id":")" + name + R"("}})");
}

std::string delivery(request_id data_id) {
    return frame(R"({"header":{"messageType":"receivedMessage"},"payload":{"type":"pass","data":")" + data_of(data_id) +
                 R"("}})");
}

std::string status(const std::string& id, const std::string& verdict) {
    return frame(R"({"header":{"messageType":"statusReport","status":")" + verdict + R"("},"payload":{"id":")" + id +
                 R"(","delivered":7}})");
}

std::string nats_message(const std::string& subject, const std::string& data) {
    return "MSG " + subject + " 1 128\r\n" + data + "\r\n";
}

struct transcript {
    std::string target;
    role as;
    std::string bytes;
    std::vector<std::string> seen;
};

const request_id first{3, 4711};

std::vector<transcript> transcripts() {
    const std::string name = data_of(first).substr(0, request_id_size);
    return {
        {"bester",
         role::requester,
         status("auth_special", "good") + reply(first, first) + status(name, "good"),
         {"ready", "reply 3.4711", "status 3.4711"}},
        {"bester",
         role::publisher,
         status("auth_special", "good") + status(name, "good"),
         {"ready", "published 3.4711 to 7"}},
        {"bester",
         role::subscriber,
         status("auth_special", "good") + status("join", "good") + reply(first, first),
         {"ready", "delivery 3.4711"}},
        {"nats",
         role::requester,
         "INFO {}\r\nPONG\r\n" + nats_message("_INBOX.abc." + name, data_of(first)),
         {"ready", "reply 3.4711"}},
        {"nats",
         role::subscriber,
         "INFO {}\r\nPONG\r\n" + nats_message("bench.news", data_of(first)),
         {"ready", "delivery 3.4711"}},
        {"redis",
         role::subscriber,
         "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$128\r\n" + data_of(first) +
             "\r\n",
         {"ready", "delivery 3.4711"}},
        {"bester", role::sender, status("auth_special", "good") + status(name, "good"), {"ready", "status 3.4711"}},
        {"bester", role::receiver, status("auth_special", "good") + delivery(first), {"ready", "delivery 3.4711"}},
        {"nats",
         role::receiver,
         "INFO {}\r\nPONG\r\n" + nats_message("bench.to.0", data_of(first)),
         {"ready", "delivery 3.4711"}},
        {"relay", role::sender, frame("s00a"), {"ready"}},
        {"relay", role::receiver, frame("r00a") + delivery(first), {"ready", "delivery 3.4711"}},
        {"redis", role::publisher, "+PONG\r\n:1000\r\n", {"ready", "published 0.0 to 1000"}},
        {"pushpin", role::publisher, frame("ready"), {"ready"}},
        {"pushpin", role::subscriber, frame("ready") + frame(data_of(first)), {"ready", "delivery 3.4711"}},
    };
}

}  // namespace

TEST_CASE("load protocols: answers are understood wherever the bytes are cut", "[bench]") {
    for (const transcript& each : transcripts()) {
        CAPTURE(each.target, static_cast<int>(each.as));
        const auto speaks = make_protocol(each.target);
        for (std::size_t cut = 0; cut <= each.bytes.size(); ++cut) {
            recording_sink sink;
            byte_queue in;
            byte_queue out;
            for (const std::string& piece : {each.bytes.substr(0, cut), each.bytes.substr(cut)}) {
                in.append(piece);
                in.consume(speaks->parse(in.view(), each.as, out, sink));
            }
            CAPTURE(cut);
            REQUIRE(sink.seen == each.seen);
            REQUIRE(in.empty());
        }
    }
}

TEST_CASE("load protocols: the relay gives back a request as its reply", "[bench]") {
    const auto speaks = make_protocol("relay");
    byte_queue out;
    speaks->request(first, out);
    recording_sink sink;
    byte_queue unused;
    CHECK(speaks->parse(out.view(), role::requester, unused, sink) == out.size());
    CHECK(sink.seen == std::vector<std::string>{"reply 3.4711"});
}

TEST_CASE("load protocols: bester and the relay are asked with the same bytes", "[bench]") {
    byte_queue for_bester;
    byte_queue for_relay;
    make_protocol("bester")->request(first, for_bester);
    make_protocol("relay")->request(first, for_relay);
    CHECK(for_bester.view() == for_relay.view());
    CHECK(for_bester.view().find(data_of(first)) != std::string_view::npos);
}

TEST_CASE("load protocols: a wrong answer ends the run", "[bench]") {
    const std::string name = data_of(first).substr(0, request_id_size);
    std::string damaged = data_of(first);
    damaged[100] = '!';
    const std::vector<transcript> wrong{
        {"bester", role::requester, status(name, "bad"), {}},
        {"bester", role::requester, reply(first, {3, 4712}), {}},
        {"bester", role::requester, frame(R"({"header":{"messageType":"notice"}})"), {}},
        {"nats", role::requester, "-ERR 'Slow Consumer'\r\n", {}},
        {"nats", role::requester, nats_message("_INBOX.abc.00000000000", data_of(first)), {}},
        {"nats", role::subscriber, nats_message("bench.news", damaged), {}},
        {"bester", role::sender, status(name, "bad"), {}},
        {"nats", role::receiver, nats_message("bench.to.0", damaged), {}},
        {"relay", role::receiver, frame(R"({"payload":{"data":")" + damaged + R"("}})"), {}},
        {"redis", role::publisher, "-ERR unknown command\r\n", {}},
        {"redis", role::subscriber, "*3\r\n$9\r\nsomething\r\n", {}},
        {"pushpin", role::subscriber, frame(damaged), {}},
        {"pushpin", role::publisher, frame(data_of(first)), {}},
    };
    for (const transcript& each : wrong) {
        CAPTURE(each.target, each.bytes);
        recording_sink sink;
        byte_queue out;
        const auto speaks = make_protocol(each.target);
        CHECK_THROWS_AS(speaks->parse(each.bytes, each.as, out, sink), wrong_answer);
    }
}

TEST_CASE("load protocols: a ping of nats-server is answered", "[bench]") {
    recording_sink sink;
    byte_queue out;
    make_protocol("nats")->parse("PING\r\n", role::requester, out, sink);
    CHECK(out.view() == "PONG\r\n");
}

TEST_CASE("load protocols: a message for the other end of a pair carries an id if a status is wanted", "[bench]") {
    byte_queue asking;
    byte_queue quiet;
    make_protocol("bester")->pass(10, first, asking);
    make_protocol("bester-quiet")->pass(10, first, quiet);
    CHECK(make_protocol("bester")->confirms_pass());
    CHECK_FALSE(make_protocol("bester-quiet")->confirms_pass());
    const std::string id = R"("id":")" + data_of(first).substr(0, request_id_size) + '"';
    CHECK(asking.view().find(id) != std::string_view::npos);
    CHECK(quiet.view().find(R"("id")") == std::string_view::npos);
    for (const auto* out : {&asking, &quiet}) {
        CHECK(out->view().find(data_of(first)) != std::string_view::npos);
        CHECK(load_u32(out->view().data()) == out->size() - frame_prefix);
    }
}

TEST_CASE("load protocols: both ends of a pair name the same pair", "[bench]") {
    const auto said = [](const char* target, role as, std::uint32_t number) {
        byte_queue out;
        CHECK(make_protocol(target)->open(as, number, out));
        return std::string{out.view()};
    };
    CHECK(said("bester", role::sender, 0x1f).find(R"("username":"s01f")") != std::string::npos);
    CHECK(said("bester", role::receiver, 0x1f).find(R"("username":"r01f")") != std::string::npos);
    CHECK(said("relay", role::sender, 0x1f) == frame("s01f"));
    CHECK(said("relay", role::receiver, 0x1f) == frame("r01f"));
    byte_queue passed;
    make_protocol("nats")->pass(31, first, passed);
    CHECK(std::string{passed.view()}.starts_with("PUB bench.echo bench.to.31 128\r\n"));
    CHECK(said("nats", role::receiver, 31).find("SUB bench.to.31 1\r\n") != std::string::npos);
}

TEST_CASE("load protocols: redis has no pairs", "[bench]") {
    byte_queue out;
    CHECK_THROWS_AS(make_protocol("redis")->pass(0, first, out), std::logic_error);
}

TEST_CASE("load protocols: what is published through pushpin is the data alone", "[bench]") {
    byte_queue out;
    make_protocol("pushpin")->publish(first, out);
    CHECK(out.view() == frame(data_of(first)));
    CHECK_THROWS_AS(make_protocol("pushpin")->request(first, out), std::logic_error);
}
