#include "supervisor/generations/leftover_engines.h"

#include <chrono>
#include <string>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/engine_lock.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// Nothing tells that a lock was let go.
constexpr auto kInterval = 100ms;

std::string listed(const std::vector<std::uint64_t>& ids) {
    std::string text;
    for (const std::uint64_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
    return text;
}

} // namespace

LeftoverEngines::LeftoverEngines(Loop* loop, State& state, const Settings& settings, Handlers handlers)
    : state_(state), settings_(settings), handlers_(std::move(handlers)), timer_(loop, [this] { look(); }) {}

void LeftoverEngines::look() {
    const config::Config& config = settings_.config;
    auto locked = locked_engines(config.database.state_directory);
    if (!locked) {
        // Who cannot be asked cannot be waited for.
        log::error("engines-unknown", {{"error", locked.error().what}});
        locked = std::vector<std::uint64_t>{};
    }
    const std::int64_t now = monotonic_ns();
    if (since_ns_ == 0) {
        since_ns_ = now;
        if (locked->empty()) return;
    }
    if (locked->empty()) {
        log::info("engines-gone", {{"milliseconds", (now - since_ns_) / 1'000'000}});
        for (const std::uint64_t id : seen_) handlers_.wipe(id);
    } else {
        const auto bound = config.timeouts.shutdown + config.scanner.max_scan_time + graces::kLeftovers;
        const bool over = now - since_ns_ > std::chrono::nanoseconds(bound).count();
        if (*locked != known_) {
            known_ = *locked;
            seen_.insert(known_.begin(), known_.end());
            state_.waits_for = "the processes of a supervisor that was killed still hold the engine of generation " +
                               listed(known_) + ": no other is loaded before they have ended";
            log::warning("engines-held", {{"generations", listed(known_)}, {"reason", state_.waits_for}});
        }
        if (!over || known_.size() > 1) {
            timer_.start(kInterval);
            return;
        }
        log::error("engine-still-held",
                   {{"generation", known_.front()}, {"remedy", "end the processes of the supervisor that was killed"}});
    }
    state_.waits_for.clear();
    handlers_.gone();
}

} // namespace evermilter::supervisor
