#include "supervisor/generations/load_queue.h"

#include <chrono>

namespace evermilter::supervisor {
namespace {

bool same_order(const ReloadOrder& order, const ReloadRequest& request, const std::shared_ptr<const Settings>& with) {
    return order.request.kind == request.kind && order.request.force == request.force &&
           order.request.rollback_to == request.rollback_to && order.settings == with && order.decides_hold &&
           order.tried.empty();
}

} // namespace

bool LoadQueue::add(const ReloadRequest& request, std::shared_ptr<const Settings> settings,
                    const ReloadCallback& caller, Moment now) {
    // Not one further ahead: orders between the two were given before this one.
    if (waiting_.empty() || !same_order(waiting_.back(), request, settings)) {
        if (waiting_.size() >= kMost) return false;
        ReloadOrder order;
        order.request = request;
        order.settings = std::move(settings);
        order.since = now;
        waiting_.push_back(std::move(order));
    }
    if (caller) waiting_.back().callers.push_back(caller);
    return true;
}

void LoadQueue::hold_decided() {
    for (ReloadOrder& order : waiting_) order.decides_hold = false;
    if (in_progress_) in_progress_->decides_hold = false;
}

ReloadOrder& LoadQueue::begin() {
    in_progress_ = std::move(waiting_.front());
    waiting_.pop_front();
    return *in_progress_;
}

void LoadQueue::done(const ReloadOutcome& outcome, Moment now) {
    ReloadOrder order = std::move(*in_progress_);
    in_progress_.reset();
    answer_all(std::move(order), outcome, now);
}

void LoadQueue::put_back() {
    waiting_.push_front(std::move(*in_progress_));
    in_progress_.reset();
}

void LoadQueue::answer(ReloadCallback caller, const ReloadOutcome& outcome) {
    if (caller) answers_.push_back(Answer{std::move(caller), outcome});
}

void LoadQueue::answer_all(ReloadOrder&& order, ReloadOutcome outcome, Moment now) {
    outcome.seconds = std::chrono::duration<double>(now - order.since).count();
    for (ReloadCallback& caller : order.callers) answer(std::move(caller), outcome);
}

void LoadQueue::refuse_front(const ReloadOutcome& outcome, Moment now) {
    ReloadOrder order = std::move(waiting_.front());
    waiting_.pop_front();
    answer_all(std::move(order), outcome, now);
}

void LoadQueue::refuse_waiting(const ReloadOutcome& outcome, Moment now) {
    while (!waiting_.empty()) refuse_front(outcome, now);
}

} // namespace evermilter::supervisor
