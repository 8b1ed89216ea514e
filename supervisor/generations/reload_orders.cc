#include "supervisor/generations/reload_orders.h"

#include <utility>

namespace evermilter::supervisor {
namespace {

bool same_order(const ReloadOrder& order, const ReloadRequest& request, const std::shared_ptr<const Settings>& with) {
    return order.request.kind == request.kind && order.request.force == request.force &&
           order.request.rollback_to == request.rollback_to && order.settings == with && order.decides_hold &&
           order.tried.empty();
}

} // namespace

bool ReloadOrders::add(const ReloadRequest& request, std::shared_ptr<const Settings> settings,
                       const ReloadCallback& caller, std::int64_t now_ns) {
    // Not one further ahead: what stands between them was given before this one.
    if (orders_.empty() || !same_order(orders_.back(), request, settings)) {
        if (orders_.size() >= kMost) return false;
        ReloadOrder order;
        order.request = request;
        order.settings = std::move(settings);
        order.since_ns = now_ns;
        orders_.push_back(std::move(order));
    }
    if (caller) orders_.back().callers.push_back(caller);
    return true;
}

void ReloadOrders::hold_decided() {
    for (ReloadOrder& order : orders_) order.decides_hold = false;
}

ReloadOrder ReloadOrders::take() {
    ReloadOrder order = std::move(orders_.front());
    orders_.pop_front();
    return order;
}

} // namespace evermilter::supervisor
