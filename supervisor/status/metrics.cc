// Prometheus text (exposition format 0.0.4). Names follow Prometheus' conventions: base units, _total for counters.
// Counters come from their table (workers/common/shared/counters.h), gauges are here. Virus names are not labels: their
// number has no bound. Written by hand: prometheus-cpp's serializer wants a copy of the figures in its own families, as
// long as the writing itself, and would be one more library in a process of root's.
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

void service(Text& text, const StatusView& view) {
    const State& state = *view.state;
    text.family("evermilter_info", "gauge", "The version that runs.");
    text.sample(1, {{"version", EVERMILTER_VERSION}});
    text.single("evermilter_uptime_seconds", "gauge", "Time since the supervisor started.", view.uptime_seconds);
    text.family("evermilter_state", "gauge", "1 for the state that the service is in.");
    for (const ServiceState one : kServiceStates) text.sample(one == state.service ? 1 : 0, {{"state", name(one)}});
    text.single("evermilter_hold", "gauge", "1 while reloading by itself is held.", state.decisions.hold ? 1 : 0);
}

void generations(Text& text, const StatusView& view) {
    const State& state = *view.state;
    text.single("evermilter_current_generation", "gauge", "The generation that new sessions use, 0 for none.",
                state.current_generation);
    text.family("evermilter_generation_signatures", "gauge", "Signatures of each generation that is in memory.");
    for (const GenerationView& one : view.generations) {
        if (!one.in_memory) continue;
        text.sample(one.generation->signatures,
                    {{"generation", std::to_string(one.generation->id)}, {"state", name(one.generation->state)}});
    }
    text.family("evermilter_scanners", "gauge", "Scanner processes by what they do.");
    text.sample(view.scanners_live - view.scanners_scanning, {{"state", "idle"}});
    text.sample(view.scanners_scanning, {{"state", "scanning"}});
    const Generation* active = state.active_generation();
    text.single("evermilter_database_timestamp_seconds", "gauge", "Unix time of the database in use, 0 if unknown.",
                active == nullptr ? 0 : active->database_time);
    text.single("evermilter_last_reload_ok", "gauge", "1 if the last load was taken over.",
                state.last_reload.ok ? 1 : 0);
    text.single("evermilter_last_reload_seconds", "gauge", "How long the last load took.", state.last_reload.seconds);
    text.single("evermilter_last_reload_timestamp_seconds", "gauge", "Unix time at which the last load ended.",
                state.last_reload.at);
}

void sessions(Text& text, const StatusView& view) {
    text.family("evermilter_sessions_open", "gauge", "Open sessions by the stage that they wait in.");
    for (std::size_t stage = 0; stage < kStages; ++stage)
        text.sample(view.by_stage.at(stage), {{"stage", kStageNames.at(stage)}});
    text.single("evermilter_session_workers", "gauge", "Session worker processes.", view.state->session_workers.size());
    text.single("evermilter_poison_messages", "gauge", "Messages that are remembered as poison.",
                view.state->poison.count(view.context.now_ns));
}

void counters(Text& text, const Counters& counters) {
    std::size_t cell = 0;
    for (const CounterRow& row : kCounterRows) {
        text.family(row.metric, "counter", row.help);
        const auto sample = [&](std::initializer_list<Label> labels) {
            const std::uint64_t value = counters.value(cell++);
            if (row.unit == Unit::nanoseconds) {
                text.sample(static_cast<double>(value) / kNanosecondsPerSecond, labels);
            } else {
                text.sample(value, labels);
            }
        };
        if (row.split == nullptr) {
            sample({});
        } else {
            for (const char* value : row.split->values) sample({{row.split->label, value}});
        }
    }
}

} // namespace

std::string metrics(const StatusView& view) {
    Text text;
    service(text, view);
    generations(text, view);
    sessions(text, view);
    counters(text, view.counters);
    return std::move(text).end();
}

} // namespace evermilter::supervisor
