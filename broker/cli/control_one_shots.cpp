#include "cli/control_one_shots.hpp"

#include <exception>
#include <utility>

#include "coroutines/spawn.hpp"
#include "handlers/one_shot_call.hpp"

namespace bester::cli {

void control_one_shots::call(std::string socket_path, std::string data, std::chrono::milliseconds limit,
                             std::size_t size_limit, std::function<void(handlers::one_shot_result)> done) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    auto calling = handlers::call_one_shot(std::move(socket_path), std::move(data), deadline, size_limit);
    coroutines::spawn(control_, std::move(calling),
                      [done = std::move(done)](std::exception_ptr failed, handlers::one_shot_result result) {
                          if (failed)
                              result = tl::unexpected(handlers::one_shot_failure{wire::error_code::internal_error, ""});
                          done(std::move(result));
                      });
}

}  // namespace bester::cli
