// Every counter of the service: one row each. Boards, totals, status document and metrics are made from the table, so
// that a new counter is one row here and one add() where it counts; it then stands at 0 from the start, everywhere.
// Counters only grow. A row is found by its path while the program is compiled: a path that is not in the table, one
// that another process keeps, or a label of another enum does not compile.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <type_traits>

#include "workers/common/shared/counter_labels.h"

namespace evermilter {

// Who counts; a row may have several.
using Keepers = unsigned;
inline constexpr Keepers kSessionWorker = 1; // on its board (SessionBoard)
inline constexpr Keepers kLoader = 2;        // with all that it forks, on its generation's board (ScannerBoard)
inline constexpr Keepers kSupervisor = 4;    // in State::counters
inline constexpr Keepers kAnybody = kSessionWorker | kLoader | kSupervisor;

enum class Unit : std::uint8_t {
    number,
    nanoseconds, // shown as seconds
};

struct CounterRow {
    std::string_view path;   // in the status document; a counter that is split is an object there, keyed by its label
    std::string_view metric; // ends in _total
    std::string_view help;   // a sentence
    Keepers kept = 0;
    const Split* split = nullptr;
    Unit unit = Unit::number;

    [[nodiscard]] constexpr std::size_t cells() const noexcept { return split == nullptr ? 1 : split->values.size(); }
};

inline constexpr auto kCounterRows = std::to_array<CounterRow>({
    {"sessions.connections_total", "evermilter_connections_total",
     "Connections from accept(2), the refused ones included.", kSupervisor},
    {"sessions.refused_total", "evermilter_connections_refused_total", "Refused connections by reason.", kSupervisor,
     &kByRefused},
    {"sessions.detections_total", "evermilter_milter_detections_total",
     "Connections of scanners of ports that looked for a milter and sent no mail.", kSessionWorker},
    {"sessions.timed_out_total", "evermilter_sessions_timed_out_total",
     "Sessions closed at the end of a budget, by stage.", kSessionWorker | kSupervisor, &kByTimeout},
    // Incomplete ones are counted by their reason alone, so that their number is never another than the reasons' sum.
    {"messages", "evermilter_messages_total", "Messages by their verdict.", kSessionWorker, &kByVerdict},
    {"messages.incomplete_by", "evermilter_messages_incomplete_total",
     "Messages that were not fully scanned, by the reason that decided.", kSessionWorker, &kByUnseen},
    {"messages.skipped_by", "evermilter_messages_skipped_total", "Messages that were not to be scanned, by reason.",
     kSessionWorker, &kBySkipReason},
    {"messages.probe", "evermilter_probes_total", "Messages of evermilterctl probe, counted nowhere else.",
     kSessionWorker},
    {"messages.forged", "evermilter_messages_forged_total", "Messages with more forged fields than headers.max_forged.",
     kSessionWorker},
    {"messages.findings", "evermilter_messages_findings_total",
     "Messages by what their examination came to, whatever the verdict.", kSessionWorker, &kByFinding},
    {"policies.answers", "evermilter_policy_answers_total", "Recipients asked about at a policy server, by its answer.",
     kSessionWorker, &kByPolicyEnd},
    {"policies.cached", "evermilter_policy_cached_total", "Of these, answers that were known already.", kSessionWorker},
    {"senders.refused", "evermilter_senders_refused_total", "Senders that a list refused at MAIL or RCPT.",
     kSessionWorker},
    {"tap", "evermilter_tap_total", "Messages that tap.switch asks for, by what became of their copy.", kSessionWorker,
     &kByTapEnd},
    {"scans.total", "evermilter_scans_total", "Scans that gave a result.", kSessionWorker},
    {"scans.seconds_total", "evermilter_scan_seconds_total", "Wall time of these scans.", kSessionWorker, nullptr,
     Unit::nanoseconds},
    {"scans.retries_total", "evermilter_scan_retries_total", "Messages tried again on another scanner.",
     kSessionWorker},
    {"reloads", "evermilter_reloads_total", "Loads of a generation by how they ended.", kSupervisor, &kByLoadEnd},
    {"crashes", "evermilter_crashes_total", "Children that died unexpectedly, by role.", kSupervisor, &kByRole},
    {"on_infected", "evermilter_on_infected_total", "Runs of on_infected.command by how they ended.", kSupervisor,
     &kByCommandEnd},
    {"log.lines_lost_total", "evermilter_log_lines_lost_total", "Log lines that nobody took.", kAnybody},
});

// Cells of all rows before `row`; of the whole table for kCounterRows.size().
[[nodiscard]] constexpr std::size_t first_cell(std::size_t row) noexcept {
    std::size_t cells = 0;
    for (std::size_t i = 0; i < row; ++i) cells += kCounterRows[i].cells();
    return cells;
}
inline constexpr std::size_t kCounterCells = first_cell(kCounterRows.size());

// The first cell of the row of that path.
[[nodiscard]] consteval std::size_t find_cell(std::string_view path, Keepers keeper, const Split* split) {
    for (std::size_t row = 0; row < kCounterRows.size(); ++row) {
        if (kCounterRows[row].path != path) continue;
        if ((kCounterRows[row].kept & keeper) == 0) throw std::logic_error("another process keeps this counter");
        if (kCounterRows[row].split != split) throw std::logic_error("this counter is not split by that");
        return first_cell(row);
    }
    throw std::logic_error("no counter has this path");
}

template <class Label>
concept CounterLabel = kSplitOf<Label>
!= nullptr;

// The path of a counter that is not split. Implicit, so that add("scans.total") is checked at its place.
template <Keepers kKeeper>
class CounterName {
  public:
    // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions)
    consteval CounterName(const char* path) : cell_(find_cell(path, kKeeper, nullptr)) {}
    [[nodiscard]] constexpr std::size_t cell() const noexcept { return cell_; }

  private:
    std::size_t cell_;
};

// The path of a counter that is split by `Label`.
template <Keepers kKeeper, CounterLabel Label>
class SplitName {
  public:
    // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions)
    consteval SplitName(const char* path) : first_(find_cell(path, kKeeper, kSplitOf<Label>)) {}
    [[nodiscard]] constexpr std::size_t cell(Label label) const noexcept {
        return first_ + static_cast<std::size_t>(label);
    }

  private:
    std::size_t first_;
};

// The counters of one process, in memory that it shares with the supervisor. Any thread may count.
template <Keepers kKeeper>
class CounterBoard {
  public:
    void add(CounterName<kKeeper> name, std::uint64_t count = 1) noexcept { add_at(name.cell(), count); }
    template <CounterLabel Label>
    void add(std::type_identity_t<SplitName<kKeeper, Label>> name, Label label) noexcept {
        add_at(name.cell(label), 1);
    }
    [[nodiscard]] std::uint64_t get(CounterName<kKeeper> name) const noexcept { return value(name.cell()); }
    template <CounterLabel Label>
    [[nodiscard]] std::uint64_t get(std::type_identity_t<SplitName<kKeeper, Label>> name, Label label) const noexcept {
        return value(name.cell(label));
    }
    // For one who counts on his own (log::count_lost_in).
    [[nodiscard]] std::atomic<std::uint64_t>& at(CounterName<kKeeper> name) noexcept { return cells_[name.cell()]; }
    // Precondition: cell < kCounterCells.
    [[nodiscard]] std::uint64_t value(std::size_t cell) const noexcept {
        return cells_[cell].load(std::memory_order_relaxed);
    }
    void add_at(std::size_t cell, std::uint64_t count) noexcept {
        cells_[cell].fetch_add(count, std::memory_order_relaxed);
    }

  private:
    std::array<std::atomic<std::uint64_t>, kCounterCells> cells_{};
};

} // namespace evermilter
