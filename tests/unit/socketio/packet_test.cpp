#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "socketio/packet.hpp"

namespace bester::socketio {

namespace {

struct example {
    std::string_view text;
    packet_view packet;
};

std::string written(const packet_view& packet) {
    std::array<char, prefix_room> room{};
    return std::string{room.data(), write_prefix(packet, room.data())} + std::string{packet.data};
}

/// The packets that the protocol and the clients' own parser have as examples.
const std::vector<example> examples{
    {"0", {packet_type::connect, 0, {}, "/", ""}},
    {R"(0{"token":"123"})", {packet_type::connect, 0, {}, "/", R"({"token":"123"})"}},
    {"0/admin,", {packet_type::connect, 0, {}, "/admin", ""}},
    {R"(0/woot,{"token":"123"})", {packet_type::connect, 0, {}, "/woot", R"({"token":"123"})"}},
    {R"(0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"})",
     {packet_type::connect, 0, {}, "/admin", R"({"sid":"oSO0OpakMV_3jnilAAAA"})"}},
    {"1", {packet_type::disconnect, 0, {}, "/", ""}},
    {"1/admin,", {packet_type::disconnect, 0, {}, "/admin", ""}},
    {R"(2["hello",1])", {packet_type::event, 0, {}, "/", R"(["hello",1])"}},
    {R"(2["a",1,{}])", {packet_type::event, 0, {}, "/", R"(["a",1,{}])"}},
    {R"(2[1,"a",{}])", {packet_type::event, 0, {}, "/", R"([1,"a",{}])"}},
    {R"(212["hello"])", {packet_type::event, 0, 12, "/", R"(["hello"])"}},
    {R"(2/admin,456["project:delete",123])", {packet_type::event, 0, 456, "/admin", R"(["project:delete",123])"}},
    {R"(2/test,1["a",1,{}])", {packet_type::event, 0, 1, "/test", R"(["a",1,{}])"}},
    {R"(20["a"])", {packet_type::event, 0, 0, "/", R"(["a"])"}},
    {R"(29999999999999999999["a"])", {packet_type::event, 0, 9'999'999'999'999'999'999U, "/", R"(["a"])"}},
    {R"(3123["a",1,{}])", {packet_type::ack, 0, 123, "/", R"(["a",1,{}])"}},
    {"3/admin,456[]", {packet_type::ack, 0, 456, "/admin", "[]"}},
    {R"(4"Unauthorized")", {packet_type::connect_error, 0, {}, "/", R"("Unauthorized")"}},
    {R"(4/admin,{"message":"Not authorized"})",
     {packet_type::connect_error, 0, {}, "/admin", R"({"message":"Not authorized"})"}},
    {R"(51-["hello",{"_placeholder":true,"num":0}])",
     {packet_type::binary_event, 1, {}, "/", R"(["hello",{"_placeholder":true,"num":0}])"}},
    {R"(51-/admin,456["project:delete",{"_placeholder":true,"num":0}])",
     {packet_type::binary_event, 1, 456, "/admin", R"(["project:delete",{"_placeholder":true,"num":0}])"}},
    {R"(61-/admin,456[{"_placeholder":true,"num":0}])",
     {packet_type::binary_ack, 1, 456, "/admin", R"([{"_placeholder":true,"num":0}])"}},
    {R"(564-7["a"])", {packet_type::binary_event, 64, 7, "/", R"(["a"])"}},
};

}  // namespace

TEST_CASE("packet: the protocol's examples are read, and written as they were", "[socketio]") {
    for (const auto& [text, expected] : examples) {
        CAPTURE(text);
        const auto packet = decode_packet(text);
        REQUIRE(packet.has_value());
        CHECK(*packet == expected);
        CHECK(written(*packet) == "4" + std::string{text});
    }
}

TEST_CASE("packet: what is cut off is refused, or a packet of its own", "[socketio]") {
    for (const auto& [text, expected] : examples) {
        for (std::size_t size = 0; size < text.size(); ++size) {
            // A block of exactly that size, so that a reader of more is seen.
            const std::vector<char> exact{text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size)};
            const std::string_view cut{exact.data(), exact.size()};
            CAPTURE(cut);
            const auto packet = decode_packet(cut);
            if (!packet) continue;
            CHECK(packet->type == expected.type);
            CHECK(expected.name_space.starts_with(packet->name_space));
            CHECK(packet->data.data() + packet->data.size() == cut.data() + cut.size());
            // Nothing behind the beginning of the data is looked at, so only these can be whole.
            const bool has_data = !packet->data.empty() && expected.data.starts_with(packet->data);
            CHECK((has_data || packet->type == packet_type::connect || packet->type == packet_type::disconnect));
        }
    }
}

TEST_CASE("packet: a namespace loses its query, and needs no comma at the end", "[socketio]") {
    const std::vector<example> table{
        {"0/admin", {packet_type::connect, 0, {}, "/admin", ""}},
        {"1/admin", {packet_type::disconnect, 0, {}, "/admin", ""}},
        {R"(0/admin?token=1234&uid=abcd,{"a":1})", {packet_type::connect, 0, {}, "/admin", R"({"a":1})"}},
        {"0/?token=1,", {packet_type::connect, 0, {}, "/", ""}},
        {"0/,", {packet_type::connect, 0, {}, "/", ""}},
        {R"(2/a/b c,["e"])", {packet_type::event, 0, {}, "/a/b c", R"(["e"])"}},
        {R"(2/7,7["e"])", {packet_type::event, 0, 7, "/7", R"(["e"])"}},
    };
    for (const auto& [text, expected] : table) {
        CAPTURE(text);
        const auto packet = decode_packet(text);
        REQUIRE(packet.has_value());
        CHECK(*packet == expected);
    }
}

TEST_CASE("packet: each mistake has its name", "[socketio]") {
    const std::string longest = "/" + std::string(longest_namespace - 1, 'x');
    CHECK(decode_packet("0" + longest + ",")->name_space == longest);
    CHECK(decode_packet("0" + longest + "?" + std::string(5'000, 'q') + ",")->name_space == longest);
    const std::vector<std::pair<std::string, packet_error>> table{
        {"", packet_error::bad_type},
        {"7", packet_error::bad_type},
        {"999", packet_error::bad_type},
        {"/", packet_error::bad_type},
        {"[\"a\"]", packet_error::bad_type},
        {"\xff", packet_error::bad_type},
        // attachments
        {"5", packet_error::bad_attachments},
        {"51", packet_error::bad_attachments},
        {"50-[\"a\"]", packet_error::bad_attachments},
        {"501-[\"a\"]", packet_error::bad_attachments},
        {"5-[\"a\"]", packet_error::bad_attachments},
        {"5-1-[\"a\"]", packet_error::bad_attachments},
        {"5a-[\"a\"]", packet_error::bad_attachments},
        {"51.23-[\"a\"]", packet_error::bad_attachments},
        {"5[\"a\"]", packet_error::bad_attachments},
        {"599999999999999999999-[\"a\"]", packet_error::bad_attachments},
        {"565-[\"a\"]", packet_error::too_many_attachments},
        {"59999999999999999999-[\"a\"]", packet_error::too_many_attachments},
        // namespaces
        {"0" + longest + "x,", packet_error::bad_namespace},
        {"0/a\x1e"
         "b,",
         packet_error::bad_namespace},
        {std::string("0/a\0b,", 6), packet_error::bad_namespace},
        {"0/a\x7f,", packet_error::bad_namespace},
        // ids
        {"299999999999999999999[\"a\"]", packet_error::bad_id},
        {"2007[\"a\"]", packet_error::bad_id},
        {"200[\"a\"]", packet_error::bad_id},
        {"3[]", packet_error::bad_id},
        {"3/admin,[]", packet_error::bad_id},
        {"61-[]", packet_error::bad_id},
        {"01{}", packet_error::bad_id},
        {"17", packet_error::bad_id},
        {"1/admin,7", packet_error::bad_id},
        {"47\"a\"", packet_error::bad_id},
        // data of the wrong kind
        {"0[]", packet_error::bad_data},
        {"0/admin,\"invalid\"", packet_error::bad_data},
        {"0 {}", packet_error::bad_data},
        {"1{}", packet_error::bad_data},
        {"1/admin,{}", packet_error::bad_data},
        {"2", packet_error::bad_data},
        {"212", packet_error::bad_data},
        {"2/admin,", packet_error::bad_data},
        {"2/admin,{}", packet_error::bad_data},
        {"2/admin,\"invalid", packet_error::bad_data},
        {"2-1[\"a\"]", packet_error::bad_data},
        {"31", packet_error::bad_data},
        {"31{}", packet_error::bad_data},
        {"4", packet_error::bad_data},
        {"4[]", packet_error::bad_data},
        {"51-{}", packet_error::bad_data},
        {"51-", packet_error::bad_data},
    };
    for (const auto& [text, expected] : table) {
        CAPTURE(text, to_string(expected));
        const auto packet = decode_packet(text);
        REQUIRE_FALSE(packet.has_value());
        CHECK(to_string(packet.error()) == to_string(expected));
    }
}

TEST_CASE("packet: a prefix has room, however long its parts are", "[socketio]") {
    const std::string longest = "/" + std::string(longest_namespace - 1, 'x');
    const packet_view packet{packet_type::binary_ack, most_attachments, 9'999'999'999'999'999'999U, longest, {}};
    CHECK(written(packet) == "4664-" + longest + ",9999999999999999999");
    CHECK(written(packet).size() <= prefix_room);
    CHECK(written({packet_type::event, 0, {}, "/admin", {}}) == "42/admin,");
    CHECK(written({packet_type::ack, 0, 17, "/admin", {}}) == "43/admin,17");
    CHECK(written({packet_type::event, 0, {}, "/", {}}) == "42");
    CHECK(written({packet_type::binary_event, 1, {}, "/admin", {}}) == "451-/admin,");
}

TEST_CASE("namespace: what may be one", "[socketio]") {
    for (const std::string_view good : {"/", "/admin", "/a/b", "/\xc3\xa4", "/a b"}) CHECK(is_namespace(good));
    for (const std::string_view bad : {"", "admin", "/a,b", "/a?b", "/a\n", "/a\x1e"}) CHECK_FALSE(is_namespace(bad));
    CHECK(is_namespace("/" + std::string(longest_namespace - 1, 'x')));
    CHECK_FALSE(is_namespace("/" + std::string(longest_namespace, 'x')));
}

}  // namespace bester::socketio
