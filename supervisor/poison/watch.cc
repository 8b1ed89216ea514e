// Reports about poison messages, judged and logged.
#include "supervisor/poison/watch.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

Now now() {
    return {monotonic_ns(), std::time(nullptr)};
}

const char* reason(messages::Suspected why) {
    return why == messages::Suspected::died ? "its scanner died" : "its scan took CPU time past scanner.max_scan_time";
}

} // namespace

void PoisonWatch::apply() {
    state_.poison.set_keep(settings_.config.poison.keep, monotonic_ns());
}

// We may have killed a scanner because its generation was stopped, or because nobody uses the generation any more.
bool PoisonWatch::ended_by_us(std::uint64_t generation) const {
    if (state_.service == ServiceState::stopping) return true;
    const auto found = std::find_if(state_.generations.begin(), state_.generations.end(),
                                    [generation](const Generation& one) { return one.id == generation; });
    if (found == state_.generations.end()) return true;
    switch (found->state) {
        case GenerationState::loading: // its queue is being given
        case GenerationState::active:
            return false;
        case GenerationState::draining:
            return !state_.queue_holders.is_held(generation);
        case GenerationState::failed:
        case GenerationState::gone:
            break;
    }
    return true;
}

void PoisonWatch::on_suspicion(const messages::Suspicion& suspicion) {
    if (suspicion.why == messages::Suspected::died && ended_by_us(suspicion.generation)) return;
    const ScannerId scanner{suspicion.generation, static_cast<pid_t>(suspicion.scanner)};
    const auto rank = state_.poison.cost(suspicion.digests, scanner, now());
    if (rank == PoisonTable::Rank::ignored) return;
    log::warning(rank == PoisonTable::Rank::suspect ? "poison-suspected" : "poison-message",
                 {{"generation", suspicion.generation},
                  {"scanner", suspicion.scanner},
                  {"digest", suspicion.digests.whole.text()},
                  {"body", suspicion.digests.body.text()},
                  {"reason", reason(suspicion.why)},
                  {"new", rank == PoisonTable::Rank::still_poison ? "no" : "yes"}});
}

void PoisonWatch::on_met(const messages::PoisonMet& met) {
    state_.poison.met(met.digests, now());
}

Result<std::size_t> PoisonWatch::forget(const std::string& which) {
    std::size_t count = 1;
    if (which == "all") {
        count = state_.poison.forget_all();
    } else if (auto forgotten = state_.poison.forget(which, monotonic_ns()); !forgotten) {
        return std::move(forgotten).error();
    }
    log::info("poison-forgotten", {{"which", which}, {"messages", count}});
    return count;
}

} // namespace evermilter::supervisor
