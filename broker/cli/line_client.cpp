#include <cstdio>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/client_modes.hpp"
#include "cli/conversation.hpp"
#include "cli/error_text.hpp"
#include "cli/exit_codes.hpp"
#include "cli/line_splitter.hpp"
#include "cli/terminal.hpp"
#include "json_members.hpp"
#include "wire/counted.hpp"

namespace bester::cli {
namespace {

using nlohmann::json;

/// One run of `bester client --json`.
class line_client {
public:
    line_client(client& self, const client_mode_options& options) : self_(self), options_(options) {}

    int run() {
        print_frame(self_.login().frame);
        const stop_signals signals;
        const conversation_callbacks callbacks{[this](std::string_view bytes) {
                                                   return lines_.feed(
                                                       bytes, [this](std::string_view line) { return send(line); });
                                               },
                                               [this](const client_event& event) { show(event); }};
        auto end = converse(self_, signals, callbacks);
        if (end == conversation_end::input_ended && !send(lines_.rest())) end = conversation_end::left;
        if (end == conversation_end::input_ended) end = wait_for_statuses(self_, signals, callbacks, options_.timeout);
        if (end == conversation_end::timeout) {
            std::cerr << "bester: " << wire::counted(self_.unanswered(), "message") << " without a status after "
                      << options_.timeout.count() << " ms\n";
            return exit_timeout;
        }
        if (end == conversation_end::input_ended && options_.linger.count() > 0) {
            end = linger(self_, signals, callbacks, options_.linger);
        }
        if (end == conversation_end::connection_lost) return exit_unreachable;
        return exit_code_;
    }

private:
    /// Returns false to end the run, since a script whose line is wrong must not go on.
    bool send(std::string_view line) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
        const auto message = json::parse(line, nullptr, false);
        const auto type = message.is_object() ? message.value("type", json(options_.type)) : json();
        const auto id = message.is_object() ? message.value("id", json("")) : json();
        if (!type.is_string() || type.get_ref<const std::string&>().empty() || !id.is_string()) {
            std::cerr << "bester: each line is a JSON object {\"type\":TEXT,\"data\":…,\"id\":TEXT}; this is not: "
                      << printable(line.substr(0, 200)) << "\n";
            exit_code_ = exit_usage;
            return false;
        }
        // The data's own text instead of the tree's, so that it is sent unchanged.
        const auto data = client_detail::find_member(line, "data").value_or("null");
        const auto& text = id.get_ref<const std::string&>();
        const auto sent = text.empty() ? self_.post_raw(type.get<std::string>(), data)
                                       : self_.submit_raw(type.get<std::string>(), data, text);
        if (sent || sent.error.code == "connection_lost") return true;  // the loss has an event of its own
        if (!text.empty()) print_frame(status_frame(text, sent.error));
        std::cerr << "bester: " << error_text(sent.error) << "\n";
        exit_code_ = exit_refused;
        return false;
    }

    void show(const client_event& event) {
        if (const auto* message = std::get_if<delivery>(&event)) return print_frame(message->frame);
        if (const auto* told = std::get_if<notice>(&event)) return print_frame(told->frame);
        if (const auto* report = std::get_if<status>(&event)) {
            return print_frame(report->frame.empty() ? status_frame(report->id, report->error) : report->frame);
        }
        if (const auto* lost = std::get_if<connection_lost>(&event)) {
            if (!lost->frame.empty()) print_frame(lost->frame);
            std::cerr << "bester: " << error_text(lost->why) << "\n";
        }
    }

    client& self_;
    const client_mode_options& options_;
    line_splitter lines_;
    int exit_code_ = exit_good;
};

}  // namespace

void print_frame(std::string frame) {
    for (auto& byte : frame) {
        if (byte == '\n' || byte == '\r') byte = ' ';
    }
    std::cout << frame << std::endl;  // a script at the other end waits for each line
}

int run_line_client(client& self, const client_mode_options& options) { return line_client(self, options).run(); }

}  // namespace bester::cli
