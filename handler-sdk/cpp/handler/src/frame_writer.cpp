#include "frame_writer.hpp"

namespace bester::detail {

void begin_answer(output_buffer& out, std::uint64_t id, std::string_view error) {
    out.begin_frame();
    out.append(R"({"kind":"answer","id":)");
    out.append_number(id);
    if (error.empty()) return;
    out.append(R"(,"error":)");
    out.append(error);
}

void begin_push(output_buffer& out) {
    out.begin_frame();
    out.append(R"({"kind":"push")");
}

void append_commands(output_buffer& out, command_list& list, std::uint64_t first_report) {
    if (list.empty()) return;
    out.append(R"(,"commands":[)");
    const std::string_view text = list.text();
    std::size_t done = 0;
    for (const auto& report : list.reports()) {
        out.append(text.substr(done, report.at - done));
        out.append_number(first_report++);
        done = report.at;
    }
    out.append(text.substr(done));
    out.append(']');
}

void end_ordered(output_buffer& out, std::span<const order_entry> after) {
    std::string_view separator = R"(,"after":{")";
    for (const auto& entry : after) {
        out.append(separator);
        out.append_number(entry.shard);
        out.append(R"(":)");
        out.append_number(entry.count);
        separator = R"(,")";
    }
    out.append(after.empty() ? "}" : "}}");
    out.end_frame();
}

std::size_t order_size(std::size_t channels) noexcept {
    constexpr std::size_t entry = 36;  // two numbers of up to 10 and 20 digits, and what is around them
    return 16 + entry * channels;
}

void write_frame(output_buffer& out, std::string_view body) {
    out.begin_frame();
    out.append(body);
    out.end_frame();
}

}  // namespace bester::detail
