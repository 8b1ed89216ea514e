// Finds children that are stuck or stopped: each is pinged three times within process.ping_timeout, from its start to
// the end of its channel, and one that has answered none of three pings is killed; its end, and what replaces it, come
// as with any death. So is a session worker that answers and is never ready. Counts beats and not time: a supervisor
// that was itself stopped kills nobody for its own absence.
#pragma once

#include <cstdint>

#include "supervisor/children/children.h"
#include "supervisor/settings.h"
#include "workers/common/base/event_loop.h"

namespace evermilter::supervisor {

class Heartbeat {
  public:
    Heartbeat(Loop* loop, Children& children, const Settings& settings);

    // The next beat comes after a third of process.ping_timeout as it is now. Again when that has changed.
    void start();
    // Whether no child is overdue: killed for its silence and, two beats later, still not reaped.
    [[nodiscard]] bool healthy() const noexcept { return healthy_; }

  private:
    void beat();
    // False: the child is killed and does not end.
    [[nodiscard]] bool attend(Child& child);
    [[nodiscard]] bool is_ready_too_late(const Child& child) const;

    Children& children_;
    const Settings& settings_;
    std::uint64_t serial_ = 0;
    bool healthy_ = true;
    TimerWatcher timer_;
};

} // namespace evermilter::supervisor
