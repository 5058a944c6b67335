// Understands a client's message as a decoder on nlohmann's tree does; the data is a part of the
// body, valid by itself, and comes out of a delivery and a handler's message as it was.
#include <memory>
#include <string>

#include "client_reference.hpp"
#include "fuzz_input.hpp"
#include "padded.hpp"
#include "wire/client_codec.hpp"
#include "wire/handler_codec.hpp"
#include "wire/names.hpp"

namespace {

using namespace bester::wire;

constexpr std::size_t max_depth = 16;

void check_as_expected(std::string_view body, error_code code, const client_message& message) {
    const auto expected = test::reference_decode(body, max_depth);
    const bool is_id_too_long = expected.has_id && message.id_token.empty();
    require(is_id_too_long ? code == error_code::bad_message : code == expected.code);
    if (!expected.is_well_formed) return;
    require(message.credentials == expected.credentials);
    require(message.user == expected.user && message.password == expected.password && message.scope == expected.scope);
    if (code != error_code::none) return;
    require(message.type == expected.type);
    require(message.key_hash == key_hash(expected.key) && message.key_token.empty() == expected.key.empty());
}

/// What goes out must be a frame whose body is JSON: a client's bytes never break an envelope.
void check_written(json_reader& reader, const client_message& message) {
    const auto check_frame = [&](const char* begin, const char* end, std::size_t room) {
        const std::string_view frame{begin, static_cast<std::size_t>(end - begin)};
        require(frame.size() <= room);
        const frame_result result = decode_frame(frame, frame.size());
        require(result.status == frame_status::complete && result.consumed == frame.size());
        require(test::reader_accepts(reader, result.body));
    };
    const std::size_t size = delivery_size(message.type_token, message.data, message.id_token);
    const auto delivery = std::make_unique<char[]>(size);
    check_frame(delivery.get(), write_delivery(delivery.get(), message.type_token, message.data, message.id_token),
                size);
    if (!message.id_token.empty()) {
        const std::size_t room = good_status_size(message.id_token);
        const auto status = std::make_unique<char[]>(room);
        check_frame(status.get(), write_good_status(status.get(), message.id_token, 12), room);
    }
    handler_message passed_on;
    passed_on.type_token = message.type_token;
    passed_on.key_token = message.key_token;
    passed_on.data = message.data;
    passed_on.origin = {"tina", "s", "home"};
    const std::size_t room = handler_message_size(passed_on);
    const auto bytes = std::make_unique<char[]>(room);
    check_frame(bytes.get(), write_handler_message(bytes.get(), passed_on), room);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static json_reader reader{max_depth};
    static json_reader other{max_depth + 4};
    const std::string_view input = as_text(data, size);
    const test::padded copy{input};
    const std::string_view body = copy.view();
    client_message message;
    std::string_view reason;
    const error_code code = decode_client_message(reader, body, message, reason);
    require(code == error_code::none || code == error_code::bad_message);
    require(reason.empty() == (code == error_code::none));
    check_as_expected(body, code, message);
    if (code == error_code::none) {
        require(test::reader_accepts(other, message.data));
        const bool is_inside = message.data.data() >= body.data() &&
                               message.data.data() + message.data.size() <= body.data() + body.size();
        require(is_inside || message.data == "null");
        check_written(other, message);
    }
    builtin_command builtin;
    const error_code builtin_code = decode_builtin(other, body, builtin);
    require(builtin_code == error_code::unknown_command || !builtin.type.empty());
    return 0;
}
