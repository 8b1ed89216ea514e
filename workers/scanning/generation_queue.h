// The sending ends of the generations' queues that this worker holds, and who holds them: the worker itself (the
// current one) and sessions by their pins. When the last holder of a generation lets go, its descriptor is closed
// and then its release is reported, exactly once. LetGo closes at once, whatever pins there are: a session that is
// pinned uses the current one from its next scan on. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "workers/common/base/clock.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/codec.h"

namespace evermilter::scanning {

// One generation's queue. Jobs are let into the socket in the order in which they asked, at most kWindow of this
// worker that no scanner has taken yet: the kernel's queue holds 278 small jobs for all workers together (measured).
class GenerationQueue {
  public:
    static constexpr std::size_t kWindow = 4;
    using Released = std::function<void(std::uint64_t generation)>;

    // Sets O_NONBLOCK on the descriptor (all senders share the setting).
    GenerationQueue(std::uint64_t generation, unique_fd queue, Released released);
    ~GenerationQueue();
    GenerationQueue(const GenerationQueue&) = delete;
    GenerationQueue& operator=(const GenerationQueue&) = delete;

    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    // False after LetGo, and after a send found that nobody receives any more.
    [[nodiscard]] bool usable() const;
    // Closes the descriptor and reports the release; wakes the threads that wait for a place. Idempotent.
    void let_go();

    // A place in the worker's order, from asking until the job was taken or given up. Gives itself back. One thread
    // uses a place; it keeps the queue object, but not the descriptor, alive.
    class Place {
      public:
        explicit Place(std::shared_ptr<GenerationQueue> queue);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        enum class Turn : std::uint8_t { come, not_yet, ended };
        // Waits until the job may be sent, or `until`. `ended`: the queue is no longer usable.
        [[nodiscard]] Turn wait(SteadyTime until);
        enum class Sent : std::uint8_t { yes, full, ended };
        // Only after Turn::come. `full`: the socket takes no more just now (EAGAIN, ETOOMANYREFS, ENOBUFS, ENOMEM):
        // the place is kept, try again after a while. Never blocks. Other errors are `ended`.
        [[nodiscard]] Sent send(const codec::Packet& packet);

      private:
        std::shared_ptr<GenerationQueue> queue_;
        std::list<const Place*>::iterator position_; // in waiting_
        bool in_window_ = false;
    };

  private:
    const std::uint64_t generation_;
    const Released released_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    unique_fd queue_;                 // empty after let_go()
    bool ended_ = false;              // nobody receives any more
    std::list<const Place*> waiting_; // places before their turn, oldest first
    std::size_t in_window_ = 0;       // places whose turn has come
};

// A session's hold on a generation. Empty: none, the current one is used. Copying is holding once more.
using Pin = std::shared_ptr<GenerationQueue>;

// All queues of this worker.
class GenerationQueues {
  public:
    // `released` is called without any lock held, from the thread that let go last; it must not call back into
    // this object. It must outlive every pin.
    explicit GenerationQueues(GenerationQueue::Released released);
    ~GenerationQueues() = default;
    GenerationQueues(const GenerationQueues&) = delete;
    GenerationQueues& operator=(const GenerationQueues&) = delete;

    // TakeQueue: the current one from now on; ends a NoGeneration. The caller then answers QueueTaken.
    void take(std::uint64_t generation, unique_fd queue);
    // LetGo. True when it was held: then `released` was called. False when it had been released before.
    bool let_go(std::uint64_t generation);
    // NoGeneration: what waits is answered with actions.error at once, and so is what comes, until the next take().
    void no_generation(std::string reason);
    // The supervisor died, or the worker ends: lets go of everything, as let_go() and no_generation().
    void close(std::string reason);

    // The generation asked for where this worker still holds it and it is usable, else the current one, else empty.
    // `generation` 0 means the current one.
    [[nodiscard]] Pin pin(std::uint64_t generation) const;
    [[nodiscard]] std::uint64_t current() const; // 0: none

    struct Waited {
        Pin queue;                          // empty: none came in time, or
        std::optional<std::string> refused; // NoGeneration's reason: none will come
    };
    // The current one; waits for one until `until`. Returns at once after no_generation().
    [[nodiscard]] Waited wait_for_current(SteadyTime until);

  private:
    const GenerationQueue::Released released_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Pin current_;
    std::optional<std::string> refused_; // NoGeneration's reason
    std::map<std::uint64_t, std::weak_ptr<GenerationQueue>> held_;
};

} // namespace evermilter::scanning
