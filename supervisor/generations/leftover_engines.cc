#include "supervisor/generations/leftover_engines.h"

#include <chrono>
#include <string>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// Nothing reports that a lock was let go.
constexpr auto kInterval = 100ms;

std::string listed(const std::vector<std::uint64_t>& ids) {
    std::string text;
    for (const std::uint64_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
    return text;
}

} // namespace

LeftoverEngines::LeftoverEngines(TimeSource& time, State& state, const Settings& settings, Handlers handlers)
    : time_(time),
      state_(state),
      settings_(settings),
      handlers_(std::move(handlers)),
      timer_(time.timer([this] { look(); })) {}

void LeftoverEngines::look() {
    auto locked = handlers_.locked();
    if (!locked) {
        // If the locks cannot be read, do not wait.
        log::error("engines-unknown", {{"error", locked.error().what}});
        locked = std::vector<std::uint64_t>{};
    }
    const Moment now = time_.now();
    if (!since_) {
        since_ = now;
        if (locked->empty()) return;
    }
    const Moment waited = now - *since_;
    if (locked->empty()) {
        log::info("engines-gone",
                  {{"milliseconds", std::chrono::duration_cast<std::chrono::milliseconds>(waited).count()}});
        for (const std::uint64_t id : seen_) handlers_.wipe(id);
    } else {
        if (*locked != known_) show(*locked);
        const config::Config& config = settings_.config;
        if (waited <= config.timeouts.shutdown + config.scanner.max_scan_time + graces::kLeftovers ||
            known_.size() > 1) {
            timer_->start(kInterval);
            return;
        }
        log::error("engine-still-held",
                   {{"generation", known_.front()}, {"remedy", "end the processes of the supervisor that was killed"}});
    }
    state_.waits_for.clear();
    handlers_.gone();
}

void LeftoverEngines::show(const std::vector<std::uint64_t>& locked) {
    known_ = locked;
    seen_.insert(known_.begin(), known_.end());
    state_.waits_for = "the processes of a supervisor that was killed still hold the engine of generation " +
                       listed(known_) + ": no other is loaded before they have ended";
    log::warning("engines-held", {{"generations", listed(known_)}, {"reason", state_.waits_for}});
}

} // namespace evermilter::supervisor
