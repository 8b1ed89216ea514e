// What the milter callbacks use of the worker: all that is made once, when it gets its configuration.
#pragma once

#include <string>

#include "config/config.h"
#include "workers/common/base/once_a_minute.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanning/generation_queue.h"
#include "workers/scanning/outbox.h"
#include "workers/scanning/scan_client.h"
#include "workers/session/policy/listener_policy.h"
#include "workers/session/session_budgets.h"
#include "workers/session/tap/tap.h"

namespace evermilter::session {

struct Service {
    const config::Config& config;
    const ListenerPolicies& policies;
    const SessionBoard& board;
    SessionBudgets& sessions;
    scanning::GenerationQueues& queues;
    scanning::ScanClient& scanner;
    scanning::Outbox& outbox;
    std::string identity;    // value of X-Virus-Scanned
    OnceAMinute& detections; // of lines about scanners of ports
    Tap& tap;
};

} // namespace evermilter::session
