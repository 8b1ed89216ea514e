#include "supervisor/generations/reload_splay.h"

#include <algorithm>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {

ReloadSplay::ReloadSplay(TimeSource& time, State& state, const Settings& settings, Reload reload)
    : time_(time),
      state_(state),
      settings_(settings),
      reload_(std::move(reload)),
      timer_(time.timer([this] { stop(); })) {}

void ReloadSplay::ask(const ReloadRequest& request, ReloadCallback done) {
    const std::chrono::nanoseconds splay = settings_.config.reload.splay;
    // Without a caller it is the same as what waits.
    if (waiting_.empty() || done) waiting_.push_back({request, std::move(done)});
    if (splay == splay.zero() || state_.active_generation() == nullptr || state_.stale) return stop();
    if (timer_->active()) return;
    put_off(std::chrono::nanoseconds(static_cast<std::int64_t>(time_.chance() * static_cast<double>(splay.count()))));
    log::info("reload-waits", {{"by", request.by}, {"until", state_.reload_due}, {"reason", "reload.splay"}});
}

void ReloadSplay::apply() {
    if (!timer_->active()) return;
    const std::chrono::nanoseconds splay = settings_.config.reload.splay;
    if (due_ - time_.now() > splay) put_off(splay);
}

void ReloadSplay::put_off(std::chrono::nanoseconds pause) {
    due_ = time_.now() + pause;
    state_.reload_due = time_.unix_time() + std::chrono::ceil<std::chrono::seconds>(pause).count();
    timer_->start(pause);
}

void ReloadSplay::stop() {
    timer_->stop();
    state_.reload_due = 0;
    for (Waiting& one : std::exchange(waiting_, {})) reload_(one.request, std::move(one.done));
}

} // namespace evermilter::supervisor
