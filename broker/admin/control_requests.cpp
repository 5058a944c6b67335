#include "admin/control_requests.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace bester::admin {
namespace {

using nlohmann::json;

std::string encode(const json& answer) {
    // A path or a reason from the system may contain any bytes, but an answer must be UTF-8.
    return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string encode_answer(const control_result& result) {
    if (!result) return encode_refusal(result.error());
    json answer{{"ok", true}};
    if (result->is_object()) answer.update(*result);
    return encode(answer);
}

/// Returns a string member, or the refusal that names it.
tl::expected<std::string, control_error> text_member(const json& request, const char* key) {
    const auto found = request.find(key);
    if (found == request.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
        return tl::unexpected(
            control_error{"bad_request", std::string("\"") + key + "\" must be a text that is not empty"});
    }
    return found->get<std::string>();
}

control_result execute_handlers(control_target& target, const json& request) {
    if (!request.contains("action")) return json{{"handlers", target.handlers()}};
    const auto action = text_member(request, "action");
    if (!action) return tl::unexpected(action.error());
    if (*action != "restart" && *action != "drain") {
        return tl::unexpected(control_error{"unknown_request", "handlers can be told to \"restart\" or \"drain\""});
    }
    const auto name = text_member(request, "handler");
    if (!name) return tl::unexpected(name.error());
    return *action == "restart" ? target.restart_handler(*name) : target.drain_handler(*name);
}

control_result execute_peer_order(control_target& target, const json& request,
                                  control_result (control_target::*order)(const std::string&)) {
    const auto name = text_member(request, "peer");
    if (!name) return tl::unexpected(name.error());
    return (target.*order)(*name);
}

control_result execute_account_changed(control_target& target, const json& request) {
    const auto user = text_member(request, "user");
    if (!user) return tl::unexpected(user.error());
    target.account_changed(*user);
    return json::object();
}

}  // namespace

std::string encode_refusal(const control_error& error) {
    return encode({{"ok", false}, {"error", {{"code", error.code}, {"reason", error.reason}}}});
}

void execute_request(control_target& target, std::string_view text, std::function<void(std::string)> answer) {
    const auto request = json::parse(text, nullptr, false);
    if (!request.is_object()) return answer(encode_refusal({"bad_request", "a request is a JSON object"}));
    const auto name = text_member(request, "request");
    if (!name) return answer(encode_refusal(name.error()));

    if (*name == "status") return answer(encode_answer(json{{"status", target.status()}}));
    if (*name == "handlers") return answer(encode_answer(execute_handlers(target, request)));
    if (*name == "peers") return answer(encode_answer(json{{"peering", target.peers()}}));
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
        return answer(encode_answer(json::object()));
    }
    answer(encode_refusal({"unknown_request", "there is no request \"" + *name + "\""}));
}

}  // namespace bester::admin
