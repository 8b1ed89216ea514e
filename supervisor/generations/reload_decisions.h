// Whether reloading is held, and which contents are rejected: decided by persons and by how loads end, kept in
// State::decisions, and recorded in database.state_directory so that it outlives the service. What could not be
// recorded is tried again until it is; meanwhile the status says so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "supervisor/generations/decisions.h"
#include "supervisor/generations/load_plan.h"
#include "supervisor/generations/load_queue.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "supervisor/time_source.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

class ReloadDecisions {
  public:
    // Writes the text to the file at `path`, owned by the scanner's user; written() is called afterwards.
    using Write = std::function<void(const std::string& path, const std::string& text)>;

    ReloadDecisions(TimeSource& time, State& state, const Settings& settings, Write write);

    // Before the first load: what was decided before the service was started.
    void read();
    void hold(const std::string& by, const std::string& why);
    void end_hold(const std::string& by);
    // An order's load has ended so; `digest_before`: what served when it began.
    void decide(const ReloadOrder& order, const LoadOutcome& outcome, const std::string& digest_before);
    // A generation may have become active: after a restart the held content is loaded, not the directory's.
    void hold_what_serves();

    // The file is gone, with the folder that it was in.
    void state_directory_made();
    // How writing ended.
    void written(const Result<void>& result);
    // Nothing is tried again from now on.
    void stop();

  private:
    void set_hold(const std::string& by, const std::string& why);
    void refused(const ReloadOrder& order, const LoadOutcome& outcome, const std::string& digest_before);
    void record();

    State& state_;
    const Settings& settings_;
    TimeSource& time_;
    Write write_;
    bool stopped_ = false;
    std::optional<Decisions> recorded_ = Decisions{}; // as the file has them, or will have; empty: not known
    std::unique_ptr<Timer> again_;
};

} // namespace evermilter::supervisor
