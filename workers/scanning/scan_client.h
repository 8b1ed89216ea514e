// Asks a scanner about one message, from the pool thread that stands in xxfi_eom, and waits: for a generation, for
// the worker's turn in its queue, for Taken, for the result. Exactly one report for each request, whatever dies or
// hangs: EOF before Taken sends the job again (bounded by queue_timeout), after it tries once more up to
// scanner.retries, for a scanner that is waited for no longer than the first; a hang, and anything that is no answer to
// this job, or not to all of it, is an error. Stateless but for its settings: any number of threads. A message that is
// poison is not scanned, whenever that becomes known; one that costs a scanner (its death, or CPU time past the limit)
// is reported as suspect.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "workers/common/ipc/from_session.h"
#include "workers/common/ipc/scan_job.h"
#include "workers/common/shared/graces.h"
#include "workers/common/shared/message_digests.h"
#include "workers/scanning/finding.h"
#include "workers/scanning/generation_queue.h"

namespace evermilter::scanning {

struct ScanSettings {
    std::chrono::milliseconds queue_timeout{}; // scanner.queue_timeout
    std::chrono::milliseconds max_scan_time{}; // scanner.max_scan_time
    std::uint32_t retries = 0;                 // scanner.retries
    // How long after max_scan_time a scanner counts as hung.
    std::chrono::milliseconds grace = graces::kScan;
    // How often on_progress is called.
    std::chrono::milliseconds progress = graces::kProgress;
    // How soon a cancellation is seen, at the latest.
    std::chrono::milliseconds slice = std::chrono::milliseconds(500);
};

struct ScanRequest {
    int message = -1;       // MessageStore's descriptor; stays the caller's
    std::uint64_t size = 0; // bytes
    std::uint64_t session = 0;
    std::string queue_id;
    MessageDigests digests;            // none: it is neither looked up nor reported as suspect
    Pin pin;                           // the session's generation (reload.pin); empty: the current one
    bool all_names = false;            // see ScanJob
    SteadyTime deadline;               // all of it: timeouts.eom less what the answer itself needs
    std::function<void()> on_progress; // smfi_progress(ctx), from the calling thread; may be empty
    std::function<bool()> cancelled;   // nobody reads the answer any more; may be empty
};

class ScanClient {
  public:
    // Called from the scanning thread; must not block. Any may be empty.
    struct Handlers {
        std::function<void(messages::ScannerOverdue)> overdue; // for the supervisor
        std::function<void(messages::Suspicion)> suspect;      // likewise
        std::function<bool(const MessageDigests&)> is_poison;
    };

    // `queues` must outlive the client.
    ScanClient(GenerationQueues& queues, ScanSettings settings, Handlers handlers)
        : queues_(&queues), settings_(settings), handlers_(std::move(handlers)) {}

    // Blocks at most until request.deadline. Throws std::bad_alloc only.
    [[nodiscard]] ScanReport scan(const ScanRequest& request);

  private:
    [[nodiscard]] bool is_poison(const ScanRequest& request) const;

    GenerationQueues* queues_;
    ScanSettings settings_;
    Handlers handlers_;
    std::atomic<std::uint64_t> next_job_{1};
};

} // namespace evermilter::scanning
