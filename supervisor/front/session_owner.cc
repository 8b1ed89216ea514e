#include "supervisor/front/session_owner.h"

#include <variant>

#include "supervisor/children/children.h"
#include "supervisor/front/worker_pool.h"
#include "supervisor/generations/generations.h"
#include "supervisor/infected_command.h"
#include "supervisor/poison/watch.h"
#include "supervisor/state.h"
#include "workers/common/base/overloaded.h"

namespace evermilter::supervisor {

SessionOwner::SessionOwner(Children& children, State& state, SessionWorkers& workers, Generations& generations,
                           PoisonWatch& poison_watch, InfectedCommand& infected_command)
    : state_(state),
      workers_(workers),
      generations_(generations),
      poison_watch_(poison_watch),
      infected_command_(infected_command) {
    children.own(messages::Role::session, *this);
}

Child* SessionOwner::find(std::uint64_t child_id) {
    SessionWorker* worker = state_.find_session_worker(child_id);
    return worker == nullptr ? nullptr : &worker->child;
}

void SessionOwner::on_said(Child& child, messages::FromSession&& message) {
    SessionWorker* found = state_.find_session_worker(child.id);
    if (found == nullptr) return; // Children has found it here
    SessionWorker& worker = *found;
    using namespace messages;
    std::visit(Overloaded{
                   [](const Hello&) {}, // these two are Children's
                   [](const Pong&) {},
                   [&](const SessionWorkerReady&) { workers_.on_ready(worker); },
                   [&](const SessionWorkerFailed& failed) { workers_.on_failed(worker, failed); },
                   [&](const SessionWorkerUnfit& unfit) { workers_.on_unfit(worker, unfit); },
                   [&](const SessionEnded& ended) { workers_.on_session_ended(worker, ended); },
                   [&](const QueueTaken& taken) { generations_.on_taken(worker, taken); },
                   [&](const QueueReleased& released) { generations_.on_released(worker, released); },
                   [&](const ScannerOverdue& overdue) { generations_.on_overdue(overdue); },
                   [&](const Detection& detection) { on_detection(detection); },
                   [&](const Suspicion& suspicion) { poison_watch_.on_suspicion(suspicion); },
                   [&](const PoisonMet& met) { poison_watch_.on_met(met); },
               },
               message);
}

void SessionOwner::on_exit(Child& child, pid_t pid, int wait_status) {
    if (SessionWorker* worker = state_.find_session_worker(child.id)) workers_.on_exit(*worker, pid, wait_status);
}

void SessionOwner::sweep() {
    workers_.sweep();
}

void SessionOwner::on_detection(const messages::Detection& detection) {
    auto& viruses = state_.counters.viruses;
    const bool room = viruses.size() < kMaxVirusNames || viruses.contains(detection.virus);
    ++viruses[room ? detection.virus : "(others)"];
    infected_command_.on_detection(detection);
}

} // namespace evermilter::supervisor
