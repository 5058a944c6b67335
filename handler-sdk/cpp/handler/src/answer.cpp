#include <bester/answer.hpp>

#include <stdexcept>

#include "wire/json_text.hpp"
#include "wire/names.hpp"

namespace bester {

namespace {

void require_error_code(const std::string& code) {
    // The broker would take an answer with another code for nonsense and end the handler.
    if (!wire::is_error_code(code))
        throw std::invalid_argument{"\"" + code + "\" is no error code: 1 to 64 of a-z, 0-9 and '_'"};
}

}  // namespace

refusal::refusal(std::string code, const std::string& reason) : std::runtime_error{reason}, code_{std::move(code)} {
    require_error_code(code_);
}

refusal::refusal(std::string code, const std::string& reason, temporary_tag) : refusal{std::move(code), reason} {
    is_temporary_ = true;
}

answer::answer(const refusal& why) {
    error_ = R"({"code":)";
    wire::append_quoted(error_, why.code());
    error_ += R"(,"reason":)";
    wire::append_quoted(error_, why.what());
    error_ += why.is_temporary() ? R"(,"temporary":true})" : R"(,"temporary":false})";
}

nlohmann::json answer::json() const {
    nlohmann::json all{{"commands", commands_.json()}};
    if (!error_.empty()) all["error"] = nlohmann::json::parse(error_);
    return all;
}

answer refuse(std::string code, const std::string& reason) { return answer{refusal{std::move(code), reason}}; }
answer refuse(std::string code, const std::string& reason, temporary_tag) {
    return answer{refusal{std::move(code), reason, temporary}};
}

}  // namespace bester
