// How generations end: by a stop, by their loader's death, and what is freed when all of their processes are reaped.
#include <sys/wait.h>
#include <sysexits.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "supervisor/children/children.h"
#include "supervisor/generations/generations.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

// Generations that failed or are gone, kept for the status.
constexpr std::size_t kHistory = 8;

// It died by its own doing. SIGKILL is somebody else's.
bool is_crash(int wait_status) {
    if (!WIFSIGNALED(wait_status)) return false;
    const int number = WTERMSIG(wait_status);
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL || number == SIGABRT;
}

} // namespace

void Generations::stop() {
    for (Generation& generation : state_.generations) {
        if (generation.state == GenerationState::loading) {
            static_cast<void>(apply(generation, GenerationEvent::stopped));
            generation.queue.reset();
            kill_all(processes_, generation, "the service stops");
            // Whoever has ordered it waits for an answer.
            handlers_.load_ended(LoadOutcome{
                .generation = state_.current_generation, .exit_code = EX_TEMPFAIL, .error = "the service stops"});
        } else if (generation.state == GenerationState::active) {
            if (state_.current_generation == generation.id) state_.current_generation = 0;
            retire(generation, GenerationEvent::stopped);
        }
        // Nobody is left to hear a result. A bound that is set already is not put off.
        const Moment bound = time_.now() + graces::kLastLoaders;
        if (has_process(generation) && (!generation.end_by || *generation.end_by > bound)) generation.end_by = bound;
    }
    schedule();
}

void Generations::kill(const std::string& reason) {
    for (Generation& generation : state_.generations)
        if (has_process(generation)) kill_all(processes_, generation, reason);
}

void Generations::on_loader_exit(Generation& generation, pid_t pid, int wait_status) {
    // What it had forked are our children now; those that ended before it, it has reaped.
    scanners_.loader_died(generation);
    if (!processes_.inherited(generation.standby)) generation.standby.pid = 0;
    const bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    const bool ended =
        generation.state == GenerationState::failed ||
        (well && generation.state != GenerationState::loading && generation.state != GenerationState::active);
    if (!ended) {
        const std::string status = end_text(generation.loader, wait_status);
        state_.counters.add("crashes", messages::Role::loader);
        log::error("loader-died", {{"generation", generation.id}, {"loader", pid}, {"status", status}});
        if (standbys_.take_over(generation)) return schedule();
        if (generation.state == GenerationState::loading)
            refuse(generation, EX_SOFTWARE, "the loader ended: " + status,
                   LoadOutcome{.crashed = is_crash(wait_status)});
        if (generation.state == GenerationState::active) handlers_.lost_loader(generation);
    }
    if (generation.standby.pid == 0) processes_.ended(generation.standby, 0); // it will not be forked
    // Scanners it leaves behind are killed too, unless they serve.
    if (generation.state == GenerationState::failed || generation.condemned)
        kill_all(processes_, generation, "its loader is gone");
    finish_if_reaped(generation);
}

void Generations::on_orphan_reaped(pid_t pid, int wait_status) {
    if (Generation* generation = scanners_.on_orphan_reaped(pid, wait_status)) finish_if_reaped(*generation);
}

void Generations::finish_if_reaped(Generation& generation) {
    if (has_process(generation) || generation.state == GenerationState::gone) return;
    if (!apply(generation, GenerationEvent::reaped)) return;
    log::info("generation-gone", {{"generation", generation.id}});
    generation.queue.reset();
    generation.queue_end.reset();
    if (generation.board) state_.counters.add_all(generation.board->header().counters);
    generation.board.reset();
    generation.end_by.reset();
    generation.standby_history.due.reset();
    generation.trouble.look.reset();
    if (state_.current_generation == generation.id) state_.current_generation = 0;
    handlers_.wipe(generation.id);
    give_room();
    handlers_.gone();
}

void Generations::sweep() {
    const auto over = [this](const Generation& one) {
        if (has_process(one) || processes_.watches(one.loader) || processes_.watches(one.standby)) return false;
        return one.state == GenerationState::failed || one.state == GenerationState::gone;
    };
    // "Unchanged" and "starved" are no failures and leave no record.
    state_.generations.remove_if(
        [&](const Generation& one) { return over(one) && one.state == GenerationState::failed && one.error.empty(); });
    auto count = static_cast<std::size_t>(std::count_if(state_.generations.begin(), state_.generations.end(), over));
    state_.generations.remove_if([&](const Generation& one) { return over(one) && count > kHistory && count-- > 0; });
}

} // namespace evermilter::supervisor
