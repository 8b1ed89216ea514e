// Prometheus text (exposition format 0.0.4). Names follow Prometheus' conventions: base units, _total for counters.
// Virus names are not labels: their number has no bound.
#include "supervisor/status/metrics.h"

#include <array>
#include <charconv>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace evermilter::supervisor {

namespace {

using Label = std::pair<std::string_view, std::string_view>;

class Text {
  public:
    // Begins a family; its samples follow. `type`: "gauge" or "counter".
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
        text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
    }

    template <class Number>
    void sample(Number value, std::initializer_list<Label> labels = {}) {
        text_ += name_;
        char separator = '{';
        for (const auto& [key, content] : labels) {
            text_ += separator;
            text_.append(key).append("=\"");
            escape(content);
            text_ += '"';
            separator = ',';
        }
        if (separator == ',') text_ += '}';
        std::array<char, 64> digits{};
        const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
        text_ += ' ';
        text_.append(digits.data(), end);
        text_ += '\n';
    }

    template <class Number>
    void single(std::string_view name, std::string_view type, std::string_view help, Number value) {
        family(name, type, help);
        sample(value);
    }

    [[nodiscard]] std::string end() && {
        text_ += "# EOF";
        return std::move(text_);
    }

  private:
    void escape(std::string_view content) {
        for (const char character : content) {
            if (character == '\\' || character == '"') text_ += '\\';
            if (character == '\n') {
                text_ += "\\n";
            } else {
                text_ += character;
            }
        }
    }

    std::string text_;
    std::string name_;
};

constexpr double kNanosecondsPerSecond = 1e9;
constexpr std::array kServiceStates = {ServiceState::starting, ServiceState::ready, ServiceState::reloading,
                                       ServiceState::stopping, ServiceState::degraded};

void service(Text& text, const State& state, const StatusContext& around) {
    text.family("evermilter_info", "gauge", "The version that runs.");
    text.sample(1, {{"version", EVERMILTER_VERSION}});
    text.single("evermilter_uptime_seconds", "gauge", "Time since the supervisor started.",
                static_cast<double>(around.now_ns - state.started_ns) / kNanosecondsPerSecond);
    text.family("evermilter_state", "gauge", "1 for the state that the service is in.");
    for (const ServiceState one : kServiceStates) text.sample(one == state.service ? 1 : 0, {{"state", name(one)}});
    text.single("evermilter_hold", "gauge", "1 while reloading by itself is held.", state.decisions.hold ? 1 : 0);
}

void generations(Text& text, const State& state) {
    text.single("evermilter_current_generation", "gauge", "The generation that new sessions use, 0 for none.",
                state.current_generation);
    text.family("evermilter_generation_signatures", "gauge", "Signatures of each generation that is in memory.");
    std::uint64_t idle = 0;
    std::uint64_t scanning = 0;
    for (const Generation& generation : state.generations) {
        if (generation.loader.pid == 0) continue;
        text.sample(generation.signatures,
                    {{"generation", std::to_string(generation.id)}, {"state", name(generation.state)}});
        const std::uint64_t running = scans_running(generation);
        scanning += running;
        idle += generation.scanners.size() - running;
    }
    text.family("evermilter_scanners", "gauge", "Scanner processes by what they do.");
    text.sample(idle, {{"state", "idle"}});
    text.sample(scanning, {{"state", "scanning"}});
    const Generation* active = state.active_generation();
    text.single("evermilter_database_timestamp_seconds", "gauge", "Unix time of the database in use, 0 if unknown.",
                active == nullptr ? 0 : active->database_time);
    text.family("evermilter_reloads_total", "counter", "Loads of a generation by how they ended.");
    text.sample(state.counters.reloads_ok, {{"result", "ok"}});
    text.sample(state.counters.reloads_failed, {{"result", "failed"}});
    text.single("evermilter_last_reload_ok", "gauge", "1 if the last load was taken over.",
                state.last_reload.ok ? 1 : 0);
    text.single("evermilter_last_reload_seconds", "gauge", "How long the last load took.", state.last_reload.seconds);
    text.single("evermilter_last_reload_timestamp_seconds", "gauge", "Unix time at which the last load ended.",
                state.last_reload.at);
}

void sessions(Text& text, const State& state, const Counters& counters, std::size_t in_gate) {
    const auto stages = sessions_by_stage(state, in_gate);
    text.family("evermilter_sessions_open", "gauge", "Open sessions by the stage that they wait in.");
    for (std::size_t stage = 0; stage < kStages; ++stage) {
        text.sample(stages.at(stage), {{"stage", kStageNames.at(stage)}});
    }
    // accepted_total of the status excludes what was refused after accept(2) and so may fall; this one only grows.
    std::uint64_t connections = counters.accepted_total;
    for (const auto& [reason, count] : counters.refused_total) connections += count;
    text.single("evermilter_connections_total", "counter", "Connections from accept(2), the refused ones included.",
                connections);
    text.family("evermilter_connections_refused_total", "counter", "Refused connections by reason.");
    for (const auto& [reason, count] : counters.refused_total) text.sample(count, {{"reason", reason}});
    text.family("evermilter_sessions_timed_out_total", "counter", "Sessions closed at the end of a budget, by stage.");
    for (std::size_t stage = 0; stage < kStages; ++stage) {
        text.sample(counters.timed_out.at(stage), {{"stage", kStageNames.at(stage)}});
    }
    text.sample(counters.timed_out.at(kTimedOutPacket), {{"stage", "packet"}});
    text.sample(counters.timed_out.at(kTimedOutSession), {{"stage", "session"}});
}

void messages_and_scans(Text& text, const Counters& counters, std::size_t poison) {
    text.family("evermilter_messages_total", "counter", "Messages by their verdict.");
    for (std::size_t index = 0; index < kDispositions; ++index) {
        text.sample(counters.messages.at(index), {{"verdict", kDispositionNames.at(index)}});
    }
    text.family("evermilter_messages_incomplete_total", "counter",
                "Messages that were not fully scanned, by the reason that decided.");
    for (const Unseen reason : kUnseenReasons) {
        text.sample(counters.incomplete.at(static_cast<std::size_t>(reason)), {{"reason", unseen_name(reason)}});
    }
    text.family("evermilter_messages_skipped_total", "counter", "Messages that were not to be scanned, by reason.");
    for (std::size_t index = 0; index < kSkipReasons; ++index) {
        text.sample(counters.skipped.at(index), {{"reason", kSkipReasonNames.at(index)}});
    }
    text.single("evermilter_probes_total", "counter", "Messages of evermilterctl probe, counted nowhere else.",
                counters.probes);
    text.single("evermilter_messages_forged_total", "counter",
                "Messages with more forged fields than headers.max_forged.", counters.forged);
    text.single("evermilter_poison_messages", "gauge", "Messages that are remembered as poison.", poison);
    text.single("evermilter_scans_total", "counter", "Scans that gave a result.", counters.scans_total);
    text.single("evermilter_scan_seconds_total", "counter", "Wall time of these scans.",
                static_cast<double>(counters.scan_ns_total) / kNanosecondsPerSecond);
    text.single("evermilter_scan_retries_total", "counter", "Messages tried again on another scanner.",
                counters.retries_total);
}

void processes(Text& text, const State& state, const Counters& counters) {
    text.single("evermilter_session_workers", "gauge", "Session worker processes.", state.session_workers.size());
    text.family("evermilter_crashes_total", "counter", "Children that died unexpectedly, by role.");
    for (std::size_t role = 0; role < kRoles; ++role) {
        text.sample(counters.crashes.at(role), {{"role", messages::role_name(static_cast<messages::Role>(role))}});
    }
    text.single("evermilter_log_lines_lost_total", "counter", "Log lines that nobody took.", counters.log_lines_lost);
}

} // namespace

std::string metrics(const State& state, const StatusContext& around) {
    const Counters counters = total_counters(state);
    Text text;
    service(text, state, around);
    generations(text, state);
    sessions(text, state, counters, around.in_gate.size());
    messages_and_scans(text, counters, state.poison.count(around.now_ns));
    processes(text, state, counters);
    return std::move(text).end();
}

} // namespace evermilter::supervisor
