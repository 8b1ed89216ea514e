// Hears from session workers which messages have cost scanners and which came again, keeps the State's table of
// poison messages by it, and logs. A scanner that we have ended ourselves says nothing about its message.
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

    // poison.keep of the settings in use: at the start, and after each change of them.
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
