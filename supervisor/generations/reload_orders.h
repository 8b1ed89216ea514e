// Orders to reload, in the order in which they were given. Only equal ones that follow each other are one: each caller
// gets the answer of its own order. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/settings.h"
#include "supervisor/status/operations.h"

namespace evermilter::supervisor {

// One order, given by any number of callers.
struct ReloadOrder {
    ReloadRequest request;
    std::shared_ptr<const Settings> settings; // to load with; empty: those in use
    std::vector<ReloadCallback> callers;
    std::int64_t since_ns = 0; // CLOCK_MONOTONIC of the first caller's
    // Of a rollback: the snapshot that was chosen, those that could not be loaded, and why not the last of them.
    std::uint64_t target = 0;
    std::set<std::uint64_t> tried = {};
    std::string error = {};
    // Its success sets or ends the hold. False once somebody has said "hold" or "resume" after it was given.
    bool decides_hold = true;
};

class ReloadOrders {
  public:
    // More than so many orders wait for nothing but a script that has gone wrong.
    static constexpr std::size_t kMost = 64;

    // False: too many wait; the caller is not kept.
    [[nodiscard]] bool add(const ReloadRequest& request, std::shared_ptr<const Settings> settings,
                           const ReloadCallback& caller, std::int64_t now_ns);
    // A hold or its end was ordered, and done at once: those that were given before it do not undo it.
    void hold_decided();

    [[nodiscard]] bool empty() const noexcept { return orders_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return orders_.size(); }
    // The oldest. Precondition: !empty().
    [[nodiscard]] const ReloadOrder& front() const { return orders_.front(); }
    [[nodiscard]] ReloadOrder take();
    // One that was taken and is not done yet: it is the next.
    void give_back(ReloadOrder&& order) { orders_.push_front(std::move(order)); }

  private:
    std::deque<ReloadOrder> orders_; // oldest first
};

} // namespace evermilter::supervisor
