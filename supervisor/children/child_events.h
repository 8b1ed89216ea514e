// What children have said and how they ended, in the order in which it was learnt. What reads a channel or finds a dead
// process only adds here; all of it is worked off at one place, the top of the loop (Children). So no callback
// ends the life of what has called it, and records are freed only between two events. Pure: no process, no loop.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <variant>

#include "supervisor/children/child_message.h"

namespace evermilter::supervisor {

// `child` is a Child::id everywhere.
struct ChildSaid {
    std::uint64_t child = 0;
    ChildMessage message;
};
// Nothing will come on its channel any more. `fault`: what it sent is no message of ours; empty: it closed its end.
struct ChildSilent {
    std::uint64_t child = 0;
    std::string fault;
};
// A process that is our child has died and is not reaped yet: its pid cannot belong to another. `child` is 0 for one
// that a child of ours had forked and left behind.
struct ChildDied {
    std::uint64_t child = 0;
    pid_t pid = 0;
};
// Its parent, a child of ours, has reaped it, or will not fork it (pid 0).
struct ChildEnded {
    std::uint64_t child = 0;
    pid_t pid = 0;
    int wait_status = 0;
};
using ChildEvent = std::variant<ChildSaid, ChildSilent, ChildDied, ChildEnded>;

class ChildEvents {
  public:
    // While one event is handled: what follows from it comes after it and before all that had been learnt by then.
    void add(ChildEvent event);
    [[nodiscard]] bool empty() const noexcept { return events_.empty() && following_.empty(); }

    // Until there is none: `handle` with each, then `sweep`, which may free what the event was about. Called from
    // within `handle` or `sweep` it does nothing.
    void work_off(const std::function<void(ChildEvent&&)>& handle, const std::function<void()>& sweep);

  private:
    std::deque<ChildEvent> events_;
    std::deque<ChildEvent> following_; // from the event that is being handled
    bool working_ = false;
};

} // namespace evermilter::supervisor
