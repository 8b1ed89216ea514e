// Session workers report which messages killed scanners and which of these came again. This keeps the State's table
// of poison messages from their reports, and logs. A scanner that we ended says nothing about its message.
#pragma once

#include <cstddef>
#include <string>

#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "workers/common/base/result.h"
#include "workers/common/ipc/from_session.h"

namespace evermilter::supervisor {

class PoisonWatch {
  public:
    PoisonWatch(State& state, const Settings& settings) : state_(state), settings_(settings) {}

    // Takes over poison.keep from the settings: at the start, and after each change of them.
    void apply();
    void on_suspicion(const messages::Suspicion& suspicion);
    void on_met(const messages::PoisonMet& met);
    // See Operations::forget_poison.
    [[nodiscard]] Result<std::size_t> forget(const std::string& which);

  private:
    [[nodiscard]] bool ended_by_us(std::uint64_t generation) const;

    State& state_;
    const Settings& settings_;
};

} // namespace evermilter::supervisor
