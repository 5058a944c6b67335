#include "clients/websocket/web_form.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "web/websocket_frame.hpp"
#include "wire/client_codec.hpp"
#include "wire/json_text.hpp"

using namespace bester;
using namespace bester::clients;
using exchange::payload;

namespace {

std::string in_quotes(std::string_view text) {
    std::string out;
    wire::append_quoted(out, text);
    return out;
}

/// As the exchange makes it for many recipients: with a length word, without an id.
std::string delivery(std::string_view type_token, std::string_view data) {
    std::string frame(wire::delivery_size(type_token, data, {}), '\0');
    wire::write_delivery(frame.data(), type_token, data, {});
    return frame;
}

struct read_frame {
    unsigned first = 0;
    std::string_view body;
};

/// An unmasked frame that is the whole of `bytes`, read by RFC 6455, section 5.2, and not by our own code.
read_frame read(std::string_view bytes) {
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes.at(i)));
    };
    std::size_t at = 2;
    std::uint64_t size = byte(1);
    if (size >= 126) {
        const std::size_t digits = size == 126 ? 2 : 8;
        size = 0;
        for (; at < 2 + digits; ++at) size = size << 8 | byte(at);
    }
    REQUIRE(bytes.size() == at + size);
    return {static_cast<unsigned>(byte(0)), bytes.substr(at)};
}

constexpr unsigned final_text = 0x81;

}  // namespace

TEST_CASE("web form: the data of a delivery is found, whatever its type looks like", "[clients]") {
    const std::string type =
        GENERATE("chat", "", "a\"b", "\\", "\\\"", R"("data":)", R"("payload":{"type":"x","data":)", "é", "\x01");
    const std::string data =
        GENERATE("null", "{}", R"("text")", R"({"payload":{"type":"x","data":[1]}})", R"("}}")", "[[]]", "1e3");
    const std::string frame = delivery(in_quotes(type), data);
    CHECK(data_of_delivery(body_of(frame)) == data);
}

TEST_CASE("web form: what is not a JSON string goes as JSON", "[clients]") {
    const std::string data = GENERATE("null", "1", "-0.0", "true", "{}", R"({"a":"\n"})", R"(["\u0041"])");
    std::string room = "old";
    CHECK(text_of(data, room) == data);
}

TEST_CASE("web form: a string without escapes is a piece of the data", "[clients]") {
    std::string room = "old";
    const std::string data = in_quotes("Grüße 👋🏽");
    const std::string_view text = text_of(data, room);
    CHECK(text == "Grüße 👋🏽");
    CHECK(text.data() == data.data() + 1);
    CHECK(text_of(R"("")", room).empty());
}

TEST_CASE("web form: every escape is undone", "[clients]") {
    const auto [written, meant] = GENERATE(table<std::string, std::string>({
        {R"(\")", "\""},
        {R"(\\)", "\\"},
        {R"(\/)", "/"},
        {R"(\b\f\n\r\t)", "\b\f\n\r\t"},
        {R"(\u0000)", std::string(1, '\0')},
        {R"(\u0041\u007f)", "A\x7f"},
        {R"(\u0080)", "\xc2\x80"},
        {R"(\u00e9\u00E9)", "éé"},
        {R"(\u07ff)", "\xdf\xbf"},
        {R"(\u0800)", "\xe0\xa0\x80"},
        {R"(\u2028)", "\xe2\x80\xa8"},
        {R"(\ud7ff\ue000\uffff)", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"},
        {R"(\ud800\udc00)", "\xf0\x90\x80\x80"},
        {R"(\ud83d\udc4b)", "👋"},
        {R"(\uD83D\uDC4B)", "👋"},
        {R"(\udbff\udfff)", "\xf4\x8f\xbf\xbf"},
        {R"(\\u0041)", "\\u0041"},
        {R"(\\\")", "\\\""},
    }));
    const std::string before = GENERATE("", "é", "long enough for no short string ");
    const std::string after = GENERATE("", "é", "\\n");
    CAPTURE(written);
    const std::string data = '"' + before + written + after + '"';
    std::string room = "old";
    CHECK(text_of(data, room) == before + meant + (after == "\\n" ? "\n" : after));
    CHECK(text_of(data, room) == nlohmann::json::parse(data).get<std::string>());
}

TEST_CASE("web form: half a surrogate pair becomes the replacement character", "[clients]") {
    const std::string bad = "\xef\xbf\xbd";
    const auto [written, meant] = GENERATE_COPY(table<std::string, std::string>({
        {R"(\ud83d)", bad},
        {R"(\udc4b)", bad},
        {R"(\ud83dx)", bad + "x"},
        {R"(\ud83d\n)", bad + "\n"},
        {R"(\ud83d\u0041)", bad + "A"},
        {R"(\ud83d\ud83d\udc4b)", bad + "👋"},
        {R"(\udc4b\ud83d)", bad + bad},
        {R"(\ud83d12345678)", bad + "12345678"},
    }));
    CAPTURE(written);
    std::string room;
    CHECK(text_of('"' + written + '"', room) == meant);
}

TEST_CASE("web form: what quoting writes, undoing gives back", "[clients]") {
    std::string all;
    for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
    all += "é\u2028👋🏽";
    std::string room;
    CHECK(text_of(in_quotes(all), room) == all);
}

TEST_CASE("web form: a frame with a length word becomes a WebSocket's in its place", "[clients]") {
    const std::size_t size = GENERATE(2u, 125u, 126u, 127u, 65'535u, 65'536u, 100'000u);
    CAPTURE(size);
    std::string body;
    for (std::size_t i = 0; i < size; ++i) body += static_cast<char>('a' + i % 23);
    std::string room = "word" + body;
    const std::size_t before = room.size();
    room.append(web::max_frame_header_size, '#');
    const std::size_t made = make_websocket_frame(room.data(), before);
    REQUIRE(made <= room.size());
    const read_frame found = read(std::string_view{room}.substr(0, made));
    CHECK(found.first == final_text);
    CHECK(found.body == body);
}

TEST_CASE("web form: what many sessions get is made once for those of a form", "[clients]") {
    shared_web_forms forms;
    const payload frame = payload::copy_of(delivery(R"("chat")", R"("a\n\u00e9")"));
    const payload& spoken = forms.of(frame, web_form::protocol);
    CHECK(read(spoken.view()).first == final_text);
    CHECK(read(spoken.view()).body == body_of(frame.view()));
    CHECK(read(forms.of(frame, web_form::bound_json).view()).body == R"("a\n\u00e9")");
    CHECK(read(forms.of(frame, web_form::bound_text).view()).body == "a\né");

    const char* const bytes = spoken.data();
    CHECK(forms.of(frame, web_form::protocol).data() == bytes);
    const payload held = forms.of(frame, web_form::bound_text);
    CHECK(forms.of(payload{frame}, web_form::bound_text).data() == held.data());

    const payload next = payload::copy_of(delivery(R"("chat")", "7"));
    CHECK(read(forms.of(next, web_form::bound_text).view()).body == "7");
    CHECK(read(forms.of(next, web_form::protocol).view()).body == body_of(next.view()));
    CHECK(read(held.view()).body == "a\né");  // whoever has it keeps it
    CHECK(read(forms.of(frame, web_form::bound_text).view()).body == "a\né");
}

TEST_CASE("web form: shared frames of every length have the right header", "[clients]") {
    const std::size_t size = GENERATE(0u, 125u, 126u, 65'535u, 65'536u);
    CAPTURE(size);
    shared_web_forms forms;
    const std::string text(size, 'x');
    const payload frame = payload::copy_of(delivery(R"("t")", in_quotes(text)));
    CHECK(read(forms.of(frame, web_form::bound_text).view()).body == text);
    CHECK(read(forms.of(frame, web_form::bound_json).view()).body == in_quotes(text));
}
