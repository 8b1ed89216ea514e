// Waits for an event in a test: by descriptors if there are some, otherwise by checking again every few milliseconds.
// kPatience is no measure of speed: it only ends a test whose event never comes.
#pragma once

#include <poll.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace evermilter::test {

inline constexpr std::chrono::seconds kPatience{120};

// The event did not come. The test case fails with `what`.
struct NeverHappened : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Deadline = std::chrono::steady_clock::time_point;
[[nodiscard]] inline Deadline patience() {
    return std::chrono::steady_clock::now() + kPatience;
}
// For poll(2): milliseconds left, at least 0.
[[nodiscard]] inline int left(Deadline deadline) {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return rest.count() > 0 ? static_cast<int>(rest.count()) : 0;
}

// Returns when `condition()` is true. Throws NeverHappened, which names `what`.
template <class Condition>
void wait_until(const std::string& what, Condition condition) {
    const Deadline deadline = patience();
    while (!condition()) {
        if (left(deadline) == 0) throw NeverHappened("waited in vain: " + what);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

// Waits until `fd` has one of `events`, or throws.
inline void wait_for(int fd, short events, const std::string& what) {
    pollfd entry{fd, events, 0};
    if (poll(&entry, 1, static_cast<int>(kPatience.count() * 1000)) <= 0)
        throw NeverHappened("waited in vain: " + what);
}

} // namespace evermilter::test
