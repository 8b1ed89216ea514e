// What the milter callbacks work with: everything of the worker that is made once, at its configuration.
#pragma once

#include <string>

#include "config/config.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanning/generation_queue.h"
#include "workers/scanning/outbox.h"
#include "workers/scanning/scan_client.h"
#include "workers/session/session_table.h"
#include "workers/session/verdict.h"

namespace evermilter::session {

struct Service {
    const config::Config& config;
    const Policy& policy;
    const SessionBoard& board;
    SessionTable& sessions;
    scanning::GenerationQueues& queues;
    scanning::ScanClient& scanner;
    scanning::Outbox& outbox;
    std::string identity; // value of X-Virus-Scanned
};

} // namespace evermilter::session
