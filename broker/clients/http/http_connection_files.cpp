// http_connection: files.
#include <algorithm>
#include <utility>

#include "clients/connection/socket_options.hpp"
#include "clients/http/http_connection.hpp"
#include "clients/shard_clients.hpp"
#include "exchange/shard.hpp"
#include "log/log.hpp"
#include "web/static_files.hpp"

namespace bester::clients {

using exchange::close_reason;
using exchange::counter;
using exchange::frame_verdict;

frame_verdict http_connection::ask_for_file(web::http_request asked) {
    auto name = web::file_for(asked.path);
    if (!name) return refuse(asked, web::http_status::not_found);
    const web::response_context context{asked.is_head, asked.keep_alive};
    auto place = owner_.files().take_place(owner_.limits().files);
    if (!place && owner_.end_longest_file()) place = owner_.files().take_place(owner_.limits().files);
    if (!place) {
        put_off(context);
        return is_closing() ? frame_verdict::closed : frame_verdict::taken;
    }
    const auto wants_content = [is_head = asked.is_head, tags = asked.joined("If-None-Match")](const auto& version) {
        return !is_head && !web::has_tag(tags, web::etag_for(version));
    };
    file_reader::request wanted{listener_.web.files, *name, listener_.web.file_size, wants_content};
    pending_request& pending = await_answer(context);
    pending.request = std::move(asked);
    pending.file = std::make_unique<file_transfer>(file_transfer{std::move(*place), std::move(*name), {}});
    pending.file->since_ms = shard_.now_ms();
    set_output_patience(fd(), owner_.limits(), owner_.limits().file_timeout);
    owner_.file_begun(*this);
    owner_.files().open(std::move(wanted), when_read(&http_connection::file_opened));
    return held(on_answer);
}

void http_connection::give_up_file() {
    const file_transfer& file = *pending_->file;
    log::info("{}: {}, on its way for {} ms, gives way to another file (limits.files)", describe_holder(file.given),
              file.name, shard_.now_ms() - file.since_ms);
    shard_.count(counter::slow_consumers);
    close(close_reason::slow_consumer);
}

/// The limit of files is reached: the client is told to try again.
void http_connection::put_off(web::response_context to) {
    shard_.count(counter::requests_refused);
    to.headers = "Retry-After: 1\r\n";
    put_last(web::make_response(to, web::http_status::service_unavailable, "text/plain; charset=utf-8",
                                "503 Service Unavailable\n"));
    answered(to);
}

/// Returns the function that the reader calls when the pending request's file, or a piece of it, has been read.
file_reader::completion http_connection::when_read(void (http_connection::*then)(file_reader::result)) {
    return [&clients = owner_, &home = shard_, ticket = pending_->ticket, then](file_reader::result result) {
        home.post_surely([&clients, ticket, then, result = std::move(result)](exchange::shard&) mutable {
            clients.with_request(ticket, [&](http_connection& asking) { (asking.*then)(std::move(result)); });
        });
    };
}

void http_connection::file_opened(file_reader::result result) {
    if (!pending_ || is_ending()) return;
    using outcome = file_reader::outcome;
    const web::http_request asked = std::move(pending_->request);
    if (result.what != outcome::read && result.what != outcome::is_folder) {
        const auto pending = take_pending();
        if (result.what == outcome::busy) return put_off(pending->answer);
        refuse(asked, result.what == outcome::failed ? web::http_status::internal_error : web::http_status::not_found);
        return;
    }
    shard_.count(counter::files_served);
    file_transfer& file = *pending_->file;
    if (result.what == outcome::is_folder) {
        put_last(web::redirect_to_folder(asked));
        file.is_reading = false;
        return;
    }
    const web::file_answer answer = web::answer_file(asked, file.name, result.version, listener_.web.cache_control);
    put_last(answer.head);
    file_read(std::move(result));
}

void http_connection::file_read(file_reader::result result) {
    if (!pending_ || is_ending()) return;
    file_transfer& file = *pending_->file;
    if (result.what != file_reader::outcome::read) {
        // The announced length cannot be kept: the connection ends, which tells the client so.
        log::info("listener {}: {} was changed while it was sent to {}, closed", listener_.name, file.name, address());
        return close(close_reason::requested);
    }
    file.is_reading = false;
    file.given += result.piece.size();
    file.rest = std::move(result.rest);
    if (result.piece.size() > 0) enqueue_answer(std::move(result.piece));
}

void http_connection::on_drained() {
    answer_was_read();
    if (pending_ && pending_->file) send_file_on();
}

/// Called when the socket has taken all queued pieces of the file.
void http_connection::send_file_on() {
    file_transfer& file = *pending_->file;
    if (file.is_reading) return;
    if (!file.rest) {
        const auto pending = take_pending();
        return answered(pending->answer);
    }
    file.is_reading = true;
    pending_->ticket = owner_.give_ticket(*this);
    owner_.files().read_on(file.rest, file.given, when_read(&http_connection::file_read));
}

}  // namespace bester::clients
