// The trial of a start, `evermilterd --check-config` with a file that is right: goes through the steps of the start and
// through what the service will need later, changes nothing, and reports everything that it finds at once.
#pragma once

#include <string>
#include <vector>

#include "supervisor/children/processes.h"
#include "supervisor/preflight.h"
#include "supervisor/service_manager.h"
#include "supervisor/settings.h"
#include "supervisor/start_report.h"

namespace evermilter::supervisor {

// What comes before the sockets, in the order of the start: programs, limits, folders. The start and its trial both
// call it. The locks are empty in a trial, and where the report has ended.
[[nodiscard]] FolderLocks prepare_start(SystemProcesses& processes, const Settings& settings, StartReport& report,
                                        const RunningService* running = nullptr);

// `unknown_users`: the faults of resolve_identities(). Waits for name servers, disks and systemctl(1). Drops the
// privileges of this process at its end. As an ordinary user everything is a note, because the start may be root's.
[[nodiscard]] StartReport check_start(const Settings& settings, const std::vector<std::string>& unknown_users,
                                      const ServiceManager& manager);

} // namespace evermilter::supervisor
