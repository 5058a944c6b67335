#include "cli/error_text.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

#include "cli/document_text.hpp"
#include "cli/terminal.hpp"

namespace bester::cli {

using nlohmann::json;

std::string error_text(const error_info& error) {
    std::string text = printable(error.code) + ": " + printable(error.reason);
    if (error.temporary) text += " (temporary";
    if (error.retry_after.count() > 0) {
        // Rounded up, since who comes earlier is refused again.
        const auto wait = std::chrono::ceil<std::chrono::seconds>(error.retry_after);
        text += (error.temporary ? ", try again in " : " (try again in ") + span_text(wait);
    }
    if (error.temporary || error.retry_after.count() > 0) text += ')';
    return text;
}

json error_json(const error_info& error) {
    json object{{"code", error.code}, {"reason", error.reason}, {"temporary", error.temporary}};
    if (error.retry_after.count() > 0) object["retry_after_ms"] = error.retry_after.count();
    return object;
}

std::string status_frame(const std::string& id, const error_info& error) {
    const json frame{{"header", {{"messageType", "statusReport"}, {"status", "bad"}, {"error", error_json(error)}}},
                     {"payload", {{"id", id}}}};
    return frame.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace bester::cli
