#include "supervisor/reload_requests.h"

#include <utility>

namespace evermilter::supervisor {

void ReloadRequests::add(const ReloadRequest& request, ReloadCallback caller, std::int64_t now_ns) {
    if (!waiting_) {
        waiting_.emplace();
        waiting_->request = request;
        waiting_->since_ns = now_ns;
    } else {
        ReloadRequest& merged = waiting_->request;
        merged.force = merged.force || request.force;
        merged.by_itself = merged.by_itself && request.by_itself;
        if (request.rollback) {
            merged.rollback = true;
            merged.rollback_to = request.rollback_to;
        }
    }
    if (caller) waiting_->callers.push_back(std::move(caller));
}

void ReloadRequests::add_settings(std::shared_ptr<const Settings> settings, ReloadCallback caller,
                                  std::int64_t now_ns) {
    add(ReloadRequest{}, std::move(caller), now_ns);
    waiting_->settings = std::move(settings);
}

ReloadBatch ReloadRequests::take() {
    ReloadBatch batch = std::move(*waiting_);
    waiting_.reset();
    return batch;
}

} // namespace evermilter::supervisor
