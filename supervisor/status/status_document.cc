// The view as JSON. Counters come from their table (workers/common/shared/counters.h), each at its path.
#include "supervisor/status/status_document.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "supervisor/generations/snapshots.h"

namespace evermilter::supervisor {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kNanosecondsPerSecond = 1e9;

Json generation_document(const GenerationView& view) {
    Json scanners = Json::array();
    for (const ScannerView& scanner : view.scanners)
        scanners.push_back({{"pid", scanner.pid}, {"scans_running", scanner.scans() ? 1 : 0}});
    const Generation& generation = *view.generation;
    return {{"id", generation.id},
            {"state", name(generation.state)},
            {"step", generation.step},
            {"signatures", generation.signatures},
            {"database_version", generation.database_version},
            {"database_time", generation.database_time},
            {"digest", generation.digest},
            {"content_of", snapshot_id(generation.snapshot)},
            {"loaded_at", generation.loaded_at},
            {"sessions", view.sessions},
            {"loader", generation.loader.pid},
            {"standby", generation.standby.pid},
            {"scanners", std::move(scanners)},
            {"scans_running", view.scanning},
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

Json last_reload_document(const LastReload& last) {
    const bool none_ended = last.at == 0;
    return {{"ok", last.ok},
            {"error", none_ended ? std::string("the first load has not ended yet") : last.error},
            {"seconds", last.seconds},
            {"at", last.at}};
}

Json worker_document(pid_t pid, messages::Role role, const char* state, std::size_t sessions) {
    return {{"pid", pid}, {"role", messages::role_name(role)}, {"state", state}, {"sessions", sessions}};
}

// Every child that is not reaped.
Json workers_document(const StatusView& view) {
    Json workers = Json::array();
    for (const SessionWorker& worker : view.state->session_workers) {
        workers.push_back(
            worker_document(worker.child.pid, messages::Role::session, name(worker.child.state), worker.slots.used()));
    }
    for (const GenerationView& one : view.generations) {
        const auto add = [&](pid_t pid, messages::Role role, const char* state) {
            if (pid == 0) return;
            workers.push_back(worker_document(pid, role, state, 0));
            workers.back()["generation"] = one.generation->id;
        };
        const Generation& generation = *one.generation;
        add(generation.loader.pid, messages::Role::loader, name(generation.loader.state));
        add(generation.standby.pid, messages::Role::standby, name(generation.standby.state));
        for (const ScannerView& scanner : one.scanners)
            add(scanner.pid, messages::Role::scanner, scanner.scans() ? "scanning" : "idle");
    }
    return workers;
}

// The place of "messages.forged" and the like; what is not there yet is made.
Json& place_of(Json& document, std::string_view path) {
    Json* place = &document;
    for (;;) {
        const std::size_t dot = path.find('.');
        place = &(*place)[std::string(path.substr(0, dot))];
        if (dot == std::string_view::npos) return *place;
        path.remove_prefix(dot + 1);
    }
}

void add_counters(Json& document, const Counters& counters) {
    std::size_t cell = 0;
    for (const CounterRow& row : kCounterRows) {
        Json& place = place_of(document, row.path);
        const auto count = [&]() -> Json {
            const std::uint64_t value = counters.value(cell++);
            if (row.unit == Unit::nanoseconds) return static_cast<double>(value) / kNanosecondsPerSecond;
            return value;
        };
        if (row.split == nullptr) {
            place = count();
        } else {
            for (const char* label : row.split->values) place[label] = count();
        }
    }
}

Json sessions_counts(const StatusView& view) {
    Json by_stage = Json::object();
    for (std::size_t stage = 0; stage < kStages; ++stage) by_stage[kStageNames.at(stage)] = view.by_stage.at(stage);
    return {
        {"open", view.sessions_open}, {"by_stage", std::move(by_stage)}, {"accepted_total", view.counters.accepted()}};
}

} // namespace

nlohmann::ordered_json status_document(const StatusView& view) {
    const State& state = *view.state;
    Json generations = Json::array();
    for (const GenerationView& one : view.generations) generations.push_back(generation_document(one));
    Json document{{"version", EVERMILTER_VERSION},
                  {"pid", view.context.pid},
                  {"uptime_seconds", static_cast<std::int64_t>(view.uptime_seconds)},
                  {"state", name(state.service)},
                  {"reason", reason_of(state)},
                  {"current_generation", state.current_generation},
                  {"hold", state.decisions.hold.has_value()},
                  {"held", held_document(state)},
                  {"stale", stale_document(state)},
                  {"database_watch", state.watch_trouble},
                  {"reload_due", state.reload_due == 0 ? Json() : Json(state.reload_due)},
                  {"generations", std::move(generations)},
                  {"listeners", view.context.listeners},
                  {"proxy_listeners", view.context.proxy_listeners},
                  {"last_reload", last_reload_document(state.last_reload)},
                  {"sessions", sessions_counts(view)},
                  {"messages", Json::object()}, // of counters alone
                  {"viruses", Json(view.counters.viruses)},
                  {"workers", workers_document(view)}};
    add_counters(document, view.counters);
    return document;
}

std::string to_line(const nlohmann::ordered_json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace evermilter::supervisor
