// Short-lived processes for what may wait: names that a server is asked for, large folders, a configuration that
// somebody else wrote. Each is a fork of the supervisor that does one job and gives one text back; it holds none of our
// descriptors. A job that takes too long is killed; one that dies is an error text and nothing else. The supervisor
// never waits for it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <list>
#include <string>

#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

class Children;

class Helpers {
  public:
    // Past this a result is an error.
    static constexpr std::size_t kLargestResult = 4U << 20U;

    using Job = std::function<std::string()>;
    using Done = std::function<void(Result<std::string>)>;

    Helpers(Loop* loop, Children& children);
    // No `done` is called any more.
    ~Helpers();
    Helpers(const Helpers&) = delete;
    Helpers& operator=(const Helpers&) = delete;
    Helpers(Helpers&&) = delete;
    Helpers& operator=(Helpers&&) = delete;

    // `job` runs in the process that is forked, with one thread and no loop. `done`, which may be empty, is called
    // once, from the loop and never from within this call, with what the job returned or why there is nothing.
    void run(std::string what, std::chrono::nanoseconds bound, const Job& job, Done done);
    // A process that Children knows nothing of was reaped. False: it was none of ours.
    bool on_reaped(pid_t pid, int wait_status);
    // All that run are killed; each `done` is called with an error.
    void stop();

  private:
    struct Running;
    void read(Running& running);
    void end(std::list<Running>::iterator running, int wait_status);

    Loop* loop_;
    Children& children_;
    std::list<Running> running_;
    DeferredDelete graveyard_;
};

} // namespace evermilter::supervisor
