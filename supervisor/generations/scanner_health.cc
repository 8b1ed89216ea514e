#include "supervisor/generations/scanner_health.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "supervisor/children/children.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// How often to check whether those that followed serve.
constexpr Moment kLook = 1s;
// Where no message comes, scanners that live so long have proven that they do not die on their own.
constexpr Moment kProven = 1min;

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

bool messages_wait(const Generation& generation) {
    int bytes = 0;
    return ::ioctl(generation.queue_end.get(), FIONREAD, &bytes) == 0 && bytes > 0;
}

} // namespace

ScannerHealth::ScannerHealth(TimeSource& time, State& state, GenerationProcesses& processes, const Settings& settings,
                             Handlers handlers)
    : time_(time), state_(state), processes_(processes), settings_(settings), handlers_(std::move(handlers)) {}

// ---------------------------------------------------------------- which there are

void ScannerHealth::on_started(Generation& generation, const messages::ScannerStarted& started) {
    const auto slots = generation.board ? generation.board->slots() : 0;
    // One in each slot, and one that died as its former loader did, whose end we have not seen yet.
    if (started.slot >= slots || generation.scanners.size() >= 2 * slots) {
        processes_.kill(generation.loader, "it has more scanners than it was asked for");
        return;
    }
    switch (processes_.kin(generation.loader, started.pid)) {
        case GenerationProcesses::Kin::forked:
            break;
        case GenerationProcesses::Kin::ended:
            return; // ScannerEnded is on its way
        case GenerationProcesses::Kin::stranger:
            processes_.kill(generation.loader, "it calls a process its scanner that it has not forked");
            return;
    }
    const auto pid = static_cast<pid_t>(started.pid);
    if (state_.has_scanner(pid) || generation.standby.pid == pid) {
        processes_.kill(generation.loader, "it tells of one process twice");
        return;
    }
    generation.scanners.push_back(ScannerProcess{pid, started.slot});
    processes_.prefer_for_oom(pid);
    if (generation.trouble.missing.empty() || generation.scanners.size() < slots) return;
    generation.trouble.missing.clear();
    handlers_.changed();
}

void ScannerHealth::on_ended(Generation& generation, const messages::ScannerEnded& ended) {
    ScannerTrouble& trouble = generation.trouble;
    if (ended.pid == 0) {
        trouble.missing = ended.error;
        handlers_.changed();
        return;
    }
    std::erase_if(generation.scanners, [&](const ScannerProcess& one) { return one.pid == ended.pid; });
    const bool replaced = std::erase_if(trouble.unserving, [&](pid_t pid) { return pid == ended.pid; }) > 0;
    if (ended.expected) return;
    if (has_temp_failed(ended.wait_status)) return temp_failed(generation, static_cast<pid_t>(ended.pid));
    state_.counters.add("crashes", messages::Role::scanner);
    const std::string status = wait_status_text(ended.wait_status);
    log::error("scanner-died", {{"generation", generation.id}, {"scanner", ended.pid}, {"status", status}});

    if (replaced) return; // by our order
    const std::uint64_t finished = finished_scans(generation);
    if (finished != trouble.scans_at_death) trouble.policy.proven();
    trouble.scans_at_death = finished;
    trouble.died = time_.now();
    trouble.policy.failed(trouble.died, 0.0);
    if (!trouble.policy.degraded()) return;
    trouble.dying = status;
    trouble.look = trouble.died + kLook;
    handlers_.changed();
}

// Not a death: it ends so that the folder is made again. One line a minute, however many messages it meets.
void ScannerHealth::temp_failed(const Generation& generation, pid_t scanner) {
    const auto left_out = temp_log_limit_.pass("", "scanner-temp-failed", LogLimit::Time(time_.now()));
    if (left_out)
        log::warning("scanner-temp-failed", {{"generation", generation.id},
                                             {"scanner", scanner},
                                             {"path", settings_.config.scanner.temp_directory},
                                             {"left_out", *left_out == 0 ? std::string() : std::to_string(*left_out)}});
    handlers_.temp_failed("scanners fail there: " + settings_.config.scanner.temp_directory +
                          " has not the room that they need, or was removed: look at it");
}

// The board says who an unreported scanner is, and is not believed further than that it is a child of ours that nobody
// else is.
void ScannerHealth::loader_died(Generation& generation) {
    for (std::uint32_t slot = 0; generation.board && slot < generation.board->slots(); ++slot) {
        const auto pid = static_cast<pid_t>(generation.board->slot(slot).pid.load());
        if (processes_.is_orphan(pid) && !state_.has_scanner(pid))
            generation.scanners.push_back(ScannerProcess{pid, slot});
    }
    std::erase_if(generation.scanners, [this](const ScannerProcess& one) { return !processes_.is_orphan(one.pid); });
}

Generation* ScannerHealth::on_orphan_reaped(pid_t pid, int wait_status) {
    for (Generation& generation : state_.generations) {
        if (std::erase_if(generation.scanners, [pid](const ScannerProcess& one) { return one.pid == pid; }) == 0)
            continue;
        const bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
        if (has_temp_failed(wait_status)) {
            temp_failed(generation, pid);
        } else if (!well && !generation.condemned) {
            state_.counters.add("crashes", messages::Role::scanner);
            log::error("scanner-died",
                       {{"generation", generation.id}, {"scanner", pid}, {"status", wait_status_text(wait_status)}});
        } else {
            log::info("scanner-ended", {{"generation", generation.id}, {"scanner", pid}});
        }
        return &generation;
    }
    return nullptr;
}

void ScannerHealth::on_overdue(const messages::ScannerOverdue& overdue) {
    Generation* generation = state_.find_generation(overdue.generation);
    // It may have ended or answered meanwhile.
    if (generation == nullptr || !scans(*generation, overdue)) return;
    log::error("scanner-overdue", {{"generation", overdue.generation}, {"scanner", overdue.scanner}});
    if (generation->loader.pid != 0)
        processes_.send_to_loader(generation->loader, overdue);
    else
        processes_.kill_orphan(static_cast<pid_t>(overdue.scanner));
}

// ---------------------------------------------------------------- whether they serve

void ScannerHealth::tick(Generation& generation) {
    ScannerTrouble& trouble = generation.trouble;
    const Moment now = time_.now();
    if (!trouble.look || now < *trouble.look) return;
    const bool serve = finished_scans(generation) != trouble.scans_at_death;
    if (!serve && now - trouble.died < kProven) {
        trouble.look = now + kLook;
        return;
    }
    trouble.look.reset();
    trouble.policy.proven();
    trouble.dying.clear();
    handlers_.changed();
}

void ScannerHealth::look() {
    for (Generation& generation : state_.generations)
        if (generation.loaded && generation.queue_end && generation.board && !generation.condemned) look_at(generation);
}

void ScannerHealth::look_at(Generation& generation) {
    std::uint64_t taken = 0;
    for (std::uint32_t slot = 0; slot < generation.board->slots(); ++slot)
        taken += generation.board->slot(slot).received_total.load();
    std::vector<ScannerLook> looks;
    for (const ScannerProcess& one : generation.scanners) {
        if (one.slot >= generation.board->slots()) continue;
        const ScannerSlot& slot = generation.board->slot(one.slot);
        looks.push_back(ScannerLook{one.pid, slot.busy_since_ns.load() != 0, slot.received_total.load()});
    }
    // Where there is none, and why is known and reported already, it is tried again anyway.
    const ScannerTrouble& trouble = generation.trouble;
    const bool none_by_reason = looks.empty() && (!trouble.missing.empty() || !trouble.dying.empty());
    const bool waits = messages_wait(generation) && !none_by_reason;
    const Remedy remedy = generation.trouble.judge.look(waits, taken, looks);
    if (remedy != Remedy::none)
        heal(generation, remedy);
    else if (trouble.judge.well())
        healed(generation);
}

// A loader that is killed is followed by its standby, which does not keep the `unserving` ones.
void ScannerHealth::heal(Generation& generation, Remedy remedy) {
    const std::vector<pid_t> idle = generation.trouble.judge.idle();
    generation.trouble.unserving = idle;
    const bool followed = generation.loader.pid != 0 && generation.standby.pid != 0;
    if (remedy == Remedy::loader && !followed) remedy = Remedy::load;
    std::string pids;
    for (const pid_t pid : idle) pids += (pids.empty() ? "" : ",") + std::to_string(pid);
    const char* what = remedy == Remedy::scanners ? "they are replaced"
                       : remedy == Remedy::loader ? "their loader is replaced"
                                                  : "the database is loaded again";
    log::error("scanners-idle", {{"generation", generation.id}, {"scanners", pids}, {"remedy", what}});
    generation.trouble.idle = what;
    if (remedy == Remedy::load) {
        kill_all(processes_, generation, "its scanners take no messages");
    } else if (remedy == Remedy::loader) {
        processes_.kill(generation.loader, "its scanners take no messages");
    } else {
        for (const pid_t pid : idle) {
            if (generation.loader.pid != 0)
                processes_.send_to_loader(generation.loader, messages::ReplaceScanner{pid});
            else
                processes_.kill_orphan(pid);
        }
    }
    handlers_.changed();
}

void ScannerHealth::healed(Generation& generation) {
    if (generation.trouble.idle.empty()) return;
    generation.trouble.idle.clear();
    generation.trouble.unserving.clear();
    log::info("scanners-serve-again", {{"generation", generation.id}});
    handlers_.changed();
}

} // namespace evermilter::supervisor
