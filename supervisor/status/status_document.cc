// The status as JSON. Reads the state and the children's scoreboards, whose values it takes as unproven.
#include "supervisor/status/status_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "supervisor/front/entrance.h"
#include "supervisor/generations/snapshots.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kNanosecondsPerSecond = 1e9;

double seconds_since(std::int64_t then_ns, std::int64_t now_ns) {
    if (then_ns <= 0 || now_ns <= then_ns) return 0;
    return static_cast<double>(now_ns - then_ns) / kNanosecondsPerSecond;
}

// What a session's slot says, made safe; before the worker has begun the session it is at `connect`.
struct SlotView {
    Stage stage = Stage::connect;
    std::int64_t since_ns = 0;
    std::uint64_t generation = 0;
    std::string queue_id;
    std::int64_t worker_pid = 0;
};

// Looks sessions up on their workers' boards.
class Boards {
  public:
    explicit Boards(const State& state) {
        for (const SessionWorker& worker : state.session_workers) workers_.emplace(worker.child.id, &worker);
    }

    [[nodiscard]] SlotView view(const Session& session) const {
        SlotView view;
        const auto found = workers_.find(session.worker);
        if (found == workers_.end()) return view;
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

  private:
    std::unordered_map<std::uint64_t, const SessionWorker*> workers_;
};

// Where a scanner stands on its generation's board; nullptr where it does not.
const ScannerSlot* slot_of(const Generation& generation, const ScannerProcess& scanner) {
    if (!generation.board || scanner.slot >= generation.board->slots()) return nullptr;
    const ScannerSlot& slot = generation.board->slot(scanner.slot);
    return slot.pid.load() == scanner.pid ? &slot : nullptr;
}

bool scans(const Generation& generation, const ScannerProcess& scanner) {
    const ScannerSlot* slot = slot_of(generation, scanner);
    return slot != nullptr && slot->busy_since_ns.load() != 0;
}

Json generation_document(const Generation& generation, std::uint64_t sessions) {
    Json scanners = Json::array();
    for (const ScannerProcess& scanner : generation.scanners) {
        scanners.push_back({{"pid", scanner.pid}, {"scans_running", scans(generation, scanner) ? 1 : 0}});
    }
    return {{"id", generation.id},
            {"state", name(generation.state)},
            {"step", generation.step},
            {"signatures", generation.signatures},
            {"database_version", generation.database_version},
            {"database_time", generation.database_time},
            {"digest", generation.digest},
            {"content_of", snapshot_id(generation.snapshot)},
            {"loaded_at", generation.loaded_at},
            {"sessions", sessions},
            {"loader", generation.loader.pid},
            {"standby", generation.standby.pid},
            {"scanners", std::move(scanners)},
            {"scans_running", scans_running(generation)},
            {"broken", generation.broken},
            {"notes", generation.notes},
            {"error", generation.error}};
}

Json held_document(const State& state) {
    if (!state.decisions.hold) return nullptr;
    const Hold& hold = *state.decisions.hold;
    return {{"by", hold.by}, {"since", hold.since}, {"why", hold.why}, {"content_of", hold.snapshot}};
}

Json stale_document(const State& state) {
    if (!state.stale) return nullptr;
    return {{"since", state.stale->since}, {"reason", state.stale->reason}};
}

Json workers_document(const State& state) {
    Json workers = Json::array();
    for (const SessionWorker& worker : state.session_workers) {
        workers.push_back({{"pid", worker.child.pid},
                           {"role", messages::role_name(messages::Role::session)},
                           {"state", name(worker.child.state)},
                           {"sessions", worker.slots.used()}});
    }
    for (const Generation& generation : state.generations) {
        if (generation.loader.pid != 0) {
            workers.push_back({{"pid", generation.loader.pid},
                               {"role", messages::role_name(messages::Role::loader)},
                               {"state", name(generation.loader.state)},
                               {"sessions", 0},
                               {"generation", generation.id}});
        }
        if (generation.standby.pid != 0) {
            workers.push_back({{"pid", generation.standby.pid},
                               {"role", messages::role_name(messages::Role::standby)},
                               {"state", name(generation.standby.state)},
                               {"sessions", 0},
                               {"generation", generation.id}});
        }
        for (const ScannerProcess& scanner : generation.scanners) {
            workers.push_back({{"pid", scanner.pid},
                               {"role", messages::role_name(messages::Role::scanner)},
                               {"state", scans(generation, scanner) ? "scanning" : "idle"},
                               {"sessions", 0},
                               {"generation", generation.id}});
        }
    }
    return workers;
}

Json sessions_counts(const State& state, const Counters& counters, std::size_t in_gate) {
    const auto stages = sessions_by_stage(state, in_gate);
    Json by_stage = Json::object();
    Json timed_out = Json::object();
    for (std::size_t stage = 0; stage < kStages; ++stage) {
        by_stage[kStageNames.at(stage)] = stages.at(stage);
        timed_out[kStageNames.at(stage)] = counters.timed_out.at(stage);
    }
    timed_out["packet"] = counters.timed_out.at(kTimedOutPacket);
    timed_out["session"] = counters.timed_out.at(kTimedOutSession);
    Json refused = Json::object();
    for (const std::string& reason : refusal_reasons()) refused[reason] = 0;
    for (const auto& [reason, count] : counters.refused_total) refused[reason] = count;
    return {{"open", state.sessions.size() + in_gate},
            {"by_stage", std::move(by_stage)},
            {"accepted_total", counters.accepted_total},
            {"refused_total", std::move(refused)},
            {"timed_out_total", std::move(timed_out)}};
}

Json messages_document(const Counters& counters) {
    Json messages = Json::object();
    for (std::size_t index = 0; index < kDispositions; ++index) {
        messages[kDispositionNames.at(index)] = counters.messages.at(index);
    }
    Json incomplete = Json::object();
    for (const Unseen reason : kUnseenReasons) {
        incomplete[unseen_name(reason)] = counters.incomplete.at(static_cast<std::size_t>(reason));
    }
    messages["incomplete_by"] = std::move(incomplete);
    Json skipped = Json::object();
    for (std::size_t index = 0; index < kSkipReasons; ++index) {
        skipped[kSkipReasonNames.at(index)] = counters.skipped.at(index);
    }
    messages["skipped_by"] = std::move(skipped);
    messages["probe"] = counters.probes;  // not among those above
    messages["forged"] = counters.forged; // among those above, whatever their verdict
    return messages;
}

} // namespace

Counters total_counters(const State& state) {
    Counters total = state.counters;
    for (const SessionWorker& worker : state.session_workers) {
        if (worker.board) add_counts(total, *worker.board);
    }
    for (const Generation& generation : state.generations)
        if (generation.board) total.log_lines_lost += generation.board->header().log_lines_lost.load();
    total.log_lines_lost += log::lines_lost();
    return total;
}

std::array<std::uint64_t, kStages> sessions_by_stage(const State& state, std::size_t in_gate) {
    std::array<std::uint64_t, kStages> stages{};
    stages.at(static_cast<std::size_t>(Stage::negotiate)) = in_gate;
    const Boards boards(state);
    for (const auto& [id, session] : state.sessions.all()) {
        ++stages.at(static_cast<std::size_t>(boards.view(session).stage));
    }
    return stages;
}

std::uint64_t scans_running(const Generation& generation) {
    return static_cast<std::uint64_t>(
        std::count_if(generation.scanners.begin(), generation.scanners.end(),
                      [&](const ScannerProcess& scanner) { return scans(generation, scanner); }));
}

nlohmann::ordered_json status_document(const State& state, const StatusContext& around) {
    const Counters counters = total_counters(state);

    std::unordered_map<std::uint64_t, std::uint64_t> sessions_of;
    const Boards boards(state);
    for (const auto& [id, session] : state.sessions.all()) ++sessions_of[boards.view(session).generation];
    Json generations = Json::array();
    for (const Generation& generation : state.generations) {
        generations.push_back(generation_document(generation, sessions_of[generation.id]));
    }
    Json crashes = Json::object();
    for (std::size_t role = 0; role < kRoles; ++role) {
        crashes[messages::role_name(static_cast<messages::Role>(role))] = counters.crashes.at(role);
    }
    const LastReload& last = state.last_reload;
    const bool none_ended = last.at == 0;
    return {{"version", EVERMILTER_VERSION},
            {"pid", around.pid},
            {"uptime_seconds", static_cast<std::int64_t>(seconds_since(state.started_ns, around.now_ns))},
            {"state", name(state.service)},
            {"reason", reason_of(state)},
            {"current_generation", state.current_generation},
            {"hold", state.decisions.hold.has_value()},
            {"held", held_document(state)},
            {"stale", stale_document(state)},
            {"database_watch", state.watch_trouble},
            {"generations", std::move(generations)},
            {"listeners", around.listeners},
            {"last_reload",
             {{"ok", last.ok},
              {"error", none_ended ? std::string("the first load has not ended yet") : last.error},
              {"seconds", last.seconds},
              {"at", last.at}}},
            {"sessions", sessions_counts(state, counters, around.in_gate.size())},
            {"messages", messages_document(counters)},
            {"viruses", Json(counters.viruses)},
            {"workers", workers_document(state)},
            {"crashes", std::move(crashes)},
            {"log", {{"lines_lost_total", counters.log_lines_lost}}}};
}

nlohmann::ordered_json sessions_document(const State& state, const StatusContext& around) {
    std::vector<const Session*> sessions;
    sessions.reserve(state.sessions.size());
    for (const auto& [id, session] : state.sessions.all()) sessions.push_back(&session);
    std::sort(sessions.begin(), sessions.end(), [](const Session* a, const Session* b) { return a->id < b->id; });

    const Boards boards(state);
    Json list = Json::array();
    for (const Session* session : sessions) {
        const SlotView view = boards.view(*session);
        list.push_back({{"id", session->id},
                        {"peer", session->peer.text},
                        {"stage", stage_name(view.stage)},
                        {"seconds_in_stage", seconds_since(view.since_ns, around.now_ns)},
                        {"generation", view.generation},
                        {"worker", view.worker_pid},
                        {"queue_id", view.queue_id}});
    }
    // Before hand-over a connection has no number, generation or worker yet.
    for (const Gate::Guest& guest : around.in_gate) {
        list.push_back({{"id", 0},
                        {"peer", guest.peer},
                        {"stage", stage_name(Stage::negotiate)},
                        {"seconds_in_stage", seconds_since(guest.since_ns, around.now_ns)},
                        {"generation", 0},
                        {"worker", 0},
                        {"queue_id", ""}});
    }
    return {{"sessions", std::move(list)}};
}

nlohmann::ordered_json poison_document(State& state, std::int64_t now_ns) {
    Json list = Json::array();
    for (const PoisonTable::Entry& entry : state.poison.list(now_ns)) {
        list.push_back({{"digest", entry.digests.whole.text()},
                        {"body", entry.digests.body.text()},
                        {"since", entry.since},
                        {"scans_lost", entry.costs},
                        {"count", entry.met},
                        {"last", entry.last},
                        {"seconds_left", seconds_since(now_ns, entry.last_cost_ns + state.poison.keep().count())}});
    }
    return {{"poison", std::move(list)}};
}

nlohmann::ordered_json snapshots_document(const State& state, const std::string& state_directory) {
    Json list = Json::array();
    for (const StoredSnapshot& one : stored_snapshots(state_directory)) {
        const char* use = "kept";
        for (const Generation& generation : state.generations) {
            const bool serves =
                generation.state == GenerationState::active || generation.state == GenerationState::draining;
            if (serves && generation.snapshot == one.path) use = name(generation.state);
        }
        std::string why = "promoted";
        for (const RejectedContent& rejected : state.decisions.rejected)
            if (rejected.digest == one.digest) why = rejected.why;
        list.push_back({{"generation", one.id},
                        {"digest", one.digest},
                        {"signatures", one.signatures},
                        {"database_version", one.database_version},
                        {"taken_at", one.taken_at},
                        {"state", use},
                        {"why", why}});
    }
    return {{"snapshots", std::move(list)}};
}

std::string to_line(const nlohmann::ordered_json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace evermilter::supervisor
