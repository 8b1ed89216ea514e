#include "supervisor/children/child_messages.h"

#include <string>
#include <utility>
#include <variant>

#include "supervisor/children/children.h"
#include "supervisor/front/worker_pool.h"
#include "supervisor/generations/generations.h"
#include "supervisor/poison/watch.h"
#include "supervisor/state.h"
#include "workers/common/base/overloaded.h"

namespace evermilter::supervisor {

ChildMessages::ChildMessages(State& state, Children& children, SessionWorkers& session_workers,
                             Generations& generations, PoisonWatch& poison_watch)
    : state_(state),
      children_(children),
      session_workers_(session_workers),
      generations_(generations),
      poison_watch_(poison_watch) {}

template <class Handler>
void ChildMessages::from_session_worker(Child& child, Handler handler) {
    SessionWorker* worker = state_.find_session_worker(child.id);
    if (worker == nullptr) {
        children_.kill(child, "it sent a session worker's message");
        return;
    }
    handler(*worker);
}

template <class Handler>
void ChildMessages::from_loader(Child& child, Handler handler) {
    Generation* generation = state_.find_generation_of_loader(child.id);
    if (generation == nullptr) {
        children_.kill(child, "it sent a loader's message");
        return;
    }
    handler(*generation);
}

void ChildMessages::out_of_place(Child& child, const char* message) {
    children_.kill(child, std::string("it sent ") + message + ", which is not for the supervisor");
}

void ChildMessages::take(Child& child, messages::Message&& message) {
    const char* what = messages::message_name(message);
    const auto stray = [&](const auto&) { out_of_place(child, what); };
    using namespace messages;
    std::visit(
        Overloaded{
            [](const Pong&) {}, // Children have counted it
            // Session workers.
            [&](const SessionWorkerReady&) {
                from_session_worker(child, [&](SessionWorker& worker) { session_workers_.on_ready(worker); });
            },
            [&](const SessionWorkerFailed& failed) {
                from_session_worker(child, [&](SessionWorker& worker) { session_workers_.on_failed(worker, failed); });
            },
            [&](const QueueTaken& taken) {
                from_session_worker(child, [&](SessionWorker& worker) { generations_.on_taken(worker, taken); });
            },
            [&](const QueueReleased& released) {
                from_session_worker(child, [&](SessionWorker& worker) { generations_.on_released(worker, released); });
            },
            [&](const SessionEnded& ended) {
                from_session_worker(child,
                                    [&](SessionWorker& worker) { session_workers_.on_session_ended(worker, ended); });
            },
            [&](const Detection& detection) {
                from_session_worker(child, [&](SessionWorker&) { on_detection(detection); });
            },
            [&](const ScannerOverdue& overdue) {
                from_session_worker(child, [&](SessionWorker&) { generations_.on_overdue(overdue); });
            },
            [&](const Suspicion& suspicion) {
                from_session_worker(child, [&](SessionWorker&) { poison_watch_.on_suspicion(suspicion); });
            },
            [&](const PoisonMet& met) {
                from_session_worker(child, [&](SessionWorker&) { poison_watch_.on_met(met); });
            },
            [&](const SessionWorkerUnfit& unfit) {
                from_session_worker(child, [&](SessionWorker& worker) { session_workers_.on_unfit(worker, unfit); });
            },
            // Loaders.
            [&](const LoadProgress& progress) {
                from_loader(child, [&](Generation& generation) { generations_.on_progress(generation, progress); });
            },
            [&](const LoadAwaitsRoom&) {
                from_loader(child, [&](Generation& generation) { generations_.on_awaits_room(generation); });
            },
            [&](LoaderReady& ready) {
                from_loader(child,
                            [&](Generation& generation) { generations_.on_ready(generation, std::move(ready)); });
            },
            [&](const LoadStarved&) {
                from_loader(child, [&](Generation& generation) { generations_.on_starved(generation); });
            },
            [&](const LoadUnchanged&) {
                from_loader(child, [&](Generation& generation) { generations_.on_unchanged(generation); });
            },
            [&](const LoadFailed& failed) {
                from_loader(child, [&](Generation& generation) { generations_.on_failed(generation, failed); });
            },
            [&](const ScannerStarted& started) {
                from_loader(child,
                            [&](Generation& generation) { generations_.on_scanner_started(generation, started); });
            },
            [&](const ScannerEnded& ended) {
                from_loader(child, [&](Generation& generation) { generations_.on_scanner_ended(generation, ended); });
            },
            [&](const StandbyStarted& started) {
                from_loader(child,
                            [&](Generation& generation) { generations_.on_standby_started(generation, started); });
            },
            [&](const StandbyEnded& ended) {
                from_loader(child, [&](Generation& generation) { generations_.on_standby_ended(generation, ended); });
            },
            // Not for us.
            [&](const Hello& one) { stray(one); },
            [&](const Ping& one) { stray(one); },
            [&](const ReopenLog& one) { stray(one); },
            [&](const ConfigureSession& one) { stray(one); },
            [&](const HandOver& one) { stray(one); },
            [&](const TakeQueue& one) { stray(one); },
            [&](const LetGo& one) { stray(one); },
            [&](const DrainSessions& one) { stray(one); },
            [&](const NoGeneration& one) { stray(one); },
            [&](const StartLoad& one) { stray(one); },
            [&](const RoomToLoad& one) { stray(one); },
            [&](const ShutdownTime& one) { stray(one); },
            [&](const LockEngine& one) { stray(one); },
            [&](const StartStandby& one) { stray(one); },
            [&](const ReplaceScanner& one) { stray(one); },
            [&](const TakeOver& one) { stray(one); },
            [&](const ScanJob& one) { stray(one); },
            [&](const Taken& one) { stray(one); },
            [&](const ScanResult& one) { stray(one); },
        },
        message);
}

void ChildMessages::on_detection(const messages::Detection& detection) {
    auto& viruses = state_.counters.viruses;
    const bool room = viruses.size() < kMaxVirusNames || viruses.contains(detection.virus);
    ++viruses[room ? detection.virus : "(others)"];
}

} // namespace evermilter::supervisor
