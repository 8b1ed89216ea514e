// Orders to reload: they are done one after the other, in the order in which they were given; only equal ones that
// follow each other are one. Each caller gets exactly one answer, that of its own order, whatever happens. Pure; the
// answers are collected here and given by the caller of take_answers(), never from within add().
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/settings.h"
#include "supervisor/status/operations.h"
#include "supervisor/time_source.h"

namespace evermilter::supervisor {

// One order, given by any number of callers.
struct ReloadOrder {
    ReloadRequest request;
    std::shared_ptr<const Settings> settings; // to load with; empty: those in use
    std::vector<ReloadCallback> callers;
    Moment since{}; // when the first caller gave it
    // Of a rollback: the snapshot that was chosen, those that could not be loaded, and why not the last of them.
    std::uint64_t target = 0;
    std::set<std::uint64_t> tried = {};
    std::string error = {};
    // Its success sets or ends the hold. False once somebody has said "hold" or "resume" after it was given.
    bool decides_hold = true;
};

class LoadQueue {
  public:
    // A longer queue is the work of a script that has gone wrong.
    static constexpr std::size_t kMost = 64;

    struct Answer {
        ReloadCallback caller;
        ReloadOutcome outcome;
    };

    // False: too many wait, and the caller is not kept.
    [[nodiscard]] bool add(const ReloadRequest& request, std::shared_ptr<const Settings> settings,
                           const ReloadCallback& caller, Moment now);
    // A hold or its end was ordered, and done at once: orders that were given before it do not undo it.
    void hold_decided();

    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
    // The oldest that waits. Precondition: !empty().
    [[nodiscard]] const ReloadOrder& front() const { return waiting_.front(); }

    // The oldest one is done from now on, until done() or put_back(). Precondition: !empty() and nothing is done.
    ReloadOrder& begin();
    [[nodiscard]] ReloadOrder* in_progress() noexcept { return in_progress_ ? &*in_progress_ : nullptr; }
    // It ended so. Precondition of both: in_progress().
    void done(const ReloadOutcome& outcome, Moment now);
    // It is not done yet: it is the next.
    void put_back();

    // An answer without a turn in the queue: of one that was not kept, or is not an order to reload.
    void answer(ReloadCallback caller, const ReloadOutcome& outcome);
    // All that wait are answered so. One that is in progress stays.
    void refuse_waiting(const ReloadOutcome& outcome, Moment now);
    // The oldest one is answered so, without being done. Precondition: !empty().
    void refuse_front(const ReloadOutcome& outcome, Moment now);

    [[nodiscard]] bool has_answers() const noexcept { return !answers_.empty(); }
    // To be given; each is here once.
    [[nodiscard]] std::vector<Answer> take_answers() { return std::exchange(answers_, {}); }

  private:
    void answer_all(ReloadOrder&& order, ReloadOutcome outcome, Moment now);

    std::deque<ReloadOrder> waiting_; // oldest first
    std::optional<ReloadOrder> in_progress_;
    std::vector<Answer> answers_;
};

} // namespace evermilter::supervisor
