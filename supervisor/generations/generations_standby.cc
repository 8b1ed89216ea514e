// The standby of a generation's loader, as the supervisor sees it: a channel for it goes to the loader, which forks it
// and tells; when the loader is dead, the standby becomes the loader, with what lives of the scanners, and nothing is
// loaded anew. One that has died is asked for again, with a growing delay while they die young.
#include <algorithm>
#include <chrono>
#include <utility>

#include "supervisor/generations/generations.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

constexpr std::int64_t ns(std::chrono::nanoseconds duration) {
    return duration.count();
}

// A standby that has lived so long did not die of being forked.
constexpr std::int64_t kProven = ns(std::chrono::minutes(1));
// Loaders that die so soon, so often in a row, die of their engine: it is loaded anew instead, with a growing delay.
constexpr std::int64_t kShortLife = ns(std::chrono::seconds(1));
constexpr unsigned kMostShortLives = 3;

bool may_serve(const Generation& generation) {
    const bool serves = generation.state == GenerationState::active || generation.state == GenerationState::draining;
    return generation.loaded && !generation.condemned && (serves || generation.state == GenerationState::loading);
}

} // namespace

void Generations::ask_for_standby(Generation& generation) {
    generation.standby_due_ns = 0;
    auto channel = children_.expect(generation.standby, messages::Role::standby);
    if (!channel) return standby_failed(generation, channel.error().what);
    children_.send(generation.loader, messages::StartStandby{std::move(*channel)});
}

void Generations::on_standby_started(Generation& generation, const messages::StandbyStarted& started) {
    if (generation.standby.pid != 0 || !generation.standby.channel.open()) {
        children_.kill(generation.loader, "it has forked a standby that it was not asked for");
        return;
    }
    switch (children_.kin(generation.loader, started.pid)) {
        case Children::Kin::forked:
            break;
        case Children::Kin::ended:
            children_.ended(generation.standby, 0);
            return;
        case Children::Kin::stranger:
            children_.kill(generation.loader, "it calls a process its standby that it has not forked");
            return;
    }
    if (is_scanner(static_cast<pid_t>(started.pid))) {
        children_.kill(generation.loader, "it calls a scanner its standby");
        return;
    }
    children_.forked(generation.standby, static_cast<pid_t>(started.pid));
    if (!std::exchange(generation.standby_error, {}).empty()) handlers_.changed();
    log::info("standby-ready", {{"generation", generation.id}, {"standby", started.pid}});
}

void Generations::on_standby_ended(Generation& generation, const messages::StandbyEnded& ended) {
    if (ended.pid != generation.standby.pid) return; // not the one we know
    generation.standby_ends = ended.expected;
    if (!ended.error.empty()) generation.standby.kill_reason = ended.error.substr(0, 256);
    children_.ended(generation.standby, ended.wait_status);
}

// Reaped, by the loader or, when that is dead, by us; or never forked (pid 0).
void Generations::on_standby_exit(Generation& generation, pid_t pid, int wait_status) {
    const std::string reason = std::exchange(generation.standby.kill_reason, {});
    if (generation.loader.pid != 0 && may_serve(generation) && !generation.standby_ends) {
        if (pid != 0) {
            if (monotonic_ns() - generation.standby.started_ns > kProven) generation.standby_policy.proven();
            ++state_.counters.crashes[static_cast<std::size_t>(messages::Role::standby)];
        }
        standby_failed(generation, reason.empty() ? wait_status_text(wait_status) : reason);
    }
    if (pid != 0) finish_if_reaped(generation);
}

void Generations::standby_failed(Generation& generation, const std::string& reason) {
    const std::chrono::nanoseconds now(monotonic_ns());
    generation.standby_policy.failed(now, std::uniform_real_distribution<double>(0.0, 1.0)(random_));
    log::error("standby-died",
               {{"generation", generation.id}, {"status", reason}, {"failures", generation.standby_policy.failures()}});
    generation.standby_due_ns = std::max(now, generation.standby_policy.not_before()).count();
    if (generation.standby_policy.degraded()) {
        generation.standby_error = reason;
        handlers_.changed();
    }
    schedule(now.count());
}

// A scanner that was forked when the loader had no time left to tell. The board says who it is, and is not believed
// further than that it is a child of ours that nobody else is.
void Generations::find_untold_scanners(Generation& generation) {
    if (!generation.board) return;
    for (std::uint32_t slot = 0; slot < generation.board->slots(); ++slot) {
        const auto pid = static_cast<pid_t>(generation.board->slot(slot).pid.load());
        if (!children_.is_orphan(pid) || is_scanner(pid)) continue;
        generation.scanners.push_back(ScannerProcess{pid, slot});
    }
}

// The loader is dead. False: there is nobody who could be the loader.
bool Generations::take_over(Generation& generation) {
    LoaderChild& standby = generation.standby;
    if (!may_serve(generation) || standby.pid == 0 || !children_.hear(standby) || !standby.kill_reason.empty())
        return false;
    const bool short_life = monotonic_ns() - generation.loader.started_ns < kShortLife;
    generation.short_lives = short_life ? generation.short_lives + 1 : 0;
    if (generation.short_lives > kMostShortLives) {
        children_.kill(standby, "loaders of this generation die at once");
        return false;
    }
    messages::TakeOver order;
    order.scanners.resize(generation.board->slots());
    for (const ScannerProcess& scanner : generation.scanners) {
        if (std::find(generation.unserving.begin(), generation.unserving.end(), scanner.pid) !=
            generation.unserving.end())
            children_.kill_orphan(scanner.pid);
        else if (scanner.slot < order.scanners.size())
            order.scanners[scanner.slot] = scanner.pid;
    }
    generation.loader = std::exchange(standby, {});
    generation.loader.role = messages::Role::loader;
    generation.loader.started_ns = monotonic_ns();
    log::info("standby-takes-over", {{"generation", generation.id}, {"loader", generation.loader.pid}});
    if (auto channel = children_.expect(standby, messages::Role::standby))
        order.standby = std::move(*channel);
    else
        standby_failed(generation, channel.error().what);
    children_.send(generation.loader, std::move(order));
    return true;
}

} // namespace evermilter::supervisor
