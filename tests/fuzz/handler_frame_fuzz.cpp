// Whatever a handler sends: what is understood is valid JSON, and all that was read from it lies
// where it should and passes its own checks.
#include "fuzz_input.hpp"
#include "json_reference.hpp"
#include "padded.hpp"
#include "wire/handler_codec.hpp"
#include "wire/names.hpp"

namespace {

using namespace bester::wire;

constexpr std::size_t max_depth = 16;

void check_command(json_reader& reader, const handler_frame& frame, const command& each) {
    for (const string_range& range : {each.users, each.sessions, each.servers, each.except})
        require(std::size_t{range.begin} + range.count <= frame.strings.size());
    require(test::reader_accepts(reader, each.data));
    if (each.is_malformed) return;
    if (!each.type_token.empty()) require(test::reader_accepts(reader, each.type_token));
    if (!each.report.empty())
        require(test::reader_accepts(reader, each.report) && each.report.size() <= max_id_size + 2);
    switch (each.kind) {
        case command_kind::send_clients:
        case command_kind::send_servers:
        case command_kind::disconnect: require(each.has_targets); break;
        case command_kind::send_group:
        case command_kind::join:
        case command_kind::leave: require(is_name(each.target)); break;
        case command_kind::send_handler:
            require(!each.target.empty());
            if (!each.key_token.empty()) require(test::reader_accepts(reader, each.key_token));
            break;
        case command_kind::reply:
        case command_kind::unknown: break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static json_reader reader{max_depth};
    static json_reader other{max_depth};
    static handler_frame frame;
    const std::string_view input = as_text(data, size);
    const test::padded copy{input};
    if (!decode_handler_frame(reader, copy.view(), frame)) return 0;
    require(test::reference_accepts(input, max_depth));
    require(frame.kind != handler_frame_kind::unknown);
    if (frame.kind == handler_frame_kind::answer || frame.kind == handler_frame_kind::query) require(frame.has_id);
    require(frame.id < std::uint64_t{1} << 53 && frame.limit < std::uint64_t{1} << 53);
    require(!frame.has_error || is_error_code(frame.error_code));
    for (const command& each : frame.commands) check_command(other, frame, each);
    return 0;
}
