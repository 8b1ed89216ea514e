#include "supervisor/generations/first_load.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {
namespace {

constexpr RestartPolicy::Limits kPace{std::chrono::seconds(2), std::chrono::seconds(30), 1};

} // namespace

FirstLoad::FirstLoad(Loop* loop, State& state, Handlers handlers)
    : state_(state),
      handlers_(std::move(handlers)),
      policy_(kPace),
      random_(static_cast<std::minstd_rand::result_type>(monotonic_ns())),
      again_(loop, [this] { handlers_.load(); }) {}

void FirstLoad::refused(const std::string& error) {
    const std::chrono::nanoseconds now(monotonic_ns());
    policy_.failed(now, std::uniform_real_distribution<double>(0.0, 1.0)(random_));
    const std::chrono::nanoseconds wait = std::max(policy_.not_before() - now, std::chrono::nanoseconds(0));
    again_.start(wait);
    const std::string reason = "no signatures are loaded, and no message can be scanned: " + error;
    if (std::exchange(state_.no_signatures, reason) == reason) return;
    log::error("no-signatures", {{"reason", error}, {"remedy", "loading is tried again by itself"}});
    handlers_.unserved(error);
}

void FirstLoad::active() {
    again_.stop();
    state_.no_signatures.clear();
    policy_.proven();
}

} // namespace evermilter::supervisor
