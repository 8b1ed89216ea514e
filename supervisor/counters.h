// What the supervisor has counted, and what session workers and generations had counted when they ended. The table
// of all counters is workers/common/shared/counters.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>

#include "workers/common/ipc/protocol.h"
#include "workers/common/shared/counters.h"

namespace evermilter {

template <>
inline constexpr const Split* kSplitOf<messages::Role> = &kByRole;

} // namespace evermilter

namespace evermilter::supervisor {

inline constexpr std::size_t kMaxVirusNames = 1000;

class Counters {
  public:
    void add(CounterName<kSupervisor> name, std::uint64_t count = 1) noexcept { cells_.at(name.cell()) += count; }
    template <CounterLabel Label>
    void add(std::type_identity_t<SplitName<kSupervisor, Label>> name, Label label) noexcept {
        ++cells_.at(name.cell(label));
    }
    // All that a board has counted: of a living process for the status, of one that has ended for good. What its
    // process does not keep is not taken from it.
    template <Keepers kKeeper>
    void add_all(const CounterBoard<kKeeper>& board) noexcept {
        for (std::size_t row = 0; row < kCounterRows.size(); ++row) {
            if ((kCounterRows.at(row).kept & kKeeper) == 0) continue;
            const bool incomplete = kCounterRows.at(row).path == "messages.incomplete_by";
            const std::size_t end = first_cell(row + 1);
            for (std::size_t cell = first_cell(row); cell < end; ++cell) {
                const std::uint64_t count = board.value(cell);
                cells_.at(cell) += count;
                if (incomplete) cells_.at(kIncomplete) += count;
            }
        }
    }

    [[nodiscard]] std::uint64_t get(CounterName<kAnybody> name) const noexcept { return cells_.at(name.cell()); }
    template <CounterLabel Label>
    [[nodiscard]] std::uint64_t get(std::type_identity_t<SplitName<kAnybody, Label>> name, Label label) const noexcept {
        return cells_.at(name.cell(label));
    }
    // Precondition: cell < kCounterCells.
    [[nodiscard]] std::uint64_t value(std::size_t cell) const noexcept { return cells_.at(cell); }
    // Connections but the refused ones and those of scanners of ports. Falls when one that was accepted turns out so.
    [[nodiscard]] std::uint64_t accepted() const noexcept {
        std::uint64_t refused = get("sessions.detections_total");
        for (std::size_t reason = 0; reason < kRefusals; ++reason)
            refused += get("sessions.refused_total", static_cast<Refused>(reason));
        return get("sessions.connections_total") - refused;
    }

    // Not in the table, because their names have no bound: by name, past kMaxVirusNames under "(others)".
    std::map<std::string, std::uint64_t> viruses;

  private:
    static constexpr std::size_t kIncomplete =
        SplitName<kAnybody, Disposition>("messages").cell(Disposition::incomplete);

    std::array<std::uint64_t, kCounterCells> cells_{};
};

} // namespace evermilter::supervisor
