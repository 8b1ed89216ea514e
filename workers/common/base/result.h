// Errors as values, in the form of C++23's std::expected: a Result is a T, or an E that says why there is none. E is
// Error (an errno and a text for operators) where a part has no type of its own for what goes wrong in it. Where an
// error becomes a policy (exit code, reply, state) is decided by the caller, in one place.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace evermilter {

struct Error {
    int code = 0;     // errno, or 0 where no system call failed
    std::string what; // complete, for an operator: "cannot open /x/y: Permission denied"
};

// Makes an Error from errno: `object` and then the system's text. Reads errno first thing.
[[nodiscard]] Error system_error(const std::string& object);
// The same for an errno that was saved.
[[nodiscard]] Error system_error(const std::string& object, int code);

// Made from a value or from an error, without a word between as std::unexpected is: the two are never one type. What
// throws in std::expected (the value of an error) throws here too; the error of a value does so as well.
template <class T, class E = Error>
class [[nodiscard]] Result {
    static_assert(!std::is_same_v<T, E>, "which of the two a Result is made from must be seen");

  public:
    template <class U = T>
    requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
             !std::is_same_v<std::remove_cvref_t<U>, E>)
        Result(U&& value) // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
        : state_(std::in_place_index<0>, std::forward<U>(value)) {}
    template <class F>
    // NOLINTNEXTLINE(google-explicit-constructor,bugprone-forwarding-reference-overload)
    requires std::is_same_v<std::remove_cvref_t<F>, E> Result(F&& error)
        : state_(std::in_place_index<1>, std::forward<F>(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    [[nodiscard]] bool ok() const noexcept { return has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    // Only of a value.
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    // Only of an error.
    E& error() & { return std::get<1>(state_); }
    const E& error() const& { return std::get<1>(state_); }
    E&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
  public:
    Result() = default;
    template <class F>
    requires std::is_convertible_v<F, E> &&(!std::is_same_v<std::remove_cvref_t<F>, Result>)
        Result(F&& error) // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
        : state_(std::in_place_index<1>, std::forward<F>(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    [[nodiscard]] bool ok() const noexcept { return has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    // Only of an error.
    E& error() & { return std::get<1>(state_); }
    const E& error() const& { return std::get<1>(state_); }
    E&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<std::monostate, E> state_;
};

} // namespace evermilter
