// Messages to the supervisor from any thread. Only the worker's libev thread owns the channel: others put what
// they have to say here and wake it.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <utility>

#include "workers/common/ipc/from_session.h"

namespace evermilter::scanning {

class Outbox {
  public:
    // `wake` is called from any thread after a message was put in; it must not block.
    explicit Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

    // Any thread. A worker that cannot keep a message for want of memory would leave the supervisor with a wrong
    // account for ever: it ends instead (noexcept).
    void send(messages::FromSession message) noexcept { try_send(std::move(message)); }

    // Any thread. One that was made while there was memory: it is told whatever happens since.
    void send_kept(std::list<messages::FromSession>& kept) noexcept {
        {
            const std::lock_guard lock(mutex_);
            messages_.splice(messages_.end(), kept);
        }
        wake_();
    }

    // Any thread. What only keeps books: without memory it is not told, and std::bad_alloc thrown.
    void try_send(messages::FromSession message) {
        {
            const std::lock_guard lock(mutex_);
            messages_.push_back(std::move(message));
        }
        wake_();
    }

    // In the order in which they were put in.
    [[nodiscard]] std::list<messages::FromSession> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(messages_, {});
    }

  private:
    std::mutex mutex_;
    std::list<messages::FromSession> messages_;
    const std::function<void()> wake_;
};

} // namespace evermilter::scanning
