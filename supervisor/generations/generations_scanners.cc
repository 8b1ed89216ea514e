// The scanners of a generation, as its loader tells of them: who there is, who hangs, and whether those who died are
// replaced. Where they cannot be forked, or die without a message finished between them, the service is degraded.
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "supervisor/generations/generations.h"
#include "workers/common/base/log.h"
#include "workers/common/base/oom_score.h"

namespace evermilter::supervisor {
namespace {

constexpr std::int64_t ns(std::chrono::nanoseconds duration) {
    return duration.count();
}

// How often is looked whether those who followed serve.
constexpr std::int64_t kLook = ns(std::chrono::seconds(1));
// Where no message comes, scanners that live so long have proven that they do not die by themselves.
constexpr std::int64_t kProven = ns(std::chrono::minutes(1));

// Messages that all scanners of the generation have finished.
std::uint64_t finished_scans(const Generation& generation) {
    std::uint64_t sum = 0;
    for (std::uint32_t slot = 0; generation.board && slot < generation.board->slots(); ++slot)
        sum += generation.board->slot(slot).jobs_total.load();
    return sum;
}

// Whether that scanner is there and scans that message.
bool scans(const Generation& generation, const messages::ScannerOverdue& overdue) {
    return std::any_of(generation.scanners.begin(), generation.scanners.end(), [&](const ScannerProcess& one) {
        if (one.pid != overdue.scanner || !generation.board || one.slot >= generation.board->slots()) return false;
        const ScannerSlot& slot = generation.board->slot(one.slot);
        return slot.pid.load() == one.pid && slot.busy_since_ns.load() != 0 && slot.job.load() == overdue.job;
    });
}

} // namespace

bool Generations::is_scanner(pid_t pid) const {
    return std::any_of(state_.generations.begin(), state_.generations.end(), [pid](const Generation& one) {
        return std::any_of(one.scanners.begin(), one.scanners.end(),
                           [pid](const ScannerProcess& scanner) { return scanner.pid == pid; });
    });
}

void Generations::on_scanner_started(Generation& generation, const messages::ScannerStarted& started) {
    const auto slots = generation.board ? generation.board->slots() : 0;
    // In each slot one, and one that died as its former loader did, whose end we have not seen yet.
    if (started.slot >= slots || generation.scanners.size() >= 2 * slots) {
        children_.kill(generation.loader, "it has more scanners than it was asked for");
        return;
    }
    switch (children_.kin(generation.loader, started.pid)) {
        case Children::Kin::forked:
            break;
        case Children::Kin::ended:
            return; // ScannerEnded is on its way
        case Children::Kin::stranger:
            children_.kill(generation.loader, "it calls a process its scanner that it has not forked");
            return;
    }
    if (is_scanner(static_cast<pid_t>(started.pid)) || generation.standby.pid == started.pid) {
        children_.kill(generation.loader, "it tells of one process twice");
        return;
    }
    generation.scanners.push_back(ScannerProcess{static_cast<pid_t>(started.pid), started.slot});
    if (::geteuid() == 0) raise_oom_score_of(static_cast<pid_t>(started.pid), kOomPointsOfScanner);
    if (generation.scanners_missing.empty()) return;
    if (!generation.board || generation.scanners.size() < generation.board->slots()) return;
    generation.scanners_missing.clear();
    handlers_.changed();
}

void Generations::on_scanner_ended(Generation& generation, const messages::ScannerEnded& ended) {
    if (ended.pid == 0) {
        generation.scanners_missing = ended.error;
        handlers_.changed();
        return;
    }
    std::erase_if(generation.scanners, [&](const ScannerProcess& one) { return one.pid == ended.pid; });
    const bool replaced =
        std::erase_if(generation.unserving, [&](pid_t pid) { return pid == ended.pid; }) > 0; // by our order
    if (ended.expected) return;
    if (has_temp_failed(ended.wait_status)) return temp_failed(generation, static_cast<pid_t>(ended.pid));
    ++state_.counters.crashes[static_cast<std::size_t>(messages::Role::scanner)];
    const std::string status = wait_status_text(ended.wait_status);
    log::error("scanner-died", {{"generation", generation.id}, {"scanner", ended.pid}, {"status", status}});

    if (replaced) return;
    const std::uint64_t scans = finished_scans(generation);
    if (scans != generation.scans_at_death) generation.scanner_policy.proven();
    generation.scans_at_death = scans;
    generation.died_ns = monotonic_ns();
    generation.scanner_policy.failed(std::chrono::nanoseconds(generation.died_ns), 0.0);
    if (!generation.scanner_policy.degraded()) return;
    generation.scanners_dying = status;
    generation.look_ns = generation.died_ns + kLook;
    schedule(generation.died_ns);
    handlers_.changed();
}

// Not a death: it ends because the folder is to be made anew. One line a minute, however many messages it meets.
void Generations::temp_failed(const Generation& generation, pid_t scanner) {
    const auto left_out = temp_log_limit_.pass("", "scanner-temp-failed", std::chrono::steady_clock::now());
    if (left_out)
        log::warning("scanner-temp-failed", {{"generation", generation.id},
                                             {"scanner", scanner},
                                             {"path", settings_.config.scanner.temp_directory},
                                             {"left_out", *left_out == 0 ? std::string() : std::to_string(*left_out)}});
    handlers_.temp_failed("scanners fail there: " + settings_.config.scanner.temp_directory +
                          " has not the room that they need, or was removed: look at it");
}

void Generations::look_at_scanners(Generation& generation, std::int64_t now_ns) const {
    const bool serve = finished_scans(generation) != generation.scans_at_death;
    if (!serve && now_ns - generation.died_ns < kProven) {
        generation.look_ns = now_ns + kLook;
        return;
    }
    generation.look_ns = 0;
    generation.scanner_policy.proven();
    generation.scanners_dying.clear();
    handlers_.changed();
}

// A loader that is killed is followed by its standby, which does not keep those in `unserving` (take_over).
void Generations::heal(Generation& generation, Remedy remedy, const std::vector<pid_t>& idle) {
    generation.unserving = idle;
    const bool followed = generation.loader.pid != 0 && generation.standby.pid != 0;
    if (remedy == Remedy::loader && !followed) remedy = Remedy::load;
    std::string pids;
    for (const pid_t pid : idle) pids += (pids.empty() ? "" : ",") + std::to_string(pid);
    const char* what = remedy == Remedy::scanners ? "they are replaced"
                       : remedy == Remedy::loader ? "their loader is replaced"
                                                  : "the database is loaded anew";
    log::error("scanners-idle", {{"generation", generation.id}, {"scanners", pids}, {"remedy", what}});
    generation.scanners_idle = what;
    if (remedy == Remedy::load) {
        kill_processes(generation, "its scanners take no messages");
    } else if (remedy == Remedy::loader) {
        children_.kill(generation.loader, "its scanners take no messages");
    } else {
        for (const pid_t pid : idle) {
            if (generation.loader.pid != 0)
                children_.send(generation.loader, messages::ReplaceScanner{pid});
            else
                children_.kill_orphan(pid);
        }
    }
    handlers_.changed();
}

void Generations::healed(Generation& generation) const {
    if (generation.scanners_idle.empty()) return;
    generation.scanners_idle.clear();
    generation.unserving.clear();
    log::info("scanners-serve-again", {{"generation", generation.id}});
    handlers_.changed();
}

void Generations::on_overdue(const messages::ScannerOverdue& overdue) {
    Generation* generation = state_.find_generation(overdue.generation);
    // It may have ended or answered meanwhile.
    if (generation == nullptr || !scans(*generation, overdue)) return;
    log::error("scanner-overdue", {{"generation", overdue.generation}, {"scanner", overdue.scanner}});
    if (generation->loader.pid != 0) {
        children_.send(generation->loader, overdue);
        return;
    }
    children_.kill_orphan(static_cast<pid_t>(overdue.scanner));
}

} // namespace evermilter::supervisor
