#include "supervisor/generations/standby_keeper.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "supervisor/children/children.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// A standby that has lived so long did not die of being forked.
constexpr Moment kProven = 1min;
// Loaders that die so soon, so often in a row, die of their engine: it is loaded again instead, with a growing delay.
constexpr Moment kShortLife = 1s;
constexpr unsigned kMostShortLives = 3;

// Whether the generation serves, or will when it is loaded.
bool wants_standby(const Generation& generation) {
    const GenerationState state = generation.state;
    return !generation.condemned && (state == GenerationState::loading || state == GenerationState::active ||
                                     state == GenerationState::draining);
}

bool may_serve(const Generation& generation) {
    return generation.loaded && wants_standby(generation);
}

} // namespace

StandbyKeeper::StandbyKeeper(TimeSource& time, State& state, GenerationProcesses& processes,
                             std::function<void()> changed)
    : time_(time), state_(state), processes_(processes), changed_(std::move(changed)) {}

unique_fd StandbyKeeper::channel(Generation& generation) {
    auto channel = processes_.expect_standby(generation.standby);
    if (channel) return std::move(*channel);
    failed(generation, channel.error().what);
    return {};
}

std::optional<Moment> StandbyKeeper::due(const Generation& generation) {
    const bool wanted = generation.loaded && generation.loader.pid != 0 && !generation.condemned;
    return wanted ? generation.standby_history.due : std::nullopt;
}

void StandbyKeeper::tick(Generation& generation) {
    const auto at = due(generation);
    if (!at || time_.now() < *at) return;
    generation.standby_history.due.reset();
    unique_fd end = channel(generation);
    if (end) processes_.send_to_loader(generation.loader, messages::StartStandby{std::move(end)});
}

void StandbyKeeper::on_started(Generation& generation, const messages::StandbyStarted& started) {
    if (generation.standby.pid != 0 || !generation.standby.channel.open()) {
        processes_.kill(generation.loader, "it has forked a standby that it was not asked for");
        return;
    }
    switch (processes_.kin(generation.loader, started.pid)) {
        case GenerationProcesses::Kin::forked:
            break;
        case GenerationProcesses::Kin::ended:
            processes_.ended(generation.standby, 0);
            return;
        case GenerationProcesses::Kin::stranger:
            processes_.kill(generation.loader, "it calls a process its standby that it has not forked");
            return;
    }
    if (state_.has_scanner(static_cast<pid_t>(started.pid))) {
        processes_.kill(generation.loader, "it calls a scanner its standby");
        return;
    }
    processes_.forked(generation.standby, static_cast<pid_t>(started.pid));
    if (!std::exchange(generation.standby_history.error, {}).empty()) changed_();
    log::info("standby-ready", {{"generation", generation.id}, {"standby", started.pid}});
}

void StandbyKeeper::on_ended(Generation& generation, const messages::StandbyEnded& ended) {
    if (ended.pid != generation.standby.pid) return; // not the one we know
    generation.standby_history.ends = ended.expected;
    if (!ended.error.empty()) generation.standby.kill_reason = ended.error.substr(0, 256);
    processes_.ended(generation.standby, ended.wait_status);
}

void StandbyKeeper::on_exit(Generation& generation, pid_t pid, int wait_status) {
    const std::string reason = std::exchange(generation.standby.kill_reason, {});
    // Also of one that is not loaded yet: its loader has just forked it, or could not, and is about to say "ready".
    if (generation.loader.pid == 0 || !wants_standby(generation) || generation.standby_history.ends) return;
    if (pid != 0) {
        if (time_.now() - Moment(generation.standby.started_ns) > kProven) generation.standby_history.policy.proven();
        state_.counters.add("crashes", messages::Role::standby);
    }
    failed(generation, reason.empty() ? wait_status_text(wait_status) : reason);
}

void StandbyKeeper::failed(Generation& generation, const std::string& reason) {
    StandbyHistory& history = generation.standby_history;
    const Moment now = time_.now();
    history.policy.failed(now, time_.chance());
    log::error("standby-died",
               {{"generation", generation.id}, {"status", reason}, {"failures", history.policy.failures()}});
    history.due = std::max(now, history.policy.not_before());
    if (!history.policy.degraded()) return;
    history.error = reason;
    changed_();
}

bool StandbyKeeper::take_over(Generation& generation) {
    LoaderChild& standby = generation.standby;
    if (!may_serve(generation) || standby.pid == 0 || !processes_.hear(standby) || !standby.kill_reason.empty())
        return false;
    const bool short_life = time_.now() - Moment(generation.loader.started_ns) < kShortLife;
    unsigned& short_lives = generation.standby_history.short_lives;
    short_lives = short_life ? short_lives + 1 : 0;
    if (short_lives > kMostShortLives) {
        processes_.kill(standby, "loaders of this generation die at once");
        return false;
    }
    messages::TakeOver order;
    order.scanners.resize(generation.board->slots());
    const auto& unserving = generation.trouble.unserving;
    for (const ScannerProcess& scanner : generation.scanners) {
        if (std::find(unserving.begin(), unserving.end(), scanner.pid) != unserving.end())
            processes_.kill_orphan(scanner.pid);
        else if (scanner.slot < order.scanners.size())
            order.scanners[scanner.slot] = scanner.pid;
    }
    generation.loader = std::exchange(standby, {});
    generation.loader.role = messages::Role::loader;
    generation.loader.started_ns = time_.now().count();
    log::info("standby-takes-over", {{"generation", generation.id}, {"loader", generation.loader.pid}});
    order.standby = channel(generation);
    processes_.send_to_loader(generation.loader, std::move(order));
    return true;
}

} // namespace evermilter::supervisor
