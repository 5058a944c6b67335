#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <bester/handler.hpp>

#include "attach.hpp"
#include "backoff.hpp"
#include "inbox.hpp"
#include "incoming_frame.hpp"
#include "log.hpp"
#include "pending_calls.hpp"
#include "send_order.hpp"
#include "snapshot_merge.hpp"
#include "stop_signals.hpp"
#include "timer_queue.hpp"

namespace bester::detail {

/// The broker's socket, and the credentials of a handler.
struct run_settings {
    std::string socket;
    std::string handler;
    std::string token;  ///< not empty: the broker started this process, and will start the next
};

/// The author's functions.
struct author_functions {
    struct message_entry {
        message_function now;
        deferring_function later;
    };
    std::map<std::string, message_entry, std::less<>> by_type;  ///< "": all other types
    callback<void(const welcome&)> welcome;
    callback<void(const refused_command&)> refused;
    presence_functions presence;
    bool is_unordered = false;
};

/// The loop of one handler: an epoll over its channels, in which all of the author's functions are called. A turn reads
/// what came on the channels, calls, formats the answers into the channels' output buffers, and writes each of them
/// once. All on one thread; others come in by the inbox. runtime.cpp has the loop, dispatch.cpp the incoming frames,
/// sending.cpp the outgoing ones.
class runtime {
public:
    using clock = std::chrono::steady_clock;
    using query_answer = callback<void(query_result<nlohmann::json>)>;

    runtime();
    ~runtime();
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    /// The loop; see handler::run for its result.
    int run(const run_settings& settings);

    author_functions functions;
    timer_queue timers;
    stop_event stop;

    const std::shared_ptr<inbox>& door() const noexcept { return inbox_; }
    bool push(command_list list);                                                                  // any thread
    void query(nlohmann::json request, query_answer function);                                     // the loop's thread
    void answer_message(std::uint64_t attachment, unsigned shard, std::uint64_t id, answer what);  // the loop's thread
    void abandon_message(std::uint64_t attachment, unsigned shard, std::uint64_t id);              // the loop's thread

private:
    // runtime.cpp
    void attach_now();
    void begin_attachment(attachment made);
    void lose_attachment();
    void wait();
    int wait_milliseconds() const;
    void on_readable(unsigned shard);
    void flush_all();
    /// Between two of the author's functions: after a long one what waits is sent, and word that the loop turns.
    void after_call();
    bool flush_channel(unsigned shard);
    void watch(unsigned shard);
    void run_inbox();
    void on_stop();
    void begin_drain();
    bool is_drain_done(clock::time_point now) const;
    // After `draining` the broker may have messages on the way; it confirms with `drain`, or this
    // time passes without another.
    static constexpr std::chrono::milliseconds drain_quiet{250};
    void finish(int exit_code) noexcept {
        if (!exit_code_) exit_code_ = exit_code;
    }
    /// Calls what the author gave; `what` names it in the log if it throws.
    template <class Function>
    static void call_author(const char* what, Function&& function) {
        try {
            function();
        } catch (const std::exception& mistake) {
            log_line(severity::warning, std::string{what} + " threw: " + mistake.what());
        } catch (...) {
            log_line(severity::warning, std::string{what} + " threw something that is no std::exception");
        }
    }

    static constexpr std::string_view pong_frame = R"({"kind":"pong"})";

    // dispatch.cpp
    void decode_frames(unsigned shard);
    void on_frame(unsigned shard, std::string_view body);
    void on_message(unsigned shard, incoming_frame& frame);
    answer call_message_function(const author_functions::message_entry& entry, const message& received);
    void defer_message(const author_functions::message_entry& entry, const message& received);
    void on_other(unsigned shard, incoming_kind kind, std::string_view body);
    void on_report(const nlohmann::json& frame);
    void on_refused(const nlohmann::json& frame);
    void on_result(const nlohmann::json& frame);

    // sending.cpp
    bool has_room(std::size_t size) const noexcept;
    bool push_now(command_list list);
    void keep_reports(command_list& list);
    void fail_report(report_function function, std::string code, std::string reason);

    run_settings settings_;
    std::shared_ptr<inbox> inbox_;
    file_descriptor epoll_;
    std::optional<int> exit_code_;
    wire::json_reader reader_{512};  // as deep as a broker may allow

    std::vector<channel> channels_;  // by shard; empty: not attached
    std::uint64_t attachment_ = 0;   // counts attachments, so that late work finds nothing
    welcome greeting_;
    std::optional<std::string> lost_;  // why the attachment must be given up at the end of this turn
    send_order order_;
    unsigned current_shard_ = 0;  // where pushes go: with the message that is being handled
    clock::time_point now_;
    clock::time_point sent_at_;  // all that waited to be sent was given to the sockets

    struct handled_message {
        std::uint64_t id = 0;
        bool is_abandoned = false;
    };
    handled_message* handled_ = nullptr;  // by a deferring function, right now

    pending_calls<report_function> reports_;
    pending_calls<query_answer> queries_;
    snapshot_merge presence_{functions.presence};

    backoff backoff_;
    std::minstd_rand random_{std::random_device{}()};
    std::optional<clock::time_point> attach_at_;

    bool is_draining_ = false;
    unsigned stops_ = 0;               // wishes to stop, by signals and stop()
    clock::time_point quiet_until_{};  // draining: no message is on its way any more
    clock::time_point latest_deadline_ = clock::time_point::min();

    std::vector<callback<void(runtime&)>> posted_;
    std::atomic<bool> is_attached_{false};
    std::atomic<std::size_t> largest_frame_{0};
    std::atomic<std::size_t> waiting_bytes_{0};  // of pushes from other threads, and to be sent
    std::size_t output_bytes_ = 0;               // the part of waiting_bytes_ that is to be sent
};

}  // namespace bester::detail
