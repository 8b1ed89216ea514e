// Our own descriptor of a session's connection: it closes the connection for whatever reason, and looks whether the
// mail server is still there. libmilter has another one and knows nothing of this; a shutdown ends the session there
// too, with abort and close called. Any thread.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>

#include "workers/common/base/unique_fd.h"

namespace evermilter::session {

class SessionConnection {
  public:
    explicit SessionConnection(unique_fd connection) : descriptor_(std::move(connection)) {}

    // Shuts the connection down. `why` is a constant; the first one counts. Nothing after release().
    void shut_down(const char* why) noexcept;
    // The session has ended. True the first time.
    bool release() noexcept;
    // It was shut down here, or the session has ended.
    [[nodiscard]] bool closed() const noexcept { return closed_.load(); }
    // Why it was shut down here; nullptr: it was not.
    [[nodiscard]] const char* closed_for() const noexcept;

    // Nobody reads an answer any more: closed(), or the MTA has hung up.
    [[nodiscard]] bool abandoned() const noexcept;
    // The MTA is there, and has no room for an answer. False where it is closed.
    [[nodiscard]] bool reads_nothing() const noexcept;

  private:
    mutable std::mutex mutex_;
    unique_fd descriptor_; // empty: released
    const char* closed_for_ = nullptr;
    std::atomic<bool> closed_{false};
};

} // namespace evermilter::session
