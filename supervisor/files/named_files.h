// The files and folders that a configuration names and that children use once the service is up: databases, signatures
// and proofs of the scanners, the tap, the program for infected messages, policy servers. Nothing of it ends a start;
// --check-config says what will not work.
#pragma once

#include "supervisor/settings.h"
#include "supervisor/start_report.h"

namespace evermilter::supervisor {

// Looks at each with the rights of the user that will use it, and changes nothing. Each lack is a note with the key,
// the path, the user and the remedy. Waits for the disk. A user without a name is unknown, and nothing is looked at as
// it.
void look_at_named_files(const Settings& settings, StartReport& report);

} // namespace evermilter::supervisor
