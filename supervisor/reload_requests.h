// Requests to reload, merged: those that come while one is running become one that follows it. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "supervisor/operations.h"
#include "supervisor/settings.h"

namespace evermilter::supervisor {

// One reload, asked for by any number of callers.
struct ReloadBatch {
    ReloadRequest request;
    std::shared_ptr<const Settings> settings; // to load with; empty: those in use
    std::vector<ReloadCallback> callers;
    std::int64_t since_ns = 0; // CLOCK_MONOTONIC of the first request
};

class ReloadRequests {
  public:
    // Merged: forced if one of them is; by itself only if all are; the last rollback wins over a plain reload.
    void add(const ReloadRequest& request, ReloadCallback caller, std::int64_t now_ns);
    // The reload that waits loads with these settings.
    void add_settings(std::shared_ptr<const Settings> settings, ReloadCallback caller, std::int64_t now_ns);
    [[nodiscard]] bool empty() const noexcept { return !waiting_.has_value(); }
    // Precondition: !empty().
    [[nodiscard]] const ReloadRequest& front() const { return waiting_->request; }
    [[nodiscard]] ReloadBatch take();

  private:
    std::optional<ReloadBatch> waiting_;
};

} // namespace evermilter::supervisor
