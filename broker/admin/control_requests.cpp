#include "admin/control_requests.hpp"

#include <utility>

#include "json/make.hpp"
#include "json/parse.hpp"

namespace bester::admin {
namespace {

using json::json_kind;
using json::json_value;
using json::make_object;

std::string encode_answer(const control_result& result) {
    if (!result) return encode_refusal(result.error());
    json_value answer = make_object({{"ok", true}});
    for (const json::json_member& each : result->members) json::set(answer, each.name, each.value);
    return json::to_text(answer);
}

/// Returns a string member, or the refusal that names it.
tl::expected<std::string, control_error> text_member(const json_value& request, const char* key) {
    const json_value* const found = request.value_of(key);
    if (!found || !found->is(json_kind::string) || found->text.empty()) {
        return tl::unexpected(
            control_error{"bad_request", std::string("\"") + key + "\" must be a text that is not empty"});
    }
    return found->text;
}

control_result execute_handlers(control_target& target, const json_value& request) {
    if (!request.find("action")) return make_object({{"handlers", target.handlers()}});
    const auto action = text_member(request, "action");
    if (!action) return tl::unexpected(action.error());
    if (*action != "restart" && *action != "drain") {
        return tl::unexpected(control_error{"unknown_request", "handlers can be told to \"restart\" or \"drain\""});
    }
    const auto name = text_member(request, "handler");
    if (!name) return tl::unexpected(name.error());
    return *action == "restart" ? target.restart_handler(*name) : target.drain_handler(*name);
}

control_result execute_peer_order(control_target& target, const json_value& request,
                                  control_result (control_target::*order)(const std::string&)) {
    const auto name = text_member(request, "peer");
    if (!name) return tl::unexpected(name.error());
    return (target.*order)(*name);
}

control_result execute_account_changed(control_target& target, const json_value& request) {
    const auto user = text_member(request, "user");
    if (!user) return tl::unexpected(user.error());
    target.account_changed(*user);
    return make_object();
}

}  // namespace

std::string encode_refusal(const control_error& error) {
    return json::to_text(
        make_object({{"ok", false}, {"error", make_object({{"code", error.code}, {"reason", error.reason}})}}));
}

void execute_request(control_target& target, std::string_view text, std::function<void(std::string)> answer) {
    const auto parsed = json::parse_object(text);
    if (!parsed) return answer(encode_refusal({"bad_request", "a request is a JSON object"}));
    const json_value& request = *parsed;
    const auto name = text_member(request, "request");
    if (!name) return answer(encode_refusal(name.error()));

    if (*name == "status") return answer(encode_answer(make_object({{"status", target.status()}})));
    if (*name == "handlers") return answer(encode_answer(execute_handlers(target, request)));
    if (*name == "peers") return answer(encode_answer(make_object({{"peering", target.peers()}})));
    if (*name == "peer_retry")
        return answer(encode_answer(execute_peer_order(target, request, &control_target::retry_peer)));
    if (*name == "peer_drain")
        return answer(encode_answer(execute_peer_order(target, request, &control_target::drain_peer)));
    if (*name == "account_changed") return answer(encode_answer(execute_account_changed(target, request)));
    if (*name == "reload") {
        return target.reload(
            [answer = std::move(answer)](const control_result& result) { answer(encode_answer(result)); });
    }
    if (*name == "stop") {
        target.stop();
        return answer(encode_answer(make_object()));
    }
    answer(encode_refusal({"unknown_request", "there is no request \"" + *name + "\""}));
}

}  // namespace bester::admin
