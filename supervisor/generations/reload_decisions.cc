#include "supervisor/generations/reload_decisions.h"

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "supervisor/generations/plan_order.h"
#include "supervisor/generations/snapshots.h"
#include "workers/common/base/log.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {
namespace {

constexpr std::size_t kLargestFile = 64UL * 1024;
// Before recording is tried again.
constexpr std::chrono::seconds kRecordAgain{5};

std::string decisions_file(const Settings& settings) {
    return settings.config.database.state_directory + "/decisions";
}

// Once, before the first load. Nothing where there is no such file.
std::string read_file(const std::string& path) {
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    std::string text(kLargestFile, '\0');
    const ssize_t length = file ? ::read(file.get(), text.data(), text.size()) : 0;
    text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return text;
}

} // namespace

ReloadDecisions::ReloadDecisions(TimeSource& time, State& state, const Settings& settings, Write write)
    : state_(state),
      settings_(settings),
      time_(time),
      write_(std::move(write)),
      again_(time.timer([this] { record(); })) {}

void ReloadDecisions::read() {
    const std::string path = decisions_file(settings_);
    const std::string text = read_file(path);
    if (auto decisions = parse_decisions(text)) {
        state_.decisions = std::move(*decisions);
        recorded_ = state_.decisions;
    } else if (!text.empty()) {
        log::warning("decisions-damaged", {{"file", path}, {"effect", "no hold, no rejected content is known"}});
    }
    if (const auto& hold = state_.decisions.hold)
        log::info("hold-goes-on", {{"by", hold->by}, {"reason", hold->why}, {"snapshot", hold->snapshot}});
}

void ReloadDecisions::hold(const std::string& by, const std::string& why) {
    set_hold(by, why);
    record();
}

void ReloadDecisions::set_hold(const std::string& by, const std::string& why) {
    Hold hold;
    hold.by = by;
    hold.why = why;
    hold.since = time_.unix_time();
    log::info("hold", {{"by", by}, {"reason", why}});
    state_.decisions.hold = std::move(hold);
    hold_what_serves();
}

void ReloadDecisions::end_hold(const std::string& by) {
    if (std::exchange(state_.decisions.hold, std::nullopt)) log::info("hold-ended", {{"by", by}});
    record();
}

void ReloadDecisions::hold_what_serves() {
    const Generation* active = state_.active_generation();
    if (!state_.decisions.hold || active == nullptr || active->snapshot.empty()) return;
    state_.decisions.hold->snapshot = snapshot_id(active->snapshot);
    state_.decisions.hold->digest = active->digest;
    record();
}

void ReloadDecisions::decide(const ReloadOrder& order, const LoadOutcome& outcome, const std::string& digest_before) {
    Decisions& decisions = state_.decisions;
    const Generation* active = state_.active_generation();
    if (outcome.how == LoadOutcome::How::refused) return refused(order, outcome, digest_before);
    if (active == nullptr || order.settings) return;
    if (order.request.kind == ReloadKind::roll_back) {
        const std::string to = "to the content of generation " + std::to_string(snapshot_id(active->snapshot));
        if (digest_before != active->digest)
            decisions.reject(digest_before, "rolled back from, " + to, time_.unix_time());
        decisions.accept(active->digest);
        if (order.decides_hold) set_hold(order.request.by, "rollback " + to);
    } else if (order.request.kind == ReloadKind::asked) {
        decisions.accept(active->digest);
        if (order.decides_hold) end_hold("an explicit reload");
    }
    record();
}

// What was refused for itself is rejected, so that no rollback goes there.
void ReloadDecisions::refused(const ReloadOrder& order, const LoadOutcome& outcome, const std::string& digest_before) {
    const bool for_itself = outcome.exit_code == EX_DATAERR || outcome.exit_code == EX_SOFTWARE;
    if (reads_directory(order) && for_itself && !outcome.may_pass && outcome.digest != digest_before)
        state_.decisions.reject(outcome.digest, "refused: " + outcome.error, time_.unix_time());
    record();
}

// ---------------------------------------------------------------- the file

void ReloadDecisions::record() {
    if (state_.decisions == recorded_) return;
    recorded_ = state_.decisions;
    write_(decisions_file(settings_), to_text(state_.decisions));
}

void ReloadDecisions::state_directory_made() {
    recorded_ = Decisions{};
    record();
}

// A hold that is only in memory is forgotten at the next start.
void ReloadDecisions::written(const Result<void>& result) {
    const std::string reason = result ? std::string() : result.error().what;
    if (!result) {
        recorded_.reset();
        if (!stopped_) again_->start(kRecordAgain);
        if (reason != state_.books_reason) log::warning("decisions-not-recorded", {{"error", reason}});
    }
    state_.books_reason = reason;
}

void ReloadDecisions::stop() {
    stopped_ = true;
    again_->stop();
}

} // namespace evermilter::supervisor
