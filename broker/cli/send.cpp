#include "cli/send.hpp"

#include <iostream>
#include <memory>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/error_text.hpp"
#include "cli/exit_codes.hpp"
#include "cli/login.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "wire/counted.hpp"

namespace bester::cli {
namespace {

using nlohmann::json;

struct send_options {
    login_options login;
    std::string type;
    std::string key;
    std::string data;
    std::string text;
    bool has_data = false;
    bool has_text = false;
    bool as_json = false;
};

/// The message's data as JSON text. Throws a usage error.
std::string data_of(const send_options& options) {
    if (options.has_text) {
        const auto text = options.text == "-" ? read_input("-") : options.text;
        return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
    }
    const bool from_input = !options.has_data || options.data == "-";
    if (from_input && ::isatty(STDIN_FILENO) == 1) std::cerr << "reading JSON from the terminal; end with Ctrl-D\n";
    const auto data = from_input ? read_input("-") : options.data;
    try {
        [[maybe_unused]] const auto tree = json::parse(data);
    } catch (const json::parse_error& error) {
        throw CLI::ValidationError(from_input ? "standard input" : "--data",
                                   std::string("is no JSON (use --text for plain text): ") + error.what());
    }
    return data;
}

/// Replies go out byte for byte, so this object is put together as text.
std::string format_json(const outcome& result) {
    json head{{"status", result.good ? "good" : "bad"}};
    if (result.delivered) head["delivered"] = *result.delivered;
    if (!result.good) head["error"] = error_json(result.error);
    auto text = head.dump(-1, ' ', false, json::error_handler_t::replace);
    text.pop_back();
    text += ",\"replies\":[";
    for (std::size_t i = 0; i < result.replies.size(); ++i) {
        const auto& reply = result.replies[i];
        text += (i == 0 ? "" : ",") + (R"({"type":)" + json(reply.type).dump()) +
                ",\"data\":" + std::string(reply.data()) + "}";
    }
    return text + "]}";
}

void print_outcome(const outcome& result) {
    for (const auto& reply : result.replies) {
        std::cout << (::isatty(STDOUT_FILENO) == 1 ? printable(reply.data()) : std::string(reply.data())) << "\n";
    }
    std::cout.flush();
    const palette colours(wants_colour(STDERR_FILENO));
    if (result.good) {
        std::cerr << colours.good("good");
        if (result.delivered) std::cerr << ", delivered to " << wire::counted(*result.delivered, "session");
    } else {
        std::cerr << colours.bad("bad") << ": " << error_text(result.error);
    }
    std::cerr << "\n";
}

void run_send(const send_options& options, int& exit_code) {
    const auto data = data_of(options);
    const auto print_json = [](const connect_error& failed) {
        outcome refused;
        refused.error = failed.info();
        std::cout << format_json(refused) << "\n";
    };
    auto self = log_in(options.login, exit_code, options.as_json ? login_teller{print_json} : nullptr);
    if (!self) return;
    const auto result = self->send_raw({options.type, options.key}, data, options.login.timeout);
    if (options.as_json) {
        std::cout << format_json(result) << "\n";
    } else {
        print_outcome(result);
    }
    if (!result.good) exit_code = exit_code_of(result.error);
}

}  // namespace

void add_send_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<send_options>();
    auto* command = app.add_subcommand("send", "Send one message, wait for its status and replies");
    add_login_options(*command, options->login);
    command->add_option("--type", options->type, "The message's type, which decides what handler gets it")
        ->type_name("TYPE")
        ->required();
    command
        ->add_option("--routing-key", options->key,
                     "The message's routing key: what has the same key comes to the same instance of its handler")
        ->type_name("KEY");
    auto* data =
        command
            ->add_option("--data", options->data, "The data as JSON; \"-\", or neither this nor --text: standard input")
            ->type_name("JSON");
    auto* text = command->add_option("--text", options->text, "The data as plain text; \"-\": standard input")
                     ->type_name("TEXT");
    text->excludes(data);
    command->add_flag("--json", options->as_json,
                      "Print status and replies, or why there are none, as one JSON object");
    add_footer(*command,
               "  bester send --user tina --type echo --data '{\"text\":\"hello\"}'\n"
               "  bester send --user tina --type echo --text hello --timeout 2s --json\n"
               "  jq .letter box.json | bester send --to unix:/run/bester/clients.sock --user tina --type mail\n"
               "  bester send --to tls:chat.example.org:7443 --token-file tina.jwt --type echo --text hello\n\n"
               "The data of replies goes to standard output, a line each; the status to standard error.\n"
               "A password or token is never on the command line: --password-file, $BESTER_PASSWORD or a prompt;\n"
               "--token-file or $BESTER_TOKEN.\n");
    command->callback([options, data, text, &exit_code] {
        options->has_data = data->count() > 0;
        options->has_text = text->count() > 0;
        run_send(*options, exit_code);
    });
}

}  // namespace bester::cli
