#include <iostream>
#include <optional>
#include <string>

#include <unistd.h>

#include "cli/client_modes.hpp"
#include "cli/conversation.hpp"
#include "cli/error_text.hpp"
#include "cli/event_line.hpp"
#include "cli/exit_codes.hpp"
#include "cli/line_editor.hpp"
#include "cli/line_splitter.hpp"
#include "cli/terminal.hpp"
#include "cli/typed_line.hpp"

namespace bester::cli {
namespace {

/// One run of `bester client` for people. With a terminal at both ends it edits the line itself, as
/// only so it can put a message above a line that is being typed.
class typed_client {
public:
    typed_client(client& self, const client_mode_options& options)
        : self_(self), options_(options), type_(options.type), colours_(wants_colour(STDOUT_FILENO)) {}

    int run() {
        const stop_signals signals;
        is_terminal_ = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
        std::optional<key_mode> keys;
        if (is_terminal_) {
            std::cout << "connected as " << printable(self_.user()) << "; /help shows what you can type\n";
            keys.emplace(STDIN_FILENO);
            prompt();
        }
        const conversation_callbacks callbacks{
            [this](std::string_view bytes) { return take_input(bytes); },
            [this](const client_event& event) { show(format_event(event, colours_)); }};
        auto end = converse(self_, signals, callbacks);
        if ((end == conversation_end::input_ended || end == conversation_end::left) && !is_terminal_) {
            if (end == conversation_end::input_ended) obey(lines_.rest());
            end = wait_for_statuses(self_, signals, callbacks, options_.timeout);
            if (end == conversation_end::input_ended && options_.linger.count() > 0) {
                end = linger(self_, signals, callbacks, options_.linger);
                if (end == conversation_end::timeout) end = conversation_end::input_ended;
            }
        }
        if (is_terminal_) std::cout << "\r\033[K" << std::flush;
        if (end == conversation_end::connection_lost) return exit_unreachable;
        if (end == conversation_end::timeout) return exit_timeout;
        return exit_good;
    }

private:
    bool take_input(std::string_view bytes) {
        if (!is_terminal_) return lines_.feed(bytes, [this](std::string_view line) { return obey(line); });
        for (const char byte : bytes) {
            switch (editor_.feed(byte)) {
                case key_result::nothing:
                case key_result::changed: break;
                case key_result::end:
                case key_result::interrupt: return false;
                case key_result::line:
                    std::cout << "\n";
                    if (!obey(editor_.take_line())) return false;
                    break;
            }
        }
        prompt();  // once for all keys, so never in the middle of a character
        return true;
    }

    /// Does what a line says; false: leave.
    bool obey(std::string_view line) {
        const auto typed = read_typed_line(line, type_);
        if (std::holds_alternative<typed_quit>(typed)) return false;
        if (std::holds_alternative<typed_help>(typed)) show(std::string(typed_line_help()));
        if (std::holds_alternative<typed_whoami>(typed)) send("builtin", R"({"command":{"type":"whoami"}})");
        if (const auto* wanted = std::get_if<typed_default>(&typed)) type_ = wanted->type;
        if (const auto* message = std::get_if<typed_message>(&typed)) send(message->type, message->data);
        if (const auto* mistake = std::get_if<typed_mistake>(&typed)) show(colours_.bad(mistake->text));
        return true;
    }

    void send(const std::string& type, const std::string& data) {
        const auto sent = self_.submit_raw(type, data);
        if (sent) {
            if (is_terminal_) show(colours_.quiet("> #" + sent.id + " " + printable(type)));
        } else if (sent.error.code != "connection_lost") {  // the loss is told by its event
            show(colours_.bad(error_text(sent.error)));
        }
    }

    void show(const std::string& text) {
        if (is_terminal_) std::cout << "\r\033[K";
        std::cout << text << (text.ends_with('\n') ? "" : "\n");
        if (is_terminal_) {
            prompt();
        } else {
            std::cout.flush();
        }
    }

    void prompt() {
        const auto text = printable(self_.user() + (type_.empty() ? "" : " " + type_)) + "> ";
        std::cout << editor_.render(text, terminal_columns(STDOUT_FILENO)) << std::flush;
    }

    client& self_;
    const client_mode_options& options_;
    std::string type_;
    palette colours_;
    bool is_terminal_ = false;
    line_editor editor_;
    line_splitter lines_;
};

}  // namespace

int run_typed_client(client& self, const client_mode_options& options) { return typed_client(self, options).run(); }

}  // namespace bester::cli
