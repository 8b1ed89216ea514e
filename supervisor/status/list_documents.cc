// What is listed one by one: open sessions, poison messages, snapshots on disk.
#include "supervisor/status/list_documents.h"

#include <nlohmann/json.hpp>

#include "supervisor/generations/snapshots.h"

namespace evermilter::supervisor {

using Json = nlohmann::ordered_json;

nlohmann::ordered_json sessions_document(const StatusView& view) {
    const std::int64_t now_ns = view.context.now_ns;
    Json list = Json::array();
    for (const SessionView& one : view.sessions) {
        list.push_back({{"id", one.session->id},
                        {"peer", one.session->peer.text},
                        {"stage", stage_name(one.stage)},
                        {"seconds_in_stage", seconds_since(one.since_ns, now_ns)},
                        {"generation", one.generation},
                        {"worker", one.worker_pid},
                        {"queue_id", one.queue_id},
                        {"proxy", one.session->peer.proxy}});
    }
    // Before hand-over a connection has no number, generation or worker yet.
    for (const Gate::Guest& guest : view.context.in_gate) {
        list.push_back({{"id", 0},
                        {"peer", guest.peer},
                        {"stage", stage_name(Stage::negotiate)},
                        {"seconds_in_stage", seconds_since(guest.since_ns, now_ns)},
                        {"generation", 0},
                        {"worker", 0},
                        {"queue_id", ""},
                        {"proxy", guest.proxy}});
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

} // namespace evermilter::supervisor
