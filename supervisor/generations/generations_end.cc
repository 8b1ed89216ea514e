// The ends of generations: they are retired, their loaders and orphans are reaped, what does not end is killed.
#include <sys/wait.h>
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "supervisor/generations/generations.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

// Deadline for loaders once the service stops and no session is left.
constexpr std::chrono::nanoseconds kStopEnd = graces::kLastLoaders;
// It died by its own doing. SIGKILL is somebody else's.
bool is_crash(int wait_status) {
    if (!WIFSIGNALED(wait_status)) return false;
    const int number = WTERMSIG(wait_status);
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGABRT;
}

// Generations that failed or are gone, kept for the status.
constexpr std::size_t kHistory = 8;

} // namespace

void Generations::retire(Generation& generation, GenerationEvent event) {
    if (!apply(generation, event)) return;
    generation.queue.reset();
    generation.retired_ns = monotonic_ns();
    log::info("generation-draining", {{"generation", generation.id}});
    tick();
}

void Generations::retire_draining() {
    for (Generation& generation : state_.generations) {
        if (generation.state == GenerationState::draining && generation.let_go_ns == 0) tell_to_let_go(generation);
    }
    schedule(monotonic_ns());
}

void Generations::tell_to_let_go(Generation& generation) {
    generation.let_go_ns = monotonic_ns();
    for (SessionWorker& worker : state_.session_workers) {
        if (!worker.holds.contains(generation.id)) continue;
        ask_to_let_go(worker, generation.id);
    }
}

void Generations::stop() {
    for (Generation& generation : state_.generations) {
        if (generation.state == GenerationState::loading) {
            static_cast<void>(apply(generation, GenerationEvent::stopped));
            generation.queue.reset();
            kill_processes(generation, "the service stops");
        } else if (generation.state == GenerationState::active) {
            retire(generation, GenerationEvent::stopped);
        }
        // Nobody is left to hear a result. A bound that is set already is not put off.
        const std::int64_t bound = monotonic_ns() + kStopEnd.count();
        if (has_process(generation) && (generation.end_by_ns == 0 || generation.end_by_ns > bound))
            generation.end_by_ns = bound;
    }
    schedule(monotonic_ns());
}

void Generations::kill(const std::string& reason) {
    for (Generation& generation : state_.generations) {
        if (has_process(generation)) kill_processes(generation, reason);
    }
}

void Generations::on_loader_exit(Generation& generation, pid_t pid, int wait_status) {
    // What it had forked are our children now; those that ended before it, it has reaped.
    find_untold_scanners(generation);
    std::erase_if(generation.scanners, [this](const ScannerProcess& one) { return !children_.is_orphan(one.pid); });
    if (!children_.inherited(generation.standby)) generation.standby.pid = 0;
    const bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    const bool ended =
        generation.state == GenerationState::failed ||
        (well && generation.state != GenerationState::loading && generation.state != GenerationState::active);
    if (!ended) {
        const std::string status = end_text(generation.loader, wait_status);
        ++state_.counters.crashes[static_cast<std::size_t>(messages::Role::loader)];
        log::error("loader-died", {{"generation", generation.id}, {"loader", pid}, {"status", status}});
        if (take_over(generation)) return;
        if (generation.state == GenerationState::loading)
            refuse(generation, EX_SOFTWARE, "the loader ended: " + status,
                   LoadOutcome{.crashed = is_crash(wait_status)});
        if (generation.state == GenerationState::active) handlers_.lost_loader(generation);
    }
    if (generation.standby.pid == 0) children_.ended(generation.standby, 0); // it will not be forked
    // Whom it leaves behind shares its fate, unless they serve.
    if (generation.state == GenerationState::failed || generation.condemned)
        kill_processes(generation, "its loader is gone");
    finish_if_reaped(generation);
}

void Generations::on_orphan_reaped(pid_t pid, int wait_status) {
    for (Generation& generation : state_.generations) {
        if (std::erase_if(generation.scanners, [pid](const ScannerProcess& one) { return one.pid == pid; }) == 0)
            continue;
        const bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
        if (has_temp_failed(wait_status)) {
            temp_failed(generation, pid);
        } else if (!well && !generation.condemned) {
            ++state_.counters.crashes[static_cast<std::size_t>(messages::Role::scanner)];
            log::error("scanner-died",
                       {{"generation", generation.id}, {"scanner", pid}, {"status", wait_status_text(wait_status)}});
        } else {
            log::info("scanner-ended", {{"generation", generation.id}, {"scanner", pid}});
        }
        finish_if_reaped(generation);
        return;
    }
}

void Generations::state_directory_made() {
    for (Generation& generation : state_.generations) {
        if (generation.loader.pid != 0) children_.send(generation.loader, messages::LockEngine{});
        if (generation.standby.pid != 0) children_.send(generation.standby, messages::LockEngine{});
    }
}

void Generations::finish_if_reaped(Generation& generation) {
    if (has_process(generation) || generation.state == GenerationState::gone) return;
    if (!apply(generation, GenerationEvent::reaped)) return;
    log::info("generation-gone", {{"generation", generation.id}});
    generation.queue.reset();
    generation.queue_end.reset();
    if (generation.board) state_.counters.log_lines_lost += generation.board->header().log_lines_lost.load();
    generation.board.reset();
    generation.end_by_ns = 0;
    generation.standby_due_ns = 0;
    generation.look_ns = 0;
    if (state_.current_generation == generation.id) state_.current_generation = 0;
    handlers_.wipe(generation.id);
    give_room();
    handlers_.gone();
}

void Generations::sweep() {
    const auto over = [this](const Generation& one) {
        if (has_process(one) || children_.watches(one.loader) || children_.watches(one.standby)) return false;
        return one.state == GenerationState::failed || one.state == GenerationState::gone;
    };
    // "Unchanged" and "starved" are no failures and leave no record.
    state_.generations.remove_if(
        [&](const Generation& one) { return over(one) && one.state == GenerationState::failed && one.error.empty(); });
    auto count = static_cast<std::size_t>(std::count_if(state_.generations.begin(), state_.generations.end(), over));
    state_.generations.remove_if([&](const Generation& one) { return over(one) && count > kHistory && count-- > 0; });
}

void Generations::kill_processes(Generation& generation, const std::string& reason) {
    generation.condemned = true;
    children_.kill(generation.standby, reason); // before it becomes our child by the loader's death
    if (generation.loader.pid != 0) {
        children_.kill(generation.loader, reason); // its scanners become our children by its death
        return;
    }
    for (const ScannerProcess& scanner : generation.scanners) children_.kill_orphan(scanner.pid);
}

} // namespace evermilter::supervisor
