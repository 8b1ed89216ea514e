// What the milter callbacks work with: everything of the worker that is made once, at its configuration.
#pragma once

#include <string>

#include "config/config.h"
#include "workers/common/scoreboard.h"
#include "workers/session/generation_queue.h"
#include "workers/session/outbox.h"
#include "workers/session/scan_client.h"
#include "workers/session/session_table.h"
#include "workers/session/verdict.h"

namespace evermilter::session {

struct Service {
    const config::Config& config;
    const Policy& policy;
    const SessionBoard& board;
    SessionTable& sessions;
    GenerationQueues& queues;
    ScanClient& scanner;
    Outbox& outbox;
    std::string identity; // value of X-Virus-Scanned
};

} // namespace evermilter::session
