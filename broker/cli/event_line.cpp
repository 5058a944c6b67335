#include "cli/event_line.hpp"

#include "cli/error_text.hpp"
#include "wire/counted.hpp"

namespace bester::cli {
namespace {

std::string format(const delivery& message, const palette& colours) {
    auto line = "< " + colours.strong(printable(message.type)) + " " + printable(message.data());
    if (!message.id.empty()) line += colours.quiet(" (reply to #" + printable(message.id) + ")");
    return line;
}

std::string format(const status& report, const palette& colours) {
    const auto name = "#" + printable(report.id) + " ";
    if (!report.good) {
        return colours.quiet(name) + colours.bad("bad") + " " + error_text(report.error);
    }
    auto line = colours.quiet(name) + colours.good("good");
    if (!report.delivered) return line;
    if (*report.delivered == 0) return line + ", but nobody was there";
    return line + colours.quiet(", delivered to " + wire::counted(*report.delivered, "session"));
}

std::string format(const notice& told, const palette& colours) {
    if (told.name == "reconnect") {
        return colours.strong("the broker will go away soon") + "; connect again in " +
               std::to_string(told.after.count()) + " ms";
    }
    return colours.strong("notice: " + printable(told.name));
}

std::string format(const connection_lost& lost, const palette& colours) {
    return colours.bad("disconnected") + ": " + error_text(lost.why);
}

std::string format(const reconnected& back, const palette& colours) {
    return colours.good("connected again") + " as " + printable(back.user);
}

}  // namespace

std::string format_event(const client_event& event, const palette& colours) {
    return std::visit([&](const auto& one) { return format(one, colours); }, event);
}

}  // namespace bester::cli
