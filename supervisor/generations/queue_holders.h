// Which session workers hold which generation's queue. A generation lives as long as one of them holds its sending end,
// and is switched to when each that was given it has acknowledged. A worker whose acknowledgement does not come in time
// would keep an engine in memory: silent() names it, and it is killed. Pure.
#pragma once

#include <chrono>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>
#include "workers/common/shared/graces.h"

#include "supervisor/time_source.h"

namespace evermilter::supervisor {

class QueueHolders {
  public:
    // For each acknowledgement, counted from the last sign of life.
    static constexpr std::chrono::milliseconds kSilence = graces::kAcknowledge;

    using WorkerId = std::uint64_t; // Child::id

    // TakeQueue was sent.
    void given(WorkerId worker, std::uint64_t generation, Moment now);
    // LetGo was sent.
    void asked_back(WorkerId worker, std::uint64_t generation, Moment now);
    // QueueTaken came. False: it was not given.
    [[nodiscard]] bool taken(WorkerId worker, std::uint64_t generation, Moment now);
    // QueueReleased came, asked for or not. False: the worker does not hold it.
    [[nodiscard]] bool released(WorkerId worker, std::uint64_t generation, Moment now);
    // What a worker held that is reaped, the kernel has closed.
    void keep_only(const std::set<WorkerId>& living);

    [[nodiscard]] bool is_held(std::uint64_t generation) const;
    // QueueTaken is still to come from somebody.
    [[nodiscard]] bool is_awaited(std::uint64_t generation) const;
    [[nodiscard]] std::vector<WorkerId> holders(std::uint64_t generation) const;

    // Those that have not acknowledged in time, each once.
    [[nodiscard]] std::vector<WorkerId> silent(Moment now);
    // When silent() is to be asked next.
    [[nodiscard]] std::optional<Moment> due() const;

  private:
    struct Holder {
        std::set<std::uint64_t> holds;      // given and not released
        std::set<std::uint64_t> taking;     // QueueTaken is still to come
        std::set<std::uint64_t> letting_go; // QueueReleased is still to come
        std::optional<Moment> answer_by;    // for what is still to come
    };

    static void expect_answer(Holder& holder, Moment now);
    static void answered(Holder& holder, Moment now);

    std::map<WorkerId, Holder> holders_;
};

} // namespace evermilter::supervisor
