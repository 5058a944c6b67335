#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace bester {

template <class Signature>
class callback;

/// A function of the author's that is called later: like std::function, but it may own what can
/// only be moved, such as a `responder`. Not copyable. Whoever holds it owns what it captured.
/// Calling an empty one is undefined; test it first. Throws what the function throws.
template <class Result, class... Arguments>
class callback<Result(Arguments...)> {
public:
    callback() noexcept = default;

    template <class Function>
    requires(!std::same_as<std::remove_cvref_t<Function>, callback> &&
             std::is_invocable_r_v<Result, Function&, Arguments...>)
        callback(Function&& function)  // NOLINT: implicit, so that a lambda can be passed
        : function_{std::make_unique<holder<std::decay_t<Function>>>(std::forward<Function>(function))} {}

    explicit operator bool() const noexcept { return function_ != nullptr; }
    Result operator()(Arguments... arguments) const { return function_->call(std::forward<Arguments>(arguments)...); }

private:
    struct callable {
        virtual ~callable() = default;
        virtual Result call(Arguments... arguments) = 0;
    };
    template <class Function>
    struct holder final : callable {
        explicit holder(Function function) : held{std::move(function)} {}
        Result call(Arguments... arguments) override { return held(std::forward<Arguments>(arguments)...); }
        Function held;
    };

    std::unique_ptr<callable> function_;
};

}  // namespace bester
