// Why a load was refused: what the operator reads, and the exit status that goes with it.
// Exit codes are chosen where the failure is seen, and nowhere else.
#pragma once

#include <sysexits.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace evermilter::scanner {

struct Refusal {
    int exit_code = EX_SOFTWARE;            // sysexits(3)
    std::string reason;                     // complete, names the file (and line where it is known)
    std::string digest = {};                // of the databases that were refused, where it is known
    std::string file = {};                  // the one that libclamav named, within its folder
    std::vector<std::string> vanished = {}; // databases that are missing: the reason
};

// A T or the reason why there is none.
template <class T>
class [[nodiscard]] Outcome {
  public:
    // Implicit, so that a function may return either.
    // NOLINTNEXTLINE(google-explicit-constructor)
    Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    // NOLINTNEXTLINE(google-explicit-constructor)
    Outcome(Refusal refusal) : state_(std::in_place_index<1>, std::move(refusal)) {}

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }
    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    [[nodiscard]] const Refusal& refusal() const& { return std::get<1>(state_); }

  private:
    std::variant<T, Refusal> state_;
};

struct Done {};

} // namespace evermilter::scanner
