// The view of the State that all answers of the status socket share.
#include "supervisor/status/status_view.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;

using Workers = std::unordered_map<std::uint64_t, const SessionWorker*>;

SessionView view_session(const Session& session, const Workers& workers) {
    SessionView view;
    view.session = &session;
    const auto found = workers.find(session.worker);
    if (found == workers.end()) return view;
    const SessionWorker& worker = *found->second;
    view.worker_pid = worker.child.pid;
    if (!worker.board || session.slot >= worker.board->slots()) return view;
    const SessionSlot& slot = worker.board->slot(session.slot);
    if (slot.session.load() != session.id) return view;
    const std::uint64_t stage = slot.stage.load();
    view.stage = stage < kStages ? static_cast<Stage>(stage) : Stage::negotiate;
    view.since_ns = slot.since_ns.load();
    view.generation = slot.generation.load();
    view.queue_id = slot.get_queue_id();
    return view;
}

// A slot of the board that another process has now says nothing about this scanner.
ScannerView view_scanner(const Generation& generation, const ScannerProcess& scanner) {
    ScannerView view{scanner.pid, 0};
    if (!generation.board || scanner.slot >= generation.board->slots()) return view;
    const ScannerSlot& slot = generation.board->slot(scanner.slot);
    if (slot.pid.load() == scanner.pid) view.busy_since_ns = slot.busy_since_ns.load();
    return view;
}

GenerationView view_generation(const Generation& generation) {
    GenerationView view;
    view.generation = &generation;
    view.in_memory = has_process(generation);
    for (const ScannerProcess& scanner : generation.scanners)
        view.scanners.push_back(view_scanner(generation, scanner));
    view.scanning = static_cast<std::uint64_t>(
        std::count_if(view.scanners.begin(), view.scanners.end(), [](const ScannerView& one) { return one.scans(); }));
    return view;
}

// The loader, unless it is dead: then another one that was forked from it.
pid_t engine_process(const Generation& generation) {
    for (const pid_t pid : {generation.loader.pid, generation.standby.pid})
        if (pid != 0) return pid;
    return generation.scanners.empty() ? 0 : generation.scanners.front().pid;
}

} // namespace

Counters total_counters(const State& state) {
    Counters total = state.counters;
    for (const SessionWorker& worker : state.session_workers)
        if (worker.board) total.add_all(worker.board->header().counters);
    for (const Generation& generation : state.generations)
        if (generation.board) total.add_all(generation.board->header().counters);
    total.add("log.lines_lost_total", log::lines_lost());
    return total;
}

double seconds_since(std::int64_t then_ns, std::int64_t now_ns) {
    if (then_ns <= 0 || now_ns <= then_ns) return 0;
    return static_cast<double>(now_ns - then_ns) / kNanosecondsPerSecond;
}

StatusView view_of(const State& state, StatusContext context) {
    StatusView view;
    view.state = &state;
    view.context = std::move(context);
    view.counters = total_counters(state);
    view.uptime_seconds = seconds_since(state.started_ns, view.context.now_ns);

    Workers workers;
    for (const SessionWorker& worker : state.session_workers) workers.emplace(worker.child.id, &worker);
    std::unordered_map<std::uint64_t, std::uint64_t> sessions_of;
    view.by_stage.at(static_cast<std::size_t>(Stage::negotiate)) = view.context.in_gate.size();
    for (const auto& [id, session] : state.sessions.all()) {
        const SessionView& one = view.sessions.emplace_back(view_session(session, workers));
        ++view.by_stage.at(static_cast<std::size_t>(one.stage));
        ++sessions_of[one.generation];
    }
    std::sort(view.sessions.begin(), view.sessions.end(),
              [](const SessionView& a, const SessionView& b) { return a.session->id < b.session->id; });
    view.sessions_open = view.sessions.size() + view.context.in_gate.size();

    for (const Generation& generation : state.generations) {
        GenerationView& one = view.generations.emplace_back(view_generation(generation));
        one.sessions = sessions_of[generation.id];
        view.engines += one.in_memory ? 1 : 0;
        view.scanners_live += one.scanners.size();
        view.scanners_scanning += one.scanning;
    }
    const Generation* active = state.active_generation();
    view.scanners_wanted =
        active != nullptr && active->board ? active->board->slots() : std::uint64_t{view.context.scanners};
    if (active != nullptr) view.engine_process = engine_process(*active);
    return view;
}

} // namespace evermilter::supervisor
